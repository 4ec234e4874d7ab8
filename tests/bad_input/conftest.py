import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from src.core.files import Layout
from tests.bad_input.desk import Desk, table
from tests.workspaces import ROOT


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Desk:
    recorded: list[str] = []
    (tmp_path / "problems").mkdir()
    (tmp_path / "data" / "local").mkdir(parents=True)
    shutil.copy(ROOT / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    for variable in ("DVC_STAGE", "DATA_MIRROR"):
        monkeypatch.delenv(variable, raising=False)

    @contextmanager
    def recording(step: str, layout: Layout) -> Iterator[None]:
        yield
        recorded.append(step)

    monkeypatch.setitem(sys.modules, "src.tracking", SimpleNamespace(recording=recording))
    made = Desk(tmp_path, caplog, recorded)
    made.put(table())
    made.describe()
    return made
