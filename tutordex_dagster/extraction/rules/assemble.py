"""From entries to one assignment: which entry feeds which field, and where to look when no label names it."""

from collections.abc import Sequence
from dataclasses import dataclass

from tutordex_dagster.extraction.contract import (
    Assignment,
    Kind,
    LearningMode,
    Rate,
    Status,
    TierRate,
    TimeAvailability,
)
from tutordex_dagster.extraction.rules import (
    academics,
    codes,
    patterns,
    people,
    places,
    rates,
    schedule,
    standing,
)
from tutordex_dagster.extraction.rules.availability import read_slots, week
from tutordex_dagster.extraction.rules.districts import districts_of, region_of
from tutordex_dagster.extraction.rules.entries import LIST_BULLETS, Entry, written
from tutordex_dagster.extraction.rules.looks import MAX_TAUGHT
from tutordex_dagster.extraction.rules.tiers import rate_breakdown, tiered_text
from tutordex_dagster.extraction.rules.vocabulary import Field

_NO_TIMES = TimeAvailability()
_MARKED: frozenset[Field] = frozenset({"code", "headline", "academic", "subject", "level"})
"""Fields whose labels may come behind a mark such as "[CLOSED]"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One segment's entries, and how far they are trusted."""

    entries: Sequence[Entry]
    named: frozenset[Field | None]
    """The fields of the entries."""
    labelled_only: bool
    estimated_slots: bool

    def values(self, *fields: Field) -> tuple[str, ...]:
        """Return what is stated behind labels of these fields, in the order of the text."""
        if self.named.isdisjoint(fields):
            return ()
        named = [entry for entry in self.entries if entry.field in fields]
        return tuple(
            entry.value
            for entry in named
            if (entry.label or not self.labelled_only) and patterns.stated(entry.value)
        )

    def free(self, *fields: Field) -> tuple[str, ...]:
        """Return unlabelled lines and the values of these fields, in order; none if only labels count."""
        if self.labelled_only:
            return ()
        return tuple([entry.value for entry in self.entries if entry.field is None or entry.field in fields])


def assemble(reading: Reading, kind: Kind) -> Assignment:
    """Fill an assignment from one segment."""
    headline, rest = _headline(reading)
    taught = "\n".join((*reading.values("academic", "subject", "level", "stream"), headline or ""))
    if not academics.levels(taught):
        taught = "\n".join((taught, academics.first_headline(reading.free("headline")) or ""))
    rate, in_rate = _rate(reading, rest)
    postal_codes = _postal_codes(reading, rest)
    rate, tiers = _tiers(reading, rate)
    return Assignment(
        assignment_code=codes.find_code(reading.entries, labelled_only=reading.labelled_only),
        academic_display_text=headline,
        learning_mode=_mode(reading),
        address=_addresses(reading, rest) or None,
        postal_code=postal_codes or None,
        nearest_mrt=_stations(reading) or None,
        lesson_schedule=_schedule(reading, rest, in_rate) or None,
        start_date=_start(reading),
        rate=rate,
        rate_breakdown=tiers,
        additional_remarks=_remarks(reading, headline),
        time_availability=_availability(reading, rest),
        subjects=academics.subjects(taught),
        levels=academics.school_levels(taught),
        streams=academics.streams(taught),
        tutor_types=_tutor_types(reading, rate),
        districts=districts_of(postal_codes),
        region=region_of(postal_codes),
        status=_status(reading),
        kind=kind,
    )


def _headline(reading: Reading) -> tuple[str | None, str]:
    """Return what is taught as written, and what the headline goes on with; labelled subjects come first."""
    free = academics.first_headline(reading.free("headline"))
    head, rest = academics.split_headline(free) if free else (None, "")
    labelled = (*reading.values("academic"), *reading.values("subject"))
    if labelled:
        taught = next((value for value in labelled if academics.subjects(value)), labelled[0])
        return academics.labelled_display(taught), rest
    if head and not academics.subjects(head):
        needed = (academics.needed_subject(text) for text in reading.free("headline"))
        head = next((subject for subject in needed if subject), head)
    if head:
        return head, rest
    level = next(iter(reading.values("level")), None)
    return (academics.labelled_display(level) if level else None), rest


def _addresses(reading: Reading, rest: str) -> tuple[str, ...]:
    told = [places.addresses(value) for value in reading.values("location")]
    known = (found for found in told if found and places.looks_like_place(found[0]))
    best = next(known, None) or next((found for found in told if found), ())
    if best:
        return best
    line = next((text for text in reading.free() if _is_address(text)), "")
    place, stay = places.headline_address(rest), _told_address(reading)
    found = stay if stay and not _is_exact(place) and (not place or _is_exact(stay)) else place
    return found if _is_exact(found) or not line else places.addresses(line) or found


def _is_exact(found: Sequence[str]) -> bool:
    return any(letter.isdigit() for place in found for letter in place)


def _told_address(reading: Reading) -> tuple[str, ...]:
    return next((found for text in reading.free("headline") if (found := places.told_address(text))), ())


def _is_address(text: str) -> bool:
    return places.is_address_line(text) and not academics.is_academic(text)


def _postal_codes(reading: Reading, rest: str) -> tuple[str, ...]:
    everything = "" if reading.labelled_only else "\n".join(entry.value for entry in reading.entries)
    lines = (text for text in reading.free() if places.holds_postal_code(text) and _is_address(text))
    return places.postal_codes((*reading.values("location", "postal"), rest, *lines), everything)


def _stations(reading: Reading) -> tuple[str, ...]:
    texts = (*reading.values("location"), *reading.free("headline"))
    labelled = [
        entry.value
        for entry in reading.entries
        if entry.field == "mrt" or (entry.field == "location" and patterns.MRT.search(entry.label))
    ]
    return places.stations(texts if reading.labelled_only else (*texts, *reading.values("remarks")), labelled)


def _rate(reading: Reading, rest: str) -> tuple[Rate, str]:
    for entry in reading.entries:
        if entry.field == "rate" and (entry.label or not reading.labelled_only):
            rate, in_rate = rates.labelled_rate(entry.label, entry.value)
            if rate.raw_text:
                return rate, in_rate
    texts = (*reading.free("headline", "schedule"), rest)
    free = (found for text in texts if (found := _free_rate(text)))
    quote = next((Rate(raw_text=text) for text in reading.free() if rates.asks_for_quote(text)), Rate())
    return next(free, quote), ""


def _free_rate(text: str) -> Rate | None:
    found = rates.free_rate(text)
    tiered = tiered_text(text) if found else None
    return Rate(raw_text=tiered) if tiered else found


def _tiers(reading: Reading, rate: Rate) -> tuple[Rate, tuple[TierRate, ...]]:
    """Return pay by kind of tutor: within one rate, or by several that are labelled with their kinds.

    A tiered rate has no amounts of its own.
    """
    labelled = [entry for entry in reading.entries if entry.field == "rate" and entry.label]
    if len(labelled) > 1:
        text = "\n".join(written(entry) for entry in labelled)
        tiers = rate_breakdown(text)
        return (Rate(raw_text=text), tiers) if tiers else (rate, ())
    tiers = rate_breakdown(_pay_with_kinds(labelled[0]) if labelled else rate.raw_text or "")
    return (Rate(raw_text=rate.raw_text), tiers) if tiers else (rate, ())


def _pay_with_kinds(entry: Entry) -> str:
    """Return a rate's value, with its label if that names the first kind: "Rate PT: $30, FT: $40"."""
    return written(entry) if people.tutor_types((entry.label,)) else entry.value


def _schedule(reading: Reading, rest: str, in_rate: str) -> tuple[str, ...]:
    labelled = schedule.labelled_schedule(
        entry for entry in reading.entries if entry.label or not reading.labelled_only
    )
    if labelled or in_rate:
        return labelled or (in_rate,)
    texts = (*reading.free("headline"), rest, *(() if reading.labelled_only else reading.values("remarks")))
    found = next((clause for text in texts if (clause := schedule.free_schedule(text))), None)
    found = found or next((text for text in reading.free() if schedule.length_alone(text)), None)
    return (found,) if found else ()


def _start(reading: Reading) -> str | None:
    labelled = next(
        (start for value in reading.values("start") if (start := schedule.labelled_start(value))), None
    )
    if labelled or reading.labelled_only:
        return labelled
    texts = reading.free("headline", "academic", "subject", "remarks", "time", "schedule")
    told = next((start for text in texts if (start := schedule.start_date(text))), None)
    sentences = (
        each
        for text in (*reading.free(), *reading.values("remarks"))
        for each in patterns.SENTENCE.split(text)
    )
    return told or next((start for each in sentences if (start := schedule.bare_start(each))), None)


def _mode(reading: Reading) -> LearningMode:
    labelled = next(iter(reading.values("mode")), None)
    if labelled:
        return people.labelled_mode(labelled)
    texts = (
        *reading.values("location"),
        *reading.free("headline", "remarks", "academic", "subject", "time", "schedule"),
    )
    return people.learning_mode(texts)


def _remarks(reading: Reading, taught: str | None) -> str | None:
    labelled = reading.values("remarks")
    if labelled or reading.labelled_only:
        return "\n".join(labelled) or None
    headline = None if reading.values("academic", "subject") else taught
    free = [entry for entry in reading.entries if entry.field is None]
    free = [entry for entry in free if not headline or headline not in entry.value]
    items = [entry for entry in free if entry.line.bullet in LIST_BULLETS and _is_remark(entry.value, entry)]
    told = [entry.value for entry in items] or [
        text for entry in free if entry is not reading.entries[0] and (text := _told_remarks(entry))
    ]
    return "\n".join(told) or None


def _told_remarks(entry: Entry) -> str:
    """Return a free line's sentences about people and wishes that no other field took."""
    sentences = patterns.SENTENCE.split(entry.value)
    return " ".join(
        each
        for each in sentences
        if (people.is_wish(each) or people.tells_of_people(each)) and _is_remark(each, entry)
    )


def _is_remark(text: str, entry: Entry) -> bool:
    """Is the text none that another field took?"""
    return (
        not academics.restates(text)
        and not (len(text) <= MAX_TAUGHT and academics.is_taught(text))
        and not schedule.is_start_line(text)
        and not patterns.tells_frequency(text)
        and not rates.free_rate(text)
        and not rates.asks_for_quote(text)
        and not patterns.names_day(text)
        and not _is_address(text)
        and not places.is_way(text)
        and not places.told_address(text)
        and people.learning_mode((text,)).mode is None
        and codes.free_code(entry) is None
    )


def _availability(reading: Reading, rest: str) -> TimeAvailability:
    note = "\n".join(reading.values("time")) or _free_times(
        (*reading.free("headline", "schedule"), rest, *reading.values("remarks"))
    )
    if not note:
        return _NO_TIMES
    slots = read_slots(patterns.BRACKETED_SCHEDULE.sub(" ", note))
    return TimeAvailability(
        explicit=week(slot for slot in slots if slot.explicit),
        estimated=week(slot for slot in slots if not slot.explicit and reading.estimated_slots),
        note=note,
    )


def _free_times(texts: Sequence[str]) -> str:
    """Return the first sentence with a day and a time or frequency, else a line that is nothing but days.

    A sentence that tells when lessons begin is none.
    """
    for text in texts:
        for sentence in patterns.columns(text):
            if not patterns.names_day(sentence) or schedule.start_date(sentence):
                continue
            if (
                patterns.TIME_WORD.search(sentence)
                or patterns.tells_frequency(sentence)
                or patterns.DAY_SPAN.search(sentence)
            ):
                return sentence
    return next((text for text in texts if patterns.DAYS_ONLY.fullmatch(text)), "")


def _tutor_types(reading: Reading, rate: Rate) -> tuple[str, ...]:
    asked = people.tutor_types(reading.values("tutor"))
    if asked or reading.labelled_only:
        return asked
    return people.tutor_types((rate.raw_text or "", *reading.free("headline", "remarks")))


def _status(reading: Reading) -> Status:
    labels = [entry.label for entry in reading.entries if entry.field in _MARKED]
    opening = reading.free("headline", "code")[:3]
    return standing.status(reading.values("status"), labels, opening, reading.free("other"))
