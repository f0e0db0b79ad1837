"""When lessons can be: days and times in words, to slots of a week."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from tutordex_dagster.extraction.contract import DAYS, WeekSlots
from tutordex_dagster.extraction.rules.clock import (
    DAY_END,
    DAY_START,
    EVERY_DAY,
    NOON,
    UNCLEAR,
    Token,
    read_tokens,
)

ANYTIME = "anytime"
_NO_SLOTS = WeekSlots()
_UNREAD = Token(kind="span", start=1, end=0)
"""A time that is stated but not understood: it ends before it starts, and gives no slot."""
MAX_TOKENS = 400
"""A bound for hostile texts; real posts have some dozens of words of time."""


class Slot(NamedTuple):
    """One slot: day 0 (Monday) to 6, minutes since midnight; `end` is `start` if only that is stated."""

    day: int
    start: int
    end: int
    explicit: bool


def read_slots(text: str) -> tuple[Slot, ...]:
    """Return the slots a text about availability states, in no particular order, without repeats.

    Explicit slots name the day and fix the time; all others ("after 4pm", "weekends", "Sat morning") are
    estimated. A time without any day is no slot: the day would be a guess. "Flexible" alone means every day.
    """
    tokens = tuple(token for token, _ in zip(read_tokens(text), range(MAX_TOKENS), strict=False))
    slots = _Reader(tokens).read()
    if not slots and tokens and all(token.kind in {"anytime", "stop"} for token in tokens):
        return tuple(Slot(day=day, start=DAY_START, end=DAY_END, explicit=False) for day in EVERY_DAY)
    return tuple(dict.fromkeys(slots))


def week(slots: Iterable[Slot]) -> WeekSlots:
    """Lay slots out by day, sorted."""
    days: dict[str, list[str]] = {}
    for slot in sorted(slots, key=lambda slot: (slot.day, slot.start, slot.end)):
        days.setdefault(DAYS[slot.day], []).append(f"{_hhmm(slot.start)}-{_hhmm(slot.end)}")
    if not days:
        return _NO_SLOTS
    return WeekSlots.model_validate({day: tuple(listed) for day, listed in days.items()})


def _hhmm(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


@dataclass(slots=True)
class _Reader:
    """Walks the tokens with the days named last, to which the next times belong (or the reverse)."""

    tokens: tuple[Token, ...]
    slots: list[Slot] = field(default_factory=list)
    days: list[int] = field(default_factory=list)
    named: bool = True
    """The current days were named one by one, not as a group such as weekdays."""
    used: bool = False
    """The current days have a time already, so the next day named starts a new list."""
    unread: bool = False
    """The current days have a time that is not understood, so they are not free at any time."""
    pending: Token | None = None
    """A time that came before its days."""
    refused: frozenset[int] = frozenset()
    """Days the text rules out: later groups such as weekdays go without them."""

    def read(self) -> list[Slot]:
        at = 0
        while at < len(self.tokens):
            at = self._step(at)
        self._finish()
        return self.slots

    def _step(self, at: int) -> int:
        token = self.tokens[at]
        match token.kind:
            case "days":
                return self._take_days(at)
            case "time" | "span" | "period" | "anytime":
                return self._take_time(at)
            case "no":
                return self._take_refusal(at)
            case "except":
                return self._take_exception(at)
            case "stop":
                if self.pending is not None and self.pending.name == ANYTIME and not self.days:
                    self.pending = None
                self.used = self.used or bool(self.days)
                return at + 1
            case _:
                return at + 1

    def _kind(self, at: int) -> str:
        return self.tokens[at].kind if 0 <= at < len(self.tokens) else ""

    def _take_days(self, at: int) -> int:
        days, at, sure = self._day_range(at)
        if self.used and self.pending is None:
            self._finish()
        if not self.days:
            self.named = True
        self.named = self.named and sure
        left_out = self.refused if not sure else ()
        self.days.extend(day for day in days if day not in self.days and day not in left_out)
        return at

    def _day_range(self, at: int) -> tuple[tuple[int, ...], int, bool]:
        token = self.tokens[at]
        if (
            self._kind(at + 1) == "link"
            and self._kind(at + 2) == "days"
            and token.sure
            and self.tokens[at + 2].sure
        ):
            first, last = token.days[0], self.tokens[at + 2].days[0]
            return tuple((first + step) % 7 for step in range((last - first) % 7 + 1)), at + 3, True
        return token.days, at + 1, token.sure

    def _take_time(self, at: int) -> int:
        spec, after = self._spec(at)
        if spec is None:
            return after
        if self.pending is not None and self.days:
            self._apply(self.pending)
            self.days, self.pending = [], spec
        elif self.days:
            self._apply(spec)
        else:
            self.pending = spec
        return after

    def _spec(self, at: int) -> tuple[Token | None, int]:
        """Return the time at this place with its modifiers, and the place after it."""
        token = self.tokens[at]
        if token.kind == "anytime":
            if self._kind(at + 1) in {"span", "after", "before"}:  # "anytime after 4pm"
                return None, at + 1
            return Token(kind="span", start=DAY_START, end=DAY_END, sure=False, name=ANYTIME), at + 1
        if token.kind == "period":
            return self._period(at)
        named = self._kind(at + 1) == "period"
        if token.name == UNCLEAR:
            return (_span_in(self.tokens[at + 1], token) if named else _UNREAD), at + 1 + named
        return self._point(at) if token.kind == "time" else (token, at + 1 + named)

    def _point(self, at: int) -> tuple[Token | None, int]:
        """Read a clock time with "after", "before" or "onwards"; a bare number is none without them."""
        token, before = self.tokens[at], self._kind(at - 1)
        if self._kind(at + 1) == "onwards":
            return _after(token), at + 2
        if before in {"after", "before"}:
            return (_after(token) if before == "after" else _before(token)), at + 1
        return (token if token.sure else None), at + 1 + (self._kind(at + 1) == "period")

    def _period(self, at: int) -> tuple[Token | None, int]:
        token, following = self.tokens[at], self._kind(at + 1)
        behind_days = "days" in {self._kind(at - 1), self._kind(at - 2)}
        if token.name in {"am", "pm"} and not behind_days:  # else "I am"
            return None, at + 1
        if following in {"after", "before"} and self._kind(at + 2) == "time":
            return _within(token, following, self.tokens[at + 2]), at + 3
        if following == "span":
            return _span_in(token, self.tokens[at + 1]), at + 2
        if following == "time":
            spec, place = self._spec(at + 1)
            return (spec or token), place
        if following == "link" and self._kind(at + 2) == "period":
            last = self.tokens[at + 2]
            return Token(kind="span", start=token.start, end=last.end, sure=False), at + 3
        return token, at + 1

    def _take_refusal(self, at: int) -> int:
        """Read "no Saturday before 1pm" (so after 1pm) and "not on Fridays"."""
        days, place = self._listed_days(at + 1)
        modifier, time = self._kind(place), self._kind(place + 1)
        if modifier in {"after", "before"} and time == "time":
            spec = _after(self.tokens[place + 1]) if modifier == "before" else _before(self.tokens[place + 1])
            if days:
                self._finish()
                self.days, self.named = list(days), False
            self._apply(spec)
            return place + 2
        self._exclude(days)
        return place

    def _take_exception(self, at: int) -> int:
        days, place = self._listed_days(at + 1)
        self._exclude(days)
        return place

    def _listed_days(self, at: int) -> tuple[tuple[int, ...], int]:
        days: tuple[int, ...] = ()
        while self._kind(at) == "days" and (not days or self.tokens[at].sure):
            more, at, _ = self._day_range(at)
            days += more
            at += self._kind(at) == "and" and self._kind(at + 1) == "days"
        return days, at

    def _exclude(self, days: tuple[int, ...]) -> None:
        self.refused |= frozenset(days)
        if self.days and not self.used:
            self.days = [day for day in self.days if day not in days]
        self.slots = [slot for slot in self.slots if slot.day not in days]

    def _apply(self, spec: Token) -> None:
        self.used = True
        self.unread = self.unread or spec.start > spec.end
        explicit = spec.sure and self.named
        self.slots.extend(
            Slot(day=day, start=spec.start, end=spec.end, explicit=explicit)
            for day in self.days
            if spec.start <= spec.end
        )

    def _finish(self) -> None:
        """Close the current days: with the time that came before them, else for the whole day."""
        if self.pending is not None:
            self._apply(self.pending)
        elif not self.unread and not any(slot.day in self.days for slot in self.slots):
            self._apply(Token(kind="span", start=DAY_START, end=DAY_END, sure=False))
        self.days, self.used, self.named, self.unread, self.pending = [], False, True, False, None


def _span_in(period: Token, span: Token) -> Token:
    """Read "morning 9-11" or "7-9 evening": the part of the day settles am or pm."""
    if span.sure:
        return span
    shift = 0
    if period.name == "morning" and span.start >= NOON:
        shift = -NOON
    elif period.name in {"evening", "night"} and span.start < NOON:
        shift = NOON
    return Token(kind="span", start=span.start + shift, end=span.end + shift)


def _within(period: Token, side: str, time: Token) -> Token:
    """Read "mornings before 11am" and "afternoons after 2pm"; evenings last as long as "after" does."""
    if side == "before":
        return Token(kind="span", start=min(period.start, time.start), end=time.start, sure=False)
    end = period.end if period.end <= 17 * 60 and time.start < period.end else DAY_END
    return Token(kind="span", start=time.start, end=end, sure=False)


def _after(time: Token) -> Token:
    return Token(kind="span", start=time.start, end=DAY_END, sure=False)


def _before(time: Token) -> Token:
    return Token(kind="span", start=DAY_START, end=time.start, sure=False)
