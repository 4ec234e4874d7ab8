"""Step 4, prepare the data: seal the test set and draw the folds.

The sealed test set is a DVC output of its own, on which only `evaluate` depends. This step does not normalize: every
fold learns that from its training rows. Book: "Preparing your data", "Choosing an evaluation protocol".
"""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from src.core.errors import UserError
from src.core.files import Layout, atomic_directory, atomic_file, write_json
from src.datasets import read_split, vectors_file
from src.inputs.pictures import AT_ONCE
from src.kinds.source import source_sha256
from src.preparation.prepare import prepare_table
from src.preparation.sealing import never_learnt, sealed_rows
from src.problem.load import load_settings
from src.problem.steps import PrepareSettings
from src.results.data import Prepared, Validation
from src.tables.protocols import write_folds
from src.tables.table import LABELLED, UNLABELLED, VECTORS, Schema


def prepare(layout: Layout) -> Prepared:
    """Write `train`, `test`, `folds.npz` and `kinds.json` to `data/prepared/<problem>`, and `prepare.json` to
    `results/<problem>`."""
    settings = load_settings(layout, "prepare", PrepareSettings)
    validation = Validation.read(layout.result("validate"))
    if any(f.severity == "error" for f in validation.findings):
        raise UserError(f"{layout.result('validate')}: the data failed the checks; correct them, then validate again")
    raw = read_split(
        settings.data,
        layout.raw,
        settings.columns,
        lambda frame: sealed_rows(frame, settings),
        never_learnt(settings),
        [*settings.targets, *settings.heads],
    )
    vectors = None if settings.word_vectors is None else vectors_file(layout.raw)
    prepared = prepare_table(raw.frame, settings, vectors, raw.test_N)
    with atomic_directory(layout.train) as folder:
        if prepared.vectors is not None:
            prepared.vectors.save(folder / VECTORS)
        _write_table(prepared.train, folder, prepared.schema)
        if prepared.unlabelled is not None:
            _write_table(prepared.unlabelled, folder, prepared.schema, UNLABELLED)
        write_json(folder / "schema.json", prepared.schema.model_dump(mode="json"))
    with atomic_directory(layout.test) as folder:
        _write_table(prepared.test, folder, prepared.schema)
        write_json(folder / "test.json", {"duplicates_of_training_rows": prepared.duplicates_across})
    write_folds(layout.folds, prepared.development, prepared.evaluation)
    write_json(layout.kinds, source_sha256(prepared.schema.features))
    prepared.summary.write(layout.result("prepare"))
    return prepared.summary


def _write_table(frame: pd.DataFrame, folder: Path, schema: Schema, name: str = LABELLED) -> None:
    """Write pictures a few at a time, since they may be on disk."""
    pictures = [feature.name for feature in schema.features if feature.type == "image"]
    with atomic_file(folder / name) as partial:
        if not pictures:
            frame.to_parquet(partial, index=False)
            return
        columns = pa.Schema.from_pandas(frame.assign(**dict.fromkeys(pictures, b"")), preserve_index=False)
        with pyarrow.parquet.ParquetWriter(partial, columns) as writer:
            for start in range(0, len(frame), AT_ONCE):
                part = frame.iloc[start : start + AT_ONCE]
                files = {
                    name: pd.Series([bytes(file) for file in part[name]], part.index, dtype=object) for name in pictures
                }
                writer.write_table(pa.Table.from_pandas(part.assign(**files), columns, preserve_index=False))


if __name__ == "__main__":
    from tasks.cli import main

    main(prepare)
