"""Check that a text file has the encoding that it should have."""

import codecs
from pathlib import Path

from src.core.errors import UserError

_BLOCK = 2**20
# How files begin that are not plain text, and what to do about them.
_BEGINNINGS = {
    b"\xff\xfe": "try `encoding: utf-16` under data",
    b"\xfe\xff": "try `encoding: utf-16` under data",
    b"PK\x03\x04": "this is a zip archive or a spreadsheet: save the table as CSV",
    b"\xd0\xcf\x11\xe0": "this is a spreadsheet: save the table as CSV",
    b"\x1f\x8b": "this is a gzip file: unpack it, or let its name end in .gz",
    b"PAR1": "this is a Parquet file: say `format: parquet` under data",
    b"%PDF": "this is a PDF document: save the table as CSV",
}


def is_utf8(encoding: str) -> bool:
    return codecs.lookup(encoding).name == "utf-8"


def check_encoding(path: Path, shown: str, encoding: str) -> None:
    """Raise UserError with the byte offset and the line of the first bytes that `encoding` cannot decode."""
    decoder = codecs.getincrementaldecoder(encoding)()
    checked, line = 0, 1
    with path.open("rb") as stream:
        while True:
            block = stream.read(_BLOCK)
            pending = len(decoder.getstate()[0])
            try:
                decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                start = error.start - pending
                line += block[: max(start, 0)].count(b"\n")
                other = f"try `encoding: {'latin-1' if is_utf8(encoding) else 'utf-8'}` under data"
                raise UserError(
                    f"{shown}: line {line} is not {encoding}: byte {checked + start} "
                    f"(0x{error.object[error.start]:02x}): {error.reason}; {way_out(path) or other}"
                ) from None
            if not block:
                return
            checked += len(block)
            line += block.count(b"\n")


def way_out(path: Path) -> str | None:
    """What to do about a file that begins unlike text; None where it does not."""
    with path.open("rb") as stream:
        head = stream.read(_BLOCK)
    advice = next((way_out for beginning, way_out in _BEGINNINGS.items() if head.startswith(beginning)), None)
    return advice or ("this is not text: give a table as CSV or Parquet" if b"\0" in head else None)
