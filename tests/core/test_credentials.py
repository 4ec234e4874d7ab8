"""A secret in an address is refused, with the way out, before anything keeps it; and no message repeats it."""

import logging
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from src.core.credentials import fault_of_address, filled, redacted
from src.core.errors import UserError
from src.core.files import Layout
from src.core.steps import STEPS
from src.problem.sources import Address
from tasks import cli
from tasks.define import define

SECRET = "s3cr3t"
WITH_SECRET = [
    f"https://ann:{SECRET}@example.org/t.csv",
    f"https://{SECRET}@example.org/t.csv",
    f"https://ann:{SECRET}/more@example.org/t.csv",
    f"ftp://ann:{SECRET}@example.org/t.csv",
    *(f"{start}ann:{SECRET}@example.org/t.csv" for start in ("//", "http:\\\\", "https:/", "https:", "")),
    *(
        f"https://example.org/t.csv?raw=1&{key}={SECRET}"
        for key in ("token", "key", "sig", "password", "apiKey", "PWD")
    ),
    *(f"https://example.org/t.csv?{key}={SECRET}" for key in ("X-Amz-Signature", "access_token", "%74oken", "auth")),
    *(
        f"https://example.org/t.csv?{key}={SECRET}"
        for key in (
            *("accesstoken", "authtoken", "apitoken", "authkey", "PRIVATETOKEN", "clientsecret", "secretkey"),
            *("mypassword", "pass", "pw", "psw", "subscription-key", "sas", "ticket", "oauth", "hmac", "%2574oken"),
        )
    ),
    f"https://example.org/t.csv?code=aB3{SECRET}xyzxyzxyzxyzxyz==",
    f"https://example.org/t.csv?TOKEN%3D{SECRET}",
    f"https://example.org/t.csv?TOKEN%253d{SECRET}",
    f"https://example.org/t.csv?a=b%26token={SECRET}",
    f"https://example.org/t.csv?of=https%3A%2F%2Fexample.org%2F%3Ftoken%3D{SECRET}",
    f"https://example.org/ghp_{SECRET}{SECRET}/t.csv",
    f"https://example.org/bot123:{SECRET}/t.csv",
    f"https://example.org/a/glpat-{SECRET}{SECRET}?raw=1",
    f"https://example.org/t.csv#access_token={SECRET}",
    f"https://example.org/t.csv;jsessionid={SECRET}?a=1",
    f"https://example.org/t.csv?token=${{HUB_TOKEN}}{SECRET}",
]
WITHOUT = [
    "https://example.org/t.csv",
    "https://example.org:8080/@someone/t.csv?raw=1&author=ann&design=2&sortkey=3&mail=ann@example.org",
    "http://[::1]:80/t.csv",
    "https://example.org/t.csv?code=DE&passenger=3&tokenizer=word&coauthor=ann&ticket_class=1&group_wd=2",
    "https://example.org/sk-learn/hf_data/robot1:2/t.csv?name=a%20b%2Cc",
    "https://example.org/t.csv?token=${HUB_TOKEN}",
    "postgresql://ann@example.org/name",
]


@pytest.mark.parametrize("url", WITH_SECRET)
def test_a_secret_is_found_and_cut_out(url: str) -> None:
    assert fault_of_address(url) is not None
    for text in (url, f"given {url!r}; correct it", f"  url: {url}", f"[{url}, {url}]"):
        assert SECRET not in redacted(text)
        assert SECRET not in str(UserError(text))


@pytest.mark.parametrize(
    "text",
    [
        f"mysql://h/db?pass={SECRET}",
        f"postgresql://u:p {SECRET}@h/db",
        f"postgresql://u:{SECRET}/w@h/db",
        f"{{'password': '{SECRET}'}}",
        f'{{"token": "{SECRET}"}}',
        f"password: {SECRET}",
        f"api_key: {SECRET}",
        f"{{'api_key': '{SECRET}'}}",
        f"password='a {SECRET} c'",
        f"Authorization: Bearer {SECRET}",
        f"url=https://h/t?token={SECRET}",
        f"login ghp_{SECRET}{SECRET} failed",
    ],
)
def test_a_secret_is_cut_out_of_any_text(text: str) -> None:
    assert SECRET not in redacted(f"read {text} of a file")


@pytest.mark.parametrize(
    "text",
    [
        "database: holds a password, which git would keep; give it in PGPASSWORD or ~/.pgpass",
        "columns.token: should be text; names: token, tag; key=Ticket",
        "https://example.org:8786; ask ann@example.org",
        "tcp://scheduler:8786 does not answer; ask ann@example.org",
    ],
)
def test_a_sentence_without_a_secret_stays_as_it_is(text: str) -> None:
    assert redacted(text) == text


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("https://example.org/${X}/t.csv", "the variable X is not in the query"),
        ("https://${HOST}/t.csv?a=1", "the variable HOST is not in the query"),
        ("https://example.org:99999/t.csv", "the port should be a number from 1 to 65535"),
        ("http://example.org", "names no file on its host"),
        (f"https://example.org/%{'25' * 20}74.csv", "encoded many times over"),
    ],
)
def test_an_address_that_cannot_be_downloaded_is_refused(url: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        Address(url=url, sha256="0" * 64)


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
    params = (Path(__file__).parents[2] / "params.yaml").read_text()
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
    layout.params_file.write_text((Path(__file__).parents[2] / "params.yaml").read_text())
    problem = {"question": "Why?", "target": "t", "type": "regression"} | sources(WITH_SECRET[0])["a table"]
    layout.problem_file.write_text(yaml.safe_dump(problem))
    with pytest.raises(UserError, match=r"url: https://…@example.org/t.csv: .* ~/.netrc, or .*\?token=\$\{HUB_TOKEN\}"):
        define(layout)


@pytest.mark.parametrize(
    "text",
    [
        *("x" * 300_000, "a." * 150_000, "a+" * 150_000 + "://", "=" * 300_000, "%25" * 100_000, "a=" * 150_000),
        *("x://a:" * 50_000, "-eyJ" * 75_000, "eyJ" * 100_000, "'key" * 75_000, "?a" * 150_000, "%3D" * 100_000),
    ],
)
def test_a_long_message_takes_no_longer_than_its_length(text: str):
    began = time.process_time()
    assert redacted(text) == text
    assert time.process_time() - began < 5
