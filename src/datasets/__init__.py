"""From a source to one typed table: `fetch_source` brings the files, `read_split` reads them.

Nothing else in the project knows where data come from or in which format they are stored.
"""

from src.datasets.columns import numeric_looking
from src.datasets.fetching import fetch_source
from src.datasets.reading import FORMATS, file_lines, read_local, read_split, read_table, vectors_file

__all__ = [
    "FORMATS",
    "fetch_source",
    "file_lines",
    "numeric_looking",
    "read_local",
    "read_split",
    "read_table",
    "vectors_file",
]
