"""Files of posts, line by line."""

import orjson

from tutordex_dagster.extraction import rules
from tutordex_dagster.extraction.files import LineCounts, extract_lines

POST = "Code: A1\nSubject: P3 Maths\nRate: $30/hr"
COMPILATION = "P1 Maths\nRate: $30\nCode: A1\n\nP2 Maths\nRate: $31\nCode: A2"


def run(*lines: bytes, counts: LineCounts | None = None) -> list[dict[str, object]]:
    made = extract_lines(lines, rules.build({}), pipeline_version="rules", counts=counts)
    return [orjson.loads(line) for line in made]


def test_every_line_gives_one_line_with_its_stamps() -> None:
    (line,) = run(orjson.dumps({"raw": POST, "more": 1}))
    extraction = line["extraction"]
    assert isinstance(extraction, dict)
    assert (extraction["assignment_code"], extraction["rate"]["min"]) == ("A1", 30.0)
    assert line["segments"] == [extraction]
    assert (line["kind"], line["skipped"], "error" in line) == ("assignment", None, False)
    assert (line["schema_version"], line["timezone"], line["pipeline_version"]) == ("1.0.0", "UTC", "rules")


def test_a_compilation_lists_its_segments_and_shows_the_first() -> None:
    (line,) = run(orjson.dumps({"raw": COMPILATION}))
    assert isinstance(line["segments"], list)
    assert [segment["assignment_code"] for segment in line["segments"]] == ["A1", "A2"]
    assert (line["kind"], line["extraction"]) == ("compilation", line["segments"][0])


def test_news_of_a_filled_assignment_names_what_it_closes() -> None:
    news, talk, post = run(
        *(orjson.dumps({"raw": raw}) for raw in ("A12 taken, t.me/jobs/7 too", "hello", POST))
    )
    assert (news["skipped"], news["closes"]) == ("status", {"codes": ["A12"], "links": ["t.me/jobs/7"]})
    assert (talk["closes"], post["closes"]) == (None, None)


def test_bad_lines_keep_their_place_and_are_counted() -> None:
    counts = LineCounts()
    good = orjson.dumps({"raw": POST})
    lines = run(b"{broken", good, b"[1]", b'{"raw": 5}', b"", b'{"raw": "hello"}', b"\xff", counts=counts)
    assert ["error" in line for line in lines] == [True, False, True, True, True, False, True]
    assert lines[5]["skipped"] == "other"
    assert lines[0]["extraction"] == lines[5]["extraction"]
    assert (counts.errors, dict(counts.kinds), dict(counts.skipped)) == (5, {"assignment": 1}, {"other": 1})


def test_lines_are_made_one_at_a_time() -> None:
    source = iter([orjson.dumps({"raw": POST})] * 2)
    made = extract_lines(source, rules.build({}), pipeline_version="rules")
    assert next(made).endswith(b"\n")
    assert len(list(source)) == 1
