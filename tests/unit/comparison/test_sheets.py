"""The files of a comparison: what stands in them to the letter, and what a person's labels become."""

import csv
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path

import orjson
import pytest

from tests.unit.comparison.pairs import ARMS, NOW, SKIPPED, collected, ok, pair
from tutordex_dagster.comparison.adjudication import read_sheet, write_sheet
from tutordex_dagster.comparison.contract import End, Pair
from tutordex_dagster.comparison.findings import find
from tutordex_dagster.comparison.summary import markdown, summary_json
from tutordex_dagster.errors import UsageError

EXPECTED = Path(__file__).parent / "expected"
META = {
    "latency_ms": 500,
    "spent": {"prompt_tokens": 900, "completion_tokens": 100},
    "prompt": {"sha256": "ab" * 32},
}


def posts() -> list[Pair]:
    """Return a few posts of every kind, one with a hostile text and one that is a compilation."""
    first = ok(assignment_code="T1", rate={"min": 40, "max": 50, "raw_text": "$40-50/hr"}, start_date="ASAP")
    hostile = ok(assignment_code='=HYPERLINK("http://example.com")', start_date="<script>alert(1)</script>")
    return [
        pair(1, End(status="ok", result=first.result, meta=META), ok(assignment_code="t1"), channel="t.me/a"),
        pair(2, hostile, ok(assignment_code="T2", start_date="1 March"), channel="t.me/b"),
        pair(3, ok(assignment_code="T3"), SKIPPED, channel="t.me/b"),
        pair(4, ok({"assignment_code": "T4"}, {"assignment_code": "T5"}), ok(assignment_code="T4")),
        pair(
            5,
            ok(subjects=("Maths", "Science")),
            ok(subjects=("Maths",)),
            labels={"subjects": ["Science", "maths"], "start_date": None},
        ),
    ]


def test_side_by_side_has_every_field_of_every_post_to_the_letter() -> None:
    text = collected(posts())[1]
    assert text.encode() == (EXPECTED / "side_by_side.csv").read_bytes()


def test_summary_has_every_number_to_the_letter() -> None:
    tally = collected(posts())[0].tally
    found = find(tally, title="two versions", scope="all posts", arms=ARMS, compared_at=NOW)
    written = summary_json(found, schema_version="1.0.0")
    assert written == (EXPECTED / "summary.json").read_bytes()
    assert orjson.loads(written)["schema_version"] == "1.0.0"


def test_side_by_side_says_for_every_field_what_each_has_and_whether_it_is_the_same() -> None:
    rows = list(csv.DictReader(StringIO(collected(posts())[1])))
    first, hostile, skipped, compilation, _ = rows
    assert (first["assignment_code_a"], first["assignment_code_b"], first["assignment_code_eq"]) == (
        "T1",
        "t1",
        "1",
    )
    assert (first["rate.min_a"], first["rate.min_b"], first["rate.min_eq"]) == ("40", "", "0")
    assert (first["fingerprint_a"], first["prompt_a"]) == ("f" * 64, "ab" * 32)
    assert hostile["assignment_code_a"].startswith("'=")
    assert (skipped["outcome_b"], skipped["reason_b"], skipped["assignment_code_eq"]) == (
        "skipped",
        "promo",
        "",
    )
    assert (compilation["assignment_code_a"], compilation["assignment_code_eq"]) == ("T4\nT5", "0")


def test_the_markdown_holds_no_text_of_any_post() -> None:
    tally = collected(posts())[0].tally
    text = markdown(find(tally, title="t", scope="s", arms=ARMS, compared_at=NOW))
    assert text.startswith("**")
    assert "| subjects |" in text
    assert "HYPERLINK" not in text
    assert "<script" not in text


def sheet(pairs: list[Pair], **labels: str) -> StringIO:
    """Write the sheet of these pairs and fill in labels, by field."""
    file = StringIO(newline="")
    write_sheet(file, collected(pairs)[0].to_judge, {each.raw_id: "=the post" for each in pairs})
    file.seek(0)
    rows = list(csv.DictReader(file))
    filled = StringIO(newline="")
    writer = csv.DictWriter(filled, rows[0].keys())
    writer.writeheader()
    writer.writerows({**row, "label": labels.get(row["field"].replace(".", "_"), "")} for row in rows)
    filled.seek(0)
    return filled


def test_a_judged_side_is_read_back_exactly_and_an_empty_cell_is_no_label() -> None:
    pairs = [pair(7, ok(start_date="ASAP", subjects=("Maths",)), ok(subjects=("Maths", "Science")))]
    found = {each.field: each for each in read_sheet(sheet(pairs, start_date="left", subjects="right"))}
    assert set(found) == {"start_date", "subjects"}
    swapped = {each.field: each.swapped for each in collected(pairs)[0].to_judge}
    assert found["start_date"].values == ((None,) if swapped["start_date"] else ("ASAP",))
    assert found["subjects"].values == ((["Maths"],) if swapped["subjects"] else (["Maths", "Science"],))
    assert found["subjects"].raw_id == 7


def test_a_person_may_write_what_neither_said() -> None:
    pairs = [pair(7, ok(rate={"min": 40}, start_date="ASAP"), ok(rate={"min": 45}))]
    found = {each.field: each.values for each in read_sheet(sheet(pairs, rate_min="50", start_date="none"))}
    assert found == {"rate.min": (50.0,), "start_date": (None,)}


def test_a_person_writes_a_list_for_a_post_with_several_assignments() -> None:
    two = ok({"rate": {"min": 40}}, {"rate": {"min": 50}})
    pairs = [pair(7, two, ok(rate={"min": 45}))]
    (found,) = read_sheet(sheet(pairs, rate_min="[40, 55]"))
    assert found.values == (40.0, 55.0)
    with pytest.raises(UsageError, match=r"row 2: rate.min: '40': is no JSON list of 1 or 2 values"):
        list(read_sheet(sheet(pairs, rate_min="40")))


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_no_end_of_a_line_in_a_post_ends_a_row(end: str) -> None:
    """A spreadsheet takes a carriage return outside quotes for the end of a row: a formula could follow."""
    text = f"Tuition{end}=HYPERLINK(1)"
    pairs = [pair(7, ok(start_date=text), ok())]
    file = StringIO(newline="")
    write_sheet(file, collected(pairs)[0].to_judge, {7: text})
    for written in (file.getvalue(), collected(pairs)[1]):
        outside = "".join(written.split('"')[::2])
        assert "HYPERLINK" not in outside
        assert "\r" not in outside.replace("\r\n", "")
    (row,) = csv.DictReader(StringIO(file.getvalue(), newline=""))
    assert row["text"] == text
    assert [each.field for each in read_sheet(sheet(pairs, start_date="left"))] == ["start_date"]


def test_who_judges_cannot_tell_the_versions_apart() -> None:
    pairs = [pair(number, ok(start_date="ASAP"), ok()) for number in range(40)]
    swapped = [each.swapped for each in collected(pairs)[0].to_judge]
    assert 0 < sum(swapped) < len(swapped)
    assert "rules" not in sheet(pairs).getvalue()


def test_the_sheet_runs_nothing_in_a_spreadsheet() -> None:
    pairs = [pair(7, ok(start_date="=1+1"), ok())]
    row = next(csv.DictReader(sheet(pairs)))
    assert {row["left"], row["right"]} == {"'=1+1", ""}
    assert row["text"] == "'=the post"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("a,b\n1,2\n", "are missing columns"),
        ("raw_id,field,label,left_json,right_json\n1,colour,left,[],[]\n", "row 2: 'colour': is no field"),
        (
            "raw_id,field,label,left_json,right_json\nx,status,left,[],[]\n",
            "row 2: raw_id 'x': is no number",
        ),
        ("raw_id,field,label,left_json,right_json\n1,status,left,oops,[]\n", "row 2: left_json: is no JSON"),
        ("raw_id,field,label,left_json,right_json\n1,rate.min,many,[],[]\n", "row 2: rate.min: 'many'"),
        (
            "raw_id,field,label,left_json,right_json\n1,time_availability,5,[],[]\n",
            "row 2: time_availability: 5: is no availability",
        ),
        (
            "raw_id,field,label,left_json,right_json\n1,rate_breakdown,right,[],[5]\n",
            "row 2: right_json: rate_breakdown: 5: is no list of rates .*; leave the column",
        ),
        (
            "raw_id,field,label,left_json,right_json\n1,rate.min,5,oops,\n",
            "row 2: left_json: is no JSON list",
        ),
        (
            "raw_id,field,label,left_json,right_json\n1,rate.min,5,,\n1,status,open,,\n1,rate.min,6,,\n",
            "row 4: labels the same as row 2; keep one of them",
        ),
        ("label,field,left_json,right_json,raw_id\nleft,status\n", "row 2: raw_id '': is no number"),
        ("raw_id,field,label,left_json,right_json\n1,status,left,[],[]\rx", "cannot be read .*CSV UTF-8"),
    ],
)
def test_a_sheet_that_cannot_be_read_says_which_row_and_why(content: str, problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        list(read_sheet(StringIO(content)))


def test_a_sheet_saved_in_another_encoding_says_how_to_save_it() -> None:
    saved = "raw_id,field,label,left_json,right_json\n1,start_date,1\x962 March,[],[]\n".encode("latin-1")
    with pytest.raises(UsageError, match=r"the sheet: cannot be read .*0x96.*; save it as CSV UTF-8"):
        list(read_sheet(TextIOWrapper(BytesIO(saved), encoding="utf-8", newline="")))
