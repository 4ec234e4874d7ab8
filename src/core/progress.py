"""The progress of long jobs: a bar on a terminal, elsewhere plain lines such as

    search: 41% of 360 trainings, 12 s, about 17 s to go

that stream to whatever started the step (DVC, the flow). This module both writes and parses the lines.
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

# Seconds before the first line; shorter jobs write none.
FIRST_LINE = 2.0
# Seconds between lines, at first and at most. The pauses grow with the job, to keep the log short.
SHORTEST_PAUSE, LONGEST_PAUSE = 1.0, 10.0
_PAUSE_SHARE = 0.02
# Seconds between writing, and between reading, the counts of other processes.
_COUNT_EVERY = 0.2
_LINE = re.compile(r"^.+: (\d+)% of .+, \d[\d.]* (?:s|min|h)\b")


@contextmanager
def progress(title: str, total: float, what: str) -> Iterator[Callable[[float], None]]:
    """Show the progress of a job; the block calls the yielded function with the amount of `total` done so far.

    title: the job. what: the whole of it in words, such as "360 trainings".
    """
    if sys.stderr.isatty():
        with _bar(title, total, what) as update:
            yield update
        return
    lines = Lines(title, total, what)
    yield lines.update
    lines.close()


@contextmanager
def progress_of_parts(title: str, parts: int, total: float, what: str) -> Iterator[list["Part"]]:
    """Show the progress of a job whose parts run in other processes, each of which counts in its own `Part`."""
    with tempfile.TemporaryDirectory(prefix="progress-") as folder, progress(title, total, what) as update:
        file = Path(folder) / "done"
        file.write_bytes(bytes(_WIDTH * parts))
        ended = Event()

        def watch() -> None:
            while not ended.wait(_COUNT_EVERY):
                update(_counted(file))

        watcher = Thread(target=watch, name="progress", daemon=True)
        watcher.start()
        try:
            yield [Part(file, place) for place in range(parts)]
        finally:
            ended.set()
            watcher.join()


class Part:
    """One part's place in the file in which all parts count; can be sent to another process.

    On another machine the file does not exist; such a part is counted only when it is finished.
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
        """Count the whole part, which is `amount`, whatever it has counted so far."""
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
        self.started = self.written = monotonic()
        self.due = self.started + FIRST_LINE
        self.percent = -1
        self.first: tuple[float, float] | None = None

    def update(self, done: float) -> None:
        now = monotonic()
        if done and self.first is None:
            self.first = (now, done)
        percent = int(100 * done / self.total)
        if now < self.due or (percent == self.percent and now < self.written + LONGEST_PAUSE):
            return
        elapsed = now - self.started
        self.written, self.due = now, now + min(max(SHORTEST_PAUSE, _PAUSE_SHARE * elapsed), LONGEST_PAUSE)
        self._write(percent, f"{duration(elapsed)}{self._rest(now, done)}")

    def _rest(self, now: float, done: float) -> str:
        """The remaining time, by the speed since the first progress: workers take seconds to start."""
        if self.first is None or done <= self.first[1]:
            return ""
        since, done_then = self.first
        return f", about {duration((now - since) * (self.total - done) / (done - done_then))} to go"

    def close(self) -> None:
        """Write a last line if there were others."""
        if self.percent >= 0:
            self._write(100, duration(monotonic() - self.started))

    def _write(self, percent: int, times: str) -> None:
        self.percent = percent
        log.info("%s: %d%% of %s, %s", self.title, percent, self.what, times)


def share(line: str) -> float | None:
    """The progress in `line`, from 0 to 1; None for any other line."""
    match = _LINE.match(line)
    return int(match[1]) / 100 if match else None


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

        def update(done: float) -> None:
            bar.update(done - bar.n)

        yield update


_WIDTH = 8


def _counted(file: Path) -> int:
    counts = file.read_bytes()
    return sum(int.from_bytes(counts[i : i + _WIDTH], "little") for i in range(0, len(counts), _WIDTH))
