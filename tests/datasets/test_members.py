"""The files of an archive as the rows of one table."""

import stat
import tarfile
import zipfile
from io import BytesIO
from pathlib import Path

import pandas as pd
import pytest
from pydantic import ValidationError

from src.core.errors import UserError
from src.core.hashes import file_sha256
from src.datasets import fetch_source, read_table
from src.datasets.members import table_of_members, table_of_text
from src.problem.sources import LocalSource, Members, RemoteSource

FILES = {
    "films/train/pos/2.txt": "A joy.",
    "films/train/neg/1.txt": "A bore; don’t.",
    "films/test/pos/1.txt": "Fine",
    "films/train/unsup/1.txt": "no label",
    "films/README": "read me",
}
MEMBERS = r"films/(?P<part>train|test)/(?P<label>pos|neg)/.*[.]txt"
WIRES = {"wires/0.sgm": "<W><T>gold</T>Up\n1%</W> <W><T>tin</T>Down</W>", "wires/1.sgm": "<W><T>gold</T>Flat</W>"}


def packed(path: Path, files: dict[str, str]) -> Path:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name, text in files.items():
                archive.writestr(name, text)
        return path
    with tarfile.open(path, f"w:{path.suffix[1:]}") as archive:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text.encode())
            archive.addfile(info, BytesIO(text.encode()))
    return path


def table(folder: Path, archive: str, **source: str) -> pd.DataFrame:
    local = LocalSource.model_validate({"source": "file", "path": archive} | source)
    fetch_source(local, folder / "raw", folder)
    return read_table(local, folder / "raw", {"text": "text"})


@pytest.mark.parametrize("archive", ["films.zip", "films.tar.gz", "films.tar.xz"])
def test_every_file_that_matches_is_a_row_with_the_names_in_its_path(tmp_path: Path, archive: str):
    packed(tmp_path / archive, FILES)
    found = table(tmp_path, archive, members=MEMBERS)
    assert found.to_dict("list") == {
        "part": ["test", "train", "train"],
        "label": ["pos", "neg", "pos"],
        "text": ["Fine", "A bore; don’t.", "A joy."],
    }


def test_records_are_the_rows_inside_the_files(tmp_path: Path):
    packed(tmp_path / "wires.zip", WIRES)
    found = table(tmp_path, "wires.zip", members=r"wires/.*", records=r"<T>(?P<topic>[^<]*)</T>(?P<text>.*?)</W>")
    assert found.to_dict("list") == {"topic": ["gold", "tin", "gold"], "text": ["Up\n1%", "Down", "Flat"]}


def test_an_archive_packed_anew_gives_the_same_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    first, second = (tmp_path / name for name in ("first", "second"))
    for folder in (first, second):
        folder.mkdir()
    original = packed(first / "films.tar.gz", FILES)
    again = packed(second / "films_small.tar.xz", dict(reversed(FILES.items())))
    file = {
        "url": "https://example.org/films.tar.gz",
        "sha256": file_sha256(original),
        "members": MEMBERS,
        "repacked": {"name": again.name, "sha256": file_sha256(again)},
    }
    source = RemoteSource.model_validate({"source": "address", "files": [file]})
    for folder in (first, second):
        monkeypatch.setenv("DATA_MIRROR", str(folder))
        fetch_source(source, folder / "raw", folder, folder / "downloads")
    assert (first / "raw/manifest.json").read_bytes() == (second / "raw/manifest.json").read_bytes()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"members": "films/nothing"}, "data.members matches no file inside"),
        ({"members": MEMBERS, "records": "<x>"}, "data.records matches nothing in 3 files"),
        ({"members": MEMBERS, "encoding": "ascii"}, "is not ascii text; name its `encoding` under data"),
    ],
)
def test_what_does_not_fit_is_told(tmp_path: Path, changes: dict[str, str], says: str):
    packed(tmp_path / "films.zip", FILES)
    with pytest.raises(UserError, match=says):
        table(tmp_path, "films.zip", **changes)


def test_an_archive_that_is_none_is_told(tmp_path: Path):
    (tmp_path / "films.tar.gz").write_text("no archive")
    with pytest.raises(UserError, match="is damaged or not what its ending says"):
        table(tmp_path, "films.tar.gz", members=MEMBERS)


@pytest.mark.parametrize("archive", ["films.zip", "films.tar.gz"])
def test_a_link_in_an_archive_is_refused_and_not_followed(tmp_path: Path, archive: str):
    path = packed(tmp_path / archive, FILES)
    link = "films/train/pos/link.txt"
    if archive.endswith("zip"):
        with zipfile.ZipFile(path, "a") as files:
            info = zipfile.ZipInfo(link)
            info.external_attr = (stat.S_IFLNK | 0o777) << 16
            files.writestr(info, "/etc/hostname")
    else:
        with tarfile.open(path, "w:gz") as files:
            info = tarfile.TarInfo(link)
            info.type, info.linkname = tarfile.SYMTYPE, "/etc/hostname"
            files.addfile(info)
    with pytest.raises(UserError, match=r"link.txt' is a link or a device, not a file; refused"):
        table(tmp_path, archive, members=MEMBERS)


def test_a_pattern_that_is_none_is_refused():
    with pytest.raises(ValueError, match="is not a regular expression"):
        LocalSource.model_validate({"source": "file", "path": "a.zip", "members": "("})


def test_a_pattern_nested_too_deeply_is_refused():
    with pytest.raises(ValueError, match="nested too deeply"):
        LocalSource.model_validate({"source": "file", "path": "a.zip", "members": "(" * 5_000 + ")" * 5_000})


@pytest.mark.parametrize(
    ("key", "patterns"),
    [
        ("members", {"members": "(?P<above>(a|aa)+)c.*"}),
        ("records", {"members": "(?P<above>.*)", "records": "(?P<of>(a|aa)+)c.*d"}),
    ],
)
def test_a_pattern_that_would_match_for_ever_is_stopped_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str, patterns: dict[str, str]
):
    monkeypatch.setattr("src.datasets.members.MATCH_SECONDS", 0.1)
    (tmp_path / "dir").mkdir()
    (tmp_path / "dir" / ("a" * 80 + "bc.txt")).write_text("a" * 80 + "bc d")
    with pytest.raises(UserError) as refused:
        table(tmp_path, "dir", **patterns)
    told = str(refused.value)
    assert f"data.{key} takes more than 0.1 seconds; the pattern is {patterns[key]!r}" in told
    assert "write it with one repetition" in told


def test_a_folder_is_as_good_as_an_archive_and_a_changed_file_is_noticed(tmp_path: Path):
    for name, text in FILES.items():
        (tmp_path / "mine" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "mine" / name).write_text(text, encoding="utf-8")
    found = table(tmp_path, "mine", members=MEMBERS)
    assert found.to_dict("list") == {
        "part": ["test", "train", "train"],
        "label": ["pos", "neg", "pos"],
        "text": ["Fine", "A bore; don’t.", "A joy."],
    }
    (tmp_path / "mine/films/train/pos/2.txt").write_text("Changed")
    assert table(tmp_path, "mine", members=MEMBERS)["text"].tolist()[-1] == "Changed"


def test_pictures_keep_their_bytes(tmp_path: Path):
    for name in ("cat/1.jpg", "dog/1.jpg"):
        (tmp_path / "pets" / name).parent.mkdir(parents=True)
        (tmp_path / "pets" / name).write_bytes(b"\xff\xd8 of " + name.encode())
    local = LocalSource(source="file", path="pets", members="(?P<animal>cat|dog)/.*[.]jpg", content="image")
    fetch_source(local, tmp_path / "raw", tmp_path)
    assert read_table(local, tmp_path / "raw", {}).to_dict("list") == {
        "animal": ["cat", "dog"],
        "image": [b"\xff\xd8 of cat/1.jpg", b"\xff\xd8 of dog/1.jpg"],
    }


def test_rows_are_numbered_and_one_number_is_left_out_between_texts(tmp_path: Path) -> None:
    """So that rows which continue one another can be told from those that do not."""
    folder = tmp_path / "texts"
    folder.mkdir()
    for name, text in {"a.txt": " one two\n", "b.txt": "three "}.items():
        (folder / name).write_text(text)
    members = Members(members="(?P<book>.*)[.]txt", records="(?P<text>.{1,4})", number="place")
    rows = pd.read_parquet(table_of_members(folder, members, "utf-8", tmp_path, "texts"))
    assert rows.to_dict("list") == {
        "book": ["a", "a", "a", "b", "b"],
        "text": [" one", " two", "\n", "thre", "e "],
        "place": [0, 1, 2, 4, 5],
    }


def test_a_text_in_which_no_record_is_found_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "empty.txt"
    path.write_text("nothing here")
    with pytest.raises(UserError, match=r"data\.records matches nothing"):
        table_of_text(path, Members(records="(?P<text>[0-9]+)"), "utf-8", tmp_path, "empty.txt")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"number": "place"}, "number: it numbers the rows"),
        ({"records": "x", "pictures": "p"}, "records: they are cut"),
    ],
)
def test_numbers_and_records_are_for_texts(given: dict[str, str], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Members(**given)


def test_the_case_of_paths_does_not_count_and_hidden_files_are_no_rows(tmp_path: Path) -> None:
    for name in ("cat/1.txt", "Cat/2.TXT", "cat/.DS_Store", "cat/.3.txt", "__MACOSX/cat/1.txt"):
        (tmp_path / "pets" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "pets" / name).write_text(name)

    table = pd.read_parquet(
        table_of_members(
            tmp_path / "pets", Members(members="(.*/)?(?P<animal>cat|dog)/.*([.]txt|Store)"), "utf-8", tmp_path, "pets"
        )
    )

    assert sorted(table["text"]) == ["Cat/2.TXT", "cat/1.txt"]
    assert set(table["animal"]) == {"cat", "Cat"}
