"""Which runs from the shell have lost their process."""

import subprocess
import sys

from flows.running import shell_runs

TELL = "from flows.running import shell_runs; print(shell_runs.tag())"


def test_a_run_whose_process_is_gone_has_died_and_others_have_not():
    ended = subprocess.run([sys.executable, "-c", TELL], capture_output=True, text=True, check=True).stdout.strip()
    assert shell_runs.has_died(["mine", ended])
    assert not shell_runs.has_died(["mine", shell_runs.tag()])
    assert not shell_runs.has_died(["mine"])


def test_a_process_number_given_to_another_process_and_another_machine_are_told_apart():
    mine = shell_runs.tag()
    process, started = mine.rsplit(" ", 1)
    assert shell_runs.has_died([f"{process} {float(started) - 60}"])
    assert not shell_runs.has_died([f"process 1 on another{process.partition(' on ')[2]} {float(started) - 60}"])
