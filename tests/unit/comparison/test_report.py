"""The page: escaped, closed to the world, and readable without a browser."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest
from typing_extensions import override

from tests.unit.comparison.pairs import ARMS, NOW, collected, ok, pair
from tutordex_dagster.comparison.contract import Pair
from tutordex_dagster.comparison.findings import find
from tutordex_dagster.comparison.report import html

EVIL = "<script>document.title = 'owned'</script><img src=http://example.com/x onerror=alert(1)>"


def pairs(*, labelled: bool) -> Iterator[Pair]:
    """Yield posts on which B fills in more, with hostile values among them."""
    for number in range(120):
        b = ok(start_date=EVIL if number % 3 else "1 March", subjects=("Maths",))
        labels = {"start_date": None, "subjects": ["Maths"]} if labelled else None
        yield pair(number, ok(subjects=("Maths",)), b, channel=f"t.me/c{number % 9}", labels=labels)


def page(*, labelled: bool = True) -> str:
    """Return the page over these posts, whose texts are hostile too."""
    found, _ = collected(pairs(labelled=labelled))
    comparison = find(found.tally, title=f"{EVIL}", scope="all posts", arms=ARMS, compared_at=NOW)
    return html(comparison, found.shown, dict.fromkeys(found.raw_ids, f"The post. {EVIL}"))


class Outline(HTMLParser):
    """Collects what a browser would see: elements with their attributes, and rows by table."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in ("meta", "input", "br"):
            self.open.append(tag)

    @override
    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def count(self, tag: str) -> int:
        """Count the elements of a kind."""
        return sum(1 for each, _ in self.elements if each == tag)


@pytest.mark.parametrize("labelled", [True, False])
def test_every_element_is_closed_and_only_ours_are_there(*, labelled: bool) -> None:
    outline = Outline(page(labelled=labelled))
    assert outline.open == []
    assert (outline.count("script"), outline.count("img"), outline.count("svg")) == (1, 0, 1)


def test_nothing_on_the_page_leads_out_of_it() -> None:
    outline = Outline(page())
    for tag, attributes in outline.elements:
        assert not {"src", "href", "style", "action"} & set(attributes), tag
        assert not any(name.startswith("on") for name in attributes), tag


def test_the_policy_allows_our_own_style_and_script_and_nothing_else() -> None:
    text = page()
    policy = next(
        attributes["content"] or ""
        for tag, attributes in Outline(text).elements
        if tag == "meta" and "http-equiv" in attributes
    )
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert "http" not in policy


def test_the_verdict_stands_before_everything_else() -> None:
    text = page()
    assert text.index('id="verdict"') < text.index("<svg") < text.index("<table")
    verdict = re.search(r'id="verdict">(.*?)</p>', text)
    assert verdict is not None
    assert (
        verdict.group(1)
        == "rules is right more often on: start_date (by 100.0 points). Not decisive on the other field."
    )


def test_without_labels_the_word_right_heads_no_column() -> None:
    assert "A right" in page()
    assert "A right" not in page(labelled=False)
    assert "accuracy" not in page(labelled=False)


def test_a_comparison_of_nothing_is_a_page_too() -> None:
    found, _ = collected([])
    comparison = find(found.tally, title="nothing", scope="s", arms=ARMS, compared_at=NOW)
    text = html(comparison, found.shown, {})
    assert Outline(text).open == []
    assert "Nothing to compare" in text
