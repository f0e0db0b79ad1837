"""What status posts close."""

import pytest

from tutordex_dagster.extraction.rules.closing import MAX_NAMED, closing
from tutordex_dagster.extraction.rules.kinds import skip_reason


@pytest.mark.parametrize(
    ("text", "codes", "links"),
    [
        ("Assignment A3301 is closed.", ("A3301",), ()),
        ("TAKEN: A3301, A3302 & B-7710\nThank you all!", ("A3301", "A3302", "B-7710"), ()),
        ("❌ 55120 - assigned ❌", ("55120",), ()),
        ("Case #QX-5521 (P5 Maths @ Blk 12 Bedok) has found a tutor, call 91234567", ("QX-5521",), ()),
        ("The following assignments are closed:\n- LK6201\n- LK6202", ("LK6201", "LK6202"), ()),
        ("Filled: https://t.me/brightkite/4410", (), ("https://t.me/brightkite/4410",)),
        ("t.me/c/123456/78 is no longer available, see t.me/brightkite", (), ("t.me/c/123456/78",)),
        ("Jobs 2206-14 and 7G-1002 taken at 7.30pm for $35, since 2026", ("2206-14", "7G-1002"), ()),
        ("(GH 118) (GH 119) all taken tq", ("GH 118", "GH 119"), ()),
        ("DX-7701 - taken\nDX-7703 - taken\nDX-7702 - still open, now $45/hr", ("DX-7701", "DX-7703"), ()),
        ("UPDATE: case KT0x4A7 is filled. 4B2 still open.", ("KT0x4A7",), ()),
        ("QL-E-209 CLOSED, VK#314 gone liao", ("QL-E-209", "VK#314"), ()),
        ("5-0098 ✔️ found tutor", ("5-0098",), ()),
        ("Assignment A3301 reopened, tutor backed out. It was filled.", (), ()),
        ("Sec 3 H2 Maths job is filled", (), ()),
        ("Do look for A101 (P5 Maths, Bedok)\nTAKEN, thanks!\nApply for our other jobs", ("A101",), ()),
        ("A101 taken, do apply for our other assignments", ("A101",), ()),
        ("A101, A102 and A103 are filled. New jobs coming soon!", ("A101", "A102", "A103"), ()),
        (
            "Taken: t.me/lanternquill/31, t.me/lanternquill/32 (t.me/lanternquill/33 still open)",
            (),
            ("t.me/lanternquill/31", "t.me/lanternquill/32"),
        ),
    ],
)
def test_codes_and_links_are_named_and_other_numbers_are_not(
    text: str, codes: tuple[str, ...], links: tuple[str, ...]
) -> None:
    assert skip_reason(text) == "status"
    found = closing(text)
    assert (found.codes, found.links) == (codes, links)


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("All assignments taken except A105. Thanks!", ()),
        ("A101 is NOT filled!", ()),
        ("Assignment A101 is not taken yet, please apply", ()),
        ("A101, A102 have not been filled", ()),
        ("A101 has yet to be filled", ()),
        ("A101 isn't closed", ()),
        ("Is A101 taken?", ()),
        ("Do not wait until A101 is filled", ()),
        ("Update:\nA101 - TAKEN\nA102 - OPEN\nA103 - TAKEN", ("A101", "A103")),
        ("Update: A101 taken, A102 available", ("A101",)),
        ("Update: A101 taken, A102, A103 available", ("A101",)),
        ("Filled: A101 A102\nStill looking for tutors: A104 A105", ("A101", "A102")),
        ("Filled:\nA101\nA102\n\nStill looking for tutors:\nA104\nA105", ("A101", "A102")),
        ("Open:\nA101\n\nClosed:\nA102\nA103", ("A102", "A103")),
        ("A101 taken. New job A102 coming up soon", ("A101",)),
        (
            "Please do not apply for A101, it has been taken. You may apply for A102 instead.",
            ("A101",),
        ),
        ("Don't hesitate to apply for A102, as A101 is taken", ("A101",)),
        ("Taken: A101, A102 (A103 still open)", ("A101", "A102")),
        ("A101 (taken) A102 (open)", ("A101",)),
        ("A101 ❌ taken A102 ✅ open", ()),
        ("❌ A101 taken 🔥 A102 urgent", ("A101",)),
        ("A101 has been filled, similar to A102", ("A101",)),
        ("A101 was taken. It is available again.", ()),
        ("A101 was taken but is open again", ()),
        ("A101 taken, A102 taken. Others still open", ("A101", "A102")),
        ("A101 is no longer available, but A102 is.", ("A101",)),
        ("A101 taken. See A102", ("A101",)),
        ("A101 is taken, A102 too", ("A101", "A102")),
        ("Filled: A101, A102. Hot: A103", ("A101", "A102")),
        ("Filled:\nP5 Maths: A101\nCode: A102", ("A101", "A102")),
        ("A101 filled, A102 filled, A103 last chance!", ("A101", "A102")),
        ("A101 urgent!\nAll taken: A101, A102", ("A102",)),
    ],
)
def test_what_a_status_post_says_is_open_or_leaves_in_doubt_stays_open(
    text: str, codes: tuple[str, ...]
) -> None:
    assert skip_reason(text) == "status"
    assert closing(text).codes == codes


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("CLOSED ✅", "status"),
        ("❌ TAKEN ❌ thanks all", "status"),
        ("This is taken already", "status"),
        ("Filled with joy", "other"),
        ("Our office is closed from 28 to 31 Jan.", "other"),
    ],
)
def test_a_mark_alone_is_about_the_post_it_answers(text: str, reason: str) -> None:
    assert skip_reason(text) == reason
    assert not closing(text).codes or reason == "other"


def test_the_number_of_codes_is_bounded() -> None:
    assert (
        len(closing("closed " + " ".join(f"AB{number}" for number in range(1000, 3000))).codes) == MAX_NAMED
    )
