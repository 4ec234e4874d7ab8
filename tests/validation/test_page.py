"""The page opens offline, shows the verdict first, and shows every finding with its rows."""

import re
from html.parser import HTMLParser

import pytest

from src.validation.page import render
from tests.validation.tables import checked, good_frame, settings, spoiled


def page(frame: object = None) -> str:
    frame = good_frame() if frame is None else frame
    return render("pets", settings(), checked(frame), frame, {50: "pets.csv line 52"})


@pytest.fixture(scope="module")
def bad_page() -> str:
    return page(spoiled("height", [3, 50], float("inf")).assign(weight=1.0))


def test_the_page_loads_nothing_and_runs_nothing(bad_page: str) -> None:
    assert not re.search(r"https?:|<script|<link|<img|@import|url\(|\bon\w+=", bad_page)


def test_the_verdict_comes_first_then_findings_then_columns(bad_page: str) -> None:
    places = [bad_page.index(words) for words in ("needs a correction", "Findings", "rows 3, 50", "Columns", "<table")]
    assert places == sorted(places)
    assert "The data is fit to learn from." in page()


def test_errors_come_before_warnings_and_show_the_offending_values(bad_page: str) -> None:
    assert bad_page.index("finite_values") < bad_page.index("constant_columns")
    assert re.search(r"row 50 <span[^>]*>\(pets.csv line 52\)</span>: <code>inf</code>", bad_page)


def test_every_column_is_listed_with_its_role_and_kind(bad_page: str) -> None:
    for name in good_frame().columns:
        assert f"<td>{name}</td>" in bad_page


def test_values_from_the_data_cannot_inject_markup() -> None:
    text = page(spoiled("colour", list(range(120)), "<script>alert(1)</script>"))
    assert "<script" not in text
    assert "&lt;script&gt;" in text


def test_the_markup_is_balanced(bad_page: str) -> None:
    class Balance(HTMLParser):
        stack: list[str] = []  # noqa: RUF012

        def handle_starttag(self, tag: str, attrs: object) -> None:
            if tag != "meta":
                self.stack.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert self.stack.pop() == tag

    parser = Balance()
    parser.feed(bad_page)
    assert parser.stack == []


def test_the_page_fits_a_phone(bad_page: str) -> None:
    assert 'name="viewport"' in bad_page
    assert "overflow-x: auto" in bad_page
