"""Archives give one table and never write anywhere else."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from src.core.errors import UserError
from src.datasets.archives import unpack

TABLE = b"a,b\n1,2\n"


def zipped(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def tarred(mode: str = "w", **members: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def called(value: object) -> str | None:
    """The name of a case: compressed bytes hold the second in which they were made, and no name does."""
    return "bytes" if isinstance(value, bytes) else None


@pytest.fixture
def opened(tmp_path: Path) -> Callable[..., Path]:
    """Unpack bytes as a file of a name into an empty folder, and say what lies there afterwards."""

    def of(name: str, content: bytes, member: str | None = None) -> Path:
        archive, folder = tmp_path / "in" / name, tmp_path / "out" / "deep"
        archive.parent.mkdir()
        folder.mkdir(parents=True)
        archive.write_bytes(content)
        return unpack(archive, member, folder, name)

    return of


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.csv", TABLE),
        ("t.csv.gz", gzip.compress(TABLE)),
        ("t.csv.bz2", bz2.compress(TABLE)),
        ("t.csv.xz", lzma.compress(TABLE)),
        ("x.zip", zipped(**{"t.csv": TABLE})),
        ("x.tar", tarred(**{"./folder/t.csv": TABLE})),
        ("x.tgz", tarred("w:gz", **{"folder/t.csv": TABLE})),
        ("x.TAR.XZ", tarred("w:xz", **{"folder/t.csv": TABLE})),
    ],
    ids=called,
)
def test_the_only_table_comes_out_of_every_kind_of_archive(
    opened: Callable[..., Path], tmp_path: Path, name: str, content: bytes
) -> None:
    path = opened(name, content)

    assert path == tmp_path / "out" / "deep" / "t.csv"
    assert path.read_bytes() == TABLE


def test_a_member_is_chosen_by_its_path(opened: Callable[..., Path]) -> None:
    archive = zipped(**{"a/one.csv": b"1", "b/one.csv": TABLE, "readme": b""})

    assert opened("x.zip", archive, "b/one.csv").read_bytes() == TABLE


EVIL = ["../evil.csv", "a/../../evil.csv", "/tmp/evil.csv", "..\\evil.csv", "C:\\evil.csv"]


@pytest.mark.parametrize("pack", [zipped, tarred])
@pytest.mark.parametrize("member", EVIL)
def test_a_member_that_points_outside_is_refused(
    opened: Callable[..., Path], tmp_path: Path, member: str, pack: Callable[..., bytes]
) -> None:
    name = "x.zip" if pack is zipped else "x.tar"

    with pytest.raises(UserError, match="leads out of the folder; refused"):
        opened(name, pack(**{member: TABLE}))

    assert not list(tmp_path.rglob("evil.csv"))


def test_hostile_members_beside_the_table_are_never_written(opened: Callable[..., Path], tmp_path: Path) -> None:
    opened("x.tar", tarred(**{"t.csv": TABLE, "../../evil.csv": b"x"}), "t.csv")

    assert [path.name for path in (tmp_path / "out").rglob("*") if path.is_file()] == ["t.csv"]
    assert not list(tmp_path.rglob("evil.csv"))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_in_a_tar_are_refused(opened: Callable[..., Path], tmp_path: Path, kind: bytes) -> None:
    (tmp_path / "secret").write_text("secret")
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        info = tarfile.TarInfo("t.csv")
        info.type, info.linkname = kind, str(tmp_path / "secret")
        archive.addfile(info)

    with pytest.raises(UserError, match="is a link or a device"):
        opened("x.tar", out.getvalue())


def test_a_link_in_a_zip_is_refused(opened: Callable[..., Path]) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        info = zipfile.ZipInfo("t.csv")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")

    with pytest.raises(UserError, match="is a link"):
        opened("x.zip", out.getvalue())


def test_a_size_bomb_is_refused(opened: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("src.datasets.archives._MOST_FREE", 2**20)

    with pytest.raises(UserError, match="expands to more than 300 times its size"):
        opened("t.csv.xz", lzma.compress(bytes(2**24)))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.zip", b"not a zip"),
        ("x.zip", zipped(**{"t.csv": TABLE * 999})[:80]),
        ("x.tar.gz", gzip.compress(b"not a tar")),
        ("x.tar", tarred(**{"t.csv": TABLE * 999})[:700]),
        ("t.csv.gz", b"not gzip"),
        ("t.csv.gz", gzip.compress(TABLE)[:-9]),
        ("t.csv.xz", lzma.compress(TABLE)[:-9]),
        ("t.csv.bz2", b"BZh9 no"),
    ],
    ids=called,
)
def test_a_damaged_archive_is_told(opened: Callable[..., Path], name: str, content: bytes) -> None:
    with pytest.raises(UserError, match="is damaged or not what its ending says"):
        opened(name, content)


def test_a_missing_member_is_told_with_the_nearest_one(opened: Callable[..., Path]) -> None:
    with pytest.raises(UserError, match=r"no member 'data/tabel.csv'; did you mean 'data/table.csv'\?"):
        opened("x.zip", zipped(**{"data/table.csv": TABLE}), "data/tabel.csv")


def test_an_archive_of_several_files_asks_which_one(opened: Callable[..., Path]) -> None:
    with pytest.raises(UserError, match=r"holds 2 files; name one of them as `member`: a.csv, b.csv"):
        opened("x.zip", zipped(**{"b.csv": TABLE, "a.csv": TABLE}))


def test_a_member_of_a_plain_file_is_refused(opened: Callable[..., Path]) -> None:
    with pytest.raises(UserError, match="is no archive"):
        opened("t.csv", TABLE, "t.csv")
