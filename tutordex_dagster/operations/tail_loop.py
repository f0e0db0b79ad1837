"""Following all channels through one connection, until it is told to stop or the connection is lost.

What Telegram pushes is stored at once. Everything else is asked for: channels that get no pushes every few
seconds, the others when they were silent for long, and all of them after a start and after a reconnect.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta

from tutordex_dagster.capture.tail import Followed, Pushed, apply_push, store_newest
from tutordex_dagster.capture.tail_round import PROBLEM_PAUSE, RoundSummary, tail_round
from tutordex_dagster.errors import PermanentError, TransientError, UsageError
from tutordex_dagster.operations.tail_parts import Feed, Progress, TailOptions, TailTools, Timer
from tutordex_dagster.resilience.errors import Postponed, SessionBusy, SessionDead, SessionParked
from tutordex_dagster.store.channels import Channel

log = logging.getLogger(__name__)

SILENCE = timedelta(minutes=15)
"""A channel that pushes is asked all the same when it was silent for so long: a push can get lost."""

LIST_EVERY = timedelta(seconds=15)
"""Time between two looks for newly listed channels: two names each, of five allowed in 30 s."""

_ROUND = timedelta(seconds=5)
"""Pushes wait behind a round of questions at most so long, and one batch of a channel that is read again.

That one may have to wait for its turn, half a minute at worst: pages of history are what Telegram limits.
"""

_PUSHES_AT_ONCE = 100
_LOOK_SECONDS = 0.5
"""Longest wait without a look at whether to stop."""


class TailLoop:
    """The loop on one connection; `worked` tells that it could follow at least one channel."""

    def __init__(self, feed: Feed, tools: TailTools, options: TailOptions, progress: Progress) -> None:
        self.worked = False
        self._feed = feed
        self._tools = tools
        self._options = options
        self._progress = progress
        self._channels: dict[int, Channel] = {}
        self._due: dict[int, datetime] = {}
        self._tried: dict[int, datetime] = {}
        self._up_to_date: set[int] = set()
        self._postponed_until: datetime | None = None
        self._generation = feed.generation()
        self._listing = Timer(LIST_EVERY)
        self._connection = Timer(options.connection_check_every)
        self._heartbeat = Timer(options.heartbeat_every)

    def run(self) -> None:
        """Follow until told to stop.

        Raises TransientError when the connection, the session or the database is lost, PermanentError when
        the session was refused for good.
        """
        while not self._tools.stopping():
            self.step()

    def step(self) -> None:
        """Do what is due and store what was pushed, after a short wait for it."""
        now = self._tools.clock()
        if self._connection.due(now):
            self._check_connection()
        if self._feed.generation() != self._generation and self._feed.connected():
            self._ask_all_again()
        if self._listing.due(now):
            self._list_channels()
        self._ask(now)
        self._store_newest(now)
        if self._heartbeat.due(now):
            self._beat()
        self._take_pushes()

    def _check_connection(self) -> None:
        if not self._feed.renewed():
            raise SessionBusy("session tail: its lease was lost; it is taken again by itself")
        if not self._feed.connected():
            log.warning("event=reconnect reason=the connection is lost")
            self._feed.reconnect()
            return
        try:
            self._feed.check(self._options.connection_check_every)
        except Postponed as error:  # it may not be asked now, which is no reason to leave it
            log.warning("event=not_checked reason=%s", error)

    def _ask_all_again(self) -> None:
        """Make every channel due: what happened while there was no link is pushed by nobody."""
        self._generation = self._feed.generation()
        self._due.clear()
        self._up_to_date.clear()
        self._progress.counts["reconnects"] += 1

    def _list_channels(self) -> None:
        try:
            self._feed.sync()
        except (TransientError, UsageError) as error:  # the known ones are followed whatever comes of it
            log.warning("event=channels_not_listed reason=%s", error)
        self._channels = {channel.channel_id: channel for channel in self._feed.channels()}

    def _ask(self, now: datetime) -> None:
        """Ask for what happened in the channels that are due, for a short while; the rest stays due."""
        due = [channel for key, channel in self._channels.items() if self._due.get(key, now) <= now]
        if not due or not self._may_ask(now):
            return
        done = tail_round(
            due,
            self._feed.source_for,
            log=self._tools.raw_log,
            clock=self._tools.clock,
            enqueue=self._tools.enqueue,
            rescan=self._options.rescan,
            parallel=self._options.parallel,
            deadline=now + _ROUND,
            tried=self._tried,
            on_problem=self._tools.on_problem,
            should_stop=self._tools.stopping,
        )
        for channel in due:
            self._note(channel, done)
        self._judge(done)

    def _note(self, channel: Channel, done: RoundSummary) -> None:
        """Set when to ask the channel next."""
        now, name = self._tools.clock(), channel.reference
        if name in done.followed:
            readable = replace(channel, problem=None, problem_at=None)
            self._note_followed(readable, done.followed[name])
        elif name in done.problems:
            self._due[channel.channel_id] = now + PROBLEM_PAUSE
        elif name not in done.left:
            error, soon = done.failed.get(name), now + self._options.check_every
            self._due[channel.channel_id] = max(soon, error.until) if isinstance(error, Postponed) else soon

    def _note_followed(self, channel: Channel, followed: Followed) -> None:
        now, pushes = self._tools.clock(), self._feed.live and channel.member is True
        if followed.stopped:
            self._channels[channel.channel_id] = channel
            self._due[channel.channel_id] = now
            self._up_to_date.discard(channel.channel_id)
        else:
            self._channels[channel.channel_id] = replace(channel, cursor_at=now)
            self._due[channel.channel_id] = now + (SILENCE if pushes else self._options.check_every)
            self._up_to_date.add(channel.channel_id)
        self._progress.counts.update(
            new=followed.stored.new, edited=followed.stored.edited, deleted=followed.stored.deleted
        )
        if followed.rescanned:
            log.info("event=rescanned channel=%s", channel.reference)
        self._tools.on_followed(channel, followed)
        self.worked = True

    def _judge(self, done: RoundSummary) -> None:
        """End the loop for what concerns every channel; when calls are postponed, wait with the questions."""
        if isinstance(done.ended_by, Postponed):
            self._postponed_until = done.ended_by.until
            log.warning("event=postponed reason=%s", done.ended_by)
            return
        if done.ended_by:
            raise done.ended_by
        failed = [error for error in done.failed.values() if not isinstance(error, Postponed)]
        if not done.followed and (len(failed) > 1 or len(self._channels) == 1):  # one alone stops no other
            for error in failed:
                raise error

    def _may_ask(self, now: datetime) -> bool:
        return self._postponed_until is None or self._postponed_until <= now

    def _store_newest(self, now: datetime) -> None:
        """Store the newest posts of one channel that was followed and of which that was not done yet.

        Not before it was followed to an end: a channel that is read again goes on after its newest message.
        """
        left = self._up_to_date & self._channels.keys() - self._progress.newest
        if not self._options.newest or not left or not self._may_ask(now):
            return
        channel = self._channels[min(left)]
        self._progress.newest.add(channel.channel_id)
        with self._asked_after_an_error(channel):
            stored = store_newest(
                self._feed.source_for(channel),
                self._options.newest,
                log=self._tools.raw_log,
                clock=self._tools.clock,
                enqueue=self._tools.enqueue,
            ).stored
            log.info("event=newest_stored channel=%s new=%s", channel.reference, stored.new)

    def _beat(self) -> None:
        said = {"channels": len(self._channels), **self._progress.counts}
        log.info("event=heartbeat %s", " ".join(f"{name}={count}" for name, count in said.items()))
        self._tools.beat("following", said)

    def _take_pushes(self) -> None:
        pushed, left = self._tools.take(_LOOK_SECONDS), _PUSHES_AT_ONCE
        until = self._tools.clock() + _ROUND
        while pushed is not None and self._apply(pushed, until) and left and not self._tools.stopping():
            left -= 1
            pushed = self._tools.take(0)

    def _apply(self, pushed: Pushed, until: datetime) -> bool:
        """Store what was pushed; updates of channels that are not followed are none of ours.

        False when that failed or was not done by then: either may have taken long, and a lost lease has to be
        noticed.
        """
        channel = self._channels.get(pushed.channel_id)
        if channel is None:
            return True
        self._progress.counts["pushes"] += 1
        with self._asked_after_an_error(channel):
            followed = apply_push(
                self._feed.source_for(channel),
                self._tools.raw_log.position(channel.channel_id),
                pushed,
                log=self._tools.raw_log,
                clock=self._tools.clock,
                enqueue=self._tools.enqueue,
                rescan=self._options.rescan,
                should_stop=lambda: self._tools.stopping() or self._tools.clock() >= until,
            )
            self._note_followed(channel, followed)
            return not followed.stopped
        return False

    @contextmanager
    def _asked_after_an_error(self, channel: Channel) -> Iterator[None]:
        """Make a channel due at once when this fails: asking it tells what the matter is."""
        try:
            yield
        except (SessionBusy, SessionDead, SessionParked):
            raise
        except (TransientError, PermanentError) as error:
            log.warning("event=channel_failed channel=%s reason=%s", channel.reference, error)
            self._due[channel.channel_id] = self._tools.clock()
