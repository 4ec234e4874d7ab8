"""Files that hold one compressed file."""

import bz2
import errno
import gzip
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

COMPRESSIONS = (".gz", ".bz2", ".xz", ".zst")


class Damaged(Exception):
    """A compressed file whose content does not fit its ending, or ends too early."""


@contextmanager
def damage_noticed() -> Iterator[None]:
    """Raise `Damaged` for errors of the decompressors."""
    try:
        yield
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, NotImplementedError) as error:
        raise Damaged(str(error)) from None
    except OSError as error:
        if error.errno not in (None, errno.EINVAL):  # the disk failed; EINVAL: a position before the file's begin
            raise
        raise Damaged(str(error)) from None


def open_compressed(path: Path) -> IO[bytes]:
    """A stream of the bytes that a file holds whose ending is one of `COMPRESSIONS`; reading it shows damage."""
    match path.suffix.lower():
        case ".gz":
            return cast(IO[bytes], gzip.open(path))
        case ".bz2":
            return cast(IO[bytes], bz2.open(path))
        case ".zst":
            import pyarrow as pa

            return cast(IO[bytes], pa.input_stream(str(path), compression="zstd"))
        case _:
            return cast(IO[bytes], lzma.open(path))
