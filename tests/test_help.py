"""Every command explains itself; nothing starts, and nothing is printed but the help."""

import re
import subprocess
import sys

import pytest

from src.core.steps import STEPS
from tests.workspaces import ROOT

# Steps and the longer commands have tests of their own, which look at what the help says.
TESTED = {*(f"tasks.{step}" for step in STEPS), "flows.predict", "flows.serve", "flows.serve_model"}
COMMANDS = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__main__")
    for path in [*ROOT.glob("flows/**/*.py"), *ROOT.glob("tasks/*.py"), *ROOT.glob("src/*/__main__.py")]
    if '__name__ == "__main__"' in path.read_text()
)


@pytest.mark.parametrize("command", [command for command in COMMANDS if command not in TESTED])
def test_every_command_has_a_help(command: str):
    run = subprocess.run([sys.executable, "-m", command, "--help"], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert re.match("usage: ", run.stdout), run.stdout
    assert not run.stderr
