"""Speed of the rule-based extraction on one core: `python bench/extraction.py [SECONDS]`.

Prints messages per second, the median, the 99th percentile and the slowest message over the invented posts
of the unit tests, the ratio to a bare pass over the same texts (`text.lower().splitlines()`) in the same run,
the time to import the extractor, and the time of each hostile input. All in processor time; a busy machine
still slows it down through shared caches. Targets: 1,500 messages a second, p99 under 5 ms, import under
0.5 s, no input over 100 ms.
"""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import yaml

from tutordex_dagster.extraction import rules

FOLDER = Path(__file__).parents[1] / "tests" / "unit" / "extraction"
IMPORT = (
    "import time; start = time.process_time(); from tutordex_dagster.extraction import rules;"
    "rules.build({}); print(time.process_time() - start)"
)

HOSTILE = {
    "one letter": "a" * 200_000,
    "digits": "1" * 200_000,
    "nested brackets": "([" * 5_000 + "])" * 5_000,
    "line breaks": "\n" * 200_000,
    "labels": "Rate: 3\n" * 20_000,
    "right to left, zero width": "\u202e\u200b" * 50_000 + "קוד",
    "spaces": " " * 200_000,
    "subjects": "P3 Math, " * 20_000,
    "dashes": "P3 - " * 20_000,
    "money": "$1-" * 50_000,
    "days": "Mon 3pm, " * 20_000,
    "emoji": "🔥" * 100_000,
    "stations": "MRT " * 50_000,
    "sentences": "A. " * 40_000,
    "open brackets": "P3 math $30/hr Mon 3pm " + "(to " * 3_000,
    "postal codes": "P3 math $30/hr Mon 3pm @ " + "123456 " * 2_000,
    "streets": "P3 math $30/hr Mon 3pm @ " + "a street " * 2_000,
    "starts": "P3 math $30/hr Mon 3pm\n" + "start from " * 2_000,
    "long remarks": "P3 math\nRate: 30\nRemarks: x\n" + "yes\n" * 4_000,
    "labels in a line": "Rate: 3 Time: 4 " * 12_500,
    "closed codes": "A12 closed, t.me/a/1 " * 10_000,
    "tiers": "Code: A1\nSubject: P3 Math\nRate: " + "PT: $30 / FT: $40 / " * 10_000,
    "paragraphs": "Subject: P3 Maths\nRate: $30\nTime: Mon 3pm\n\n" * 4_000,
    "many codes": "".join(f"P3 Math @ Bishan $30/hr #A{number:04d}\n" for number in range(400)),
}


def fresh(text: str, number: int) -> str:
    """Return the text with another word at the end of each line, so that no line is one a cache has seen."""
    word = "".join("abcdefghij"[int(digit)] for digit in str(number))
    return "\n".join(f"{line} q{word}" if line else "" for line in text.split("\n"))


def timed(function: Callable[[str], object], texts: list[str], seconds: float) -> list[float]:
    """Run the function over fresh texts for so long; return the seconds of each call, sorted."""
    taken: list[float] = []
    while sum(taken) < seconds:
        for text in texts:
            unseen = fresh(text, len(taken))
            start = time.process_time()
            function(unseen)
            taken.append(time.process_time() - start)
    return sorted(taken)


def invented_posts() -> list[str]:
    """Return the texts of the unit tests' posts."""
    kinds = yaml.safe_load((FOLDER / "posts.yaml").read_text(encoding="utf-8"))
    fresh_posts = yaml.safe_load((FOLDER / "fresh_posts.yaml").read_text(encoding="utf-8"))
    return [post["text"] for posts in (*kinds.values(), fresh_posts) for post in posts]


def import_seconds() -> float:
    """Return the processor time a new interpreter takes to have an extractor; the best of five."""
    runs = (
        subprocess.run([sys.executable, "-c", IMPORT], check=True, capture_output=True, timeout=60)
        for _ in range(5)
    )
    return min(float(run.stdout) for run in runs)


def main(seconds: float) -> None:
    """Measure and print."""
    extract = rules.build({}).extract
    texts = invented_posts()
    bare = timed(lambda text: text.lower().splitlines(), texts, seconds / 100)
    taken = timed(extract, texts, seconds)
    rate, bare_rate = len(taken) / sum(taken), len(bare) / sum(bare)
    print(f"{rate:,.0f} messages/s over {len(texts)} invented posts ({rate / bare_rate:.5f} of a bare pass)")
    print(
        f"p50 {taken[len(taken) // 2] * 1e3:.2f} ms, p99 {taken[int(len(taken) * 0.99)] * 1e3:.2f} ms, "
        f"max {taken[-1] * 1e3:.2f} ms"
    )
    print(f"import: {import_seconds():.2f} s")
    for name, text in HOSTILE.items():
        start = time.process_time()
        extract(text)
        print(f"hostile, {name} ({len(text):,} characters): {(time.process_time() - start) * 1e3:.1f} ms")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 5.0)
