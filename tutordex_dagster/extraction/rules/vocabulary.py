"""The words labels are made of, and the field each combination names.

A label is read by its words, not by its wording: "Hourly rate", "Rate per hour" and "Proposed hourly budget"
all hold a word of money and otherwise only words that labels use. A label with another word is none of ours.
"""

from typing import Literal

Field = Literal[
    "code",
    "headline",
    "academic",
    "subject",
    "level",
    "stream",
    "location",
    "postal",
    "mrt",
    "rate",
    "schedule",
    "time",
    "start",
    "remarks",
    "tutor",
    "mode",
    "status",
    "other",
]
"""`other` is a label we know and do not keep, such as the commission: it ends the field before it."""

# First match wins, so the particular stands before the general. Words are singular and lower case.
_COMBINATIONS: tuple[tuple[Field, tuple[str, ...]], ...] = (
    ("postal", ("postal", "postcode", "zip")),
    ("other", ("promo", "referral", "voucher", "discount")),
    ("other", ("agency", "commission", "comm", "admin", "registration", "deposit")),
    ("other", ("posted", "date post", "updated", "published", "deadline", "closing")),
    ("other", ("contact", "whatsapp", "telegram", "website", "link", "email", "apply", "application form")),
    ("other", ("hashtag", "tag", "search", "channel", "map", "interested")),
    ("status", ("status",)),
    ("other", ("gender", "race", "nationality", "religion", "school", "pax", "group size", "class size")),
    ("start", ("start", "commence", "commencement", "starting", "begin", "commencing")),
    (
        "remarks",
        (
            "rmk",
            "rem",
            "anything else",
            "remark",
            "comment",
            "req",
            "requirement",
            "special",
            "additional",
            "other detail",
            "other info",
        ),
    ),
    ("remarks", ("note", "expectation", "background", "profile", "other request", "other information")),
    (
        "rate",
        (
            *("rate", "fee", "budget", "pay", "paying", "salary", "remuneration", "price", "payment"),
            *("pricing", "wage"),
        ),
    ),
    (
        "schedule",
        ("frequency", "freq", "duration", "no lesson", "number lesson", "lesson week", "session week"),
    ),
    (
        "schedule",
        ("hour lesson", "hour session", "lesson length", "session length", "hour week", "time week"),
    ),
    ("schedule", ("lesson month", "session month", "number session", "no session", "no hour", "number hour")),
    (
        "schedule",
        ("class week", "length lesson", "length session", "how often", "how long", "how many", "commitment"),
    ),
    ("schedule", ("tempoh", "kekerapan")),
    ("schedule", ("lesson each week", "session each week")),
    ("rate", ("how much", "bayaran", "kadar", "yuran")),
    ("location", ("location mrt", "area mrt", "address mrt", "venue mrt", "place mrt")),
    ("mrt", ("mrt", "lrt", "station", "stn", "train")),
    ("mode", ("mode", "lesson type", "lesson format", "format", "delivery", "type lesson", "class type")),
    ("mode", ("type tuition", "tuition type")),
    ("tutor", ("tutor type", "type tutor", "tutor preference", "preference", "category", "qualification")),
    ("tutor", ("tutor category", "candidate", "preferred tutor", "educator", "tutor wanted", "tutor needed")),
    (
        "time",
        (
            *("time", "timing", "day", "availability", "available", "avail", "timeslot", "slot"),
            *("working hour", "when", "free on", "free when"),
        ),
    ),
    ("time", ("masa", "hari", "waktu", "bila")),
    ("schedule", ("schedule",)),
    ("code", ("code", "id", "ref", "reference", "job no", "assignment no", "case no", "assignment number")),
    ("code", ("job number", "case number", "tuition no", "request no", "order no", "serial", "listing no")),
    ("code", ("kod", "rujukan")),
    ("code", ("index", "listing number", "request number", "no assignment", "no job", "no case")),
    (
        "location",
        ("location", "address", "addr", "venue", "area", "place", "where", "estate", "town", "neighbourhood"),
    ),
    ("location", ("neighborhood", "region", "vicinity", "loc", "residence", "residential", "premise")),
    ("location", ("live", "stay", "house", "spot", "tempat", "lokasi", "alamat", "kawasan", "rumah")),
    ("academic", ("subject level", "subject grade", "subject class", "subject year")),
    ("subject", ("subject", "sub", "subj", "course", "module", "topic", "paper", "instrument")),
    ("subject", ("subjek", "mata pelajaran", "what")),
    ("stream", ("stream", "banding", "band")),
    ("level", ("level", "lvl", "grade", "class", "year", "tahap", "darjah", "who", "pupil", "learner")),
    ("tutor", ("tutor", "teacher")),
    ("remarks", ("other", "catatan", "nota", "wish", "memo")),
    ("headline", ("info", "information", "detail", "title", "position", "summary", "about", "description")),
    ("headline", ("assignment", "job", "case", "request", "vacancy", "opening", "tugasan")),
    ("schedule", ("lesson", "session", "per week")),
    ("location", ("centre", "center", "home", "exact")),
)

RULES: tuple[tuple[Field, frozenset[str]], ...] = tuple(
    (field, frozenset(words.split())) for field, combinations in _COMBINATIONS for words in combinations
)
"""A label whose words include all of these names the field, if its other words are label words too."""

MODIFIERS = frozenset(
    """
    the a an of and or per no number in for to at by from with on our your my is be preferred
    preferable prefer student client parent family tutee child kid learner home private hourly hour
    hr week weekly month monthly day date total proposed expected approx approximate nearest closest
    near nearby earliest ideal suitable desired required requested type full exact general special
    additional further other key main application current name new est estimated offered budgeted
    teaching tuition lesson session class assignment job case tutor teacher length size post form
    order request serial listing working sgd daily available possible looking open quick academic
    education subject level structure each every how often many long offer range max maximum min
    minimum indicative suggested quoted basic travel
    much tuisyen murid pelajar guru
    """.split()  # noqa: SIM905 - a paragraph of words, not a page
)
"""Words a label may hold besides the ones that decide."""

KINDS = frozenset({"pt", "ft", "moe", "nie", "ex", "undergrad", "undergraduate", "graduate"})
"""Words for kinds of tutors: a label with one tells what that kind is paid, or which kind is wanted."""

LABEL_WORDS = MODIFIERS.union(KINDS, *(words for _, words in RULES))

WHOLE_LABELS: dict[str, Field] = {
    "no": "code",
    "at": "location",
    "near": "location",
    "exact": "location",
    "add": "location",
    "how": "mode",
    "length": "schedule",
    "dur": "schedule",
    "offer": "rate",
    "extra": "remarks",
    "pref": "remarks",
    "student": "level",
    "child": "level",
    "teach": "subject",
    "skill": "subject",
    "ask": "remarks",
    "want": "remarks",
    "need": "subject",
}
"""Words that name a field only when they are the whole label."""

CHINESE: dict[str, Field] = {
    "编号": "code",
    "編號": "code",
    "代码": "code",
    "科目": "subject",
    "年级": "level",
    "年級": "level",
    "程度": "level",
    "地铁": "mrt",
    "地鐵": "mrt",
    "邮编": "postal",
    "地点": "location",
    "地點": "location",
    "地址": "location",
    "地区": "location",
    "次数": "schedule",
    "次數": "schedule",
    "时长": "schedule",
    "开始": "start",
    "開始": "start",
    "开课": "start",
    "学费": "rate",
    "學費": "rate",
    "时薪": "rate",
    "薪水": "rate",
    "薪资": "rate",
    "费用": "rate",
    "时间": "time",
    "時間": "time",
    "备注": "remarks",
    "備註": "remarks",
    "要求": "remarks",
}
"""Words of Chinese labels, in the two scripts; a label that also has Latin words is read by those."""

NEGATIONS = frozenset({"not", "cannot", "never", "un", "except", "exclude", "before", "after", "if"})
"""Words that turn a label's sense: with one of these it names no field."""

SIGNS: dict[str, Field] = {
    "📍": "location",
    "🏠": "location",
    "🏡": "location",
    "🗺": "location",
    "🚇": "mrt",
    "🚆": "mrt",
    "🚉": "mrt",
    "💰": "rate",
    "💵": "rate",
    "💲": "rate",
    "🤑": "rate",
    "💸": "rate",
    "⏰": "time",
    "🕐": "time",
    "🕒": "time",
    "🕓": "time",
    "🗓": "time",
    "📅": "time",
    "📆": "time",
    "📚": "subject",
    "📖": "subject",
    "🎓": "subject",
    "🆔": "code",
    "📝": "remarks",
    "🗒": "remarks",
}
"""Signs that stand in for a label on a line that has none."""
