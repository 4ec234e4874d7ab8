"""Sample what a step uses of the machine: processor, memory and, where there is one, the GPU.

The names without `step_` are MLflow's own. The number of samples does not depend on the length of a training: when
there are too many, every other one is dropped and the pause between them doubles.
"""

import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

import psutil

MOST_SAMPLES = 120
FIRST_PAUSE_SECONDS = 1.0
_MEGABYTE = 1e6
_GPU_QUERY = ("--query-gpu=index,utilization.gpu,memory.used", "--format=csv,noheader,nounits")


@dataclass(frozen=True)
class Sample:
    """`time` in seconds since 1970."""

    time: float
    values: dict[str, float]


@dataclass
class Usage:
    """Samples of `step` and its workers, taken by a thread until this process ends."""

    step: psutil.Process
    pause: float = FIRST_PAUSE_SECONDS
    _samples: list[Sample] = field(default_factory=list)
    _known: dict[psutil.Process, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        psutil.cpu_percent()  # the next call measures the time since this one
        self._gpus = shutil.which("nvidia-smi")
        threading.Thread(target=self._watch, name="usage", daemon=True).start()

    def samples(self) -> list[Sample]:
        return list(self._samples)

    def _watch(self) -> None:
        begin = time.monotonic()
        self._seconds_used()
        while True:
            time.sleep(self.pause)
            now = time.monotonic()
            self._samples.append(self._sample(now - begin))
            begin = now
            if len(self._samples) > MOST_SAMPLES:
                self._samples = self._samples[1::2]
                self.pause *= 2

    def _sample(self, elapsed: float) -> Sample:
        memory = psutil.virtual_memory()
        values = {
            "step_cpu_percentage": 100 * self._seconds_used() / elapsed,
            "step_memory_megabytes": sum(self._memory()) / _MEGABYTE,
            "cpu_utilization_percentage": psutil.cpu_percent(),
            "system_memory_usage_megabytes": memory.used / _MEGABYTE,
            "system_memory_usage_percentage": memory.percent,
        }
        return Sample(time.time(), values | self._of_gpus())

    def _processes(self) -> Iterator[psutil.Process]:
        """The step and its workers, without this process."""
        with suppress(psutil.NoSuchProcess):
            yield self.step
            yield from (child for child in self.step.children(recursive=True) if child.pid != psutil.Process().pid)

    def _seconds_used(self) -> float:
        """Processor time since the last call, without the last moments of workers that have ended since then."""
        used = {}
        for process in self._processes():
            with suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                used[process] = times.user + times.system
        since = sum(seconds - self._known.get(process, 0) for process, seconds in used.items())
        self._known = used
        return since

    def _memory(self) -> Iterator[float]:
        for process in self._processes():
            with suppress(psutil.NoSuchProcess):
                yield process.memory_info().rss

    def _of_gpus(self) -> dict[str, float]:
        if self._gpus is None:
            return {}
        values: dict[str, float] = {}
        try:
            query = subprocess.run([self._gpus, *_GPU_QUERY], capture_output=True, text=True)
        except OSError:  # nvidia-smi could not start: this sample has no GPU, the next one tries again
            return values
        for line in query.stdout.splitlines() if query.returncode == 0 else ():
            index, busy, megabytes = (part.strip() for part in line.split(","))
            with suppress(ValueError):  # "[N/A]" of a GPU that does not report it
                values[f"gpu_{index}_memory_usage_megabytes"] = float(megabytes)
                values[f"gpu_{index}_utilization_percentage"] = float(busy)
        return values
