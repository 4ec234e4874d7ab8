"""No name that somebody else chose leads out of the folder it is meant for, however it is spelled."""

import gzip
import hashlib
import io
import json
import os
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from src.core.errors import UserError
from src.core.files import Layout, write_text
from src.core.names import MOST_BYTES, fault_of_name, plain_name
from src.datasets import fetch_source
from src.datasets.archives import unpack
from src.datasets.manifest import read_manifest
from src.problem.load import listed_problems
from src.problem.sources import LocalSource, RemoteSource, SklearnSource, VectorsFile
from src.scoring.output import check_output, refused_path
from src.scoring.paths import inside
from tasks.new import new
from tests.audit import written

TABLE = b"a,b\n1,2\n"
DIGEST = hashlib.sha256(TABLE).hexdigest()
KEPT = "keep.txt"

PARTS = (
    *("..", ".", "", "~", "$HOME", "C:", "C:evil.csv", "evil.csv", "evil.csv.gz", "{outside}/keep.txt", "{outside}"),
    *(
        "．．",
        "․․",
        "‥",
        "．",
        "%2e%2e",
        "%2E%2E",
        "..%00",
        "\0",
        "\u202e",
        "\n",
        ". ",
        "...",
        ".. ",
        "evil.",
    ),
    *("con", "NUL.csv", "com1", "dvc.yaml", "dvc.lock", "x.dvc", ".dvcignore", ".git", "e" * 300, "é" * 120),
)
SEPARATORS = ("/", "\\", "//", "／", "∕", "⁄", "＼", "%2F", "%5c", "%c0%af", "\0/", "/./")


def percent_encoded(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode())


def quoted(text: str) -> str:
    return quote(text, safe="")


ENCODINGS: tuple[Callable[[str], str], ...] = (
    str,
    quoted,
    percent_encoded,
    lambda text: quoted(quoted(text)),
    lambda text: percent_encoded(percent_encoded(text)),
)


@st.composite
def ways_out(draw: st.DrawFn) -> str:
    separator = draw(st.sampled_from(SEPARATORS))
    path = separator.join(draw(st.lists(st.sampled_from(PARTS), min_size=1, max_size=5)))
    return draw(st.sampled_from(ENCODINGS))(draw(st.sampled_from(("", separator))) + path)


# The audit hook of a process stays; it listens while a list is here.
noted: list[list[str]] = []


def note(event: str, args: tuple[Any, ...]) -> None:
    if noted:
        noted[-1].extend(written(event, args))


sys.addaudithook(note)


def of_url(name: str) -> dict[str, Any]:
    return {"url": f"https://example.org/{name}", "sha256": DIGEST}


def fetched(root: Path, source: Any, vectors: Any = None) -> None:
    fetch_source(source, root / "data/raw/p", root / "data/local", root / ".downloads", vectors)


def remote(root: Path, file: dict[str, Any]) -> None:
    fetched(root, RemoteSource.model_validate({"source": "address", "files": [file]}))


def repacked(root: Path, name: str) -> None:
    (root / "mirror").mkdir()
    (root / "mirror" / "evil.csv").write_bytes(TABLE)
    os.environ["DATA_MIRROR"] = str(root / "mirror")
    try:
        remote(root, of_url("t.csv") | {"repacked": {"name": name, "sha256": DIGEST}})
    finally:
        del os.environ["DATA_MIRROR"]


def vectors(root: Path, keys: dict[str, str]) -> None:
    fetched(root, SklearnSource(source="sklearn", name="iris"), VectorsFile.model_validate(keys))


def in_zip(root: Path, name: str, member: str | None) -> None:
    path = root / "data" / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(zipfile.ZipInfo(name), TABLE)
    (root / "data/raw").mkdir()
    unpack(path, member, root / "data/raw", "x.zip")


def in_tar(root: Path, name: str, member: str | None) -> None:
    path = root / "data" / "x.tar"
    with tarfile.open(path, "w") as archive:
        info = tarfile.TarInfo(name)
        info.size = len(TABLE)
        archive.addfile(info, io.BytesIO(TABLE))
    (root / "data/raw").mkdir()
    unpack(path, member, root / "data/raw", "x.tar")


def in_gzip(root: Path, name: str) -> None:
    """Some names of files cannot be; those have no reader."""
    path = root / "data" / f"{name}.gz"
    if "/" not in name and "\0" not in name and len(os.fsencode(path.name)) < 256:
        path.write_bytes(gzip.compress(TABLE))
        (root / "data/raw").mkdir()
        unpack(path, None, root / "data/raw", "x.gz")


def pictures(root: Path, path: str) -> None:
    row = json.dumps({"photo": path, "a": 1})
    (root / "data/local/t.jsonl").write_text(row)
    fetched(root, LocalSource.model_validate({"source": "file", "path": "t.jsonl", "pictures": "photo"}))


def manifest(root: Path, name: str) -> None:
    file = {"name": name, "bytes": 8, "sha256": DIGEST, "role": "any", "origin": "x"}
    (root / "data/raw").mkdir()
    (root / "data/raw/manifest.json").write_text(json.dumps({"files": [file], "sha256": DIGEST}))
    [listed] = read_manifest(root / "data/raw").files
    write_text(root / "data/raw" / listed.name, "")


def problem(root: Path, name: str) -> None:
    layout = Layout(name, root)
    write_text(layout.expectations, "{}")
    write_text(layout.settings("fetch"), "{}")


def new_problem(root: Path, name: str) -> None:
    (root / "in").mkdir()
    file = root / "in" / name.replace("/", "").replace("\0", "")[:120]
    if not file.is_dir():
        file.write_bytes(b"a,b\n" + b"1,2\n2,1\n" * 20)
        new(Layout("churn", root), file, "b")


def predicted(root: Path, name: str) -> None:
    output = inside(name, root / "data", "output")
    check_output(inside("data/t.csv", root / "data", "table"), output, True)
    for path in (output, refused_path(output)):
        write_text(path, "")


READERS: dict[str, Callable[[Path, str], object]] = {
    "address": lambda root, name: remote(root, of_url(name)),
    "address of labels": lambda root, name: remote(root, of_url("t.csv") | {"labels": of_url(name)}),
    "name of another archive": repacked,
    "path below data/local": lambda root, name: fetched(
        root, LocalSource.model_validate({"source": "file", "path": name})
    ),
    "path of vectors": lambda root, name: vectors(root, {"path": name}),
    "address of vectors": lambda root, name: vectors(root, of_url(name)),
    "member of a zip archive": lambda root, name: in_zip(root, name, None),
    "named member of a zip archive": lambda root, name: in_zip(root, name, name),
    "member of a tar archive": lambda root, name: in_tar(root, name, None),
    "named member of a tar archive": lambda root, name: in_tar(root, name, name),
    "compressed file": in_gzip,
    "table of pictures": pictures,
    "manifest": manifest,
    "problem": problem,
    "table of a new problem": new_problem,
    "form of predict": predicted,
}
# Where the readers and what they read may lie.
ALLOWED = ("data", "results", ".downloads", "problems", "params.yaml", "mirror", "in")


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every address gives the same table."""
    monkeypatch.delenv("DATA_MIRROR", raising=False)
    monkeypatch.setattr("src.datasets.fetching.download", lambda url, sha256, target: put(target))


def put(target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(TABLE)


@pytest.mark.parametrize("reader", READERS)
@given(way_out=ways_out())
@example(way_out="..%2F..%2F..%2Fkeep.txt")
@example(way_out="%2F{outside}%2Fkeep.txt")
@example(way_out="..%252F..%252Fkeep.txt")
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_way_out_is_found(reader: str, way_out: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        outside, root = Path(folder).resolve() / "outside", Path(folder).resolve() / "deep" / "deeper" / "workspace"
        outside.mkdir()
        (root / "data/local").mkdir(parents=True)
        (root / "problems").mkdir()
        (root / "params.yaml").write_text("problems: []\ndefaults: {seed: 0, measure: auto, protocol: auto}\n")
        keep = [outside / KEPT, *(parent / KEPT for parent in root.parents[:2])]
        for file in keep:
            file.write_text("mine")
        before = sorted(path for path in Path(folder).rglob("*") if root not in path.parents)
        events: list[str] = []
        noted.append(events)
        try:
            READERS[reader](root, way_out.replace("{outside}", str(outside).lstrip("/")))
        except (UserError, ValidationError):
            pass
        finally:
            noted.pop()
        assert [path for path in events if not is_below(path, *(root / name for name in ALLOWED))] == []
        assert sorted(path for path in Path(folder).rglob("*") if root not in path.parents) == before
        assert {file.read_text() for file in keep} == {"mine"}
        assert not list((root / "data").rglob("dvc.yaml")) + list((root / "data").rglob("*.dvc"))


def is_below(path: str, *folders: Path) -> bool:
    return any(Path(path).is_relative_to(folder) for folder in folders)


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        *((name, "names no file") for name in ("", ".", "..", "...", ". .")),
        *(
            (name, "leads into another folder")
            for name in ("a/b", "a\\b", "..%2Fb", "a%252Fb", "a／b", "a%5Cb", "℀.csv")
        ),
        *((name, "cannot be printed") for name in ("a\0.csv", "a\n.csv", "a\u202evsc", "a%00.csv", "a\ud800")),
        ("C:a.csv", "begins with a drive"),
        (".hidden.csv", "begins with a dot"),
        ("a.csv.", "ends with a dot or a space"),
        ("NUL.csv", "belongs to a device"),
        ("lpt1", "belongs to a device"),
        ("dvc.yaml", "belongs to DVC"),
        ("evil.dvc", "belongs to DVC"),
        ("é" * 101, f"is longer than {MOST_BYTES} bytes"),
    ],
)
def test_a_name_that_is_none_is_told_with_its_fault(name: str, fault: str) -> None:
    assert fault in (fault_of_name(name) or "")
    with pytest.raises(UserError, match=r"data: the name .*; rename the file"):
        plain_name(name, "data")


@pytest.mark.parametrize(
    "name", ["t.csv", "Größe 2026.csv", "100%.csv", "a%20b.csv", "日本語.csv", "12:30.csv", "x..y", "½.csv"]
)
def test_a_plain_name_stays_as_it_is(name: str) -> None:
    assert plain_name(name, "data") == name


def test_the_name_of_an_address_is_refused_before_anything_runs() -> None:
    with pytest.raises(ValidationError, match="leads into another folder; download the file yourself"):
        RemoteSource.model_validate({"source": "address", "files": [of_url("..%2F..%2Fkeep.txt")]})


@pytest.mark.parametrize("name", ["../params", "a b", "wine; touch harm", "-x", ".hidden", "a/b", "x" * 101, ""])
def test_a_problem_that_params_yaml_lists_has_a_plain_name(tmp_path: Path, name: str) -> None:
    (tmp_path / "params.yaml").write_text(json.dumps({"problems": ["wine", name]}))
    with pytest.raises(UserError, match="cannot be the name of a problem; use letters, digits"):
        listed_problems(tmp_path / "params.yaml")
