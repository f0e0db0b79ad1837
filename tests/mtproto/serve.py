"""The loopback Telegram as a program, so that a benchmark measures the client alone.

    python -m tests.mtproto.serve --channels 4 --messages 10000

Fills `loopback_0`, `loopback_1`, … with so many messages each, prints one JSON line (`port`, `session`,
`channels`, `start`, `end`: the messages lie in [start, end)) and serves until its standard input closes.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import datetime, timedelta

from telethon.tl.functions.messages import GetHistoryRequest

from tests.mtproto.loopback import LoopbackTelegram

START = "2025-01-01T00:00:00+00:00"


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve as the command line says."""
    options = _parser().parse_args(arguments)
    step = timedelta(seconds=options.step_seconds)
    names = [f"loopback_{number}" for number in range(options.channels)]
    with LoopbackTelegram(port=options.port) as telegram:
        for name in names:
            telegram.channel(name)
            telegram.fill(name, options.messages, options.start, step)
        telegram.latency(options.latency_ms / 1000)
        if options.flood_calls is not None:
            telegram.flood(GetHistoryRequest, options.flood_calls, options.flood_seconds)
        end = options.start + options.messages * step
        ready = {
            "port": telegram.port,
            "session": telegram.session_string(),
            "channels": names,
            "start": options.start.isoformat(),
            "end": end.isoformat(),
        }
        sys.stdout.write(json.dumps(ready) + "\n")
        sys.stdout.flush()
        sys.stdin.read()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.mtproto.serve", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--port", type=int, default=0, help="any free one when absent")
    parser.add_argument("--channels", type=int, default=1)
    parser.add_argument("--messages", type=int, default=1000, help="in each channel")
    parser.add_argument("--start", type=datetime.fromisoformat, default=START, help="of the first message")
    parser.add_argument("--step-seconds", type=float, default=10, help="between messages")
    parser.add_argument("--latency-ms", type=float, default=0, help="before every answer")
    parser.add_argument("--flood-calls", type=int, help="pages of history served in --flood-seconds")
    parser.add_argument("--flood-seconds", type=float, default=30)
    return parser


if __name__ == "__main__":
    main()
