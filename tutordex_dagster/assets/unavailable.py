"""A channel that cannot be read at all, as a source: the ledger learns which hours failed, and why."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from tutordex_dagster.capture.contract import ChannelInfo, Message, SourceKind, Unreadable
from tutordex_dagster.errors import PermanentError
from tutordex_dagster.store.channels import Channel
from tutordex_dagster.windows import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Unavailable:
    """A source that cannot be read: sweeping it notes in the ledger which hours failed, and why."""

    channel: Channel
    error: PermanentError

    authoritative = False

    @property
    def kind(self) -> SourceKind:
        """Name the kind of source."""
        return self.channel.source_kind

    @property
    def info(self) -> ChannelInfo:
        """Tell which channel this is."""
        channel = self.channel
        return ChannelInfo(channel_id=channel.channel_id, reference=channel.reference, title=channel.title)

    def vouches_until(self, now: datetime) -> datetime:
        """Return now; it never comes to that."""
        return now

    def observed_at(self, now: datetime) -> datetime:
        """Return now; it never comes to that."""
        return now

    def read(self, window: Window) -> Iterator[Message | Unreadable]:  # noqa: ARG002 - there is nothing to read
        """Raise what the source could not be opened for."""
        raise PermanentError(str(self.error)) from self.error
        yield from ()
