"""Labels and the lines that belong to them."""

import pytest

from tutordex_dagster.extraction.rules.entries import Entry, read_entries, written
from tutordex_dagster.extraction.rules.labels import label_field
from tutordex_dagster.extraction.rules.text import normalise, split_lines


def entries_of(text: str) -> list[tuple[str | None, str]]:
    return [(entry.field, entry.value) for entry in read(text)]


def read(text: str) -> tuple[Entry, ...]:
    return read_entries(split_lines(normalise(text)))


@pytest.mark.parametrize(
    ("label", "field"),
    [
        ("Assignment Code", "code"),
        ("Job ID", "code"),
        ("Ref No.", "code"),
        ("Case #", "code"),
        ("Level & Subject(s)", "academic"),
        ("Subjects", "subject"),
        ("Student's Level", "level"),
        ("Tuition venue", "location"),
        ("Location/Area", "location"),
        ("The client’s address", "location"),
        ("Postal code", "postal"),
        ("Nearest MRT station", "mrt"),
        ("Rate (per hour)", "rate"),
        ("Expected Hourly Fees", "rate"),
        ("Budget per hour", "rate"),
        ("No. of lessons per week", "schedule"),
        ("Duration of each lesson", "schedule"),
        ("Frequency", "schedule"),
        ("Preferred days & timings", "time"),
        ("Available on", "time"),
        ("Earliest start date", "start"),
        ("Additional remarks", "remarks"),
        ("Special requests", "remarks"),
        ("Type of tutor", "tutor"),
        ("Lesson type", "mode"),
        ("Application status", "status"),
        ("Agency fee", "other"),
        ("Student's gender", "other"),
        ("Date posted", "other"),
        ("Job details", "headline"),
        ("How much", "rate"),
        ("Classes per week", "schedule"),
        ("Student stays in", "location"),
        ("Anything else", "remarks"),
        ("Bayaran", "rate"),
        ("学费", "rate"),
        ("学费 Rate", "rate"),
        ("Mon 3", None),
        ("Tutor must bring books at this time", None),
        ("School reopens", None),
        ("x" * 60, None),
        ("", None),
    ],
)
def test_a_label_names_its_field_by_its_words(label: str, field: str | None) -> None:
    assert label_field(label) == field


@pytest.mark.parametrize(
    ("line", "entry"),
    [
        ("🔹Rate : $30/hr", ("rate", "$30/hr")),
        ("Rate：$30/hr", ("rate", "$30/hr")),
        ("Rate - $30/hr", ("rate", "$30/hr")),
        ("RATE $30/hr", ("rate", "$30/hr")),
        ("Code AB123", ("code", "AB123")),
        ("Assignment: AB123", ("code", "AB123")),
        ("Assignment: P5 Maths", ("headline", "P5 Maths")),
        ("Schedule: Mon 5pm", ("time", "Mon 5pm")),
        ("Schedule: once a week", ("schedule", "once a week")),
        ("Time: twice a week", ("schedule", "twice a week")),
        ("💰 $30 per hour", ("rate", "$30 per hour")),
        ("To apply, call us", ("other", "To apply, call us")),
        ("#Maths #Bishan", ("other", "#Maths #Bishan")),
        ("[Rate] $30/hr", ("rate", "$30/hr")),
        ("LOCATION", ("location", "")),
        ("Available", (None, "Available")),
        ("Studio address: Fig Lane", ("location", "Fig Lane")),
        ("Not this time: Monday", (None, "Not this time: Monday")),
        ("Info: brings own books", ("remarks", "brings own books")),
        ("Info: P5 Maths", ("headline", "P5 Maths")),
        ("Job no. 4471K", ("code", "4471K")),
        ("#Sec3 #Maths", ("other", "#Sec3 #Maths")),
        ("🎓 Fresh case 🎓", (None, "Fresh case")),
        ("Mon 3:30pm", (None, "Mon 3:30pm")),
        ("English - 3 times", (None, "English - 3 times")),
    ],
)
def test_a_line_is_read_by_its_label_its_sign_or_its_value(line: str, entry: tuple[str | None, str]) -> None:
    assert entries_of(line) == [entry]


def test_several_labels_share_a_line() -> None:
    assert entries_of("Code: A12, Location: Bishan | Rate: $30") == [
        ("code", "A12"),
        ("location", "Bishan"),
        ("rate", "$30"),
    ]


def test_what_stands_behind_a_code_is_a_line_of_its_own() -> None:
    assert entries_of("Job 5521: P3 Maths in Bishan") == [("code", "5521"), (None, "P3 Maths in Bishan")]


def test_remarks_run_over_paragraphs_until_a_label_or_the_footer() -> None:
    text = "Remarks: shy child\nneeds time\n\nprefers mornings\nTo apply, write to us\nmore"
    assert entries_of(text) == [
        ("remarks", "shy child\nneeds time\n\nprefers mornings"),
        ("other", "To apply, write to us"),
        (None, "more"),
    ]


def test_an_empty_label_takes_the_lines_below_but_not_over_a_gap() -> None:
    assert entries_of("Location:\nBishan\n\nelse") == [("location", "Bishan"), (None, "else")]
    assert entries_of("Location:\n\nBishan") == [("location", ""), (None, "Bishan")]


def test_lists_below_an_empty_label_belong_to_it_and_siblings_do_not() -> None:
    assert entries_of("Remarks:\n- one\n- two") == [("remarks", "one\ntwo")]
    assert entries_of("🔹Remarks: one\n🔹AB1234") == [("remarks", "one"), (None, "AB1234")]
    assert entries_of("🔹Remarks:\none\n🔹AB1234") == [("remarks", "one"), (None, "AB1234")]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Time: Mon 3pm\nTue 4pm", "Mon 3pm\nTue 4pm"),
        ("Time: Mon 3pm\nshe is shy", "Mon 3pm"),
        ("Rate: $30\n(negotiable)", "$30\n(negotiable)"),
        ("Rate: $30\nshe is shy", "$30"),
        ("Tutor: female\nfull-time", "female\nfull-time"),
        ("Frequency: 2h\nonce a week", "2h\nonce a week"),
        ("Location: Bishan\nshe is shy", "Bishan"),
    ],
)
def test_a_filled_field_takes_a_line_below_only_if_it_says_more_of_the_same(text: str, value: str) -> None:
    assert entries_of(text)[0][1] == value


def test_labels_inside_remarks_feed_both_fields() -> None:
    assert entries_of("▪ Remarks: Location: Bishan") == [
        ("remarks", "Location: Bishan"),
        ("location", "Bishan"),
    ]
    assert entries_of("▪ Remarks: shy\nLocation: Bishan\nvery shy") == [
        ("remarks", "shy\nLocation: Bishan\nvery shy"),
        ("location", "Bishan"),
    ]


def test_a_label_is_kept_as_the_post_writes_it() -> None:
    (entry,) = read("Fee (per hour) - 40")
    assert written(entry) == "Fee (per hour) - 40"
