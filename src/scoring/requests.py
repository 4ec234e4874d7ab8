"""Read the rows of an HTTP request: CSV, or JSON in one of three forms.

JSON is a list of objects, one per row, or one of MLflow's forms: `{"dataframe_records": [...]}` with the same list, or
`{"dataframe_split": {"columns": [...], "data": [[...], ...]}}`. Its `index` is ignored: rows are numbered from 0.
"""

import codecs
import math
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from email.message import Message
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa

from src.core.errors import UserError
from src.datasets.json_lines import spelled
from src.datasets.raw_table import check_names
from src.problem.sources import Reading
from src.scoring.rows import Chunk, Wanted, chunk_of_objects, read_rows, together
from src.tables.columns import FeatureType

JSON, CSV = "application/json", "text/csv"
RECORDS, SPLIT = "dataframe_records", "dataframe_split"
_FORMS = f'[{{"column": value, …}}, …], {{"{RECORDS}": […]}} or {{"{SPLIT}": {{"columns": […], "data": [[…], …]}}}}'
# The JSON types of values that are used as they are, without a look at their spelling.
_PLAIN: dict[str, set[type]] = {"numeric": {float, int, type(None)}, "boolean": {bool, type(None)}}
_PLAIN_TEXT: set[type] = {str, type(None)}
_TRUTH_VALUES = {"true", "false"}


class Refused(Exception):
    """A request that cannot be answered, with its HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Request:
    """`content_type`: the header, with its parameters."""

    body: bytes
    content_type: str


@dataclass(frozen=True)
class PlainRows:
    """Rows in which every column has values of its own JSON type and no key is missing, column by column."""

    rows: int
    values: Mapping[str, Sequence[Any]]


class RequestReader:
    """Reads requests with rows for a model with columns of these types, with the problem's settings for reading."""

    def __init__(self, types: Mapping[str, FeatureType], unasked: Sequence[str], reading: Reading, whole: bool) -> None:
        """unasked: see `Wanted`. whole: whether the rows of a request have to stay together, like those of a series."""
        self.types = types
        self.reading = reading
        self.whole = whole
        self.wanted = Wanted(list(types), unasked=unasked)
        marks = [mark for mark in reading.marks if mark.lower() in _TRUTH_VALUES or _is_number(mark)]
        self.takes_plain = not (whole or marks or reading.strip_end)
        self._readers: dict[str, Callable[[bytes], PlainRows | list[Chunk]]] = {JSON: self._json, CSV: self._csv}

    def read(self, request: Request) -> PlainRows | list[Chunk]:
        """The rows of a request. Raises Refused if it has no readable rows."""
        media_type, charset = _media_type(request.content_type)
        if media_type not in self._readers:
            raise Refused(415, f"Content-Type: {media_type or 'none'} is not one of {', '.join(self._readers)}")
        encoding = self.reading.encoding if media_type == CSV else "utf-8"
        if charset is not None and not _same_encoding(charset, encoding):
            raise Refused(415, f"Content-Type: {media_type} is read as {encoding} here, not as {charset}")
        try:
            return self._readers[media_type](request.body)
        except UserError as error:
            raise Refused(400, str(error)) from None

    def chunk(self, together: Sequence[PlainRows]) -> Chunk:
        """The rows of several requests as one chunk with typed columns, numbered from 0."""
        table = {
            name: _column([value for each in together for value in each.values[name]], type_)
            for name, type_ in self.types.items()
        }
        return Chunk(np.arange(sum(each.rows for each in together)), pa.table(table), [])

    def _json(self, body: bytes) -> PlainRows | list[Chunk]:
        if self.takes_plain:
            try:
                plain = self._plain(_records(orjson.loads(body)))
            except (orjson.JSONDecodeError, Refused):
                plain = None  # the slower reader says what is wrong
            if plain is not None:
                return plain
        try:
            rows = _records(spelled(_text(body, "utf-8-sig")))
        except ValueError as error:
            raise Refused(400, f"the request {error}") from None
        named = {name for row in rows if isinstance(row, dict) for name in row}
        if named:  # a name may hold half a character, such as "\ud800", which no answer can show
            self.wanted.check(sorted(ascii(name) if _is_torn(name) else name for name in named), "the request")
        return [chunk_of_objects(rows, self.wanted.names)]

    def _plain(self, rows: Sequence[Any]) -> PlainRows | None:
        """The rows, if the JSON type of each value is enough; None if the spelling of any has to be examined."""
        if not rows or set(map(type, rows)) != {dict}:
            return None
        if any(len(row) > len(self.types) and _is_nested(row) for row in rows):
            return None
        values = {}
        for name, type_ in self.types.items():
            try:
                values[name] = [row[name] for row in rows]
            except KeyError:
                return None
            if not set(map(type, values[name])) <= _PLAIN.get(type_, _PLAIN_TEXT):
                return None
        return PlainRows(len(rows), values)

    def _csv(self, body: bytes) -> list[Chunk]:
        _text(body, self.reading.encoding)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "request.csv"
            path.write_bytes(body)
            try:
                rows = read_rows(path, self.reading, self.wanted)
                return list((together(rows) if self.whole else rows).chunks)
            except UserError as error:
                raise UserError(str(error).replace(str(path), "the request")) from None


def _records(value: Any) -> Sequence[Any]:
    """The rows of a JSON value in one of the three forms, with an error in the place of an invalid row."""
    if isinstance(value, dict) and len(value) == 1:
        value = _split(value[SPLIT]) if SPLIT in value else value.get(RECORDS)
    if not isinstance(value, list):
        raise Refused(400, f"the request is not JSON with rows; give {_FORMS}")
    return value


def _split(split: Any) -> Sequence[Any]:
    if not isinstance(split, dict) or not {"columns", "data"} <= split.keys() <= {"columns", "data", "index"}:
        raise Refused(400, f"{SPLIT} needs the keys columns and data, and may have index; give {_FORMS}")
    names, data = split["columns"], split["data"]
    if not isinstance(names, list) or not set(map(type, names)) <= {str} or not isinstance(data, list):
        raise Refused(400, f"{SPLIT}: columns is a list of names, data a list of rows, each a list of values")
    try:
        check_names(names, SPLIT)
    except UserError as error:
        raise Refused(400, str(error)) from None
    return [_named(names, row) for row in data]


def _named(names: Sequence[str], row: Any) -> dict[str, Any] | ValueError:
    if not isinstance(row, list):
        return ValueError(f"is not a list of {len(names)} values, one for each of the columns")
    if len(row) != len(names):
        return ValueError(f"has {len(row)} value{'' if len(row) == 1 else 's'}, expected {len(names)}")
    return dict(zip(names, row, strict=True))


def _is_number(mark: str) -> bool:
    try:
        return math.isfinite(float(mark))
    except ValueError:
        return False


def _is_torn(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _is_nested(row: Mapping[str, Any]) -> bool:
    return any(isinstance(value, dict | list) for value in row.values())


def _column(values: list[Any], type_: FeatureType) -> pa.ChunkedArray:
    if type_ == "numeric":  # NumPy rounds whole numbers that are no exact float64; Arrow would refuse them
        return pa.chunked_array([pa.array(np.array(values, dtype=np.float64), from_pandas=True)])
    return pa.chunked_array([pa.array(values, pa.bool_() if type_ == "boolean" else pa.string())])


def _text(body: bytes, encoding: str) -> str:
    """The body as text. Raises Refused with the first byte that the encoding does not allow."""
    try:
        return body.decode(encoding)
    except UnicodeDecodeError as error:
        name = "utf-8" if encoding == "utf-8-sig" else encoding
        wrong = f"byte {error.start}, 0x{error.object[error.start]:02x}, on line {body[: error.start].count(10) + 1}"
        raise Refused(400, f"the request is not {name}: {wrong}; send it as {name}") from None


@lru_cache(maxsize=64)
def _media_type(header: str) -> tuple[str, str | None]:
    """The type and the charset that a Content-Type header names."""
    message = Message()
    message["Content-Type"] = header
    return (message.get_content_type() if header.strip() else ""), message.get_content_charset()


def _same_encoding(one: str, other: str) -> bool:
    try:
        return codecs.lookup(one) == codecs.lookup(other)
    except LookupError:
        return False
