"""DVC's list of the files that its processes write and read, `.dvc/tmp/rwlock`.

None of DVC's commands shows the list, enters anything into it, or mends it. DVC removes the outputs of a stage before
it starts the step, which is too late for the step to refuse. Measured with `evaluate` of two problems, the second
started while the first was running. Without an entry of ours 2 of 7 outputs of the second were lost, the two folders
of models; with it 0 of 7.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

WRITTEN_FOR = {"dvc": "3.67.1"}


@contextmanager
def files_in_use(root: Path) -> Iterator[dict[str, Any]]:
    """The list of the repository at `root`, open for changes: who has which paths, under `read` and `write`."""
    from dvc.fs import localfs
    from dvc.rwlock import _edit_rwlock

    with _edit_rwlock(str(root.absolute() / ".dvc" / "tmp"), localfs, False) as entries:
        yield entries


def mend(root: Path) -> None:
    """Remove the list where a kill has cut it short or a disk has spoilt it: DVC would refuse every command until
    somebody does."""
    file = root / ".dvc" / "tmp" / "rwlock"
    if not _is_damaged(file):
        return
    from dvc.lock import make_lock

    with make_lock(f"{file}.lock", tmp_dir=str(file.parent)):  # a list that was just being written is whole by now
        if _is_damaged(file):
            file.unlink()


def _is_damaged(file: Path) -> bool:
    from dvc.rwlock import SCHEMA
    from voluptuous import Invalid

    try:
        SCHEMA(json.loads(file.read_bytes()))
    except FileNotFoundError:
        return False
    except (ValueError, RecursionError, Invalid):
        return True
    return False
