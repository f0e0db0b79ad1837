"""Write the recorded channels of `examples/channels/`: six agencies that do not exist.

Usage:

    python scripts/make_example_channels.py [FOLDER]

Every name, code, address and person is invented here, and nothing was copied from a real channel. The output
depends on nothing but this file (each channel has its own seeded generator), so running it again changes
nothing and a test compares the files with it. Each agency writes in its own style:

    lanternleaf_demo   one labelled case a post, with emoji
    quillbridge_demo   a headline, then free lines
    mangodesk_demo     one line a case
    pebblepath_demo    compilations of several cases
    harbourlight_demo  plain labels, rates tiered by tutor type
    starling_demo      online, international schools

Among the cases are status posts, replies, adverts, service messages, edits (a raised rate, a case closed) and
deletions. Serial numbers in codes go on from week to week. Posts fall between 08:00 and 22:30 in Singapore,
fewer on Sundays. A week is 168 hours from a Monday 00:00 UTC, which is Monday 08:00 in Singapore.
"""

import json
import random
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

EPOCH = "2026-01-05T00:00:00+00:00"
SINGAPORE_OPENS, SINGAPORE_CLOSES = 8 * 3600, 22 * 3600 + 1800
DAY = 24 * 3600
POSTS_OF_A_DAY = (1.0, 1.0, 1.1, 1.0, 0.9, 0.7, 0.4)

# town, streets, station, first digits of its postal codes (a block of flats adds its own number)
PLACES = (
    ("Tampines", ("Tampines Street 41", "Tampines Avenue 9", "Tampines Street 83"), "Tampines East", "52"),
    ("Bishan", ("Bishan Street 13", "Bishan Street 24"), "Bishan", "57"),
    ("Yishun", ("Yishun Ring Road", "Yishun Street 61", "Yishun Avenue 4"), "Khatib", "76"),
    ("Ang Mo Kio", ("Ang Mo Kio Avenue 3", "Ang Mo Kio Avenue 10"), "Ang Mo Kio", "56"),
    ("Jurong West", ("Jurong West Street 52", "Jurong West Street 91"), "Boon Lay", "64"),
    ("Clementi", ("Clementi Avenue 4", "Clementi West Street 2"), "Clementi", "12"),
    ("Bedok", ("Bedok North Road", "Bedok Reservoir Road"), "Bedok North", "46"),
    ("Punggol", ("Punggol Field", "Edgefield Plains", "Sumang Walk"), "Punggol", "82"),
    ("Sengkang", ("Rivervale Drive", "Anchorvale Link", "Compassvale Walk"), "Sengkang", "54"),
    ("Woodlands", ("Woodlands Drive 14", "Woodlands Street 81"), "Admiralty", "73"),
    ("Toa Payoh", ("Toa Payoh Lorong 4", "Toa Payoh North"), "Braddell", "31"),
    ("Bukit Batok", ("Bukit Batok West Avenue 6", "Bukit Batok Street 25"), "Bukit Batok", "65"),
    ("Choa Chu Kang", ("Choa Chu Kang Avenue 2", "Teck Whye Lane"), "Choa Chu Kang", "68"),
    ("Hougang", ("Hougang Avenue 8", "Hougang Street 21"), "Hougang", "53"),
    ("Pasir Ris", ("Pasir Ris Drive 3", "Pasir Ris Street 71"), "Pasir Ris", "51"),
    ("Queenstown", ("Mei Ling Street", "Stirling Road"), "Queenstown", "14"),
)
# level, subjects, hourly rate in dollars it starts from
LOWER = (("P1", ("English", "Chinese", "Math")), ("P3", ("English", "Math", "Science", "Chinese")))
UPPER = (
    ("P4", ("Math", "Science", "Malay")),
    ("P5", ("Math", "Science", "English", "Higher Chinese")),
    ("P6", ("Math", "Science", "Foundation Math", "English")),
)
SECONDARY = (
    ("Sec 1", ("Math", "Science", "English", "Chinese")),
    ("Sec 2", ("Math", "Science", "History", "Geography")),
    ("Sec 3", ("A Math", "E Math", "Chemistry", "Physics", "Biology")),
    ("Sec 4", ("A Math", "E Math", "Pure Chemistry", "Combined Science", "Social Studies", "Literature")),
)
COLLEGE = (
    ("JC1", ("H2 Math", "H2 Chemistry", "H1 Economics")),
    ("JC2", ("H2 Physics", "H2 Math", "General Paper")),
)
ABROAD = (
    ("IB Year 1", ("Math AA HL", "Physics HL", "Economics SL")),
    ("IGCSE Grade 9", ("Math", "Coordinated Science", "English")),
    ("Grade 7", ("Math", "English", "Mandarin")),
)
FLOORS = ((LOWER, 25), (UPPER, 30), (SECONDARY, 35), (COLLEGE, 55), (ABROAD, 60))
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
REMARKS = (
    "Student is weak in problem sums, patient tutor please",
    "Prefer a tutor who can start with a trial lesson",
    "Materials to be provided by tutor",
    "Two siblings, same level",
    "Aiming for an A for the year-end exam",
    "Tutor to update parents after every lesson",
    "Must be comfortable with a cat at home",
)

Line = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One invented tuition case, before an agency puts it into its own words."""

    code: str
    level: str
    subject: str
    block: int
    street: str
    town: str
    station: str
    postal: str
    rate: int
    top: int
    hours: str
    times: int
    day: str
    other_day: str
    start_hour: int
    remark: str
    gender: str

    @property
    def duration(self) -> str:
        """Write how long a lesson is."""
        return f"{self.hours} hour{'' if self.hours == '1' else 's'}"


Write = Callable[[random.Random, Case], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Agency:
    """An agency: how often it posts, how it writes, and what else it says."""

    number: int
    name: str
    title: str
    code: str
    posts: int
    write: Write
    compiles: bool = False
    taken: str
    adverts: tuple[str, ...]
    kinds: tuple[int, ...]


def happens(rng: random.Random, percent: int) -> bool:
    """Decide something that is so in that many of a hundred cases."""
    return rng.random() * 100 < percent


def make_case(rng: random.Random, agency: Agency, serial: int) -> Case:
    """Invent a case of the levels this agency serves."""
    levels, floor = FLOORS[rng.choice(agency.kinds)]
    level, subjects = rng.choice(levels)
    town, streets, station, sector = rng.choice(PLACES)
    block = rng.randint(101, 899)
    rate = floor + 5 * rng.randint(0, 3)
    day, other_day = rng.sample(DAYS, 2)
    return Case(
        code=agency.code.format(serial),
        level=level,
        subject=rng.choice(subjects),
        block=block,
        street=rng.choice(streets),
        town=town,
        station=station,
        postal=f"{sector}0{block}",
        rate=rate,
        top=rate + 5 * rng.randint(1, 3),
        hours=rng.choice(("1", "1.5", "1.5", "2")),
        times=rng.choice((1, 1, 1, 2)),
        day=day,
        other_day=other_day,
        start_hour=rng.randint(2, 7),
        remark=rng.choice(REMARKS),
        gender=rng.choice(("", "", "Female", "Male")),
    )


def labelled_with_emoji(rng: random.Random, case: Case) -> str:
    """Write a case as labelled lines behind emoji."""
    lines = [
        "🏮 NEW CASE 🏮",
        f"🔖 Code: {case.code}",
        f"📚 Subject: {case.level} {case.subject}",
        f"📍 Location: Blk {case.block} {case.street} (S{case.postal})",
        f"🚇 Nearest MRT: {case.station}",
        f"🗓 Lessons: {case.times}x a week, {case.duration}",
        f"⏰ Timing: {case.day} {case.start_hour}pm or {case.other_day} after {case.start_hour}pm",
        f"💰 Rate: ${case.rate}-${case.top}/hr",
    ]
    if case.gender:
        lines.append(f"🧑‍🏫 Tutor: {case.gender} tutor preferred")
    lines.append(f"🚀 Start: {rng.choice(('ASAP', 'Next week', 'After the holidays', 'Immediately'))}")
    if happens(rng, 60):
        lines.append(f"📝 Remarks: {case.remark}")
    return "\n".join([*lines, "", "Message our desk with your profile and the code."])


def headline(rng: random.Random, case: Case) -> str:
    """Write a case as a headline and free lines under it."""
    often = "Once weekly" if case.times == 1 else "Twice weekly"
    lines = [
        f"{case.level} {case.subject} @ {case.town} ({case.code})",
        "",
        f"{often}, {case.hours}h per lesson",
        f"{case.day} {case.start_hour}pm-{case.start_hour + 2}pm / {case.other_day} flexible",
        f"${case.rate}/h" if happens(rng, 40) else f"${case.rate} to ${case.top} per hour",
        f"Block {case.block} {case.street}, Singapore {case.postal}",
    ]
    if happens(rng, 50):
        lines.append(f"~ {rng.choice((5, 8, 10))} min walk from {case.station} MRT")
    if case.gender:
        lines.append(f"- {case.gender} tutors only")
    return "\n".join([*lines, f"- {case.remark}"])


def one_line(rng: random.Random, case: Case) -> str:
    """Write a case on one line."""
    who = rng.choice(("PT/FT ok", "FT only", "ex-MOE pref", "undergrad ok"))
    when = rng.choice((f"{case.day} eve", "weekday eve", f"{case.day}/{case.other_day} aft", "wkend am"))
    place = f"{case.town} {case.postal}"
    return (
        f"#{case.code} | {case.level} {case.subject} | {place} | {case.hours}h x{case.times}/wk | "
        f"${case.rate}-{case.top}/h | {when} | {who}"
    )


def compilation_entry(rng: random.Random, case: Case) -> str:
    """Write a case as one entry of a compilation."""
    rate = f"${case.rate}-{case.top}/hr" if happens(rng, 70) else "Rate: tutor to quote"
    return (
        f"[{case.code}] {case.level} {case.subject}\n"
        f"{case.street}, near {case.station} MRT\n"
        f"{case.times} x {case.hours}h weekly, {case.day} or {case.other_day}\n{rate}"
    )


def plain_labels(rng: random.Random, case: Case) -> str:
    """Write a case with plain labels and a rate for each type of tutor."""
    return "\n".join(
        [
            f"Assignment {case.code}",
            "",
            f"Level & Subject: {case.level} - {case.subject}",
            f"Venue: {case.block} {case.street} S({case.postal})",
            f"Frequency: {case.times} lesson{'s' if case.times > 1 else ''} per week",
            f"Duration: {case.duration}",
            f"Available: {case.day} {case.start_hour}.30pm-{case.start_hour + 2}.30pm, {case.other_day} am",
            "Fees (hourly):",
            f"  Part-time tutor ${case.rate}-{case.rate + 5}",
            f"  Full-time tutor ${case.rate + 10}-{case.rate + 20}",
            f"  MOE teacher ${case.rate + 30}-{case.rate + 45}",
            f"Commencement: {rng.choice(('this week', 'mid January', '1 February', 'as soon as possible'))}",
            f"Others: {case.remark}",
        ]
    )


def online(rng: random.Random, case: Case) -> str:
    """Write a case of lessons that mostly happen online."""
    mode = rng.choice(
        ("Online (Zoom)", "Online", f"Hybrid: Zoom on {case.day}, at home near {case.town} otherwise")
    )
    return "\n".join(
        [
            f"✨ {case.level} · {case.subject} ✨",
            f"Ref {case.code}",
            f"Mode: {mode}",
            f"Schedule: {case.times}x weekly, {case.hours} hr, {case.day} {case.start_hour}pm to 9pm (SGT)",
            f"Budget: up to ${case.top}/hr",
            f"Notes: {case.remark}",
        ]
    )


AGENCIES = (
    Agency(
        number=700001,
        name="lanternleaf_demo",
        title="Lanternleaf Tutors (example)",
        code="LL{{#{:04d}}}",
        posts=138,
        write=labelled_with_emoji,
        taken="✅ {code} has been taken up, thank you everyone!",
        adverts=(
            "Good morning tutors! 🌞 Join our second channel for group classes and get updates first.",
            "🏮 Refer a friend who teaches and receive a $20 voucher after the first confirmed case.",
        ),
        kinds=(0, 1, 1, 2, 2, 3),
    ),
    Agency(
        number=700002,
        name="quillbridge_demo",
        title="Quillbridge Assignments (example)",
        code="QB-{{#{:04d}}}",
        posts=112,
        write=headline,
        taken="{code} closed.",
        adverts=(
            "We are hiring a coordinator (remote, part-time). Write to the desk if you like spreadsheets.",
        ),
        kinds=(0, 1, 2, 2, 3),
    ),
    Agency(
        number=700003,
        name="mangodesk_demo",
        title="Mango Desk (example)",
        code="MD{{#{:04d}}}",
        posts=150,
        write=one_line,
        taken="#{code} gone",
        adverts=(
            "desk closed after 10pm, pls apply with the form",
            "new form is up, old links stop working on Friday",
        ),
        kinds=(0, 1, 2, 2),
    ),
    Agency(
        number=700004,
        name="pebblepath_demo",
        title="Pebblepath Learning (example)",
        code="PP{{#{:04d}}}",
        posts=62,
        write=compilation_entry,
        compiles=True,
        taken="Update: {code} is filled. The other cases above are still open.",
        adverts=("Tip of the week: bring a spare worksheet to the first lesson. Parents notice.",),
        kinds=(0, 1, 2, 3),
    ),
    Agency(
        number=700005,
        name="harbourlight_demo",
        title="Harbourlight Home Tuition (example)",
        code="HL{{#{:05d}}}",
        posts=96,
        write=plain_labels,
        taken="Assignment {code}: tutor confirmed. We no longer take applications.",
        adverts=(
            "Our office is closed on the public holiday. Applications are answered the day after.",
            "Reminder: submit January timesheets by Friday to be paid in the same month.",
        ),
        kinds=(1, 2, 2, 3),
    ),
    Agency(
        number=700006,
        name="starling_demo",
        title="Starling Online (example)",
        code="ST{{#{:04d}}}",
        posts=74,
        write=online,
        taken="Ref {code} is no longer available.",
        adverts=(
            "Free webinar on marking IB internal assessments, Thursday 8pm. Tutors of any subject welcome.",
        ),
        kinds=(3, 4, 4),
    ),
)


def offsets(rng: random.Random, posts: int) -> list[int]:
    """Spread the posts of a week over the hours in which agencies in Singapore post; seconds, ascending."""
    days = rng.choices(range(7), weights=POSTS_OF_A_DAY, k=posts)
    return sorted(day * DAY + rng.randint(0, SINGAPORE_CLOSES - SINGAPORE_OPENS) for day in days)


def post_text(words: random.Random, agency: Agency, cases: list[Case]) -> str:
    """Write one or several cases as one post; the same `words` choose the same words again."""
    entries = "\n\n".join(agency.write(words, case) for case in cases)
    if not agency.compiles:
        return entries
    return (
        f"🪨 {len(cases)} open cases, {words.choice(('morning', 'afternoon', 'evening'))} list\n\n{entries}"
    )


def case_post(rng: random.Random, agency: Agency, serial: int) -> tuple[Line, list[Case]]:
    """Write a post of cases numbered from `serial` on; some are edited or deleted later."""
    count = rng.randint(3, 5) if agency.compiles else 1
    cases = [make_case(rng, agency, serial + index) for index in range(count)]
    words = rng.getrandbits(32)
    text = post_text(random.Random(words), agency, cases)  # noqa: S311 - reproducible examples
    line: Line = {"text": text}
    fate = rng.choices(("stays", "raised", "closed", "deleted"), weights=(82, 6, 8, 4))[0]
    if fate == "raised":
        better = [replace(case, rate=case.rate + 5, top=case.top + 5) for case in cases]
        raised = post_text(random.Random(words), agency, better)  # noqa: S311 - reproducible examples
        line["edits"] = [{"after": rng.randint(2, 30) * 3600, "text": f"{raised}\n\n(rate raised)"}]
    elif fate == "closed":
        line["edits"] = [{"after": rng.randint(3, 60) * 3600, "text": f"[CLOSED]\n{text}"}]
    elif fate == "deleted":
        line["deleted_after"] = rng.randint(1, 40) * 3600
    return line, cases


def make_week(agency: Agency) -> tuple[list[Line], int]:
    """Write the week of one agency, message by message, and tell how many cases it has."""
    rng = random.Random(agency.name)  # noqa: S311 - reproducible examples, not secrets
    lines: list[Line] = []
    codes: dict[int, str] = {}
    serial = first = rng.randint(100, 400)
    for index, at in enumerate(offsets(rng, agency.posts)):
        line: Line
        what = rng.choices(("case", "taken", "advert", "pin"), weights=(87, 8, 4, 1))[0]
        if index == 0:
            line = {"text": f"Channel name was changed to «{agency.title}»", "service": True}
        elif what == "taken" and codes:
            about = rng.choice(sorted(codes)[-8:])
            line = {"text": agency.taken.format(code=codes[about]), "reply": index - about}
        elif what == "advert":
            line = {"text": rng.choice(agency.adverts), "media": "photo" if happens(rng, 50) else None}
        elif what == "pin":
            line = {"text": "", "service": True}
        else:
            line, cases = case_post(rng, agency, serial)
            codes[index] = cases[0].code
            serial += len(cases)
            if happens(rng, 2):
                line["forwarded"] = "Tutors' Noticeboard (example)"
        lines.append({"at": at} | line)
    return lines, serial - first


def make_recordings() -> dict[str, str]:
    """Return the text of every recording by file name."""
    recordings = {}
    for agency in AGENCIES:
        week, cases = make_week(agency)
        channel = {"id": agency.number, "reference": f"t.me/{agency.name}", "title": agency.title}
        header = {"schema_version": 1, "channel": channel, "period_hours": 168, "epoch": EPOCH}
        header["serials_per_period"] = cases
        lines = [json.dumps(line, ensure_ascii=False) for line in (header, *week)]
        recordings[f"{agency.name}.jsonl"] = "\n".join(lines) + "\n"
    return recordings


def main() -> None:
    """Write the recordings into the folder named on the command line, or into `examples/channels`."""
    default = Path(__file__).resolve().parent.parent / "examples" / "channels"
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else default
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in make_recordings().items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
