"""The steps of the universal workflow, one module each, in order:

define, fetch, validate, prepare, baseline, overfit, regularize, evaluate, report.

Beside them stand the commands that need no Prefect, such as `new`, `summary` and `experiments`. A step is a plain
function over files. Importing this package sets the environment of the process and its workers before
any library reads it:

- One thread each. Small matrices on two threads beside a busy neighbour are up to a hundred times slower, and with one
  thread sums are the same on every run. Processes do parallel work, see `engine` in params.yaml.
- No library reports its use to anybody.
- What libraries store stays in the repository's folder.

It also lets every command end quietly when nobody reads its output any more.

A process that DVC starts for a step begins by restoring the results of the last run (see `tasks.kept_results`).
"""

import os
from pathlib import Path

from src.core.closed_output import end_quietly_without_reader

ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "NUMEXPR_NUM_THREADS": "1",
    "VECLIB_MAXIMUM_THREADS": "1",
}
# Make matrix products round alike wherever their operands lie in memory (Intel MKL, "Conditional numerical
# reproducibility"). Otherwise a change of one fold's rows can reach the last bit of another fold's weights.
SAME_BITS = {"MKL_CBWR": "AUTO,STRICT"}
NO_TELEMETRY = {
    "DO_NOT_TRACK": "1",
    "DVC_NO_ANALYTICS": "1",
    "GX_ANALYTICS_ENABLED": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
}

IN_THE_REPOSITORY = {"MPLCONFIGDIR": str(Path(__file__).resolve().parent.parent / ".cache" / "matplotlib")}

os.environ.update(ONE_THREAD | SAME_BITS | NO_TELEMETRY | IN_THE_REPOSITORY)
end_quietly_without_reader()

if "DVC_STAGE" in os.environ:
    from tasks.kept_results import put_back

    put_back(os.environ["DVC_STAGE"])
