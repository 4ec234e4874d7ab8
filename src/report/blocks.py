"""What a section of the report is made of; the template knows how each of these looks."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from markupsafe import Markup


@dataclass(frozen=True)
class Finding:
    """A verdict as the page prints it: a mark, a short statement, and the numbers behind it."""

    holds: bool
    statement: str
    evidence: str


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str
    form: str = "text"


@dataclass(frozen=True)
class Picture:
    """One figure with its caption."""

    svg: Markup
    caption: str


@dataclass(frozen=True)
class Pictures:
    """Figures that stand side by side where there is room."""

    pictures: Sequence[Picture]
    form: str = "pictures"


@dataclass(frozen=True)
class Table:
    """A table of texts. `numeric` are the columns aligned right, `marked` the rows that stand out.

    A table in `prose` holds sentences: on a phone its cells stand below each other. The cells of `pictured` columns are
    addresses of images (data URIs).
    """

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    numeric: frozenset[int] = frozenset()
    marked: frozenset[int] = frozenset()
    prose: bool = False
    pictured: frozenset[int] = frozenset()
    form: str = "table"


@dataclass(frozen=True)
class Section:
    """One step of the workflow: its verdicts up front, the evidence below."""

    anchor: str
    title: str
    findings: Sequence[Finding]
    blocks: Sequence[Text | Pictures | Table]


@dataclass(frozen=True)
class Tile:
    """One number of the answer's strip."""

    name: str
    value: str
    unit: str
    note: str
    role: str


@dataclass(frozen=True)
class Opening:
    """The report in one paragraph, with its most important numbers."""

    headline: str
    lead: str
    sentences: Sequence[str]
    tiles: Sequence[Tile]
    tone: str


@dataclass(frozen=True)
class Card:
    """The model card: parts with paragraphs, lists and at most one table, and the lines of code that load it."""

    parts: Sequence["CardPart"]
    code: str


@dataclass(frozen=True)
class CardPart:
    title: str
    paragraphs: Sequence[str] = ()
    items: Sequence[str] = ()
    table: Table | None = field(default=None)
