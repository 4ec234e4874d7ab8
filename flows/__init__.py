"""What runs the steps: flows and servers of Prefect, the process that runs DVC, and commands that use a saved model.

Importing this package keeps Prefect's database and logs in the repository's folder. Import it before `prefect`, which
reads its settings once.
"""

import os
from pathlib import Path

import tasks  # noqa: F401  the environment of every process of the workflow: no telemetry, one thread each
from src.core.garbage import collect_seldom

ROOT = Path(__file__).resolve().parent.parent

os.environ.setdefault("PREFECT_HOME", str(ROOT / ".prefect"))
# A busy machine takes longer than Prefect's 20 s to start the server that a run without one starts for itself.
os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "120")
collect_seldom()
