"""How fast messages get into the raw log, against a bare COPY of the same rows in the same run.

    python bench/ingest.py [--messages 100000] [--channels 20] [--batch 5000]

The bare COPY writes finished rows into a twin of the raw log (same columns, indexes and constraints), one
transaction per batch, and nothing else: no ledger, no look at what is known, no jobs. The embedded server
runs with its ordinary settings. Ratios count; rows/s depend on the machine.
"""

import argparse
import random
import resource
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson

from tutordex_dagster.capture.contract import CaptureBatch, ChannelInfo, EnqueueFor, HourSweep, Message
from tutordex_dagster.store import migrate
from tutordex_dagster.store.channels import Channels
from tutordex_dagster.store.database import Database
from tutordex_dagster.store.embedded import start_embedded
from tutordex_dagster.store.raw_log import PostgresRawLog
from tutordex_dagster.windows import hour_of

START = datetime(2025, 1, 1, tzinfo=UTC)
OBSERVED = datetime(2026, 1, 1, tzinfo=UTC)
WORDS = ("primary", "secondary", "maths", "english", "tutor", "needed", "weekly", "near", "station", "rate")
BARE = "bare COPY"
COPY_TWIN = """
    COPY twin (
        channel_id, message_id, revision, kind, posted_at, edited_at, observed_at, stored_at, content_hash,
        text, author, reply_to, forwarded_from, media, source, payload
    ) FROM STDIN
"""


def messages_of(channel: int, count: int) -> list[Message]:
    """Make posts of about 600 bytes with a payload as an export has it, 30 an hour."""
    rng = random.Random(channel)  # noqa: S311 (texts, not secrets)
    return [_message(rng, number) for number in range(1, count + 1)]


def _message(rng: random.Random, number: int) -> Message:
    text = " ".join(rng.choices(WORDS, k=92))
    posted_at = START + number * timedelta(minutes=2)
    payload = {
        "id": number,
        "type": "message",
        "date": posted_at.strftime("%Y-%m-%dT%H:%M:%S"),
        "date_unixtime": str(int(posted_at.timestamp())),
        "from": "Agency",
        "from_id": "channel1234567",
        "text": text,
        "text_entities": [{"type": "plain", "text": text}],
    }
    return Message(
        message_id=number, posted_at=posted_at, text=text, author="Agency", payload=orjson.dumps(payload)
    )


def batches_of(channel_id: int, messages: Sequence[Message], size: int) -> Iterator[CaptureBatch]:
    """Cut a channel into batches of whole hours, as a sweep does."""
    for start in range(0, len(messages), size):
        part = messages[start : start + size]
        hours = sorted({hour_of(message.posted_at) for message in part})
        yield CaptureBatch(
            channel_id=channel_id,
            source="export",
            observed_at=OBSERVED,
            messages=part,
            hours=[HourSweep(hour=hour, state="sealed") for hour in hours],
            tombstones=True,
        )


def bare_copy(database: Database, batch: CaptureBatch) -> None:
    """Copy finished rows into the twin of the raw log."""
    with database.connection() as connection, connection.cursor() as cursor, cursor.copy(COPY_TWIN) as copy:
        for message in batch.messages:
            copy.write_row((
                batch.channel_id, message.message_id, 1, message.kind, message.posted_at, message.edited_at,
                OBSERVED, OBSERVED, message.content_hash(), message.text, message.author, message.reply_to,
                message.forwarded_from, message.media, "export", message.payload.decode(),
            ))  # fmt: skip


def fresh(url: Callable[[str], str], name: str, channels: Iterable[int]) -> Database:
    """Make a migrated database with its channels registered and an empty twin of the raw log."""
    migrate.ensure_database(url(name))
    database = Database(url(name))
    migrate.migrate(database)
    for channel_id in channels:
        info = ChannelInfo(channel_id=channel_id, reference=f"t.me/bench{channel_id}", title="bench")
        Channels(database).register(info, source="export", collect_since=START)
    database.execute("CREATE TABLE twin (LIKE telegram_messages_raw INCLUDING ALL)", {})
    database.execute("ALTER TABLE twin ADD FOREIGN KEY (channel_id) REFERENCES channels", {})
    return database


def measure(plain: Database, queued: Database, batches: Iterable[CaptureBatch]) -> dict[str, float]:
    """Take every batch through all ways in turn, so that noise meets all of them; seconds each."""
    log, queued_log = PostgresRawLog(plain), PostgresRawLog(queued)
    wish = EnqueueFor(version="bench", lane="backfill")
    ways: dict[str, Callable[[CaptureBatch], object]] = {
        "store, new": log.store,
        "store, new, one job each": lambda batch: queued_log.store(replace(batch, enqueue=[wish])),
        "store, all known": log.store,
        BARE: lambda batch: bare_copy(plain, batch),
    }
    seconds = dict.fromkeys(ways, 0.0)
    for batch in batches:
        for way, action in ways.items():
            start = time.perf_counter()
            action(batch)
            seconds[way] += time.perf_counter() - start
    return seconds


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--channels", type=int, default=20)
    parser.add_argument("--batch", type=int, default=5_000)
    options = parser.parse_args()
    channels = range(1, options.channels + 1)
    each = options.messages // options.channels
    with tempfile.TemporaryDirectory() as folder:
        server = start_embedded(Path(folder) / "postgres")
        plain, queued = fresh(server.url, "plain", channels), fresh(server.url, "queued", channels)
        work = (batch for n in channels for batch in batches_of(n, messages_of(n, each), options.batch))
        seconds = measure(plain, queued, work)
        plain.close()
        queued.close()
        server.stop()
    print(
        f"{each * options.channels:,} messages, {options.channels} channels, batches of {options.batch:,}\n"
    )
    print(f"{'':<28}{'rows/s':>10}{'to bare COPY':>15}")
    for way, spent in seconds.items():
        print(f"{way:<28}{each * options.channels / spent:>10,.0f}{seconds[BARE] / spent:>15.2f}")
    print(
        f"\npeak memory of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB"
    )


if __name__ == "__main__":
    main()
