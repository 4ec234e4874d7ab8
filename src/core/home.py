"""The repository a run belongs to, which is not the copy it happens in and which is deleted when it has ended."""

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
