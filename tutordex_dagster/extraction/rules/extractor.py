"""One post in, one outcome out."""

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, ValidationError

from tutordex_dagster.errors import UsageError
from tutordex_dagster.extraction.contract import Assignment, Closing, Extracted, Kind, Outcome, Skipped
from tutordex_dagster.extraction.rules.assemble import Reading, assemble
from tutordex_dagster.extraction.rules.cells import cut_cells
from tutordex_dagster.extraction.rules.closing import closing
from tutordex_dagster.extraction.rules.entries import Entry, read_entries
from tutordex_dagster.extraction.rules.evidence import with_evidence
from tutordex_dagster.extraction.rules.kinds import is_assignment, skip_reason, split_segments
from tutordex_dagster.extraction.rules.spans import Positions
from tutordex_dagster.extraction.rules.text import MAX_CHARACTERS, normalise, split_lines


class Parameters(BaseModel):
    """What a pipeline file may set."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    labelled_only: bool = False
    """Trust only fields behind a label: nothing is read from headlines and free lines."""
    estimated_slots: bool = True
    """Turn words such as "after 4pm" into estimated slots."""


class RulesExtractor:
    """Reads a post by rules. Deterministic, linear in the text's length, and without state."""

    def __init__(self, parameters: Parameters) -> None:
        self.parameters = parameters

    def extract(self, text: str) -> Outcome:
        """Return what the text holds; never raises on any text."""
        plain = normalise(text)
        lines = split_lines(plain)
        entries = read_entries(cut_cells(lines))
        if not is_assignment(entries):
            reason = skip_reason(plain)
            return Skipped(reason=reason, closes=closing(plain) if reason == "status" else Closing())
        segments = split_segments(lines, entries)
        kind: Kind = "compilation" if len(segments) > 1 else "assignment"
        positions = Positions(text[:MAX_CHARACTERS], plain)
        return Extracted(
            kind=kind,
            segments=tuple(
                self._assignment(
                    read_entries(cut_cells(segment)) if kind == "compilation" else entries, kind, positions
                )
                for segment in segments
            ),
        )

    def _assignment(self, entries: tuple[Entry, ...], kind: Kind, positions: Positions) -> Assignment:
        return with_evidence(assemble(self._reading(entries), kind), entries, positions)

    def _reading(self, entries: tuple[Entry, ...]) -> Reading:
        return Reading(
            entries=entries,
            named=frozenset(entry.field for entry in entries),
            labelled_only=self.parameters.labelled_only,
            estimated_slots=self.parameters.estimated_slots,
        )


def build(parameters: Mapping[str, object]) -> RulesExtractor:
    """Return the extractor these parameters describe; UsageError for one that is unknown or no boolean."""
    try:
        return RulesExtractor(Parameters.model_validate(dict(parameters)))
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise UsageError(
            f"parameter {name!r}: {first['input']!r}",
            first["msg"],
            f"known: {', '.join(Parameters.model_fields)}",
        ) from error
