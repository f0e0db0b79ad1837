"""Whatever order reads of a changing channel are stored in, and however often, the end is the same."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tutordex_dagster.capture.contract import CaptureBatch, HourSweep, Message, SourceKind, StoreResult

if TYPE_CHECKING:
    from tests.integration.store.conftest import World

LAST = 50
"""The minute of the read that ends every history; everything happened before it."""


@dataclass(frozen=True)
class Life:
    """One message: posted at a minute, edited at some, deleted at one or never."""

    message_id: int
    posted: int
    edits: tuple[int, ...]
    deleted: int | None

    def at(self, minute: int, world: "World") -> Message | None:
        """Return what a reader sees of it at that minute."""
        if minute < self.posted or (self.deleted is not None and self.deleted <= minute):
            return None
        done = [edit for edit in self.edits if edit <= minute]
        text = f"{self.message_id} as of {max(done, default=self.posted)}"
        return world.message(self.message_id, text, minute=self.posted, edited=max(done, default=None))


@st.composite
def lives(draw: st.DrawFn) -> list[Life]:
    """Draw the lives of a few messages."""
    minutes = st.integers(0, LAST - 1)
    return [
        Life(
            message_id=message_id,
            posted=posted,
            edits=tuple(sorted(draw(st.sets(st.integers(posted + 1, LAST), max_size=2)))),
            deleted=draw(st.none() | st.integers(posted + 1, LAST)),
        )
        for message_id, posted in enumerate(draw(st.lists(minutes, min_size=1, max_size=4)), start=1)
    ]


Read = tuple[int, SourceKind]
"""The minute a source is read at, and which source."""

READS = st.lists(st.tuples(st.integers(0, LAST), st.sampled_from(("telegram", "export"))), max_size=5)
EXAMPLES = settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


class Channel:
    """A channel of its own for every example, with what its sources show."""

    def __init__(self, world: "World", history: list[Life]) -> None:
        self._world = world
        self._history = history
        self._id = 1000 + len(world.channels.all())
        world.register(self._id)

    def visible(self) -> dict[int, str]:
        """Return what there is to see at the end."""
        return {message.message_id: message.text for message in self._seen(LAST)}

    def store(self, read: Read) -> StoreResult:
        """Read the whole hour as it is at that minute, and store it."""
        minute, source = read
        return self._world.log.store(
            CaptureBatch(
                channel_id=self._id,
                source=source,
                observed_at=self._world.at(minute),
                messages=self._seen(minute),
                hours=[HourSweep(hour=self._world.at(0), state="open")],
                tombstones=True,
            )
        )

    def live(self) -> dict[int, str]:
        """Return what the store shows."""
        query = "SELECT message_id, text FROM live_messages WHERE channel_id = %(id)s"
        return {row["message_id"]: row["text"] for row in self._world.rows(query, id=self._id)}

    def rows(self) -> list[dict[str, object]]:
        """Return all revisions without their keys."""
        query = """
            SELECT message_id, revision, kind, text, posted_at, edited_at, observed_at
            FROM telegram_messages_raw WHERE channel_id = %(id)s ORDER BY message_id, revision
        """
        return self._world.rows(query, id=self._id)

    def _seen(self, minute: int) -> list[Message]:
        return [message for life in self._history if (message := life.at(minute, self._world))]


@EXAMPLES
@given(history=lives(), reads=READS, again=st.randoms(use_true_random=False))
def test_any_reads_in_any_order_at_once_end_in_what_the_last_one_saw(
    world: "World", history: list[Life], reads: list[Read], again: Random
) -> None:
    channel = Channel(world, history)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(channel.store, reads))
    channel.store((LAST, "telegram"))
    assert channel.live() == channel.visible()
    rows = channel.rows()
    for read in again.sample(reads, len(reads)):
        channel.store(read)
    assert channel.rows() == rows


@EXAMPLES
@given(history=lives(), reads=READS, again=st.randoms(use_true_random=False))
def test_rereading_older_states_at_any_time_adds_no_row_to_the_serial_order(
    world: "World", history: list[Life], reads: list[Read], again: Random
) -> None:
    serial, noisy = Channel(world, history), Channel(world, history)
    for number, read in enumerate(sorted(reads)):
        serial.store(read)
        noisy.store(read)
        for older in again.sample(sorted(reads)[: number + 1], again.randint(0, number + 1)):
            result = noisy.store(older)
            assert (result.new, result.edited, result.deleted) == (0, 0, 0)
    assert noisy.rows() == serial.rows()
