"""The gold set itself, and reading one."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from tutordex_dagster.errors import UsageError
from tutordex_dagster.extraction.contract import (
    DAYS,
    Assignment,
    Extracted,
    Skipped,
    SkipReason,
)
from tutordex_dagster.extraction.gold import GoldPost, load_gold
from tutordex_dagster.extraction.rules.people import TUTOR_TYPES
from tutordex_dagster.extraction.rules.taxonomy import GENERIC_LEVELS, NUMBERED_LEVELS, STREAMS, SUBJECTS

GOLD = load_gold(Path("tests/data/gold"))
LABELS = [
    label for post in GOLD.posts if isinstance(post.expected, Extracted) for label in post.expected.segments
]
SLOT = re.compile(r"([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d")
LEVELS = {
    *GENERIC_LEVELS,
    *(f"{name} {n}" for name, last in NUMBERED_LEVELS.values() for n in range(1, last + 1)),
}
POST = """
agency: Someone
posts:
- post: P3 Maths, $30/hr
  expected: {kind: assignment, segments: [{academic_display_text: P3 Maths}]}
- post: Hello
  expected: {reason: other}
"""


def labelled_texts(post: GoldPost) -> Iterator[str]:
    """Yield every line of the labels that has to stand in the post as it is."""
    match post.expected:
        case Skipped(closes=closes):
            yield from (*closes.codes, *closes.links)
        case Extracted(segments=segments):
            for label in segments:
                yield from texts(label)


def texts(label: Assignment) -> Iterator[str]:
    single = (
        *(label.assignment_code, label.academic_display_text, label.start_date, label.additional_remarks),
        *(label.learning_mode.raw_text, label.rate.raw_text, label.time_availability.note),
        *(tier.raw_text for tier in label.rate_breakdown),
    )
    listed = (label.address, label.postal_code, label.nearest_mrt, label.lesson_schedule)
    for text in (*single, *(each for several in listed for each in several or ())):
        yield from text.split("\n") if text is not None else ()


def test_the_set_is_large_and_varied_enough_to_tell_versions_apart() -> None:
    posts = Counter(post.agency for post in GOLD.posts)
    assert posts.total() >= 160
    assert len(posts) >= 22
    assert min(posts.values()) >= 5


def test_every_kind_of_post_is_in_it() -> None:
    reasons = {post.expected.reason for post in GOLD.posts if isinstance(post.expected, Skipped)}
    kinds = {post.expected.kind for post in GOLD.posts if isinstance(post.expected, Extracted)}
    assert reasons == set(get_args(SkipReason)) - {"forwarded"}, "a text alone never tells a forwarded post"
    assert kinds == {"assignment", "compilation"}


def test_every_scored_field_is_labelled_often_enough() -> None:
    filled = Counter(name for label in LABELS for name in label.model_fields_set)
    unlabelled = {"districts", "region", "kind", "evidence"}
    assert filled.keys() == Assignment.model_fields.keys() - unlabelled
    assert min(filled.values()) >= 5
    assert {label.learning_mode.mode for label in LABELS} == {"Online", "Face-to-Face", "Hybrid", None}


def test_no_post_is_there_twice() -> None:
    squeezed = Counter(" ".join(post.text.lower().split()) for post in GOLD.posts)
    assert squeezed.most_common(1)[0][1] == 1


def test_labels_stand_in_their_post() -> None:
    missing = [
        (post.name, text)
        for post in GOLD.posts
        for text in labelled_texts(post)
        if text not in post.text.replace("*", "")
    ]
    assert missing == []


def test_labels_use_the_canonical_names() -> None:
    for label in LABELS:
        assert set(label.subjects) <= SUBJECTS.keys()
        assert set(label.levels) <= LEVELS
        assert set(label.streams) <= STREAMS.keys()
        tiers = {tier.tutor_type for tier in label.rate_breakdown}
        assert tiers <= set(label.tutor_types) <= {name for name, _ in TUTOR_TYPES}


def test_amounts_and_postal_codes_have_their_form() -> None:
    for label in LABELS:
        low, high = label.rate.min, label.rate.max
        assert low is None or (high is not None and low <= high)
        assert not (label.rate_breakdown and high), "amounts by tutor type have no single range"
        assert all(re.fullmatch(r"\d{6}", code) for code in label.postal_code or ())


def test_slots_have_their_form() -> None:
    weeks = [
        week
        for label in LABELS
        for week in (label.time_availability.explicit, label.time_availability.estimated)
    ]
    slots = [slot for week in weeks for day in DAYS for slot in getattr(week, day)]
    assert [slot for slot in slots if not SLOT.fullmatch(slot)] == []
    assert [slot for slot in slots if slot[:5] > slot[6:]] == []


def test_posts_hold_nothing_of_real_people_or_systems() -> None:
    everything = "\n".join(post.text for post in GOLD.posts)
    links = re.findall(r"(?:https?://|t\.me/|(?<!\w)@)[\w.]*\w", everything)
    phones = re.findall(r"\b[3689]\d{3}[ -]?\d{4}\b", everything)
    assert {link.removeprefix("https://") for link in links} == {"example.com", "@example"}
    assert set(phones) == {"8000 0000"}
    assert not re.search(r"[A-Za-z0-9_-]{30,}", everything), "looks like a secret"


def test_a_file_alone_is_a_set_and_its_layout_does_not_change_the_digest(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(POST)
    first = load_gold(file)
    file.write_text(POST.replace("posts:\n", "# a comment\nposts:\n"))
    assert [post.name for post in first.posts] == ["Someone 1", "Someone 2"]
    assert load_gold(tmp_path).digest == first.digest


def test_a_changed_label_changes_the_digest(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(POST)
    first = load_gold(file)
    file.write_text(POST.replace("reason: other", "reason: promo"))
    assert load_gold(file).digest != first.digest


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("agency: [", "is not YAML"),
        ("agency: Someone\nposts: []", "posts"),
        (POST.replace("reason: other", "reason: lazy"), "posts.1.expected"),
        (POST.replace("academic_display_text", "academic_text"), "posts.0.expected"),
    ],
)
def test_a_bad_file_is_refused_with_its_place(content: str, reason: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(content)
    with pytest.raises(UsageError, match=re.escape(reason)) as caught:
        load_gold(file)
    assert str(file) in str(caught.value)


def test_a_path_without_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="TUTORDEX_GOLD"):
        load_gold(tmp_path / "nowhere")
