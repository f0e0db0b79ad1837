"""What a comparison counts, what it claims, and what it does not."""

import pytest

from tests.unit.comparison.pairs import DEAD, FAILED, MISSING, SKIPPED, collected, compared, ok, pair
from tutordex_dagster.comparison.contract import End, Pair
from tutordex_dagster.comparison.findings import Comparison, FieldRow, FieldTest


def row(comparison: Comparison, field: str) -> FieldRow:
    return next(each for each in comparison.fields if each.field == field)


def the_test(comparison: Comparison, field: str) -> FieldTest:
    test = row(comparison, field).test
    assert test is not None
    return test


def many(count: int, a: End, b: End, *, start: int = 0, channels: int = 10, **more: object) -> list[Pair]:
    return [
        pair(number, a, b, channel=f"t.me/c{number % channels}", **more)  # type: ignore[arg-type]
        for number in range(start, start + count)
    ]


def test_coverage_and_agreement_are_counted_over_posts_both_found_something_in() -> None:
    found = compared(
        [
            pair(1, ok(start_date="ASAP"), ok(start_date="asap")),
            pair(2, ok(start_date="ASAP"), ok()),
            pair(3, ok(start_date="ASAP"), ok(start_date="1 March")),
            pair(4, ok(), ok()),
            pair(5, SKIPPED, ok(start_date="ASAP")),
        ]
    )
    start = row(found, "start_date")
    assert (start.pairs, start.filled_a, start.filled_b) == (4, 3, 2)
    assert (start.agree, start.agree_filled, start.either_filled) == (2, 1, 3)


@pytest.mark.parametrize("end", [SKIPPED, FAILED, DEAD, MISSING])
def test_a_skip_or_failure_of_both_is_no_agreement(end: End) -> None:
    found = compared([pair(1, end, end), pair(2, end, ok())])
    assert found.outcomes == {(end.status, end.status): 1, (end.status, "ok"): 1}
    assert all(each.pairs == each.agree == 0 for each in found.fields)
    assert found.verdict.startswith("Nothing to compare")


def test_on_labelled_posts_a_skip_or_a_death_is_not_right_and_an_unfinished_job_counts_for_nothing() -> None:
    labels = {"start_date": None}
    found = compared(
        [
            pair(1, ok(), SKIPPED, labels=labels),
            pair(2, ok(), DEAD, labels=labels),
            pair(3, ok(), FAILED, labels=labels),
            pair(4, ok(), MISSING, labels=labels),
        ]
    )
    test = the_test(found, "start_date")
    assert (test.n, test.hits_a, test.hits_b, test.only_a) == (2, 2, 0, 2)
    assert any("2 posts are not finished" in note for note in found.notes)


def test_a_clear_winner_is_named_with_its_interval() -> None:
    labels = {"start_date": "ASAP"}
    right, wrong = ok(start_date="ASAP"), ok(start_date="1 March")
    found = compared(
        [*many(60, wrong, right, labels=labels), *many(140, right, right, start=60, labels=labels)]
    )
    test = the_test(found, "start_date")
    assert test.decisive
    assert (test.basis, test.n, test.only_a, test.only_b) == ("labelled", 200, 0, 60)
    assert test.difference == pytest.approx(0.3)
    assert row(found, "start_date").sentence.startswith("B is right more often: by 30.0 points")
    assert found.verdict == "rules-strict is right more often on: start_date (by 30.0 points)."


def test_a_small_difference_is_called_not_decisive_with_what_could_have_been_seen() -> None:
    labels = {"start_date": "ASAP"}
    right, wrong = ok(start_date="ASAP"), ok(start_date="1 March")
    found = compared(
        [*many(4, wrong, right, labels=labels), *many(196, right, right, start=4, labels=labels)]
    )
    test = the_test(found, "start_date")
    assert not test.decisive
    assert test.detectable is not None
    assert test.detectable > test.difference == pytest.approx(0.02)
    assert row(found, "start_date").sentence.startswith(
        "Not decisive: +2.0 points on 200 posts may be chance."
    )
    assert found.verdict.startswith("Not decisive")


def test_without_labels_nothing_is_called_right() -> None:
    """A fuller field may be full of nonsense."""
    found = compared(many(200, ok(), ok(start_date="ASAP")))
    test = the_test(found, "start_date")
    assert (test.basis, test.decisive) == ("coverage", True)
    assert found.verdict.startswith("No labels")
    assert "right more often" not in found.verdict
    assert "accura" not in f"{found.verdict} {row(found, 'start_date').sentence}"


def test_with_labels_for_one_field_the_others_are_not_tested() -> None:
    found = compared(many(30, ok(), ok(), labels={"start_date": "ASAP"}))
    assert [each.field for each in found.fields if each.test] == []
    found = compared(many(30, ok(), ok(start_date="ASAP"), labels={"start_date": "ASAP"}))
    assert [each.field for each in found.fields if each.test] == ["start_date"]


def test_posts_chosen_for_differing_are_never_sold_as_accuracy() -> None:
    labels = {"start_date": "ASAP"}
    pairs = many(100, ok(), ok(start_date="ASAP"), labels=labels, source="adjudicated")
    found = compared(pairs)
    assert the_test(found, "start_date").basis == "adjudicated"
    assert "where the two differ" in row(found, "start_date").sentence
    assert any("chosen because the versions differ" in note for note in found.notes)


def test_a_verdict_over_posts_chosen_for_differing_says_so_and_names_no_points() -> None:
    """20 of 1,000 posts differ, and B is right on those: that is 2 points, not 100."""
    a, b, labels = ok(address=("Blk 1",)), ok(address=("Blk 2",)), {"address": ["Blk 2"]}
    judged = many(20, a, b, labels=labels, source="adjudicated")
    found = compared([*judged, *many(980, b, b, start=20)])
    assert found.verdict == (
        "rules-strict is right more often, where the two differ, on:"
        " address (20 against 0 of 20 judged posts)."
    )


def test_a_verdict_keeps_accuracy_and_posts_chosen_for_differing_apart() -> None:
    dated, empty = ok(start_date="ASAP", address=("Blk 1",)), ok()
    found = compared(
        [
            *many(60, empty, dated, labels={"start_date": "ASAP"}),
            *many(60, empty, dated, start=60, labels={"address": ["Blk 1"]}, source="adjudicated"),
        ]
    )
    assert found.verdict == (
        "rules-strict is right more often on: start_date (by 100.0 points)."
        " rules-strict is right more often, where the two differ, on:"
        " address (60 against 0 of 60 judged posts)."
    )


def test_labels_on_which_both_are_wrong_are_no_lack_of_posts() -> None:
    a, b = ok(start_date="ASAP"), ok(start_date="1 March")
    found = compared([*many(1, a, b, labels={"start_date": "2 May"}), *many(499, a, b, start=1)])
    assert found.verdict.startswith("Nothing to test: neither version is right about any labelled field.")
    assert row(found, "start_date").sentence.startswith("Not tested: neither version is right on the 1 post")
    assert row(found, "status").sentence.startswith("Not tested: no label.")


def test_versions_that_fill_nothing_are_no_lack_of_posts() -> None:
    nothing = End(status="ok", result={"kind": "assignment", "segments": [{}]})
    assert compared(many(5, nothing, nothing)).verdict == (
        "Nothing to test: neither version fills any field of the 5 posts on which both found an assignment."
    )


@pytest.mark.parametrize("channels", [3, 10])
def test_what_is_chance_at_the_pages_own_level_is_not_laid_to_a_few_channels(channels: int) -> None:
    """Six discordant posts, all for B: p = 0.031, on a page that shares 5 % with another."""
    labels = {"start_date": "ASAP"}
    pairs = many(6, ok(start_date="1 March"), ok(start_date="ASAP"), channels=channels, labels=labels)
    same = many(30, ok(start_date="ASAP"), ok(start_date="ASAP"), start=6, channels=channels, labels=labels)
    found = compared([*pairs, *same], alpha=0.025)
    test = the_test(found, "start_date")
    assert test.p == pytest.approx(0.03125)
    assert (test.p_channels is None) == (channels == 3)
    assert "points on 36 posts may be chance." in row(found, "start_date").sentence


def test_independent_labels_win_over_adjudicated_ones() -> None:
    labels = {"start_date": "ASAP"}
    found = compared(
        [
            *many(50, ok(), ok(start_date="ASAP"), labels=labels, source="adjudicated"),
            *many(20, ok(start_date="ASAP"), ok(), start=50, labels=labels),
        ]
    )
    test = the_test(found, "start_date")
    assert (test.basis, test.n, test.only_a) == ("labelled", 20, 20)


def test_few_channels_are_named_as_a_weakness() -> None:
    found = compared(many(200, ok(), ok(start_date="ASAP"), channels=3))
    assert any("as few as 3 channels" in note for note in found.notes)
    assert the_test(found, "start_date").spread.method == "posts of these channels"


def test_a_difference_in_one_channel_only_is_not_decisive() -> None:
    """150 of 1,000 posts look like proof; that they are one agency's new template does not."""
    labels = {"start_date": "ASAP"}
    odd = [
        pair(number, ok(), ok(start_date="ASAP"), channel="t.me/odd", labels=labels) for number in range(150)
    ]
    same = many(850, ok(start_date="ASAP"), ok(start_date="ASAP"), start=150, channels=9, labels=labels)
    found = compared([*odd, *same])
    test = the_test(found, "start_date")
    assert test.p < 1e-9
    assert not test.decisive
    assert "may be the doing of a few channels" in row(found, "start_date").sentence


def test_each_version_has_its_costs_tokens_and_latencies() -> None:
    def timed(latency: int) -> End:
        meta = {
            "latency_ms": latency,
            "spent": {"prompt_tokens": 900, "completion_tokens": 100, "cost": 0.001},
            "prompt": {"sha256": "ab" * 32},
        }
        return End(status="ok", result=ok().result, meta=meta)

    found = compared([pair(number, timed(number), ok()) for number in range(1, 101)])
    assert found.a.latency_p50_ms == pytest.approx(50.5)
    assert found.a.latency_p95_ms == pytest.approx(95.05)
    assert found.a.tokens == {"prompt": 90_000, "completion": 10_000}
    assert found.a.cost == pytest.approx(0.1)
    assert found.a.prompts == {"ab" * 32: 100}
    assert (found.b.latency_p50_ms, found.b.cost) == (None, None)


def test_failure_classes_are_counted_by_version() -> None:
    found = compared([pair(1, DEAD, ok()), pair(2, FAILED, ok()), pair(3, SKIPPED, ok())])
    assert found.a.failures == {"AnswerRejected": 2}
    assert found.a.skips == {"promo": 1}
    assert found.b.ends == {"ok": 3}


def test_the_same_posts_always_give_the_same_page() -> None:
    pairs = many(300, ok(), ok(start_date="ASAP"))
    assert compared(pairs) == compared(pairs)


def test_a_sample_is_bounded_and_does_not_depend_on_what_comes_first() -> None:
    pairs = many(300, ok(), ok(start_date="ASAP", subjects=("Maths",)))
    forward, backward = collected(pairs)[0], collected(reversed(pairs))[0]
    assert list(forward.to_judge) == list(backward.to_judge)
    assert len(list(forward.shown)) == 50
    assert len(list(forward.to_judge)) == 20


def test_what_was_judged_is_not_asked_again() -> None:
    pairs = many(5, ok(), ok(start_date="ASAP"), labels={"start_date": "ASAP"}, source="adjudicated")
    found = collected(pairs)[0]
    assert list(found.to_judge) == []
    assert len(list(found.shown)) == 5


def test_no_posts_at_all_make_a_page_that_says_so() -> None:
    found = compared([])
    assert (found.posts, found.fields) == (0, [])
    assert found.verdict.startswith("Nothing to compare")
