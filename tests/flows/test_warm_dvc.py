"""Steps as forks of DVC's process. That their results are those of steps started anew, the tests of the pipeline show:
`finished` was made by forks, and `dvc repro` makes the same again."""

import os
import re
import signal
import sys

import pytest

from src.core.processes import is_alive
from tests.workspaces import PROBLEM, Workspace, family, wait_for

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="steps are forks on Linux only")

TELLS_WHERE = '\nimport os\nprint(f"imported by {os.getpid()}", flush=True)\n'
WAITS = """
def define(layout):
    import time
    print("begun", flush=True)
    time.sleep(60)
"""
EDITED_LATER = f"""
import os, sys
from pathlib import Path
from flows.warm_dvc import fork_steps

fork_steps()
import tasks.define

path = Path("tasks/define.py")
path.write_text({TELLS_WHERE!r} + path.read_text())
os.utime(path, ns=(path.stat().st_mtime_ns + 1,) * 2)
from dvc.cli import main

sys.exit(main(["repro", "define@{PROBLEM}"]))
"""


@pytest.fixture
def define(fresh: Workspace, tmp_path):
    """A new workspace with more code at the end of tasks/define.py, before its `if __name__` has run."""

    def with_code(code: str) -> Workspace:
        workspace = fresh.copy(tmp_path / "workspace")
        path = workspace.root / "tasks" / "define.py"
        body, main, rest = path.read_text().partition('\n\nif __name__ == "__main__":')
        path.write_text(body + "\n" + code + main + rest)
        return workspace

    return with_code


def test_a_step_is_a_fork_of_the_process_that_runs_dvc(define):
    workspace = define(TELLS_WHERE)
    process = workspace.popen("flows.warm_dvc", "repro", f"define@{PROBLEM}")
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    assert re.findall(r"imported by (\d+)", output) == [str(process.pid)]
    assert (workspace.results / "settings" / "fetch.json").exists()


def test_a_step_whose_code_was_edited_since_is_started_anew(define):
    workspace = define("")
    (workspace.root / "driver.py").write_text(EDITED_LATER)
    process = workspace.popen("driver")
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    (importer,) = re.findall(r"imported by (\d+)", output)
    assert importer != str(process.pid)


def test_a_step_that_fails_says_why_and_dvc_fails(define):
    workspace = define("")
    workspace.set(type="telepathy")
    run = workspace.run("flows.warm_dvc", "repro", f"define@{PROBLEM}", check=False)
    assert run.returncode != 0
    assert "telepathy" in run.stdout
    assert (
        f"failed to reproduce 'define@{PROBLEM}': failed to run: python -m tasks.define {PROBLEM}, exited with 1"
        in (run.stdout)
    )
    assert "Traceback" not in run.stdout


def test_ctrl_c_ends_the_step_with_its_message(define):
    process = define(WAITS).popen("flows.warm_dvc", "repro", f"define@{PROBLEM}", start_new_session=True)
    said = read_until(process, "begun")
    os.killpg(process.pid, signal.SIGINT)
    rest, _ = process.communicate(timeout=30)
    assert process.returncode != 0
    assert "define was interrupted" in rest
    assert "Traceback" not in said + rest


def test_a_step_does_not_outlive_dvc(define):
    process = define(WAITS).popen("flows.warm_dvc", "repro", f"define@{PROBLEM}")
    read_until(process, "begun")
    (step,) = [child for child in family(process.pid) if child.pid != process.pid]
    assert step.name() == "define"
    process.kill()
    process.communicate()
    wait_for(lambda: not is_alive(step), 10)


def read_until(process, word: str) -> str:
    said = ""
    for line in process.stdout:
        said += line
        if word in line:
            return said
    raise AssertionError(said)
