"""What sets the codes of rows with a value of a reference column apart, and what becomes of rows that are moved so."""

from src.core.text import count
from src.report.blocks import Pictures, Table, Text
from src.report.evidence import Evidence
from src.results.evaluate import Concepts
from src.results.verdicts import Estimate

Block = Text | Pictures | Table


def concepts(evidence: Evidence) -> list[Block]:
    blocks: list[Block] = []
    for each in evidence.evaluate.concepts:
        blocks += [_followed(each), *([_turned(each)] if each.turned else [])]
    return blocks


def _followed(each: Concepts) -> Table:
    strengths = [f"{strength:+g}".replace("-", "−") if strength else "0" for strength in each.strengths]
    caption = (
        f"Concepts of {each.name}: the mean code of training rows with a value, less that of the others, is added to "
        f"the code of the first row of the sealed test without it, {', '.join(strengths)} times. The area tells how "
        "well the place along the concept finds the sealed rows with the value: 0.5 is guessing. No model knew the "
        "column."
    )
    header = ["Value", "Training rows", "Area, with its 95% interval", "Row"]
    heads = [[one.value, count(one.rows), _area(one.area), count(one.row)] for one in each.concepts]
    if not each.header:
        rows = [[*head, one.picture] for head, one in zip(heads, each.concepts, strict=True)]
        return Table(caption, [*header, "From left to right"], rows, frozenset({1, 2, 3}), pictured=frozenset({4}))
    rows = [
        [*head, strength, *cells]
        for head, one in zip(heads, each.concepts, strict=True)
        for strength, cells in zip(strengths, one.cells, strict=True)
    ]
    return Table(caption, [*header, "Times", *each.header], rows, frozenset({1, 2, 3, 4}))


def _turned(each: Concepts) -> Table:
    """Latent arithmetic."""
    caption = (
        f"From one {each.name} to another: the code of the first row of the sealed test with a value, less the mean "
        "code of that value, plus the mean code of each"
    )
    if not each.header:
        rows = [[count(one.row), one.value, one.picture] for one in each.turned]
        header = ["Row", "Value", f"As {', '.join(each.turned[0].others)}"]
        return Table(caption, header, rows, frozenset({0}), pictured=frozenset({2}))
    rows = [
        [count(one.row), one.value, other, *cells]
        for one in each.turned
        for other, cells in zip(one.others, one.cells, strict=True)
    ]
    return Table(caption, ["Row", "Value", "As", *each.header], rows, frozenset({0}))


def _area(area: Estimate | None) -> str:
    return "" if area is None else f"{area.value:.3f} ({area.low:.3f} to {area.high:.3f})"
