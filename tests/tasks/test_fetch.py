"""The step fetch, from its settings to the raw folder."""

from pathlib import Path

import pytest

from src.core.errors import UserError
from src.core.files import Layout, write_json
from tasks.fetch import fetch


def test_fetch_brings_what_the_settings_name(tmp_path: Path) -> None:
    layout = Layout("churn", tmp_path)
    layout.local.mkdir(parents=True)
    (layout.local / "t.csv").write_text("a,b\n1,2\n")
    write_json(layout.settings("fetch"), {"data": {"source": "file", "path": "t.csv"}})

    fetch(layout)

    assert (layout.raw / "t.csv").read_text() == "a,b\n1,2\n"


def test_fetch_before_define_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"python -m tasks\.define churn"):
        fetch(Layout("churn", tmp_path))
