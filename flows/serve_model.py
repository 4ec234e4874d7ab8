"""Answer requests over HTTP with a problem's champion.

    make serve-model problem=wine

accepts raw rows at http://127.0.0.1:5001/predict, as JSON (a list of objects, one per row, or MLflow's
dataframe_records and dataframe_split) or as CSV with a header line:

    curl -H 'Content-Type: text/csv' --data-binary @new.csv http://127.0.0.1:5001/predict

The rows are checked as the training rows were. If a row cannot be scored, the answer is a 400 that names the row, the
column and the reason. Each answer names the version of the model: the champion at the time the server started. The
server accepts connections from this machine only and loads no pickle. `python -m flows.predict` scores whole files.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from flows.arguments import check_problem, problem_files
from src.core.errors import UserError

PORT = 5001
HOST = "127.0.0.1"
NAMES = ("127.0.0.1", "localhost")
MEBIBYTE = 2**20
_GRACE_SECONDS = 2


def main(arguments: Sequence[str]) -> int:
    """Serve until told to end. Return the exit code."""
    options = _parser().parse_args(arguments)
    try:
        check_problem(options.problem)
        _serve(options)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:  # uvicorn shuts down on it, then raises it again
        pass
    return 0


def _serve(options: argparse.Namespace) -> None:
    from flows.serving import ports
    from flows.serving.same_origin import SameOrigin
    from src.scoring.registered import find_model

    registered = find_model(options.problem, options.model, Path())
    with ports.listening(HOST, options.port, "port=") as listener:
        import uvicorn

        from src.core.files import Layout
        from src.problem.load import load_problem
        from src.scoring.server import make_app
        from src.scoring.service import Service

        layout = Layout(options.problem)
        service = Service(load_problem(layout), registered, layout.expectations, options.reconstruct)
        for promise in service.checks.left_out:
            print(f"not checked: {promise}", flush=True)
        address = ports.url(listener)
        app = SameOrigin(make_app(service, options.most_mib * MEBIBYTE), NAMES, f"ask it at {address}")
        config = uvicorn.Config(app, log_level="warning", server_header=False, timeout_graceful_shutdown=_GRACE_SECONDS)
        print(f"ready: {registered} answers at {address}/predict; {address}/docs shows how; Ctrl-C ends it", flush=True)
        uvicorn.Server(config).run(sockets=[listener])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m flows.serve_model", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("problem", help=f"one of the files in problems/: {', '.join(problem_files())}")
    parser.add_argument("--model", default="champion", metavar="VERSION", help="champion (default), or a version")
    parser.add_argument("--port", type=int, default=PORT, help=f"default: {PORT}; 0 takes any free port")
    parser.add_argument("--most-mib", type=int, default=16, metavar="MIB", help="the largest request (default: 16)")
    parser.add_argument("--reconstruct", action="store_true", help="also give the row as rebuilt from its code")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
