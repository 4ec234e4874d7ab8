"""A process that has DVC loaded and runs one command after another: starting DVC for each step would take a second.
The steps are forks of it (see `flows.warm_dvc`).

The argument is the number of an open file: a pipe of commands, one JSON list per line, such as ["repro",
"--single-item", "fetch@wine"]. The output of DVC and the step goes to standard output. After each command comes a line
with `END` and the exit code. The process ends when its pipe is closed.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from subprocess import DEVNULL, PIPE, STDOUT, Popen

import psutil

from flows.warm_dvc import fork_steps

END = "\x1eexit code "
_GRACE_SECONDS = 10


class DVCProcess:
    """Runs DVC's commands in the folder `root` with the variables `environment` added. The first command starts it."""

    def __init__(self, root: Path, environment: Mapping[str, str]) -> None:
        self.root = root
        self.environment = environment
        self._process: Popen[str] | None = None

    def run(self, arguments: list[str], log: Callable[[str], None]) -> int:
        """Run the DVC command, pass its output to `log` line by line, and return its exit code."""
        if self._process is None:
            self._start()
        process = self._process
        assert process is not None
        assert process.stdout is not None
        with suppress(BrokenPipeError):  # it has ended; its output says why
            self._orders.write(json.dumps(arguments) + "\n")
        for line in process.stdout:
            if line.startswith(END):
                return int(line.removeprefix(END))
            log(line.rstrip())
        self._process = None
        self._orders.close()
        return process.wait()

    def close(self) -> None:
        """End the process and everything it started, even while a command runs."""
        if self._process is None:
            return
        process, self._process = self._process, None
        self._orders.close()
        family = _family(process.pid)
        for member in family:
            with suppress(psutil.NoSuchProcess):
                member.terminate()
        _, alive = psutil.wait_procs(family, timeout=_GRACE_SECONDS)
        for member in alive:
            member.kill()
        process.wait()

    def _start(self) -> None:
        reading, writing = os.pipe()
        self._orders = os.fdopen(writing, "w", buffering=1, encoding="utf-8")
        self._process = Popen(
            [sys.executable, "-m", "flows.running.dvc_process", str(reading)],
            cwd=self.root,
            env=os.environ | self.environment,
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            pass_fds=[reading],
        )
        os.close(reading)


def _family(pid: int) -> list[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        return [*process.children(recursive=True), process]
    return []


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m flows.running.dvc_process", description=__doc__)
    parser.add_argument("pipe", type=int, help="the number of the open file that commands come from")
    orders = os.fdopen(parser.parse_args().pipe, encoding="utf-8")
    os.set_inheritable(orders.fileno(), False)
    fork_steps()
    from dvc.cli import main as dvc

    for line in orders:
        code = dvc(json.loads(line))
        print(f"{END}{code}", flush=True)


if __name__ == "__main__":
    main()
