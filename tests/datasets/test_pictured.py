"""Tables that name files of pictures."""

import hashlib
import io
import zipfile
from pathlib import Path
from typing import Any

import pytest

from src.core.errors import UserError
from src.core.mirror import VARIABLE
from src.datasets import fetch_source, read_table
from src.problem.sources import LocalSource, RemoteSource
from tests.kinds.pictures import bars, file_of

PIXELS_NHWC, LABELS = bars(3)
FILES = {f"photos/{number}.png": file_of(pixels) for number, pixels in enumerate(PIXELS_NHWC)}
TABLE = "photo,bar,weight,zip\n" + "".join(
    f"{path},{label},{number + 0.5},0{number}\n" for number, (path, label) in enumerate(zip(FILES, LABELS, strict=True))
)


def local(folder: Path, table: str = TABLE, **options: Any) -> LocalSource:
    for path, content in FILES.items():
        (folder / "pets" / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "pets" / path).write_bytes(content)
    (folder / "pets" / "animals.csv").write_text(table)
    given = {"source": "file", "path": "pets/animals.csv", "pictures": "photo"} | options
    return LocalSource.model_validate(given)


@pytest.mark.parametrize("options", [{}, {"format": "csv"}])
def test_the_files_come_in_place_of_their_paths_and_the_rest_is_read_as_ever(tmp_path: Path, options: dict[str, str]):
    source = local(tmp_path, **options)
    fetch_source(source, tmp_path / "raw", tmp_path)
    table = read_table(source, tmp_path / "raw", {"zip": "categorical"})
    assert table["photo"].tolist() == list(FILES.values())
    assert table["bar"].tolist() == LABELS
    assert table["weight"].tolist() == [0.5, 1.5, 2.5]
    assert table["zip"].tolist() == ["00", "01", "02"]


def test_one_picture_may_be_named_in_several_ways(tmp_path: Path):
    source = local(tmp_path, TABLE + "photos/./0.png,lies,3.5,03\n")
    fetch_source(source, tmp_path / "raw", tmp_path)
    assert read_table(source, tmp_path / "raw", {})["photo"].tolist() == [*FILES.values(), FILES["photos/0.png"]]


def test_another_picture_is_fetched_anew(tmp_path: Path):
    source = local(tmp_path)
    fetch_source(source, tmp_path / "raw", tmp_path)
    other = file_of(PIXELS_NHWC[1], "BMP")
    (tmp_path / "pets/photos/0.png").write_bytes(other)
    fetch_source(source, tmp_path / "raw", tmp_path)
    assert read_table(source, tmp_path / "raw", {})["photo"][0] == other


def test_an_archive_may_hold_the_table_and_its_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for path, content in {**FILES, "animals.csv": TABLE.encode()}.items():
            archive.writestr(f"pets/{path}", content)
    (tmp_path / "pets.zip").write_bytes(stream.getvalue())
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    file = {"url": "https://example.org/pets.zip", "sha256": hashlib.sha256(stream.getvalue()).hexdigest()}
    file |= {"member": "pets/animals.csv", "pictures": "photo"}
    source = RemoteSource.model_validate({"source": "address", "files": [file]})
    fetch_source(source, tmp_path / "raw", tmp_path)
    assert read_table(source, tmp_path / "raw", {})["photo"].tolist() == list(FILES.values())


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            ("photos/1.png", "photos/9.png"),
            r"animals.csv: column 'photo': row 1: 'photos/9.png' does not exist; correct",
        ),
        (("photos/1.png", "../secret.png"), "row 1: '../secret.png' is no path below the table's folder"),
        (("photos/1.png", "/etc/passwd"), "row 1: '/etc/passwd' is no path below"),
        (("photos/2.png", ""), "row 2: '' is no path below"),
        (("photos/2.png", "animals.csv"), "row 2: 'animals.csv' is damaged or in none of the formats AVIF, BMP"),
        (("photo,", "image,"), "data.pictures: there is no column 'photo'; the columns are: image, bar, weight, zip"),
    ],
)
def test_what_is_no_picture_beside_the_table_is_refused(tmp_path: Path, changed: tuple[str, str], message: str):
    with pytest.raises(UserError, match=message):
        fetch_source(local(tmp_path, TABLE.replace(*changed)), tmp_path / "raw", tmp_path)


def test_pictures_are_named_by_a_table_or_are_members(tmp_path: Path):
    with pytest.raises(ValueError, match="pictures: names a column of a table"):
        local(tmp_path, members=".*[.]png")
