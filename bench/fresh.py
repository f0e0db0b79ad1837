"""What benchmarks of the store share: a database of their own."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from tutordex_dagster.capture.contract import ChannelInfo
from tutordex_dagster.store import migrate
from tutordex_dagster.store.channels import Channels
from tutordex_dagster.store.database import Database
from tutordex_dagster.store.embedded import start_embedded


@contextmanager
def fresh_database(*, channels: int) -> Iterator[Database]:
    """Give a migrated database on a server of its own, with channels 1 to `channels` and nothing in them."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        server = start_embedded(Path(folder) / "postgres")
        stack.callback(server.stop)
        migrate.ensure_database(server.url("bench"))
        database = Database(server.url("bench"))
        stack.callback(database.close)
        migrate.migrate(database)
        for number in range(1, channels + 1):
            info = ChannelInfo(channel_id=number, reference=f"t.me/bench{number}", title="bench")
            Channels(database).register(info, source="export", collect_since=datetime(2025, 1, 1, tzinfo=UTC))
        yield database
