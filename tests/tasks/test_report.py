"""The step report: its files, nothing else, and the same bytes again."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from src.core.errors import UserError
from src.core.files import Layout
from tasks.report import report
from tests.report.examples import example
from tests.report.written_results import write_results

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    return write_results(tmp_path_factory.mktemp("report"), example("multiclass"))


def files(layout: Layout) -> dict[str, bytes]:
    return {str(p.relative_to(layout.root)): p.read_bytes() for p in layout.root.rglob("*") if p.is_file()}


def test_the_step_writes_its_outputs_and_touches_nothing_else(
    layout: Layout,
) -> None:
    before = files(layout)
    report(layout)
    after = files(layout)
    written = {"report.html", "model_card.md", "metrics.json", "figures/learning_curve.png", "figures/search.png"}
    assert after.keys() - before.keys() == {f"results/wine/{name}" for name in written}
    assert all(after[name] == content for name, content in before.items() if not name.endswith((".html", ".md")))


@pytest.mark.slow
def test_another_process_writes_the_same_bytes(layout: Layout) -> None:
    report(layout)
    before = files(layout)
    script = "import sys, pathlib; from src.core.files import Layout; from tasks.report import report; "
    script += "report(Layout('wine', pathlib.Path(sys.argv[1])))"
    environment = os.environ | {"PYTHONHASHSEED": "7", "MPLBACKEND": "svg", "LC_ALL": "C", "TZ": "Asia/Tokyo"}
    subprocess.run([sys.executable, "-c", script, str(layout.root)], cwd=ROOT, env=environment, check=True)
    assert files(layout) == before


@pytest.mark.parametrize("name", ["evaluate.json", "candidates.csv", "predictions.parquet", "validation.json"])
def test_a_missing_result_is_named_with_the_way_out(tmp_path: Path, name: str, layout: Layout) -> None:
    import shutil

    shutil.copytree(layout.root, tmp_path / "copy")
    copy = Layout(layout.problem, tmp_path / "copy")
    (copy.results / name).unlink()
    with pytest.raises(UserError, match=rf"{name} is missing; run `dvc repro (evaluate|regularize|validate)@wine`"):
        report(copy)
