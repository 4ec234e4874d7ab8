"""Text encodings: whether a file is in the one it is said to be, and where it is not."""

import codecs
from pathlib import Path

from src.errors import UserError

_BLOCK = 2**20


def is_utf8(encoding: str) -> bool:
    return codecs.lookup(encoding).name == "utf-8"


def check_encoding_name(encoding: str) -> None:
    try:
        codecs.lookup(encoding)
    except LookupError:
        raise UserError(f"data.encoding: {encoding!r} is unknown; try utf-8, latin-1, cp1252 or utf-16") from None


def check_encoding(path: Path, shown: str, encoding: str) -> None:
    """Raise UserError with the byte offset and the line of the first bytes that are not `encoding`."""
    decoder = codecs.getincrementaldecoder(encoding)()
    done, line = 0, 1
    with path.open("rb") as stream:
        while True:
            block = stream.read(_BLOCK)
            pending = len(decoder.getstate()[0])
            try:
                decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                start = error.start - pending
                line += block[: max(start, 0)].count(b"\n")
                other = "latin-1" if is_utf8(encoding) else "utf-8"
                raise UserError(
                    f"{shown}: line {line} is not {encoding}: byte {done + start} "
                    f"(0x{error.object[error.start]:02x}): {error.reason}; try `encoding: {other}` under data"
                ) from None
            if not block:
                return
            done += len(block)
            line += block.count(b"\n")
