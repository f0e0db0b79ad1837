"""Speed and memory of a comparison: `python bench/compare.py [PAIRS ...]`, by default 10,000 and 100,000.

Makes pairs of stored results as the store hands them on (JSON is parsed here too), compares them with all
statistics, and writes every file of the report. Each size runs in a process of its own, whose peak memory
counts; times are processor time, so other processes do not. The ratio is to the bare limit: parsing the same
JSON and nothing else. Targets: 10,000 pairs under 5 s and 300 MB; a million pairs take a hundred times as
long and no more memory.
"""

import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson

from tutordex_dagster.comparison.collecting import collect
from tutordex_dagster.comparison.contract import Arm, End, Label, Pair
from tutordex_dagster.comparison.fields import FIELDS
from tutordex_dagster.comparison.findings import find
from tutordex_dagster.comparison.report import html
from tutordex_dagster.comparison.side_by_side import SideBySide
from tutordex_dagster.comparison.summary import summary_json
from tutordex_dagster.extraction.contract import Assignment, LearningMode, Rate, TimeAvailability, WeekSlots

NOW = datetime(2026, 3, 2, tzinfo=UTC)
CHANNELS = 40
VARIANTS = 500
ARMS = Arm(version="a", fingerprint="a" * 64), Arm(version="b", fingerprint="b" * 64)


def result(rng: random.Random) -> bytes:
    """Return one stored result with most fields filled."""
    rate = rng.randrange(25, 90, 5)
    assignment = Assignment(
        assignment_code=f"T{rng.randrange(10_000)}",
        academic_display_text=f"Primary {rng.randrange(1, 7)} Mathematics and Science weekly",
        learning_mode=LearningMode(mode="Face-to-Face", raw_text="at the student's home"),
        address=(f"Blk {rng.randrange(100, 900)} Example Street {rng.randrange(1, 90)}",),
        postal_code=(f"{rng.randrange(100_000, 800_000)}",),
        nearest_mrt=("Bishan MRT",) if rng.random() < 0.5 else None,
        lesson_schedule=("1x weekly", "1.5 hours"),
        rate=Rate(min=rate, max=rate + 10, raw_text=f"${rate}-{rate + 10}/hr"),
        additional_remarks="Patient tutor who can show the steps and set some homework every week",
        time_availability=TimeAvailability(
            explicit=WeekSlots(monday=("16:00-18:00",), saturday=("10:00-12:00",))
        ),
        subjects=("Mathematics", "Science"),
        levels=("Primary 5",),
        tutor_types=("Full-time",),
    )
    return orjson.dumps({"kind": "assignment", "segments": [assignment.model_dump(mode="json")]})


def pairs(count: int) -> Iterator[Pair]:
    """Yield pairs of which one in ten differs everywhere and one in twenty is labelled."""
    rng = random.Random(1)  # noqa: S311 - a benchmark
    stored = [result(rng) for _ in range(VARIANTS)]
    for raw_id in range(count):
        left = stored[raw_id % VARIANTS]
        right = stored[(raw_id + 1) % VARIANTS] if raw_id % 10 == 0 else left
        a, b = orjson.loads(left), orjson.loads(right)
        labels = {}
        if raw_id % 20 == 0:
            labels = {
                field.name: Label(values=[field.of(a["segments"][0])], source="labelled") for field in FIELDS
            }
        meta = {"latency_ms": 400 + raw_id % 300, "spent": {"prompt_tokens": 900, "completion_tokens": 300}}
        yield Pair(
            raw_id=raw_id,
            channel=f"t.me/channel_{raw_id % CHANNELS}",
            message_id=raw_id,
            posted_at=NOW + timedelta(seconds=raw_id),
            a=End(status="ok", result=a, meta=meta),
            b=End(status="ok", result=b, meta=meta),
            labels=labels,
        )


def compare(count: int, folder: Path) -> None:
    """Write the whole report."""
    with (folder / "side_by_side.csv").open("w", encoding="utf-8", newline="") as file:
        collected = collect(pairs(count), SideBySide(file, *ARMS))
    found = find(collected.tally, title="bench", scope="all", arms=ARMS, compared_at=NOW)
    texts = dict.fromkeys(collected.raw_ids, "P5 Maths at Bishan, $40/hr")
    (folder / "summary.json").write_bytes(summary_json(found, schema_version="1.0.0"))
    (folder / "report.html").write_text(html(found, collected.shown, texts), encoding="utf-8")


def measure(count: int) -> None:
    """Run one size in this process and print its line."""
    start = time.process_time()
    for _ in pairs(count):
        pass
    bare = time.process_time() - start
    with tempfile.TemporaryDirectory() as folder:
        start = time.process_time()
        compare(count, Path(folder))
        taken = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{count:,} pairs x {len(FIELDS)} fields: {taken:.2f} s ({taken / bare:.1f} times making the pairs,"
        f" {taken / count * 1e6:.0f} us a pair), peak {peak:.0f} MB",
        flush=True,
    )


def main(counts: list[int]) -> None:
    """Measure every size in a process of its own."""
    for count in counts:
        subprocess.run([sys.executable, __file__, "--one", str(count)], check=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        measure(int(sys.argv[2]))
    else:
        main([int(each) for each in sys.argv[1:]] or [10_000, 100_000])
