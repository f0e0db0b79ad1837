"""Postal districts and regions."""

import pytest

from tutordex_dagster.extraction.rules.districts import REGIONS, SECTORS, districts_of, region_of

EVERY_SECTOR = [f"{sector:02d}0001" for sector in range(1, 83) if sector != 74]


def test_every_sector_in_use_is_in_one_district_and_one_region() -> None:
    assert sorted(sector for sectors in SECTORS.values() for sector in sectors) == [
        int(code[:2]) for code in EVERY_SECTOR
    ]
    assert districts_of(EVERY_SECTOR) == tuple(dict.fromkeys(districts_of(EVERY_SECTOR)))
    assert sorted(districts_of(EVERY_SECTOR)) == list(range(1, 29))
    assert {region_of([code]) for code in EVERY_SECTOR} == set(REGIONS)


@pytest.mark.parametrize(
    ("codes", "districts", "region"),
    [
        (["018956"], (1,), "Central"),
        (["600412"], (22,), "West"),
        (["821678"], (19,), "North-East"),
        (["560123", "570123"], (20,), None),
        (["520123", "520456"], (18,), "East"),
        (["750302", "740001"], (27,), None),
        (["740001"], (), None),
        (["990001"], (), None),
        ([], (), None),
    ],
)
def test_codes_give_their_districts_and_a_region_only_if_it_is_one(
    codes: list[str], districts: tuple[int, ...], region: str | None
) -> None:
    assert districts_of(codes) == districts
    assert region_of(codes) == region
