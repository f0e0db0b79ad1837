"""Whether a version may become the live one, and what its promotion would change, in words. No I/O."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import date, timedelta
from typing import Any

from tutordex_dagster.errors import UsageError
from tutordex_dagster.operations.quality import Finding
from tutordex_dagster.store.promotion import Difference, Differences, Reconciled

FRESH = timedelta(minutes=10)
"""What was stored within this may still be on its way to a version: it does not hold a promotion up."""

_NOT_COMPARED = {
    "projection",
    "pipeline_version",
    "raw_id",
    "updated_at",
    "evidence",
    "code_key",
    "posted_at",
}
_DATED = re.compile(r"\d{4}-\d{2}-\d{2}__")
_NAME_LENGTH = 64

_WIDTH = 60
"""Characters of a value that are shown."""


def total(rows: Sequence[Reconciled]) -> Reconciled:
    """Return the sum over all channels."""
    names = ("messages", "ok", "skipped", "failed", "dead", "waiting", "missing")
    sums = {name: sum(getattr(row, name) for row in rows) for name in names}
    return Reconciled(reference="all", **sums)


def incomplete(version: str, rows: Sequence[Reconciled], *, dead_limit: float) -> list[str]:
    """Say what a version still lacks of a window, with the numbers; nothing when it has it all.

    Dead jobs are done with; a share of them over `dead_limit` (0 to 1) is a lack all the same.
    """
    whole = total(rows)
    lacking = whole.missing + whole.waiting + whole.failed
    counts = ", ".join(f"{getattr(whole, name)} {name}" for name in ("missing", "waiting", "failed", "dead"))
    if lacking:
        worst = max(rows, key=lambda row: row.missing + row.waiting + row.failed)
        lack = (
            f"{lacking} of {whole.messages} messages are not extracted ({counts}; most in {worst.reference})"
        )
        step = f"tutordex enqueue --version {version}, then tutordex drain --version {version} --oneshot"
        return [f"{version}: {lack}; {step}"]
    if whole.messages and whole.dead / whole.messages > dead_limit:
        lack = f"{whole.dead} of {whole.messages} messages are dead, the limit is {dead_limit:.1%}"
        step = f"put right what kills them, then tutordex dead retry --version {version}"
        return [f"{version}: {lack}; {step}"]
    return []


def reconciliation(rows: Sequence[Reconciled], *, followed: bool) -> Finding:
    """Judge that no message lacks its job; a version that does not follow new messages may lack any."""
    whole = total(rows)
    parts = ("ok", "skipped", "failed", "dead", "waiting", "missing")
    counts = ", ".join(f"{getattr(whole, name)} {name}" for name in parts)
    summary = f"{whole.messages} messages: {counts}"
    return Finding(
        passed=not (followed and whole.missing), summary=summary, rows=[asdict(row) for row in rows]
    )


def summary_lines(version: str, found: Differences) -> list[str]:
    """Say how many assignments would change and in which fields."""
    fields = sorted(((count, name) for name, count in found.fields.items() if count), reverse=True)
    gone, same = found.absent - found.kept, found.shared - found.changed
    counts = f"{found.added} added, {gone} gone, {found.changed} changed, {same} the same"
    kept = f"{found.kept} kept as they are ({version} has not read their posts)"
    lines = [f"{version} against what is shown: {counts}, {kept}"]
    if fields:
        lines.append("changed by field: " + ", ".join(f"{name} {count}" for count, name in fields))
    return lines


def changed_fields(difference: Difference) -> Mapping[str, tuple[Any, Any]]:
    """Return what a row was and is, by field, for the fields that differ."""
    was, now = difference.was or {}, difference.now or {}
    return {
        name: (was.get(name), now.get(name))
        for name in sorted({*was, *now} - _NOT_COMPARED)
        if was.get(name) != now.get(name)
    }


def sample_lines(sample: Difference) -> list[str]:
    """Return a row that differs as lines: where it is, then every field as it was and as it would be."""
    place = f"  {sample.reference}/{sample.message_id} segment {sample.segment}"
    if sample.was is None or sample.now is None:
        row, word = sample.now or sample.was or {}, "added" if sample.now else "not found"
        return [f"{place}: {word}, code {row.get('assignment_code')}, {row.get('academic_display_text')}"]
    fields = changed_fields(sample).items()
    return [f"{place}:", *(f"    {name}: {_short(was)} -> {_short(now)}" for name, (was, now) in fields)]


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _WIDTH else f"{text[:_WIDTH]}…"


def next_name(note: str, today: date, known: Collection[str]) -> str:
    """Return a name for a new version, `YYYY-MM-DD__note`; numbered when it is taken.

    UsageError when nothing of the note can stand in a name.
    """
    slug = re.sub(r"[^A-Za-z0-9_.-]+", "-", note.strip()).strip("-_.")
    if not slug:
        raise UsageError(repr(note), "leaves nothing for a name", "use letters and digits: --note prompt_v4")
    name = f"{today.isoformat()}__{slug}"[: _NAME_LENGTH - 4].rstrip("-_.")
    taken = set(known)
    return next(
        candidate
        for candidate in (name, *(f"{name}-{number}" for number in range(2, len(taken) + 3)))
        if candidate not in taken
    )


def order_warning(name: str, known: Collection[str]) -> str | None:
    """Say that a new name comes before a known one of the form `YYYY-MM-DD__…`; None when it comes last.

    Rows and lists are ordered by name, so people take the last one for the newest.
    """
    behind = sorted(other for other in known if _DATED.match(other) and other > name)
    if not behind:
        return None
    more = f" and {len(behind) - 1} more" if len(behind) > 1 else ""
    return (
        f"warning: {name} sorts before {behind[0]}{more}, and rows and lists are in the order of names: it"
        " will not look like the newest version; choose another --note if that matters"
    )
