"""A secret in an address is refused, with the way out, before anything keeps it; and no message repeats it."""

import logging
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from src.credentials import fault_of_address, filled, redacted
from src.errors import UserError
from src.files import STEPS, Layout
from tasks import cli
from tasks.define import define

SECRET = "s3cr3t"
WITH_SECRET = [
    f"https://ann:{SECRET}@example.org/t.csv",
    f"https://{SECRET}@example.org/t.csv",
    f"https://ann:{SECRET}/more@example.org/t.csv",
    f"ftp://ann:{SECRET}@example.org/t.csv",
    *(
        f"https://example.org/t.csv?raw=1&{key}={SECRET}"
        for key in ("token", "key", "sig", "password", "apiKey", "PWD")
    ),
    *(f"https://example.org/t.csv?{key}={SECRET}" for key in ("X-Amz-Signature", "access_token", "%74oken", "auth")),
    f"https://example.org/t.csv#access_token={SECRET}",
    f"https://example.org/t.csv;jsessionid={SECRET}?a=1",
    f"https://example.org/t.csv?token=${{HUB_TOKEN}}{SECRET}",
]
WITHOUT = [
    "https://example.org/t.csv",
    "https://example.org:8080/@someone/t.csv?raw=1&author=ann&design=2&sortkey=3&mail=ann@example.org",
    "http://[::1]:80/t.csv",
    "https://example.org/t.csv?token=${HUB_TOKEN}",
    "postgresql://ann@example.org/name",
]


@pytest.mark.parametrize("url", WITH_SECRET)
def test_a_secret_is_found_and_cut_out(url: str) -> None:
    assert fault_of_address(url) is not None
    for text in (url, f"given {url!r}; correct it", f"  url: {url}", f"[{url}, {url}]"):
        assert SECRET not in redacted(text) or "${HUB_TOKEN}" in url
        assert SECRET not in str(UserError(text)) or "${HUB_TOKEN}" in url


@pytest.mark.parametrize("url", WITHOUT)
def test_an_address_without_a_secret_stays_as_it_is(url: str) -> None:
    assert url.startswith("postgresql") or fault_of_address(url) is None
    text = f"{url}: not there; type: make new name=churn csv=a.csv --set KEY=VALUE"
    assert redacted(text) == text


def test_a_variable_is_filled_in_as_a_value_of_the_query() -> None:
    environment = {"HUB_TOKEN": "a&b=c#d/?é"}
    assert filled("https://example.org/a?token=${HUB_TOKEN}&x=1", environment) == (
        "https://example.org/a?token=a%26b%3Dc%23d%2F%3F%C3%A9&x=1"
    )


def sources(url: str) -> dict[str, dict[str, Any]]:
    """Every key of a problem file that takes an address."""
    file = {"url": url, "sha256": "0" * 64}
    plain = file | {"url": "https://example.org/t.csv"}
    return {
        "a table": {"data": {"source": "address", "files": [file]}},
        "labels": {"data": {"source": "address", "files": [plain | {"labels": file}]}},
        "vectors": {"word_vectors": file},
        "a cluster": {"engine": {"backend": "dask", "address": url}},
        "no host": {"data": {"source": "address", "files": [file | {"url": f"https://ann:{SECRET}@[/t.csv"}]}},
        "an address that is none": {
            "data": {"source": "address", "files": [file | {"url": url.replace("://", ":///x@")}]}
        },
        "an unknown key": {"data": {"source": "address", "files": [file | {"link": url}]}},
        "broken YAML": {"data": f"}} {url}"},
    }


@pytest.mark.parametrize("key", sources(""))
@pytest.mark.parametrize("url", WITH_SECRET[:6])
def test_no_output_and_no_file_holds_a_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, url: str, key: str
) -> None:
    monkeypatch.chdir(tmp_path)
    layout = Layout("mine")
    params = (Path(__file__).parents[1] / "params.yaml").read_text()
    layout.params_file.write_text(params)
    layout.problem_file.parent.mkdir()
    problem = {"question": "Why?", "data": {"source": "sklearn", "name": "wine"}, "target": "t", "type": "regression"}
    text = yaml.safe_dump(problem | sources(url)[key], width=1000)
    layout.problem_file.write_text(text.replace("'", "") if key == "broken YAML" else text)

    with caplog.at_level(logging.DEBUG):
        assert cli.run(define, ["mine"]) == 1

    assert "error: problems/mine.yaml" in caplog.text
    assert SECRET not in caplog.text
    kept = [path for path in tmp_path.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]
    assert kept == [layout.problem_file.absolute()]
    assert not any(layout.settings(step).exists() for step in STEPS)


def test_the_refusal_tells_the_ways_out(tmp_path: Path) -> None:
    layout = Layout("mine", tmp_path)
    layout.problem_file.parent.mkdir()
    layout.params_file.write_text((Path(__file__).parents[1] / "params.yaml").read_text())
    problem = {"question": "Why?", "target": "t", "type": "regression"} | sources(WITH_SECRET[0])["a table"]
    layout.problem_file.write_text(yaml.safe_dump(problem))
    with pytest.raises(UserError, match=r"url: https://…@example.org/t.csv: .* ~/.netrc, or .*\?token=\$\{HUB_TOKEN\}"):
        define(layout)


@pytest.mark.parametrize("text", ["x" * 300_000, "a." * 150_000, "a+" * 150_000 + "://", "=" * 300_000])
def test_a_long_message_takes_no_longer_than_its_length(text: str):
    began = time.process_time()
    assert redacted(text) == text
    assert time.process_time() - began < 5
