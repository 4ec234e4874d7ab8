"""What a model drew or wrote lies with the run of `evaluate`."""

from src.core.files import Layout
from src.results.evaluate import Drawn, Evaluate, Grid, Writings, WrittenText
from tests.tracking.conftest import record

WRITINGS = Writings(texts=[WrittenText(temperature=0.5, text="To be", copied=[(0, 2)])], compressed={})
PICTURES = Drawn(
    grids=[Grid(caption=name, picture=f"data:image/png;base64,{name}") for name in ("AAAA", "AAAB", "AAAC")]
)
ROWS = Drawn(header=["size", "name"], samples=[["1.5", "a, b"]], nearest=[["1", ""]])


def recorded_files(layout: Layout, client, runs, **made: object) -> dict[str, bytes]:
    path = layout.result("evaluate")
    Evaluate.read(path).model_copy(update=made).write(path)
    record("evaluate", layout)
    [run] = runs(workflow__step="evaluate")
    folder = client.download_artifacts(run.info.run_id, "samples", str(layout.root))
    names = [each.path for each in client.list_artifacts(run.info.run_id, "samples")]
    return {name.removeprefix("samples/"): (layout.root / name).read_bytes() for name in names if folder}


def test_pictures_are_files_of_the_run(layout, client, runs):
    files = recorded_files(layout, client, runs, drawn=PICTURES)
    assert files == {"samples.png": b"\0\0\0", "nearest.png": b"\0\0\1", "codes_1.png": b"\0\0\2"}


def test_rows_of_a_table_are_files_of_the_run(layout, client, runs):
    files = recorded_files(layout, client, runs, drawn=ROWS)
    assert files == {"samples.csv": b'size,name\n1.5,"a, b"\n', "nearest.csv": b"size,name\n1,\n"}


def test_texts_are_a_file_of_the_run(layout, client, runs):
    assert recorded_files(layout, client, runs, writings=WRITINGS) == {"texts.txt": b"Temperature 0.5:\n\nTo be\n"}


def test_models_that_make_nothing_leave_no_such_files(recorded, client, runs):
    [run] = runs(workflow__step="evaluate")
    assert "samples" not in [each.path for each in client.list_artifacts(run.info.run_id)]
