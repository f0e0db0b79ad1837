"""How well the rules read labelled posts: what is reached is kept.

`tests/data/gold` was labelled by somebody who had not seen the rules. The posts of `held_out.yaml` were
written before the rules were last worked on and looked at only when that was done: the rules had gone from
a mean of 90.3 to 93.8 on them. What is higher now was reached with a look at them.
"""

from pathlib import Path

import pytest

from tutordex_dagster.comparison.scoring import Judged, score
from tutordex_dagster.extraction.gold import load_gold
from tutordex_dagster.extraction.rules import build

GOLD, HELD_OUT = Path("tests/data/gold"), Path(__file__).parent / "held_out.yaml"


def read(path: Path) -> Judged:
    extract = build({}).extract
    return [(post, extract(post.text)) for post in load_gold(path).posts]


@pytest.mark.parametrize(("path", "mean", "least"), [(GOLD, 0.975, 0.92), (HELD_OUT, 0.975, 0.88)])
def test_the_rules_read_labelled_posts_as_well_as_they_did(path: Path, mean: float, least: float) -> None:
    scores = {each.field: each.score for each in score(read(path))}
    assert sum(scores.values()) / len(scores) >= mean
    assert {field: got for field, got in scores.items() if got < least} == {}


def test_what_posts_do_not_state_is_hardly_ever_invented() -> None:
    invented = {each.field: each.invented for each in score(read(GOLD)) if each.field != "time_availability"}
    assert sum(invented.values()) <= 2
