"""The closed vocabulary of the canonical fields, and the page that documents it.

`python -m tutordex_dagster.extraction.rules.catalogue` prints `docs/vocabulary.md`.
"""

from tutordex_dagster.extraction.rules.districts import REGIONS, SECTORS
from tutordex_dagster.extraction.rules.people import TUTOR_TYPES
from tutordex_dagster.extraction.rules.taxonomy import GENERIC_LEVELS, NUMBERED_LEVELS, STREAMS, SUBJECTS

_INTRODUCTION = """\
# Vocabulary

Written by `make docs` from the tables in `tutordex_dagster/extraction/rules/`; a test keeps it true.
These are all the values `subjects`, `levels`, `streams`, `tutor_types`, `districts` and `region` can hold
when rules read a post. The names are stable: one that posts were extracted with is never given another
meaning. The words beside a name are what posts say for it, in any letter case.
"""


def subject_names() -> tuple[str, ...]:
    """Return every canonical subject."""
    return tuple(SUBJECTS)


def level_names() -> tuple[str, ...]:
    """Return every canonical level: schools, examinations, and years of schools."""
    families = dict.fromkeys(NUMBERED_LEVELS.values())
    numbered = (f"{name} {year}" for name, highest in families for year in range(1, highest + 1))
    return tuple(dict.fromkeys((*GENERIC_LEVELS, *numbered)))


def stream_names() -> tuple[str, ...]:
    """Return every canonical stream."""
    return tuple(STREAMS)


def tutor_type_names() -> tuple[str, ...]:
    """Return every canonical kind of tutor."""
    return tuple(name for name, _ in TUTOR_TYPES)


def page() -> str:
    """Return the vocabulary as a page of Markdown."""
    numbered: dict[str, list[str]] = {}
    for word, (name, highest) in NUMBERED_LEVELS.items():
        years = f"{name} 1" if highest == 1 else f"{name} 1 to {name} {highest}"
        numbered.setdefault(years, []).append(f"{word} 1")
    sectors = {
        str(district): ", ".join(f"{sector:02d}" for sector in listed) for district, listed in SECTORS.items()
    }
    return "\n".join(
        (
            _INTRODUCTION,
            *_table("Subjects", "subject", SUBJECTS),
            *_table("Levels", "level", GENERIC_LEVELS),
            *_table(
                "Levels with a year", "levels", {years: ", ".join(said) for years, said in numbered.items()}
            ),
            *_table("Streams", "stream", STREAMS),
            "## Kinds of tutors\n",
            f"{', '.join(tutor_type_names())}.\n",
            *_table(
                "Postal districts",
                "district",
                sectors,
                words="sectors: the first two digits of a postal code",
            ),
            "## Regions\n",
            f"{', '.join(REGIONS)}.",
        )
    )


def _table(title: str, name: str, rows: dict[str, str], *, words: str = "words in posts") -> tuple[str, ...]:
    lines = (f"| {key} | {said.replace('|', chr(92) + '|')} |" for key, said in rows.items())
    return (f"## {title}\n", f"| {name} | {words} |", "| --- | --- |", *lines, "")


if __name__ == "__main__":
    print(page())  # noqa: T201 - a page is what this prints
