"""The worked examples of "Deep Learning with Python", by the automatic workflow, beside the book's results.

    python -m benchmarks.book [--only NAME ...] [--json figures.json]

Runs every step of each problem in a temporary workspace, from the problem files and params.yaml as they are, so with
no setting special to a data set but the protocol that the book itself uses. `ours` is measured as the book's figure
was: on the test rows, which nothing but the last step reads, or on held-out folds. Data come from DATA_MIRROR where
that is set, otherwise from their addresses. The problems with a star want a GPU and come last: on a CPU they take
longest, and larger networks than these could climb on.
"""

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from benchmarks.steps import run_workflow, workspace
from src.judging.printer import printer_of


@dataclass(frozen=True)
class Example:
    """A figure that the book prints, and what it was measured on; None where it prints none. starred: wants a GPU."""

    book: float | None
    on: Literal["test rows", "folds"]
    how: str
    starred: bool = False


EXAMPLES = {
    "imdb": Example(0.885, "test rows", "dense network, section 4.1"),
    "reuters": Example(0.777, "test rows", "dense network, section 4.2"),
    "ag_news": Example(None, "test rows", ""),
    "boston_housing": Example(2.384, "folds", "4 folds, scaled before they were cut, section 4.3"),
    "mnist": Example(0.9913, "test rows", "convnet"),
    "cats_vs_dogs": Example(0.82, "test rows", "from scratch, augmented, on 2,000 photographs; ours on 560"),
    "cats_vs_dogs_pretrained": Example(0.90, "test rows", "features of VGG16, on 2,000 photographs; ours on 560"),
    "pos_ewt": Example(None, "test rows", ""),
    "cats_vs_dogs_fine_tuned": Example(0.97, "test rows", "fine-tuned VGG16, on 2,000 photographs; ours on 560"),
    "airline_passengers": Example(None, "test rows", ""),
    "beijing_pm25": Example(None, "test rows", ""),
    "wine_density": Example(None, "test rows", ""),
    "wine_kinds": Example(None, "test rows", ""),
    "digits_pixels": Example(None, "test rows", ""),
    "digits_density": Example(None, "test rows", ""),
    "wine_samples": Example(None, "test rows", ""),
    "digits_samples": Example(None, "test rows", ""),
    "cifar10": Example(
        None, "test rows", "a ResNet, no figure printed; the mirror's part, 15,000 to learn from", starred=True
    ),
    "fashion_mnist": Example(0.912, "test rows", "convnet, in another book", starred=True),
    "fashion_codes": Example(0.0132, "test rows", "stacked autoencoder, another book; PCA 0.0150"),
    "fashion_bits": Example(0.0345, "test rows", "hashing autoencoder, another book; signs of PCA 0.0398"),
    "fashion_sparse": Example(0.0099, "test rows", "300 units, 10% active, another book; PCA of 30 0.0150"),
    "shakespeare": Example(2.12, "test rows", "nanoGPT on a GPU, 2.71 on a CPU; Kneser-Ney of order 7 2.188"),
    "nietzsche": Example(None, "test rows", ""),
    "beijing_shapes": Example(None, "test rows", ""),
}


def run_example(name: str, folder: Path) -> dict[str, Any]:
    """All steps of one problem; its row of the table."""
    example = EXAMPLES[name]
    evaluation, seconds = run_workflow(name, folder)
    ours, low, high = (
        evaluation.cross_validation.mean,
        evaluation.cross_validation.low,
        evaluation.cross_validation.high,
    )
    if example.on == "test rows":
        ours, low, high = evaluation.test.value, evaluation.test.low, evaluation.test.high
    printing = printer_of(evaluation)
    book = "none" if example.book is None else printing.bare(example.book)
    references = f"common sense {printing.bare(evaluation.baseline)}, shallow model {printing.bare(evaluation.shallow)}"
    how = example.how or f"{references} on the folds"
    row = {"problem": name, "book": example.book, "ours": ours, "low": low, "high": high, "seconds": round(seconds, 1)}
    print(
        f"| {name}{'*' * example.starred} | {evaluation.measure} | {book} ({how}) "
        f"| **{printing.bare(ours)}** ({printing.interval(low, high)}) | {example.on} | {seconds:.0f} |",
        flush=True,
    )
    return row


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.book", description=__doc__.split("\n\n")[0])
    parser.add_argument("--only", nargs="+", choices=EXAMPLES, default=list(EXAMPLES), metavar="NAME")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the rows here")
    options = parser.parse_args()
    print("| problem | measure | book | ours (95% interval) | on | s |")
    print("|---|---|---|---|---|---|")
    rows: list[dict[str, Any]] = []
    failed = []
    with workspace() as folder:
        for name in sorted(options.only, key=list(EXAMPLES).index):
            try:
                rows.append(run_example(name, folder))
            except SystemExit as error:
                failed.append(str(error))
            if options.json:
                options.json.write_text(json.dumps(rows, indent=2) + "\n")
    print()
    for starred, label in ((False, "without a star"), (True, "with a star, for a GPU")):
        seconds = [row["seconds"] for row in rows if EXAMPLES[row["problem"]].starred == starred]
        if seconds:
            print(f"{len(seconds)} {label}: {sum(seconds) / 60:.0f} minutes")
    if failed:
        sys.exit("\n".join(failed))


if __name__ == "__main__":
    main()
