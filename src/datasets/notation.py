"""Numbers as people write them: 1.234,56 and 1 234, $1,234.50, 45.3%, 12 kg, with a typographic minus.

`recognized` finds the notation of a column; `plain_spelling` writes its numbers as programs do.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any, get_args

import pyarrow as pa
import pyarrow.compute as pc
import regex

from src.core.yaml_file import flow
from src.problem.sources import Decimal, Notation, Thousands

# So much of a column has to be numbers in one notation.
SHARE = 0.9
# A unit after a number has at most so many characters.
LONGEST_UNIT = 8
# Before a number stands nothing but money: P001 is a name.
_CURRENCY = regex.compile(r"(?:[A-Z]{0,3}\p{Sc}|[A-Z]{3}|Rs\.?|Fr\.?|kr\.?)")
# Distinct values beyond these do not change the guess.
MOST_VALUES = 10_000
MINUS = "\u2212"
# What people type where this mark stands between thousands.
_TYPED = {" ": "[ \u00a0\u2009\u202f]", "'": "['\u2019]", ".": "[.]", ",": ","}
_WORDS = rf"[^\d.,+{MINUS}-]*?"
# Words or a sign before a number, the number, words after it.
_AROUND = re.compile(
    rf"({_WORDS})\s*[+{MINUS}-]?\s*({_WORDS})\s*[.,]?\d(?:.*\d)?(?:[.,](?![^\W\d_]))?\s*(\D*)", re.DOTALL
)


def plain_spelling(text: pa.ChunkedArray, notation: Notation) -> pa.ChunkedArray:
    """The texts, with those that are numbers in `notation` spelled with a decimal point and nothing else.

    "−1.234,5 kg" becomes "-1234.5". Texts that are no number in this notation stay as they are.
    """
    if pc.any(pc.match_substring(text, MINUS), min_count=0).as_py():
        text = pc.replace_substring_regex(text, rf"^(\W*){MINUS}(\W*[0-9.,])", r"\1-\2")
    if notation == Notation():
        return text
    bare = text
    if notation.unit:
        unit = re.escape(notation.unit)
        bare = pc.replace_substring_regex(bare, rf"^([+-]?)\s*{unit}\s*([+-]?)", r"\1\2")
        bare = pc.replace_substring_regex(bare, rf"\s*{unit}$", "")
    decimal = re.escape(notation.decimal)
    end = rf"({decimal}[0-9]*)?([eE][+-]?[0-9]+)?$"
    numbers = pc.match_substring_regex(bare, rf"^[+-]?([0-9]+|{decimal}[0-9]){end}")
    if notation.thousands:
        mark = _TYPED[notation.thousands]
        grouped = pc.match_substring_regex(bare, rf"^[+-]?[0-9]{{1,3}}({mark}[0-9]{{2,3}})*{mark}[0-9]{{3}}{end}")
        bare = pc.if_else(grouped, pc.replace_substring_regex(bare, mark, ""), bare)
        numbers = pc.or_(numbers, grouped)
    return pc.if_else(numbers, pc.replace_substring(bare, notation.decimal, "."), text)


def recognized(text: pa.ChunkedArray) -> Notation | None:
    """The notation in which a column of texts holds numbers; None where no notation fits `SHARE` of its values.

    Gaps do not count. A comma before three digits may mean either: it stands between thousands where every value
    agrees with that.
    """
    values = pc.unique(text.drop_null()).to_pylist()[:MOST_VALUES]
    parts = [match for value in values if (match := _AROUND.fullmatch(value))]
    if not values or len(parts) < SHARE * len(values):
        return None
    around = Counter((match[1].strip() or match[2].strip(), match[3].strip()) for match in parts)
    before, after = next((pair for pair, _ in around.most_common() if any(pair)), ("", ""))
    # 12.jpg is a file.
    if (
        (before and after)
        or len(after) > LONGEST_UNIT
        or after.startswith(".")
        or (before and not _CURRENCY.fullmatch(before))
    ):
        return None
    unit = before or after
    if share_of_numbers(values, Notation()) >= SHARE:
        return Notation()
    fitting = {notation: share_of_numbers(values, notation) for notation in _notations(unit)}
    best = max(fitting, key=lambda notation: fitting[notation])
    return best if fitting[best] >= SHARE else None


def share_of_numbers(values: Sequence[str], notation: Notation) -> float:
    """The share of texts (0 to 1) that are numbers in `notation`, and in no other spelling."""
    text = pa.chunked_array([pa.array(values, pa.string())])
    spelled = plain_spelling(text, notation)
    changed = pc.not_equal(spelled, text)
    whole = pc.match_substring_regex(text, "^[+-]?[0-9]+$")
    points = pc.match_substring_regex(text, r"^[+-]?[0-9]*[.][0-9]+$") if notation.decimal == "." else whole
    return float(pc.mean(pc.or_(changed, pc.or_(whole, points)).cast(pa.float64())).as_py())


def _notations(unit: str) -> Iterator[Notation]:
    """Those to try, the likelier ones first."""
    pairs = [(d, t) for t, d in product((None, *get_args(Thousands)), get_args(Decimal)) if d != t]
    for decimal, thousands in sorted(pairs, key=lambda pair: (pair != (".", None), pair != (".", ","))):
        yield Notation(decimal=decimal, thousands=thousands, unit=unit)


def as_settings(notation: Notation, column: str) -> str:
    """What a problem file says under `data` so that numbers in this notation are read."""
    settings = {"numbers": {column: marks(notation) | {"unit": notation.unit}}} if notation.unit else marks(notation)
    return flow(settings)[1:-1]


def settings_of(notations: Mapping[str, Notation]) -> dict[str, Any]:
    """The settings of `data` by which columns are read in these notations: marks of the file, then of single columns.

    Where a decimal comma is found, points stand between thousands.
    """
    common = Counter(frozenset(marks(notation).items()) for notation in notations.values() if marks(notation))
    of_file = dict(common.most_common(1)[0][0]) if common else {}
    if of_file.get("decimal") == ",":
        of_file.setdefault("thousands", ".")
    numbers = {}
    for column, notation in notations.items():
        differing = {key: mark for key, mark in marks(notation).items() if of_file.get(key) != mark}
        if of_file.get("decimal") == "," and notation.decimal == "." and notation.thousands is not None:
            differing["decimal"] = "."
        differing |= {"unit": notation.unit} if notation.unit else {}
        if differing:
            numbers[column] = differing
    return of_file | ({"numbers": numbers} if numbers else {})


def marks(notation: Notation) -> dict[str, str]:
    """The settings of the marks that are not those of plain numbers."""
    decimal = {"decimal": str(notation.decimal)} if notation.decimal != "." else {}
    return decimal | ({"thousands": str(notation.thousands)} if notation.thousands else {})
