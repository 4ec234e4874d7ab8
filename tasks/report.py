"""Step 9, report: one page with the answer and the evidence, the model card, and figures as files.

Every number comes from a result file of an earlier step.
"""

from src.core.files import Layout, atomic_directory, write_text


def report(layout: Layout) -> None:
    """Read the results and write report.html, model_card.md, metrics.json and `figures/*.png`."""
    from src.report.evidence import read_evidence
    from src.report.page import render_card, render_figures, render_page
    from src.results.metrics import Metrics

    evidence = read_evidence(layout)
    write_text(layout.results / "report.html", render_page(evidence))
    write_text(layout.results / "model_card.md", render_card(evidence))
    with atomic_directory(layout.results / "figures") as folder:
        for name, picture in render_figures(evidence).items():
            (folder / f"{name}.png").write_bytes(picture)
    Metrics.of(evidence.evaluate, evidence.answer.use).write(layout.metrics)


if __name__ == "__main__":
    from tasks.cli import main

    main(report)
