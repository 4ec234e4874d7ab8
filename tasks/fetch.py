"""Step 2, get the data: bring the source's files into `data/raw/<problem>/`, checksummed and never half-written.

Book: "Collecting a dataset".
"""

from src.core.files import Layout
from src.datasets import fetch_source
from src.problem.load import load_settings
from src.problem.steps import FetchSettings


def fetch(layout: Layout) -> None:
    """Fetch what `data` and `word_vectors` of the problem name; leave correct files untouched."""
    settings = load_settings(layout, "fetch", FetchSettings)
    fetch_source(settings.data, layout.raw, layout.local, layout.root / ".downloads", settings.word_vectors)


if __name__ == "__main__":
    from tasks.cli import main

    main(fetch)
