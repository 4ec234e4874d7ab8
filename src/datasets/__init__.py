"""From a source to one typed table: `fetch_source` brings the files, `read_table` reads them.

Nothing else in the project knows where data come from or in which format they lie.
"""

from src.datasets.columns import numeric_looking
from src.datasets.fetching import fetch_source
from src.datasets.reading import file_lines, read_table

__all__ = ["fetch_source", "file_lines", "numeric_looking", "read_table"]
