"""Documentation, docstrings and messages have short sentences; the documentation has no broken link."""

import ast
import inspect
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from docs.reference import pages

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
MOST_LINES = 150
MOST_WORDS = 35
MOST_WORDS_IN_CELL = 30

_MARKDOWN = MarkdownIt("commonmark").enable("table")
# A sentence ends with a mark, perhaps inside brackets or quotes, before a space and what may begin another.
_END = re.compile(r"(?<=[.?!])[)\"”*]*\s+(?=[\"“(*]*[^\W\d_a-zäöü])")


def sentences(markdown: str) -> Iterator[str]:
    """The sentences of the text outside code blocks and tables; a piece of code within a line is one word."""
    for token, cell in _texts(markdown):
        if not cell:
            yield from _END.split(_plain(token))


def cells(markdown: str) -> Iterator[str]:
    """The cells of all tables."""
    for token, cell in _texts(markdown):
        if cell:
            yield _plain(token)


def anchors(markdown: str) -> set[str]:
    """What links to headings of a page end in, as GitHub names them."""
    tokens = _MARKDOWN.parse(markdown)
    titles = [after.content for token, after in pairwise(tokens) if token.type == "heading_open"]
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def links(markdown: str) -> Iterator[str]:
    """The targets of links and pictures, those written in HTML too."""
    for token in _MARKDOWN.parse(markdown):
        for child in token.children or ():
            target = child.attrGet("href") or child.attrGet("src")
            if target is not None:
                yield str(target)
        if token.type in ("html_block", "inline"):
            yield from re.findall(r'(?:href|src)="([^"]+)"', token.content)


def broken(page: Path) -> list[str]:
    """The relative links of a page that lead nowhere."""
    return [target for target in links(page.read_text(encoding="utf-8")) if not _resolves(page, target)]


def _resolves(page: Path, target: str) -> bool:
    if re.match(r"[a-z]+:", target):
        return True
    path, _, anchor = target.partition("#")
    place = page.parent / path if path else page
    return place.exists() and (not anchor or anchor in anchors(place.read_text(encoding="utf-8")))


def docstrings_and_messages(module: Path) -> Iterator[str]:
    """The docstrings of a module and its other texts of one line, in which what is filled in is one word."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "X" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts:
            yield inspect.cleandoc(node.value)


def _texts(markdown: str) -> Iterator[tuple[Token, bool]]:
    """Each piece of running text, and whether it is a table's cell."""
    tokens = _MARKDOWN.parse(markdown)
    for before, token in pairwise(tokens):
        if token.type == "inline":
            yield token, before.type in ("td_open", "th_open")


def _plain(token: Token) -> str:
    words = {"code_inline": "Code", "softbreak": " ", "image": ""}
    return "".join(words.get(child.type, child.content) for child in token.children or ())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One two. Three!", ["One two.", "Three!"]),
        ("One\ntwo.\n\n    code is. Not read.\n\n```\nNor this.\n```\nThree.", ["One two.", "Three."]),
        ("- An item\n- Another. And more\n", ["An item", "Another.", "And more"]),
        ("It takes 1.5 s, e.g. here. `x. Y` Is one word.", ["It takes 1.5 s, e.g. here.", "Code Is one word."]),
        ("He said so. (Did he?) *Perhaps.* [A link](to.md).", ["He said so.", "(Did he?", "Perhaps.", "A link."]),
        ("| a. B | c |\n|---|---|\n| d. E | f |\n", []),
    ],
)
def test_sentences_are_told_apart(text: str, expected: list[str]):
    assert list(sentences(text)) == expected


def test_cells_and_anchors_are_found():
    page = "# The book's `x`\n\n| a b | `c d` |\n|---|---|\n| e. F | |\n"
    assert list(cells(page)) == ["a b", "Code", "e. F", ""]
    assert anchors(page) == {"the-books-x"}


def test_a_link_to_a_missing_page_heading_or_picture_is_broken(tmp_path: Path):
    page = tmp_path / "page.md"
    good = "[a](other.md) [b](other.md#here-it-is) [c](#top) [d](https://example.org/none)"
    bad = '[e](none.md) [f](other.md#none) ![g](none.png) [h](#none) <img src="gone.png">'
    page.write_text(f"# Top\n\n{good} {bad}\n")
    (tmp_path / "other.md").write_text("## Here it is\n")
    assert broken(page) == ["none.md", "other.md#none", "none.png", "#none", "gone.png"]


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_link_leads_somewhere(page: Path):
    assert broken(page) == []


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_sentences_and_cells_are_short(page: Path):
    text = page.read_text(encoding="utf-8")
    assert [sentence for sentence in sentences(text) if len(sentence.split()) > MOST_WORDS] == []
    assert [cell for cell in cells(text) if len(cell.split()) > MOST_WORDS_IN_CELL] == []


def test_sentences_in_the_code_are_short():
    """A sentence ends before the next argument, too; sources, legends of shapes and SQL are no sentences."""
    texts = [
        text
        for room in ("src", "tasks", "flows")
        for path in (ROOT / room).rglob("*.py")
        for text in docstrings_and_messages(path)
    ]
    long = [
        sentence
        for text in texts
        if len(text.split()) > MOST_WORDS
        for part in sentences(text)
        for sentence in re.split(r"(?<=[.?!])\s+(?=[\w, ]+:\s)", part)
        if len(sentence.split()) > MOST_WORDS and not re.match(r"Sources?:|Shapes:|SELECT ", sentence)
    ]
    assert long == []


def test_the_first_page_is_short_and_leads_to_every_other():
    readme = PAGES[0].read_text(encoding="utf-8")
    assert len(readme.splitlines()) <= MOST_LINES
    assert set(NAMES) - {"README.md"} <= {target.partition("#")[0] for target in links(readme)}


@pytest.mark.parametrize(("page", "text"), pages().items(), ids=lambda value: getattr(value, "name", ""))
def test_the_lists_of_keys_and_measures_are_those_of_the_code(page: Path, text: str):
    assert page.read_text(encoding="utf-8") == text, f"{page.name} is outdated: run `python -m docs.reference`"


def test_every_key_of_a_problem_file_has_a_meaning():
    text = pages()[ROOT / "docs/keys.md"]
    assert [row for row in text.splitlines() if row.endswith("|  |")] == [], "give the field a description"


def test_the_files_that_contributing_names_exist():
    """A name without a folder is that of a file beside the one named before it. `<kind>` stands for any."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    folder, missing = Path(), []
    for name in re.findall(r"`([\w./<>-]*(?:/|\.(?:py|ya?ml|json|md|toml)))`|^    ([\w/]+/) ", text, re.MULTILINE):
        path = re.sub(r"<\w+>", "*", next(filter(None, name)))
        if path.startswith(("data/", "results/")):  # made by the steps
            continue
        if "/" in path:
            folder = Path(path) if path.endswith("/") else Path(path).parent
        if not any(ROOT.glob(path if "/" in path else str(folder / path))) and not (ROOT / path).exists():
            missing.append(path)
    assert missing == []
