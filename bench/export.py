"""Reading a Telegram Desktop export: messages a second, peak memory, and the ratio to a bare ijson pass.

Usage:

    python bench/export.py [--messages 1000000] [--chats 1]

Writes an export of that many messages into a temporary folder (`--chats` over 1 makes it a whole account) and
reads it in child processes, one for each way of reading, so that the peak of each is its own:

    bare      ijson.items over the same file, objects built and thrown away: the yardstick
    scan      the first pass of an import: chats, counts, first and newest instant
    read      the second pass: every message as a record
    import    both passes and the sweep, into a raw log that only counts

A ratio of 1.0 means as fast as bare ijson; the import needs two passes, so 0.5 is its ceiling.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import ijson

from tutordex_dagster.capture.contract import CaptureBatch, ChannelInfo, EnqueueFor, StoreResult
from tutordex_dagster.capture.export import ExportSource, open_export
from tutordex_dagster.capture.imports import import_export
from tutordex_dagster.windows import Window

START = datetime(2022, 1, 3, tzinfo=UTC)
NOW = datetime(2026, 1, 5, tzinfo=UTC)
EVERY = timedelta(seconds=100)
CHAT_ID = 1700000001


class CountingLog:
    """A raw log that stores nothing, so that only the reading is measured."""

    def store(self, batch: CaptureBatch) -> StoreResult:
        """Count the messages."""
        return StoreResult(new=len(batch.messages))


def write_export(path: Path, messages: int, chats: int) -> None:
    """Write an export the way Telegram Desktop does: indented by one blank, local and Unix times."""
    each = messages // chats
    with path.open("w", encoding="utf-8") as file:
        file.write('{\n "about": "bench",\n "chats": {\n  "list": [\n' if chats > 1 else "")
        for chat in range(chats):
            file.write("," if chat else "")
            head = {"name": f"Bench {chat}", "type": "public_channel", "id": CHAT_ID + chat}
            file.write(json.dumps(head, indent=1)[:-2] + ',\n "messages": [\n')
            for index in range(each):
                file.write(",\n" if index else "")
                file.write(json.dumps(message(index), indent=1, ensure_ascii=False))
            file.write("\n ]\n}")
        file.write("\n  ]\n }\n}" if chats > 1 else "")


def message(index: int) -> dict[str, object]:
    """Make one message; every third has a text of several parts."""
    at = START + index * EVERY
    text = (
        f"Sec {index % 4 + 1} Math @ Bishan (BN-{index:06d})\n1x weekly, 1.5h\n$40-50/h\nBlk 158, S(570158)"
    )
    link = {"type": "plain", "text": text}
    return {
        "id": index + 1,
        "type": "message",
        "date": at.replace(tzinfo=None).isoformat(),
        "date_unixtime": str(int(at.timestamp())),
        "from": "Bench",
        "from_id": f"channel{CHAT_ID}",
        "text": [text, {"type": "bold", "text": "apply now"}, " 🎓"] if index % 3 == 0 else text,
        "text_entities": [link],
    }


def bare(path: Path, chats: int) -> None:
    """Build every message and throw it away."""
    prefix = "chats.list.item.messages.item" if chats > 1 else "messages.item"
    with path.open("rb") as file:
        for _ in ijson.items(file, prefix, use_float=True):
            pass


def scan(path: Path, _chats: int) -> None:
    """Read as the first pass of an import does."""
    open_export(path, timezone=None, clock=lambda: NOW)


def read(path: Path, _chats: int) -> None:
    """Read the first chat as a source does."""
    info = ChannelInfo(channel_id=CHAT_ID, reference="t.me/bench", title="Bench 0")
    source = ExportSource(path, info=info, timezone=None, first_at=START, newest_at=NOW, clock=lambda: NOW)
    for _ in source.read(Window(START, NOW)):
        pass


def whole_import(path: Path, _chats: int) -> None:
    """Import the first chat."""
    import_export(
        path,
        reference="t.me/bench",
        chat=str(CHAT_ID),
        log=CountingLog(),
        register=lambda _info, _facts: None,
        enqueue=[EnqueueFor(version="rules", lane="backfill")],
        clock=lambda: NOW,
    )


WAYS: dict[str, Callable[[Path, int], None]] = {
    "bare": bare,
    "scan": scan,
    "read": read,
    "import": whole_import,
}


def measure(way: str, path: Path, chats: int) -> tuple[float, float]:
    """Run one way of reading in a child process: seconds and peak MiB."""
    command = [sys.executable, __file__, "--run", way, "--path", str(path), "--chats", str(chats)]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    seconds, peak = told.split()
    return float(seconds), float(peak)


def run_one(way: str, path: Path, chats: int) -> None:
    """Be the child: read, then tell seconds and peak MiB (Linux counts in KiB)."""
    began = time.perf_counter()
    WAYS[way](path, chats)
    print(time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def main() -> None:
    """Write the export, measure every way, print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--chats", type=int, default=1)
    parser.add_argument("--run", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--path", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        run_one(options.run, options.path, options.chats)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "result.json"
        write_export(path, options.messages, options.chats)
        size = path.stat().st_size / 2**20
        print(f"{options.messages:,} messages in {options.chats} chat(s), {size:,.0f} MiB")
        yardstick = 0.0
        for way in WAYS:
            seconds, peak = measure(way, path, options.chats)
            yardstick = yardstick or seconds
            rate, ratio = options.messages / seconds, yardstick / seconds
            print(f"{way:8} {seconds:6.1f} s {rate:9,.0f} msg/s  ratio {ratio:.2f}  peak {peak:,.0f} MiB")


if __name__ == "__main__":
    main()
