"""Where lessons are: addresses, postal codes and stations."""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from tutordex_dagster.extraction.rules import patterns
from tutordex_dagster.extraction.rules.stations import place_names, station_names
from tutordex_dagster.extraction.rules.text import CACHE, trim_decoration, without_links

MAX_SECTOR = 82
"""Singapore's postal codes begin with a sector from 01 to 82 (Singapore Post)."""

MAX_ADDRESS = 80
"""Lines longer than this tell more than an address."""

MAX_PLACE = 40
"""The name of a town or station with a street's or a direction behind it is no longer than this."""

_COUNTRY = r"(?:\(?(?:Singapore|S'?pore|SG|S)\)? ?-?|postal(?: code)?[: ]{0,3}|postcode[: ]{0,3})"
_SIX_DIGITS = re.compile(r"(?<!\d)\d{6}(?!\d)")
_BEHIND_COUNTRY = re.compile(rf"(?<![A-Za-z]){_COUNTRY}\(?$", re.IGNORECASE)
_BEHIND_MAP = re.compile(
    r"(?:maps?|goo\.gl|location)[^\s]{0,120}[/=+](?:S(?:ingapore)?(?:\+|%20)?)?$", re.IGNORECASE
)
_ALONE = re.compile(r"(?<![\d$#A-Za-z/=-])\d{6}(?![\dA-Za-z-])")
_STRIP_POSTAL = re.compile(rf",? ?[-–]? ?\(?(?:{_COUNTRY})?\(?(?<!\d)\d{{6}}(?!\d)\)?", re.IGNORECASE)

_AFTER_ADDRESS = re.compile(
    r"[,;(-]? ?\b(?:near(?:est|by)?|nr|close to|opp(?:osite)?|beside|next to|behind|walking distance"
    r"|靠近|附近|近|walk(?:able)? (?:from|to)|bus(?:es)?(?= ?(?:no|\d))|\d{1,2} ?-?(?:min|mins|minutes?)\b"
    r"|(?:MRT|LRT)\b)|\((?=[^()]{0,40}\b(?:MRT|LRT)\b)",
    re.IGNORECASE,
)
_STATION_ONLY = re.compile(
    r"(?!.{2,40} (?:near|nr|opp|beside)\b)[^,;()\d]{2,40}\b(?:MRT|LRT)\b(?: station)?(?: area)?",
    re.IGNORECASE,
)
_EITHER = re.compile(r" ?/ ?| or |;|\n")
_BOTH = re.compile(r" and (?=(?:blk|block)? ?\d)", re.IGNORECASE)
_LEAD = re.compile(
    r"(?:either|(?:(?:his|her|their|my|our|the|student'?s|parents?'?) )?"
    r"(?:home|house|place|office|condo(?:minium)?|flat|residence|workplace) (?:is )?(?:at|in|along|@)) ",
    re.IGNORECASE,
)
_ANYWHERE = re.compile(r"(?:anywhere|any (?:location|place|area))\b.{0,40}", re.IGNORECASE)
_ONLINE_ASIDE = re.compile(r" ?[(\[](?:online|zoom|virtual)[^()\[\]]{0,30}[)\]]", re.IGNORECASE)
_ONLINE = re.compile(r"(?:online|zoom|virtual|skype|google meet)\b.{0,40}", re.IGNORECASE)

_STREET = re.compile(
    r"\b(?:blk|block) ?\d{1,4}[a-z]?\b|\b(?:jalan|jln|lorong|lor|bukit) [A-Za-z]{2,20}"
    r"|\b[A-Z][A-Za-z']{1,20} (?:street|st|avenue|ave|road|rd|drive|dr|crescent|cres|lane|close|walk|way"
    r"|terrace|link|loop|ring|rise|view|grove|park|heights|hill|central|gardens?|plains|green|place"
    r"|circle|vale|residences?|condo(?:minium)?|court|towers?|villas?|mansions?)\b",
    re.IGNORECASE,
)
_NEAR = re.compile(
    r"(?:near(?:est|by)?|close to|opp(?:osite)?|beside|next to|walking distance|\d{1,2} ?-?min(?:ute)?s?)\b",
    re.IGNORECASE,
)
_LIVES = re.compile(
    r"\b(?:(?:stay(?:s|ing)?|liv(?:e|es|ing)|resid(?:e|es|ing)|located|based|home is|place is)"
    r" (?:at|in|along)|at) ([^\n.;!?]{4,80})",
    re.IGNORECASE,
)
_INSIDE = re.compile(r"\b(?:in|around) ([A-Z][^\n.;!?]{3,60})")
_TOLD_END = re.compile(
    r" (?:needs?|requires?|requiring|is|are|has|have|wants?|who|which|that|and (?=[a-z])|for|on|from|to|with"
    r"|looking|looks?|seeks?|seeking|once|twice|every|at \d|\d{1,2}[ap]m)\b|, (?=[a-z])| [-–—] |[|•]"
)
_BLOCK = re.compile(r"(?:blk|block) ?\d", re.IGNORECASE)
_HOUSE = re.compile(r"\d{1,4}[A-Za-z]? ")
_NAME_LINE = re.compile(r"(?:[A-Z0-9][\w'’.-]{0,20} ?){1,6}(?=$|,| ?\()")
_REST_OF_PLACE = re.compile(
    r"(?: (?:north|south|east|west|central|street|st|avenue|ave|road|rd|drive|dr|crescent|cres|ring|link"
    r"|close|walk|way|lane|area|mrt|\d{1,3}[a-z]?)){0,5}",
    re.IGNORECASE,
)
_POSTAL_LINE = re.compile(rf"{_COUNTRY}\(?\d{{6}}\)?$", re.IGNORECASE)
_NAMED_AFTER = re.compile(
    r"\b(?:MRT|LRT)(?: ?/ ?(?:MRT|LRT))? ?(?:stations?|stn)? ?(?:[:\-–]|is"
    r"|at)+ ?([A-Z][^\n,;.()\[\]@]{1,60})",
    re.IGNORECASE,
)
_WORDS_BEFORE = re.compile(r"((?:[A-Z][A-Za-z'-]{1,16} ?|one-north ?){1,4})$")
_NO_NAME = frozenset(
    {"near", "nearest", "nearby", "closest", "to", "from", "the", "mrt", "lrt", "walk", "at", "mins", "min"}
)
_ASIDE = re.compile(
    r"^ ?\((?:to|teach|taught|looking|prefer|need|must|lessons?)\b[^()]{1,80}\)", re.IGNORECASE
)
_HEADLINE_LEAD = re.compile(
    r"^[ @\-–—|~,•:(\[]{0,6}(?:(?:a |the |my )?(?:student|boy|girl|child|kid|family|tutee) )?"
    r"(?:(?:(?:liv|stay|resid)ing |located |based )?(?:at|in|near|around|location:?) )?",
    re.IGNORECASE,
)
_HEADLINE_END = re.compile(
    r" on (?=[A-Z])| ?[\[#$|~•]| ?\((?=#?[A-Z]{1,6}-?\d|(?:ref|code|id|job|case|assignment)\b)"
    r"| ?[-–—] (?=(?:start|urgent|asap|\$|once|twice|\d{1,2}[ap.:]))|[.!?] |\n"
    r"| (?:looking|needs?|requires?|seeking|for|who|with)\b|⚡|, ?(?=\$)",
    re.IGNORECASE,
)
_AT = re.compile(r" (?:at|in|around|@) ?(?=[A-Za-z0-9])", re.IGNORECASE)
_STATION_CODE = re.compile(r" ?\([A-Z]{1,3}\d{1,2}[^()]{0,20}\)")
_BEHIND_NAME = re.compile(r" ?\(.*| \d{1,2} ?-?min.*", re.IGNORECASE)
_AND = re.compile(r" ?[,/&+] ?| or | and ", re.IGNORECASE)


def postal_codes(places: Iterable[str], everything: str) -> tuple[str, ...]:
    """Return postal codes: bare ones in `places`; elsewhere only behind a country or in map links."""
    found = [code for text in places for code in _ALONE.findall(without_links(text))]
    found += [match[0] for match in _SIX_DIGITS.finditer(everything) if _is_told(everything, match.start())]
    return tuple(dict.fromkeys(code for code in found if 0 < int(code[:2]) <= MAX_SECTOR))


def holds_postal_code(text: str) -> bool:
    """Are there six digits in the text, whatever they are?"""
    return _SIX_DIGITS.search(text) is not None


def _is_told(text: str, at: int) -> bool:
    """Do the words before these six digits say that they are a postal code?"""
    if _BEHIND_COUNTRY.search(text, max(0, at - 16), at):
        return True
    return text[at - 1 : at] in {"/", "=", "+", "0", "e", "E", "S", "s"} and bool(
        _BEHIND_MAP.search(text, max(0, at - 140), at)
    )


def addresses(value: str) -> tuple[str, ...]:
    """Return the places a location names, without postal code and way; none for lessons online."""
    if _STATION_ONLY.fullmatch(value):
        return ()
    way = _AFTER_ADDRESS.search(value)
    if way and way.start() > 0 and not _STATION_ONLY.match(value):
        value = value[: way.start()]
    parts = (
        _EITHER.split(value) if not any(letter.isdigit() for letter in value.split("/", 1)[-1]) else [value]
    )
    parts = [half for part in parts for half in _BOTH.split(part)]
    return tuple(place for part in parts if (place := _address(part)))


@lru_cache(maxsize=CACHE)
def looks_like_place(text: str) -> bool:
    """Does the text name a street, a block, a postal code or a known part of Singapore?"""
    return bool(place_names.find(text) or _STREET.search(text) or _SIX_DIGITS.search(text))


@lru_cache(maxsize=CACHE)
def is_address_line(text: str) -> bool:
    """Is the line a block, a street or a postal code and little else, so an address without a label?"""
    if len(text) > MAX_ADDRESS or is_way(text):
        return False
    postal = text[-2:].strip(")").isdigit() and _POSTAL_LINE.search(text)
    if _BLOCK.match(text) or postal or (_HOUSE.match(text) and _STREET.search(text)):
        return True
    name = _NAME_LINE.match(text)
    if name is not None and looks_like_place(name[0]):
        return True
    known = place_names.find(text) if len(text) <= MAX_PLACE else ()
    return bool(known) and known[0].start == 0 and _REST_OF_PLACE.fullmatch(text, known[0].end) is not None


def told_address(text: str) -> tuple[str, ...]:
    """Return the place a sentence such as "we stay at 5 Fig Lane" tells of."""
    lives = _LIVES.search(text)
    if lives:
        told = _TOLD_END.split(lives[1], maxsplit=1)[0]
        return addresses(told) if looks_like_place(told) else ()
    inside = _INSIDE.search(text)
    if inside is None:
        return ()
    told = _TOLD_END.split(inside[1], maxsplit=1)[0]
    known = place_names.find(told)
    return addresses(told) if known and known[0].start == 0 else ()


def is_way(text: str) -> bool:
    """Does the line tell only what is near, such as a station?"""
    return _NEAR.match(text) is not None or _STATION_ONLY.fullmatch(text) is not None


def stations(texts: Iterable[str], labelled: Iterable[str]) -> tuple[str, ...]:
    """Return the stations named beside the word MRT or LRT in `texts`, or behind a label of their own."""
    found = [name for text in labelled for name in _listed(text)]
    if not found:
        found = [name for text in texts for name in _named(text)]
    return tuple({name.lower(): name for name in reversed(found)}.values())[::-1]


def _address(text: str) -> str | None:
    place = _ONLINE_ASIDE.sub("", _STRIP_POSTAL.sub("", without_links(text)))
    place = trim_decoration(place.strip(" ,;:-–@"))
    place = _LEAD.sub("", place.strip(" ,;:.-–@("), count=1)
    if place.startswith(("(", "[")) or (place.endswith((")", "]")) and "(" not in place and "[" not in place):
        place = place.strip("()[] ")
    if place.count("(") > place.count(")"):
        place += ")" if f"{place})" in text else ""
    return None if _ONLINE.fullmatch(place) or _ANYWHERE.fullmatch(place) else patterns.stated(place)


def _listed(text: str) -> Iterator[str]:
    for part in _AND.split(_STATION_CODE.sub("", without_links(text))):
        name = _BEHIND_NAME.sub("", part).strip(" .()[]-–:")
        if 1 < len(name) <= 40 and patterns.stated(name) and not name[0].isdigit():  # noqa: PLR2004
            yield name


def _named(text: str) -> Iterator[str]:
    for match in patterns.MRT.finditer(text):
        after = _NAMED_AFTER.match(text, match.start())
        if after:
            yield from _listed(re.split(r" (?:on|at|with|[-–]) ", after[1])[0])
        elif name := _name_before(text[max(0, match.start() - 60) : match.start()]):
            yield f"{name} {match[0]}"


def _name_before(text: str) -> str | None:
    text = text.rstrip(" (")
    known = station_names.find(text)
    if known and known[-1].end == len(text):
        return text[known[-1].start :]
    words = _WORDS_BEFORE.search(text)
    if words is None:
        return None
    name = words[1].strip().split()
    while name and name[0].lower() in _NO_NAME:
        name = name[1:]
    return " ".join(name) if name and not _NO_NAME.intersection(word.lower() for word in name) else None


def headline_address(rest: str) -> tuple[str, ...]:
    """Return the place a headline goes on with, up to its times, its pay or its next dash."""
    text = _HEADLINE_LEAD.sub("", _ASIDE.sub("", rest))
    text = _HEADLINE_END.split(text, maxsplit=1)[0]
    for inside in reversed(list(_AT.finditer(text))):
        if not looks_like_place(text[: inside.start()]) and looks_like_place(text[inside.end() :]):
            text = text[inside.end() :]
            break
    if _STATION_ONLY.fullmatch(text.strip()):
        return ()
    if not text or not (rest.lstrip().startswith("@") or looks_like_place(text)):
        return ()
    return addresses(text)
