"""From postal codes to Singapore's postal districts and regions.

The districts are the 28 of the Urban Redevelopment Authority's list; a code's first two digits, its sector,
decide. Regions are the planning regions most homes of a sector lie in; where people commonly say otherwise
(Katong is "the East", Pasir Panjang "the West"), as they do.
"""

from collections.abc import Iterable
from typing import Literal, get_args

Region = Literal["Central", "East", "North", "North-East", "West"]
REGIONS: tuple[Region, ...] = get_args(Region)

SECTORS: dict[int, tuple[int, ...]] = {
    1: (1, 2, 3, 4, 5, 6),
    2: (7, 8),
    3: (14, 15, 16),
    4: (9, 10),
    5: (11, 12, 13),
    6: (17,),
    7: (18, 19),
    8: (20, 21),
    9: (22, 23),
    10: (24, 25, 26, 27),
    11: (28, 29, 30),
    12: (31, 32, 33),
    13: (34, 35, 36, 37),
    14: (38, 39, 40, 41),
    15: (42, 43, 44, 45),
    16: (46, 47, 48),
    17: (49, 50, 81),
    18: (51, 52),
    19: (53, 54, 55, 82),
    20: (56, 57),
    21: (58, 59),
    22: (60, 61, 62, 63, 64),
    23: (65, 66, 67, 68),
    24: (69, 70, 71),
    25: (72, 73),
    26: (77, 78),
    27: (75, 76),
    28: (79, 80),
}
"""The sectors of each postal district. Sector 74 is not in use."""

_REGION_OF_DISTRICT: dict[Region, tuple[int, ...]] = {
    "Central": (1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 20, 21),
    "East": (14, 15, 16, 17, 18),
    "North": (25, 26, 27),
    "North-East": (19, 28),
    "West": (5, 22, 23, 24),
}
_REGION_OF_SECTOR: dict[int, Region] = {38: "Central", 39: "Central", 56: "North-East"}
"""Sectors on the other side of a region's border than most of their district: Geylang, Ang Mo Kio."""

_DISTRICTS = {sector: district for district, sectors in SECTORS.items() for sector in sectors}
_REGIONS = {
    **{
        sector: region
        for region, districts in _REGION_OF_DISTRICT.items()
        for district in districts
        for sector in SECTORS[district]
    },
    **_REGION_OF_SECTOR,
}


def districts_of(postal_codes: Iterable[str]) -> tuple[int, ...]:
    """Return the districts, 1 to 28, of six-digit codes, in their order; codes of no district give none."""
    found = (_DISTRICTS.get(int(code[:2])) for code in postal_codes)
    return tuple(dict.fromkeys(district for district in found if district is not None))


def region_of(postal_codes: Iterable[str]) -> Region | None:
    """Return the region all the codes lie in; None if there is none or more than one."""
    regions = {_REGIONS.get(int(code[:2])) for code in postal_codes}
    return regions.pop() if len(regions) == 1 else None
