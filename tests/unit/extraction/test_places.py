"""Addresses, postal codes and stations."""

import pytest

from tutordex_dagster.extraction.rules.places import (
    addresses,
    headline_address,
    is_address_line,
    looks_like_place,
    postal_codes,
    stations,
    told_address,
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Blk 77 Redhill Close S150077", ("Blk 77 Redhill Close",)),
        ("12 Sunset Way, Singapore 597112", ("12 Sunset Way",)),
        ("31 Fig Tree Walk (S)248031", ("31 Fig Tree Walk",)),
        ("597112 (Clementi)", ("Clementi",)),
        ("Marine Crescent, 5 mins walk from Marine Terrace MRT", ("Marine Crescent",)),
        ("Kim Tian Road (near Tiong Bahru MRT)", ("Kim Tian Road",)),
        ("Kim Tian Road, bus 5 and 16", ("Kim Tian Road",)),
        ("Bukit Timah / Holland Village", ("Bukit Timah", "Holland Village")),
        ("Blk 12/14 Redhill Close", ("Blk 12/14 Redhill Close",)),
        ("Villa Rosa (Bukit Timah)", ("Villa Rosa (Bukit Timah)",)),
        ("278621 (https://www.example.com/maps/278621) Holland", ("Holland",)),
        ("Online", ()),
        ("Zoom lessons", ()),
        ("TBC", ()),
    ],
)
def test_an_address_is_the_place_without_its_code_and_the_way_to_it(
    value: str, expected: tuple[str, ...]
) -> None:
    assert addresses(value) == expected


@pytest.mark.parametrize(
    ("place", "everything", "expected"),
    [
        ("Redhill Close 150077", "", ("150077",)),
        ("", "live at s150077 now", ("150077",)),
        ("", "(S)150077", ("150077",)),
        ("", "S(150077)", ("150077",)),
        ("", "Singapore 597112", ("597112",)),
        ("", "postal code: 597112", ("597112",)),
        ("", "www.google.com/maps/search/278621", ("278621",)),
        ("", "the number 278621", ()),
        ("unit 1234567", "", ()),
        ("call 81234567", "S1234567", ()),
        ("sector 990011", "", ()),
        ("$150077", "", ()),
        ("150077 and 597112, S150077", "", ("150077", "597112")),
    ],
)
def test_postal_codes_need_a_place_a_country_or_a_map_link(
    place: str, everything: str, expected: tuple[str, ...]
) -> None:
    assert postal_codes([place], everything) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5 min walk from Marine Terrace MRT", ("Marine Terrace MRT",)),
        ("nearest MRT station: Tiong Bahru or Havelock", ("Tiong Bahru", "Havelock")),
        ("near Ten Mile Junction LRT", ("Ten Mile Junction LRT",)),
        ("(New Place MRT)", ("New Place MRT",)),
        ("a stroll to the LRT", ()),
        ("walk to the MRT", ()),
        ("at Bishan", ()),
        ("Bishan MRT, bishan mrt", ("Bishan MRT",)),
    ],
)
def test_stations_stand_beside_the_word(text: str, expected: tuple[str, ...]) -> None:
    assert stations([text], []) == expected


def test_a_station_label_lists_names_without_line_codes() -> None:
    assert stations(["near Bishan MRT"], ["Aljunied (EW9) / Dakota"]) == ("Aljunied", "Dakota")
    assert stations([], ["N/A"]) == ()


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        (" @ Hougang Ave 8, $35/h", ("Hougang Ave 8",)),
        (" - Blk 5 Kim Tian Road 160005", ("Blk 5 Kim Tian Road",)),
        (" at Tampines on Mon 3pm", ("Tampines",)),
        (" [Yew Tee]", ("Yew Tee",)),
        (" (to revise for exams) - Bishan Street 15", ("Bishan Street 15",)),
        (" @ Some Condo #AB123", ("Some Condo",)),
        (" near Bishan MRT", ()),
        (" who is shy", ()),
        ("", ()),
    ],
)
def test_a_headline_goes_on_with_its_place(rest: str, expected: tuple[str, ...]) -> None:
    assert headline_address(rest) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("We live at 9 Fig Tree Walk, close to Bishan MRT.", ("9 Fig Tree Walk",)),
        ("Boy staying in Toa Payoh! Thanks", ("Toa Payoh",)),
        ("He lives in fear of exams", ()),
        ("good at Maths", ()),
    ],
)
def test_a_sentence_tells_where_the_student_lives(text: str, expected: tuple[str, ...]) -> None:
    assert told_address(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Blk 12", True),
        ("Jalan Rajah", True),
        ("Sunset Way", True),
        ("Bishan", True),
        ("150077", True),
        ("shy", False),
    ],
)
def test_places_are_known_by_street_words_towns_and_codes(text: str, *, expected: bool) -> None:
    assert looks_like_place(text) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Blk 9 Fig Tree Walk", True),
        ("9 Fig Tree Walk", True),
        ("Somewhere, Singapore 248031", True),
        ("2 siblings, both shy", False),
        ("Fig Tree Walk 3, near Bishan MRT", True),
        ("Bishan is where she lives", False),
        ("Near Bishan MRT", False),
        ("Bishan MRT", False),
        ("Blk 9 " + "and more " * 20, False),
    ],
)
def test_a_short_line_of_block_street_or_code_is_an_address(text: str, *, expected: bool) -> None:
    assert is_address_line(text) is expected
