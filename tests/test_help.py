"""Every command explains itself at once; nothing starts, and nothing is printed but the help."""

import re
import subprocess
import sys

import pytest

from tests.workspaces import ROOT, SLOW_TO_LOAD, imports

COMMANDS = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__main__")
    for path in [*ROOT.glob("flows/**/*.py"), *ROOT.glob("tasks/*.py"), *ROOT.glob("src/*/__main__.py")]
    if '__name__ == "__main__"' in path.read_text()
)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_help_that_needs_no_library_that_loads_for_long(command: str):
    run = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", command, "--help"], cwd=ROOT, capture_output=True, text=True
    )
    imported, printed = imports(run.stderr)
    assert run.returncode == 0, printed
    assert re.match("usage: ", run.stdout), run.stdout
    assert not printed
    assert imported & SLOW_TO_LOAD == ({"dvc"} if command == "flows.warm_dvc" else set())
