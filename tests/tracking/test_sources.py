"""Which files and packages stand behind a module."""

import re
from pathlib import Path

import pytest

from src.tracking.serving import pinned
from src.tracking.sources import code_behind

ROOT = Path(__file__).parents[2]
FILES = {
    "house/__init__.py": "",
    "house/door.py": "import os\nfrom house.lock import key\n",
    "house/lock.py": "def key():\n    import numpy.linalg\n    from house.metal import steel\n",
    "house/metal/__init__.py": "from yaml import load\n",
    "house/metal/steel.py": "",
    "house/garden.py": "import pandas\n",
}


@pytest.fixture
def house(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_files_are_followed_through_packages_and_into_functions(house):
    files, _ = code_behind(Path("house/door.py"), house)
    assert files == {Path(name) for name in FILES} - {Path("house/garden.py")}


def test_packages_from_elsewhere_are_named_and_the_standard_library_is_not(house):
    _, packages = code_behind(Path("house/door.py"), house)
    assert packages == {"numpy", "yaml"}


def test_inference_needs_neither_the_pipeline_s_tools_nor_its_report():
    files, packages = code_behind(Path("src/saved/inference.py"), ROOT)
    # Types without a target name their shallow models, which need scikit-learn.
    assert not {"mlflow", "dvc", "prefect", "great_expectations", "matplotlib"} & packages
    assert not [file for file in files if file.parts[1] in ("tracking", "report", "plots", "datasets", "validation")]


def test_every_package_behind_a_model_is_one_of_the_requirements():
    _, packages = code_behind(Path("src/saved/inference.py"), ROOT)
    required = re.findall(r"^[^\s#]+", (ROOT / "requirements.txt").read_text(), re.M)
    assert set(map(_normal, pinned(packages))) <= set(map(_normal, required))


def _normal(requirement: str) -> str:
    return requirement.lower().replace("_", "-")
