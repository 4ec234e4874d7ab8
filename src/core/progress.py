"""How far a long job is: a bar on a terminal, elsewhere plain lines such as

    search: 41% of 360 trainings, 12 s, about 17 s to go

that stream to whoever started the step (DVC, the flow). The words are written and read in this one place.
"""

import logging
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from time import monotonic

log = logging.getLogger("workflow")

# Jobs that end sooner say nothing.
FIRST_LINE = 2.0
# Seconds between lines: at first and at most. In between they grow with the job, so that no log drowns in them.
SHORTEST_PAUSE, LONGEST_PAUSE = 1.0, 10.0
_PAUSE_SHARE = 0.02
# How often the counts of other processes are written and read.
_COUNT_EVERY = 0.2
_LINE = re.compile(r"^.+: (\d+)% of .+, \d[\d.]* (?:s|min|h)\b")


@contextmanager
def progress(title: str, total: float, what: str) -> Iterator[Callable[[float], None]]:
    """Show how far a job is; the block calls what it gets with how much of `total` is done by now.

    title: the job. what: the whole of it in words, such as "360 trainings".
    """
    if sys.stderr.isatty():
        with _bar(title, total, what) as tell:
            yield tell
        return
    lines = Lines(title, total, what)
    yield lines.tell
    lines.close()


@contextmanager
def progress_of_parts(title: str, parts: int, total: float, what: str) -> Iterator[list["Part"]]:
    """Show how far a job is whose parts are done by other processes, each of which counts in its own `Part`."""
    with tempfile.TemporaryDirectory(prefix="progress-") as folder, progress(title, total, what) as tell:
        file = Path(folder) / "done"
        file.write_bytes(bytes(_WIDTH * parts))
        ended = Event()

        def watch() -> None:
            while not ended.wait(_COUNT_EVERY):
                tell(_counted(file))

        watcher = Thread(target=watch, name="progress", daemon=True)
        watcher.start()
        try:
            yield [Part(file, place) for place in range(parts)]
        finally:
            ended.set()
            watcher.join()


class Part:
    """One part's place in the file that all parts count in; can be sent to another process.

    A process on another machine, where the file is not, counts in vain: there the part is counted when it is done.
    """

    def __init__(self, file: Path, place: int) -> None:
        self.file = file
        self.place = place
        self.done = 0
        self.due = 0.0

    def add(self, amount: int) -> None:
        self.done += amount
        if monotonic() >= self.due:
            self.due = monotonic() + _COUNT_EVERY
            self._write()

    def finish(self, amount: int) -> None:
        """Count the whole part, `amount`, whatever it has counted itself."""
        self.done = amount
        self._write()

    def _write(self) -> None:
        with suppress(FileNotFoundError), self.file.open("r+b", buffering=0) as file:
            file.seek(_WIDTH * self.place)
            file.write(self.done.to_bytes(_WIDTH, "little"))


class Lines:
    """The plain lines of one job, to the log."""

    def __init__(self, title: str, total: float, what: str) -> None:
        self.title, self.total, self.what = title, total, what
        self.started = self.told = monotonic()
        self.due = self.started + FIRST_LINE
        self.percent = -1
        self.first: tuple[float, float] | None = None

    def tell(self, done: float) -> None:
        now = monotonic()
        if done and self.first is None:
            self.first = (now, done)
        percent = int(100 * done / self.total)
        if now < self.due or (percent == self.percent and now < self.told + LONGEST_PAUSE):
            return
        elapsed = now - self.started
        self.told, self.due = now, now + min(max(SHORTEST_PAUSE, _PAUSE_SHARE * elapsed), LONGEST_PAUSE)
        self._say(percent, f"{duration(elapsed)}{self._rest(now, done)}")

    def _rest(self, now: float, done: float) -> str:
        """By the speed since something was done: a worker first takes seconds to start."""
        if self.first is None or done <= self.first[1]:
            return ""
        since, at = self.first
        return f", about {duration((now - since) * (self.total - done) / (done - at))} to go"

    def close(self) -> None:
        """The job is done; a job that has said something says so."""
        if self.percent >= 0:
            self._say(100, duration(monotonic() - self.started))

    def _say(self, percent: int, times: str) -> None:
        self.percent = percent
        log.info("%s: %d%% of %s, %s", self.title, percent, self.what, times)


def share(line: str) -> float | None:
    """How far the job is that says `line`, from 0 to 1; None for any other line."""
    found = _LINE.match(line)
    return int(found[1]) / 100 if found else None


def duration(seconds: float) -> str:
    """`17 s`, `12 min`, `2.5 h`."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


@contextmanager
def _bar(title: str, total: float, what: str) -> Iterator[Callable[[float], None]]:
    from tqdm import tqdm

    form = f"{{desc}}: {{percentage:3.0f}}% of {what} |{{bar}}| {{elapsed}}, {{remaining}} to go"
    with tqdm(total=total, desc=title, bar_format=form, leave=False) as bar:

        def tell(done: float) -> None:
            bar.update(done - bar.n)

        yield tell


_WIDTH = 8


def _counted(file: Path) -> int:
    counts = file.read_bytes()
    return sum(int.from_bytes(counts[at : at + _WIDTH], "little") for at in range(0, len(counts), _WIDTH))
