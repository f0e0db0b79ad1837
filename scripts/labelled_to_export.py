"""Turn labelled posts into Telegram Desktop exports, one per channel, to try `tutordex import` on real texts.

Reads a JSONL file whose lines hold `channel` (`t.me/name`), `agency` and `raw` (the post's text), and writes
`OUT/<name>/result.json` in the form a single-chat export has. Posts are spread evenly over the last days.

    python scripts/labelled_to_export.py posts.jsonl OUT --days 5
"""

import argparse
import json
import re
import zlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

_HASHTAG = re.compile(r"#\w+")
_FIRST_MESSAGE_ID = 1001


def main() -> None:
    """Convert one file."""
    arguments = _parser().parse_args()
    posts: dict[str, list[dict[str, Any]]] = {}
    for line in arguments.posts.read_text(encoding="utf-8").splitlines():
        post = json.loads(line)
        posts.setdefault(post["channel"], []).append(post)
    until = datetime.now(UTC).replace(microsecond=0)
    for channel, of_channel in posts.items():
        times = _spread(len(of_channel), until - timedelta(days=arguments.days), until)
        folder = arguments.out / channel.rpartition("/")[2]
        folder.mkdir(parents=True, exist_ok=True)
        export = _export(channel, of_channel, list(times), ZoneInfo(arguments.timezone))
        (folder / "result.json").write_text(
            json.dumps(export, ensure_ascii=False, indent=1), encoding="utf-8"
        )
        print(f"{folder / 'result.json'}: {len(of_channel)} posts of {channel}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("posts", type=Path, help="JSONL file with channel, agency and raw")
    parser.add_argument("out", type=Path, help="folder that gets one folder per channel")
    parser.add_argument("--days", type=float, default=5, help="spread the posts over so many days")
    parser.add_argument("--timezone", default="Asia/Singapore", help="zone of the export's local times")
    return parser


def _spread(count: int, since: datetime, until: datetime) -> Iterator[datetime]:
    step = (until - since) / (count + 1)
    for index in range(1, count + 1):
        yield (since + index * step).replace(microsecond=0)


def _export(
    channel: str, posts: Sequence[dict[str, Any]], times: Sequence[datetime], zone: ZoneInfo
) -> dict[str, Any]:
    title = posts[0]["agency"]
    channel_id = 1_000_000_000 + zlib.crc32(channel.lower().encode())  # bare ids of channels have ten digits
    return {
        "name": title,
        "type": "public_channel",
        "id": channel_id,
        "messages": [
            _message(number, post["raw"], at.astimezone(zone), title, channel_id)
            for number, (post, at) in enumerate(zip(posts, times, strict=True), start=_FIRST_MESSAGE_ID)
        ],
    }


def _message(number: int, raw: str, posted_at: datetime, title: str, channel_id: int) -> dict[str, Any]:
    entities = list(_entities(raw))
    return {
        "id": number,
        "type": "message",
        "date": posted_at.strftime("%Y-%m-%dT%H:%M:%S"),
        "date_unixtime": str(int(posted_at.timestamp())),
        "from": title,
        "from_id": f"channel{channel_id}",
        "text": [each["text"] if each["type"] == "plain" else each for each in entities],
        "text_entities": entities,
    }


def _entities(raw: str) -> Iterator[dict[str, str]]:
    """Cut the text the way Telegram Desktop does: hashtags are entities, what is between them is plain."""
    end = 0
    for tag in _HASHTAG.finditer(raw):
        if tag.start() > end:
            yield {"type": "plain", "text": raw[end : tag.start()]}
        yield {"type": "hashtag", "text": tag[0]}
        end = tag.end()
    if end < len(raw):
        yield {"type": "plain", "text": raw[end:]}


if __name__ == "__main__":
    main()
