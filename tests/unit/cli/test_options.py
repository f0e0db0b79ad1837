"""Windows and channels as people give them on the command line."""

from datetime import UTC, datetime, timedelta

import click
import pytest
from click.testing import CliRunner

from tutordex_dagster.cli import main
from tutordex_dagster.cli.first_fill import rectangles_of
from tutordex_dagster.cli.options import window_of
from tutordex_dagster.errors import UsageError
from tutordex_dagster.store.coverage import DueHour
from tutordex_dagster.windows import HOUR, Window

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
DEFAULT = Window(NOON - 24 * HOUR, NOON)


def test_an_end_that_is_not_given_is_the_default_one() -> None:
    assert window_of(None, None, default=DEFAULT) == DEFAULT
    assert window_of(NOON - HOUR, None, default=DEFAULT) == Window(NOON - HOUR, NOON)
    assert window_of(None, NOON - HOUR, default=DEFAULT) == Window(DEFAULT.since, NOON - HOUR)


def test_the_overlap_moves_the_start_back_and_nothing_else() -> None:
    overlap = timedelta(minutes=10)
    assert window_of(NOON - HOUR, NOON, default=DEFAULT, overlap=overlap) == Window(
        NOON - HOUR - overlap, NOON
    )


def test_the_overlap_does_not_make_a_reversed_window_good() -> None:
    with pytest.raises(UsageError, match="the window is empty"):
        window_of(NOON, NOON, default=DEFAULT, overlap=HOUR)


@pytest.mark.parametrize("verb", ["enqueue", "backfill"])
@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("2026-03-02T12:00:00", "has no time zone; write 2026-03-02T12:00:00+00:00 if you mean UTC"),
        ("last week", "is no ISO 8601 time; write it as 2025-12-29T00:00:00+00:00"),
    ],
)
def test_a_time_without_a_zone_ends_the_verb_before_anything_starts(
    verb: str, value: str, reason: str
) -> None:
    result = CliRunner().invoke(main, [verb, "--since", value])
    assert (result.exit_code, result.stderr) == (2, f"tutordex: {value!r}: {reason}\n")


def test_click_never_sees_a_window_option_twice() -> None:
    """A repeated --since would silently win over the first one in a long command line."""
    from tutordex_dagster.cli.enqueue import enqueue

    names = [parameter.name for parameter in enqueue.params if isinstance(parameter, click.Option)]
    assert len(names) == len(set(names))


def test_channels_that_lack_the_same_hours_are_filled_together() -> None:
    def missing(reference: str, *hours: int) -> list[DueHour]:
        return [
            DueHour(channel_id=1, reference=reference, hour=NOON + hour * HOUR, why="missing")
            for hour in hours
        ]

    due = [*missing("t.me/a", 0, 1, 2), *missing("t.me/new", 0, 1, 2, 3), *missing("t.me/b", 0, 1, 2)]
    assert rectangles_of(due) == [
        (Window(NOON, NOON + 3 * HOUR), ["t.me/a", "t.me/b"]),
        (Window(NOON, NOON + 4 * HOUR), ["t.me/new"]),
    ]
    assert rectangles_of([]) == []
