"""The repository that a run belongs to. The run itself happens in a copy, which is deleted when it ends."""

import os
from pathlib import Path

from src.core.files import Layout


def home(layout: Layout) -> Path:
    """The repository of the run that writes to `layout`.

    The flow names it in WORKFLOW_HOME and DVC, for a queued experiment, in DVC_ROOT.
    """
    if layout.root != Path():
        return layout.root
    return Path(os.environ.get("WORKFLOW_HOME") or os.environ.get("DVC_ROOT") or "")
