"""The pictures of the documentation and what each of them shows.

Beside them lies `made_from.json`: for each the digest of the files that decide what its page looks like, as they
were when it was made. `tests/test_pictures.py` fails where these files have changed since.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
IMAGES = Path("docs/images")
MADE_FROM = IMAGES / "made_from.json"
COMMAND = "python -m docs.screenshots"


@dataclass(frozen=True)
class Picture:
    """A picture of a page in a window of `width` x `height` pixels.

    shows: the files and folders that decide what the page looks like. section: the only part of the report to show; the
    page from its top where there is none.
    """

    shows: tuple[str, ...]
    width: int = 1500
    height: int = 940
    section: str | None = None


_REPORT = ("src/report/templates/report.html.j2", "src/report/templates/style.css", "src/report/blocks.py", "src/plots")
_PAGE = (*_REPORT, "src/report/page.py", "src/report/answer.py", "src/report/sections/verdicts.py")

OF_REPORT = {
    "report": Picture(_PAGE, 1200, 940),
    "report_overfit": Picture((*_REPORT, "src/report/sections/ladder.py"), 1200, 1180, "overfit"),
    "report_search": Picture((*_REPORT, "src/report/sections/search.py"), 1200, 1180, "search"),
    "report_errors": Picture((*_REPORT, "src/report/outcomes.py"), 1200, 1240, "errors"),
    "report_phone": Picture(_PAGE, 390, 1100),
}
OF_SERVERS = {
    "prefect_form": Picture(("flows/universal_workflow.py", "flows/overrides.py", "flows/runner/deployments.py")),
    "prefect_run": Picture(("flows/universal_workflow.py", "flows/running/artifacts.py")),
    "prefect_verdicts": Picture(("flows/running/artifacts.py",)),
    "mlflow_results": Picture(("src/tracking/content.py", "src/tracking/views.py", "flows/serving/mlflow_page.py")),
    "mlflow_compare": Picture(("src/tracking/content.py", "src/tracking/views.py")),
}
PICTURES = OF_REPORT | OF_SERVERS


def digest(name: str, root: Path = ROOT) -> str:
    """Of the files that decide what the picture `name` shows."""
    total = hashlib.sha256()
    for place in PICTURES[name].shows:
        path = root / place
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            total.update(f"{file.relative_to(root)}:{hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return total.hexdigest()


def note(name: str, root: Path = ROOT) -> None:
    """Note that the picture `name` has been made of the present page."""
    known = _known(root) | {name: digest(name, root)}
    (root / MADE_FROM).write_text(json.dumps(dict(sorted(known.items())), indent=2) + "\n", encoding="utf-8")


def outdated(root: Path = ROOT) -> list[str]:
    """The pictures that are older than what they show."""
    known = _known(root)
    return [name for name in PICTURES if known.get(name) != digest(name, root)]


def _known(root: Path) -> dict[str, str]:
    file = root / MADE_FROM
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
