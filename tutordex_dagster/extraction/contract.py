"""What every extractor takes and gives, whether it is made of rules or of a language model."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, JsonValue

Kind = Literal["assignment", "compilation"]
Mode = Literal["Online", "Face-to-Face", "Hybrid"]
Status = Literal["open", "closed"]
SkipReason = Literal["empty", "service", "status", "promo", "forwarded", "other"]
"""Why a post holds no assignment: no text, a service message, news about a filled one, advertising, another
channel's post, or anything else."""

EvidenceSource = Literal["rules", "llm"]

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LearningMode(_Record):
    """Where lessons happen; `raw_text` is the words that say so."""

    mode: Mode | None = None
    raw_text: str | None = None


class Rate(_Record):
    """Hourly pay in Singapore dollars; amounts are null for a quote and for rates tiered by tutor type."""

    min: float | None = None
    max: float | None = None
    raw_text: str | None = None


class TierRate(_Record):
    """Hourly pay of one kind of tutor, where a post states several."""

    tutor_type: str
    min: float | None = None
    max: float | None = None
    raw_text: str


class Evidence(_Record):
    """Where a field's value comes from and how sure its reader is.

    `span` is half-open, in code points of the post as stored; None when the value is not one piece of it.
    """

    confidence: float = Field(ge=0, le=1)
    span: tuple[int, int] | None = None
    source: EvidenceSource


class WeekSlots(_Record):
    """Slots `HH:MM-HH:MM` in Singapore local time per day of the week."""

    monday: tuple[str, ...] = ()
    tuesday: tuple[str, ...] = ()
    wednesday: tuple[str, ...] = ()
    thursday: tuple[str, ...] = ()
    friday: tuple[str, ...] = ()
    saturday: tuple[str, ...] = ()
    sunday: tuple[str, ...] = ()


class TimeAvailability(_Record):
    """Explicit slots name a day and a clock time; estimated ones are read from words such as "after 4pm"."""

    explicit: WeekSlots = WeekSlots()
    estimated: WeekSlots = WeekSlots()
    note: str | None = None


class Assignment(_Record):
    """One tuition assignment as a post states it: verbatim text, null where not stated or not sure."""

    assignment_code: str | None = None
    academic_display_text: str | None = None
    learning_mode: LearningMode = LearningMode()
    address: tuple[str, ...] | None = None
    postal_code: tuple[str, ...] | None = None
    nearest_mrt: tuple[str, ...] | None = None
    lesson_schedule: tuple[str, ...] | None = None
    start_date: str | None = None
    rate: Rate = Rate()
    rate_breakdown: tuple[TierRate, ...] = ()
    additional_remarks: str | None = None
    time_availability: TimeAvailability = TimeAvailability()
    subjects: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()
    streams: tuple[str, ...] = ()
    tutor_types: tuple[str, ...] = ()
    districts: tuple[int, ...] = ()
    """Singapore's postal districts, 1 to 28, of the postal codes."""
    region: str | None = None
    status: Status = "open"
    kind: Kind = "assignment"
    evidence: Mapping[str, Evidence] = Field(default_factory=dict)
    """By field name, for every field that holds something."""


class Extracted(_Record):
    """The assignments of one post: one, or several for a compilation, in the order of the text."""

    kind: Kind
    segments: tuple[Assignment, ...] = Field(min_length=1)


class Closing(_Record):
    """The assignments a status post says are taken: by code, or by link to their post (as written)."""

    codes: tuple[str, ...] = ()
    links: tuple[str, ...] = ()


class Skipped(_Record):
    """A post that holds no assignment, and why; a status post names what it closes."""

    reason: SkipReason
    closes: Closing = Closing()


Outcome = Extracted | Skipped


class Extractor(Protocol):
    """Turns one text into its outcome. Deterministic for rules; raises only TutorDexError subclasses."""

    def extract(self, text: str) -> Outcome:
        """Return what the text holds; the text is data, whatever it says."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An outcome and how it was come by: prompt, model, dialect, tokens over all attempts, latency, cost."""

    outcome: Outcome
    meta: Mapping[str, JsonValue] = field(default_factory=dict)


class AsyncExtractor(Protocol):
    """Turns one text into an answer while others wait for theirs; a language model is one."""

    async def answer(self, text: str) -> Answer:
        """Return what the text holds; the text is data, whatever it says.

        Raises LaneUnavailable, LaneStopped or AnswerRejected (`extraction.failures`).
        """
        ...

    async def responds(self) -> bool:
        """Tell whether anything is answered now: asked when one text stays without an answer."""
        ...


class ExtractorFactory(Protocol):
    """Builds an extractor from a pipeline file's `parameters`; UsageError for one it does not know."""

    def __call__(self, parameters: Mapping[str, object]) -> Extractor:
        """Return the extractor these parameters describe."""
        ...
