"""Write the report: one page that tells the answer and shows the evidence, and the model card.

Every number in it comes from a result file of an earlier step.
"""

from src.files import Layout, write_text


def report(layout: Layout) -> None:
    """Read the results and write `results/P/report.html` and `results/P/model_card.md`."""
    from src.report.evidence import read_evidence
    from src.report.page import render_card, render_page

    evidence = read_evidence(layout)
    write_text(layout.results / "report.html", render_page(evidence))
    write_text(layout.results / "model_card.md", render_card(evidence))


if __name__ == "__main__":
    from tasks.cli import main

    main(report)
