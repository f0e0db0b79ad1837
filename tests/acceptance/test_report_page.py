"""The report page in a real browser, opened from the file system, with no network to be had."""

from collections.abc import Iterator

import pytest

from tests.acceptance.browser import CHROMIUM, Page, browser
from tests.unit.comparison.test_report import page as report

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="chromium is not installed (apt-get install chromium); the page is only parsed"
)

ROWS = "[...document.querySelectorAll('#fields tbody tr:not([hidden])')]"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    folder = tmp_path_factory.mktemp("page")
    (folder / "report.html").write_text(report(), encoding="utf-8")
    with browser(folder / "profile") as page:
        page.open(folder / "report.html")
        yield page


def column(page: Page, number: int) -> list[str]:
    cells: list[str] = page.run(f"{ROWS}.map(row => row.cells[{number}].textContent.trim())")
    return cells


def test_hostile_posts_neither_run_nor_load_anything(page: Page) -> None:
    assert page.run("document.title").startswith("<script>")
    assert page.run("performance.getEntriesByType('resource').length") == 0
    assert page.run("document.images.length") == 0


def test_a_click_on_a_heading_sorts_and_another_one_turns_it_round(page: Page) -> None:
    click = "document.querySelectorAll('#fields th button')[0].click()"
    page.run(click)
    names = column(page, 0)
    assert names == sorted(names)
    assert len(names) == 19
    page.run(click)
    assert column(page, 0) == sorted(names, reverse=True)


def test_numbers_sort_as_numbers(page: Page) -> None:
    page.run("document.querySelectorAll('#fields th button')[2].click()")
    shares = [float(cell.removesuffix(" %")) for cell in column(page, 2)]
    assert shares == sorted(shares)
    assert {0.0, 100.0} <= set(shares)


def test_a_word_in_the_box_leaves_the_rows_that_have_it(page: Page) -> None:
    page.run(
        "{ const box = document.querySelector('[data-table=fields] input'); box.value = 'rate.';"
        " box.dispatchEvent(new Event('input', {bubbles: true})) }"
    )
    assert set(column(page, 0)) == {"rate.min", "rate.max", "rate.raw_text"}
    assert page.run("document.querySelector('[data-table=fields] output').textContent") == "3 of 19 rows"


def test_the_differences_can_be_narrowed_to_one_field(page: Page) -> None:
    page.run(
        "{ const choice = document.querySelector('[data-table=differences] select');"
        " choice.value = 'start_date'; choice.dispatchEvent(new Event('input', {bubbles: true})) }"
    )
    assert page.run("document.querySelectorAll('#differences tbody tr:not([hidden])').length") == 25


def test_the_style_is_applied_although_the_policy_is_strict(page: Page) -> None:
    assert page.run("getComputedStyle(document.querySelector('table')).borderCollapse") == "collapse"
