"""Is a field that the rules found nothing for absent from the post, beyond doubt?

For each field the words or signs without which nobody could state it. A post that has none of them does not
state the field, and no model has to be asked. The cues are wide on purpose: a wrong "there may be something"
costs a call, a wrong "there is nothing" costs the field.
"""

import re
from collections.abc import Mapping

from tutordex_dagster.extraction.contract import Assignment
from tutordex_dagster.extraction.llm.schema import FieldName


def _cue(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE | re.DOTALL)


_CUES: Mapping[FieldName, re.Pattern[str]] = {
    "assignment_code": _cue(r"\d{2}|\bcode\b|\bid\b|\bref"),
    "academic_display_text": _cue(r"[a-z]{2}"),
    "learning_mode": _cue(
        r"online|on-line|zoom|virtual|skype|meet|remote|face|f2f|in.?person|physical|home|house|hybrid|blended"
        r"|\bmode\b|on-?site|off-?line|\bplace\b|travel|webcam|video|\bteams\b|上门|线上|网课|面授"
    ),
    "address": _cue(
        r"\d|@|\b(?:at|near|in|around)\b|location|address|venue|area|street|\bst\b|road|\brd\b|ave|drive|lane|close"
        r"|crescent|place|park|walk|link|terrace|block|\bblk\b|condo|residence|mrt"
    ),
    "postal_code": _cue(r"\d{6}"),
    "nearest_mrt": _cue(r"mrt|lrt|station"),
    "lesson_schedule": _cue(
        r"\d ?(?:x|h|m)|\bx ?\d|hour|\bhrs?\b|\bmins?\b|minute|week|times?\b|lesson|session|freq|duration"
        r"|once|twice"
    ),
    "start_date": _cue(
        r"start|begin|commenc|asap|a\.s\.a\.p|immediate|first lesson|next (?:week|month|year)|tomorrow|soon"
        r"|\b(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
        r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b|\b\d{1,2}/\d{1,2}\b"
        r"|after (?:the |school |their |his |her )?(?:cny|exams?|holidays?|trial|results)"
    ),
    "rate": _cue(r"\$|sgd|rate|pay|budget|fee|\bper\b|/ ?h|quote|p\.?h\b"),
    # Pay that differs by the kind of tutor: two kinds, and a number for each.
    "rate_breakdown": _cue(
        r"\A(?=.*(?:\bp/?t\b|part.?time|under.?grad|\bug\b|student|poly|a.?level tutor|\bgrad))"
        r"(?=.*(?:\bf/?t\b|full.?time|teacher|\bmoe\b|\bnie\b|\bgrad|degree))(?=.*\d{2}.*\d{2})"
    ),
    "additional_remarks": _cue(
        r"remark|note|prefer|\bpref\b|require|request|pls|please|must|need|able|student|child|boy|girl"
        r"|male|experience|weak|patient|gender|race|special"
    ),
    "time_availability": _cue(
        r"mon|tue|wed|thu|fri|sat|sun|week|daily|any ?day|every ?day|\d ?(?:am|pm)|\d:\d\d|morning|noon"
        r"|evening|night|flexible|time|\bm/|\beve"
    ),
    "status": _cue(
        r"\bclosed?\b|\btaken\b|\bfilled\b|\bassigned\b|\bmatched\b|\bexpired\b|\bcancel|\bconfirmed\b"
        r"|\bno longer\b|\bsecured\b|\bengaged\b|\bfound\b|\bstatus\b|\bfulfilled\b|\bunavailable\b"
        r"|\bnot available\b|\bgone\b|❌|🚫|🔴"
    ),
}


def provably_absent(name: FieldName, text: str, known: Assignment = Assignment()) -> bool:  # noqa: B008 - frozen
    """Does the text lack every word and sign with which this field could be stated?

    Pay with an amount for everybody (`known`) is not pay by the kind of tutor either.
    """
    if name == "rate_breakdown" and known.rate.min is not None:
        return True
    return _CUES[name].search(text) is None
