"""Where the data of a problem come from, and how their files are read."""

import codecs
import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Annotated, Literal, Self
from urllib.parse import unquote, urlsplit

import regex
from pydantic import AfterValidator, Field, model_validator

from src.core.credentials import fault_of_address, redacted, variables_outside
from src.core.names import fault_of_name, fault_of_plain_path, shown
from src.problem.terms import PlainName, Settings

MOST_SKIPPED = 1_000_000

# Python's names of text encodings. Its other codecs, such as `punycode`, `unicode_escape` and `zlib`, are left out.
_FAMILIES: dict[str, tuple[int | str, ...]] = {
    "": ("ascii", "gb2312", "gbk", "gb18030", "big5", "big5hkscs", "hz", "tis-620", "ptcp154", "johab", "kz1048"),
    "utf-": ("8", "8-sig", "16", "16-le", "16-be", "32", "32-le", "32-be"),
    "iso8859-": (*range(1, 12), *range(13, 17)),
    "cp": (437, 720, 737, 775, 850, 852, *range(855, 859), *range(860, 867), 869, 874, 932, 949, 950, 1125),
    "cp125": tuple(range(9)),
    "mac-": ("cyrillic", "greek", "iceland", "latin2", "roman", "turkish"),
    "koi8-": ("r", "t", "u"),
    "shift_jis": ("", "_2004", "x0213"),
    "euc_": ("jp", "jis_2004", "jisx0213", "kr"),
    "iso2022_": ("jp", "jp_1", "jp_2", "jp_2004", "jp_3", "jp_ext", "kr"),
}
TEXT_ENCODINGS = frozenset(f"{family}{name}" for family, names in _FAMILIES.items() for name in names)


def _text_encoding(value: str) -> str:
    try:
        is_known = codecs.lookup(value).name in TEXT_ENCODINGS
    except (LookupError, ValueError):
        is_known = False
    if not is_known:
        raise ValueError(f"data.encoding: {value!r} is not a text encoding; try utf-8, latin-1, cp1252 or utf-16")
    return value


Encoding = Annotated[str, AfterValidator(_text_encoding)]


def _separator(value: str) -> str:
    if len(value) != 1 and value != WHITESPACE:
        raise ValueError(f"separator: {value!r} should be one character, or the word {WHITESPACE}")
    return value


# Runs of spaces and tabs between values.
WHITESPACE = "whitespace"
Separator = Annotated[str, AfterValidator(_separator)]
Decimal = Literal[".", ","]
Thousands = Literal[",", ".", " ", "'"]
_THOUSANDS = "the mark between thousands; a space stands for narrow and unbreakable ones, too"


@dataclass(frozen=True)
class Notation:
    """How numbers are written: the marks before decimals and between thousands, and what stands before or after."""

    decimal: Decimal = "."
    thousands: Thousands | None = None
    unit: str = ""


class NumbersSettings(Settings):
    """How the numbers of one column are written; what is not given is as in the whole file."""

    decimal: Decimal | None = Field(None, description="the mark before the decimals")
    thousands: Thousands | None = Field(None, description=_THOUSANDS)
    unit: str = Field("", description="what stands before or after the number, such as $ or kg")


# Words that stand for a gap in most files. In a target of classes they are classes.
USUAL_MARKS = ("NA", "N/A", "NaN", "nan", "null", "NULL", "None", "?")


class Reading(Settings):
    """How the bytes of a table file are read; by `auto`, the file's ending decides."""

    format: Literal["auto", "csv", "tsv", "parquet", "json", "jsonl", "arff", "conllu", "spreadsheet"] = Field(
        "auto", description="of the file; auto: by its ending"
    )
    encoding: Encoding = Field("utf-8", description="text encoding of a CSV, TSV or JSON Lines file")
    separator: Separator | None = Field(
        None, description="column separator of a CSV file, or whitespace for spaces and tabs; a comma by default"
    )
    quoting: bool = Field(True, description="whether quotation marks enclose values; otherwise they are characters")
    comment: str | None = Field(
        None, min_length=1, max_length=5, description="what lines of a CSV file begin with that are no rows, such as #"
    )
    sheet: str | None = Field(None, description="the sheet of a spreadsheet; the first by default")
    missing: list[str] = Field(
        default=[], description=f"further values that stand for a gap, beside an empty one and {', '.join(USUAL_MARKS)}"
    )
    not_missing: list[str] = Field(default=[], description="which of these words are values of their own")
    dates: dict[str, str] = Field(
        default_factory=dict,
        description="how the dates of a column are written, such as %d.%m.%Y for 05.01.2024; dates such as 2024-01-05 "
        "are read in any column",
    )
    lists: dict[str, Annotated[str, Field(min_length=1)]] = Field(
        default_factory=dict,
        description="columns with several labels in a value, and the mark between them; a target `genres=drama` says "
        "which rows have that label in the column genres",
    )
    strip_end: str = Field("", description="characters removed from the end of every value, beside white space")
    decimal: Decimal = Field(".", description="the mark before the decimals of numbers")
    thousands: Thousands | None = Field(None, description=_THOUSANDS)
    numbers: dict[str, NumbersSettings] = Field(
        default_factory=dict, description="how the numbers of a column are written, where that differs or has a unit"
    )
    names: list[str] | None = Field(
        None, min_length=1, description="the column names of a file that has no header line"
    )
    skip_lines: int = Field(0, ge=0, le=MOST_SKIPPED, description="lines to skip before the header or the first row")

    @model_validator(mode="after")
    def marks_differ(self) -> Self:
        for name, notation in {"": self.notation(""), **{name: self.notation(name) for name in self.numbers}}.items():
            if notation.decimal == notation.thousands:
                place = f"numbers.{name}" if name else "thousands"
                raise ValueError(f"{place}: {notation.thousands!r} is the mark before the decimals, too; change one")
        return self

    @property
    def asked_marks(self) -> list[str]:
        """The values that stand for a gap in every column."""
        return ["", *self.missing]

    @property
    def marks(self) -> list[str]:
        """The values that stand for a gap where nothing speaks against it."""
        return [*self.asked_marks, *(mark for mark in USUAL_MARKS if mark not in self.not_missing)]

    def notation(self, column: str) -> Notation:
        """How the numbers of a column are written."""
        numbers = self.numbers.get(column, NumbersSettings())
        return Notation(numbers.decimal or self.decimal, numbers.thousands or self.thousands, numbers.unit)


class SklearnSource(Settings):
    """One of the data sets that come with scikit-learn."""

    source: Literal["sklearn"] = Field(description="a data set that comes with scikit-learn")
    name: Literal["breast_cancer", "diabetes", "digits", "iris", "linnerud", "wine"] = Field(
        description="which of its data sets"
    )


def _pattern(value: str) -> str:
    try:
        re.compile(value)
        regex.compile(value)  # matches as `re` does, and within a time limit
    except (re.error, regex.error) as error:
        raise ValueError(f"{value!r} is not a regular expression: {error}") from None
    except RecursionError:
        raise ValueError(f"{shown(value)} is not a regular expression: nested too deeply") from None
    return value


Pattern = Annotated[str, AfterValidator(_pattern)]


class Members(Settings):
    """How the files inside an archive become the rows of a table, see `src.datasets.members`."""

    members: Pattern | None = Field(
        None,
        description="a regular expression over the paths inside an archive: every file that it matches is a row; its "
        "named groups are columns, and the file's text is the column `text`",
    )
    content: Literal["text", "image", "cifar"] = Field(
        "text",
        description="with members: what the files hold; a picture is the column `image`, and with its class, the "
        "column `label`, a record of CIFAR-10's files",
    )
    records: Pattern | None = Field(
        None,
        description="a regular expression over the text of a file, or of each of the members; every match is a row, "
        "its named groups are columns",
    )
    number: str | None = Field(
        None,
        min_length=1,
        description="with records: a further column that numbers the rows; the next row of the same text has the next "
        "number",
    )

    pictures: str | None = Field(
        None,
        min_length=1,
        description="the column of a table with the paths of pictures, which begin at the table's folder; the files "
        "replace their paths",
    )

    @model_validator(mode="after")
    def records_are_in_members(self) -> Self:
        if self.pictures is not None and self.members is not None:
            raise ValueError(
                "pictures: names a column of a table; with `members` the picture files themselves are rows"
            )
        if self.number is not None and self.records is None:
            raise ValueError("number: it numbers the rows that `records` cuts from a text; give that, too")
        if self.records is not None and self.pictures is not None:
            raise ValueError("records: they are cut from a text, and `pictures` names a column of a table; remove one")
        if self.content != "text" and (self.members is None or self.records is not None):
            raise ValueError("content: pictures are the files of an archive; name them as `members`, without `records`")
        return self


def _path(value: str) -> str:
    fault = fault_of_plain_path(value)
    if fault is not None:
        raise ValueError(
            f"path: {shown(value)} {fault}; copy the file into data/local/ and give its path below that folder"
        )
    return value


LocalPath = Annotated[str, AfterValidator(_path)]


class LocalSource(Reading, Members):
    """A table file below `data/local/`, the folder DVC watches for changes."""

    source: Literal["file"] = Field(description="a file or folder below data/local/")
    path: LocalPath = Field(
        min_length=1, description="the path of the file, or of a folder of members, below data/local/"
    )
    member: str | None = Field(None, description="the table's path inside an archive (zip, tar, tgz, tar.xz)")


class Repacked(Settings):
    """Another archive with the same members, or others, which the folder named by DATA_MIRROR may hold instead."""

    name: PlainName = Field(min_length=1, description="the file's name")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="the file's SHA-256, 64 digits and letters a to f")
    members: Pattern | None = Field(None, description="the files in it that are rows, if they are others")
    content: Literal["text", "image"] | None = Field(None, description="what these files hold")


def name_in(url: str) -> str:
    """The name that an address gives its file; `src.core.names` says whether it is safe to write to."""
    return unquote(PurePosixPath(urlsplit(url).path).name) or "download"


def _checked(url: str) -> str:
    try:
        host = urlsplit(url).hostname
    except ValueError:
        host = None
    if not host:
        raise ValueError("url: should be an address with a host, as in https://example.org/table.csv")
    fault = fault_of_address(url)
    if fault is not None:
        raise ValueError(
            f"url: {redacted(url)}: the address {fault}, which git, DVC and the records would keep. Put a user and "
            "password for its host into ~/.netrc, or a secret into a variable of the environment and its name here, "
            "like ?token=${HUB_TOKEN}. Or download the file yourself and use it in data/local/ (source: file)"
        )
    outside = variables_outside(url)
    if outside:
        raise ValueError(
            f"url: {url}: the variable {outside[0]} is not in the query, so it is not filled in; "
            f"give it as a value after the ?, like ?token=${{{outside[0]}}}"
        )
    address = urlsplit(url)
    try:
        is_port = address.port != 0
    except ValueError:
        is_port = False
    if not is_port:
        raise ValueError(f"url: {url}: the port should be a number from 1 to 65535")
    if not address.path.strip("/") and not address.query:
        raise ValueError(f"url: {url}: names no file on its host; give it, as in https://example.org/table.csv")
    fault = fault_of_name(name_in(url))
    if fault is not None:
        raise ValueError(
            f"url: {url}: its file's name, {name_in(url)!r}, {fault}; "
            "download the file yourself and use it in data/local/ (source: file)"
        )
    return url


Url = Annotated[str, AfterValidator(_checked)]


class Address(Settings):
    """The address of a file, and its checksum."""

    url: Url = Field(pattern=r"^(https?|ftp)://", description="an address that begins with https://, http:// or ftp://")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="the file's SHA-256, 64 digits and letters a to f")


class RemoteFile(Members, Address):
    """One file at an address. `role: test` marks an official test set."""

    member: str | None = Field(None, description="the table's path inside an archive (zip, tar, tgz, tar.xz)")
    skip_lines: int | None = Field(None, ge=0, le=MOST_SKIPPED, description="overrides data.skip_lines for this file")
    role: Literal["any", "test"] = Field("any", description="test: its rows are the sealed test set")
    repacked: Repacked | None = Field(None, description="an archive that may stand in for this one")
    labels: Address | None = Field(
        None, description="the file is one of pictures in IDX format, and this one holds the class of each"
    )


class RemoteSource(Reading):
    """One or more files at addresses with their checksums; their rows are joined in the order given."""

    source: Literal["address"] = Field(description="files from the network")
    files: list[RemoteFile] = Field(min_length=1, description="the files, in the order of their rows")

    @model_validator(mode="after")
    def one_file_is_numbered(self) -> Self:
        if len(self.files) > 1 and any(file.number for file in self.files):
            raise ValueError("number: the rows of several files would have the same numbers; give one file")
        return self


Source = Annotated[SklearnSource | LocalSource | RemoteSource, Field(discriminator="source")]


def numbered_by(source: SklearnSource | LocalSource | RemoteSource) -> list[str]:
    """The columns that number the rows which `records` cut from a text."""
    parts: list[Members] = [source] if isinstance(source, LocalSource) else getattr(source, "files", [])
    return [part.number for part in parts if part.number is not None]


class VectorsFile(Settings):
    """A text file of word vectors as GloVe and word2vec write them: a word and its numbers on every line."""

    path: LocalPath | None = Field(None, min_length=1, description="the path of the file below data/local/")
    url: Url | None = Field(
        None, pattern=r"^(https?|ftp)://", description="an address that begins with https://, http:// or ftp://"
    )
    sha256: str | None = Field(
        None, pattern=r"^[0-9a-f]{64}$", description="the file's SHA-256, 64 digits and letters a to f"
    )
    member: str | None = Field(None, description="the file's path inside an archive (zip, tar, tgz, tar.xz)")

    @model_validator(mode="after")
    def lies_in_one_place(self) -> Self:
        keys = {key for key in ("path", "url", "sha256") if getattr(self, key) is not None}
        if keys not in ({"path"}, {"url", "sha256"}):
            raise ValueError("word_vectors: give the path of a file below data/local/, or its url and sha256")
        return self
