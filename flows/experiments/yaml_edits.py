"""Edit a YAML file and keep the rest of it, comments and order included."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from src.core.files import atomic_file


@contextmanager
def edited(path: Path) -> Iterator[dict[str, Any]]:
    """The content of the file, written back after the block."""
    yaml = YAML()
    yaml.default_flow_style = False
    content = yaml.load(path.read_bytes())
    yield content
    with atomic_file(path) as partial, partial.open("w", encoding="utf-8") as file:
        yaml.dump(content, file)
