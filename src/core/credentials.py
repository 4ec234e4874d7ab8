"""Passwords and tokens in addresses: refused where git and DVC would keep them, and cut out of every message.

A user may put a user and password into ~/.netrc, which the download reads. Or the value of a query may name an
environment variable, `?token=${HUB_TOKEN}`, which is filled in for the request alone.
"""

import re
from collections.abc import Iterator, Mapping
from urllib.parse import quote, unquote, urlsplit

# A key that contains one of these holds a secret: `accesstoken`, `X-Amz-Signature`.
_ANYWHERE = re.compile(
    r"(?i)token(?!i[sz])|secret(?!ar)|passw|passphrase|pwd|credential|bearer|jwt|hmac|authorization|signature|"
    r"(?:access|account|api|auth|private|subscription)[-_. ]?key|sess(?:ion)?[-_]?id"
)
# So does a key with one of these as a separate word: `x-auth`, but not `author` or `design`.
_WORD = re.compile(r"(?i)(?<![a-z])(?:o?auth|sig)(?![a-z])")
# So does a key that is one of these. In a sentence they may be harmless.
_WHOLE = frozenset({"key", "pass", "psw", "pw", "sas", "ticket"})
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
# A value of `code` that is a secret; short codes mean a country or a data set.
_RANDOM = re.compile(r"(?=.*[0-9])(?=.*[A-Za-z])[\w+/=.~-]{20,}")
# Tokens with a known beginning: of GitHub, GitLab, Hugging Face, OpenAI, Slack, AWS, Google and Telegram; JWT.
_TOKEN = re.compile(
    r"(?<![\w-])(gh[opsur]_(?=\w{10})|github_pat_(?=\w{10})|glpat-(?=[\w-]{10})|hf_(?=[A-Za-z0-9]{20})|"
    r"sk-(?=(?:proj-|ant-)?[A-Za-z0-9]{20})|xox[abeprs]-(?=[\w-]{10})|AKIA(?=[A-Z0-9]{16})|AIza(?=[\w-]{30})|"
    r"eyJ(?=[\w-]{10,1000}\.eyJ)|(?<=/)bot[0-9]{1,20}:(?=\w))[\w.-]+"
)
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_CUT = "…"
_MOST_ENCODINGS = 8
# A user without a password may be a token, except in a database's address. Bounded lengths keep long texts fast.
_LOGINS = re.compile(
    r"(?i)\b((?:https?|ftp)://)[^\s'\"/?#]+@|"
    r"\b([a-z][a-z0-9+.-]{0,30}://)[^\s'\"/?#@]*:(?![0-9]*(?:[/?#\s,;)]|$))[^\s'\"][^\n'\"]{0,300}@"
)
# As an address is misspelt: without `https:`, or with other slashes.
_BARE_LOGIN = re.compile(r"(?<![\w.%+-])(?!mailto:)[\w.%+-]{1,64}:[^\s'\"@/\\]{1,300}@(?=[\w\[])")
# Matches only where a word begins: tried at each letter of a long word, it would take quadratic time.
_ASSIGNMENT = re.compile(r"([?&;#]?)(?<![\w.%+-])([\w.%+-]+?)(=|%(?:25)*3[Dd])([^\s&;#'\"]+)")
# As in YAML, Python and the headers of a request. Without quotes, `token: …` may be about a table's column.
_FIELD = re.compile(
    r"(?i)(?<![\w.-])((?:(['\"])[\w.-]*(?:passw(?:or)?d|passphrase|pwd|secret|token|authorization)\2|"
    r"['\"]?[\w-]*(?:passw(?:or)?d|passphrase|pwd|secret|[-_]token|(?:access|api|auth|private|secret)[-_]?key|"
    r"authorization)['\"]?)"
    r"[ \t]{0,9}[:=][ \t]{0,9})('[^'\n]*'|\"[^\"\n]*\"|(?:(?:basic|bearer|token)[ \t]+)?[^\s'\",;{}$]+)"
)


def fault_of_address(url: str) -> str | None:
    """The secret in the address, as the rest of a sentence; None if none is recognized."""
    host = re.split("[/?#]", url.partition("://")[2])[0]
    if "@" in host or not re.fullmatch(r"(?:\[[^]]*\]|[^:]*)(?::[0-9]*)?", host) or _BARE_LOGIN.search(url):
        return "holds a user or a password"
    return fault_of_keys(url) or ("holds a token" if any(map(_TOKEN.search, _decoded(url))) else None)


def fault_of_keys(url: str) -> str | None:
    """The same for the keys of the address's query, fragment and parameters alone, however often they are encoded."""
    decoded = list(_decoded(url))
    if len(decoded) > _MOST_ENCODINGS:
        return "is encoded many times over, as a hidden secret would be"
    for key, value in (pair for text in decoded for pair in _pairs(text)):
        secret = is_secret(key) or (key.lower() == "code" and _RANDOM.fullmatch(value))
        if secret and not _VARIABLE.fullmatch(value):
            return f"holds a secret, the value of {key!r}"
    return None


def is_secret(key: str) -> bool:
    """Whether a query's key names a password, token or signature."""
    return key.lower() in _WHOLE or bool(_ANYWHERE.search(key) or _WORD.search(_CAMEL.sub("_", key)))


def variables_in(url: str) -> list[str]:
    """The variables of the environment that the address's query names."""
    return _VARIABLE.findall(urlsplit(url).query)


def variables_outside(url: str) -> list[str]:
    """The variables that the address names elsewhere, where they are not filled in."""
    return _VARIABLE.findall(urlsplit(url)._replace(query="").geturl())


def filled(url: str, environment: Mapping[str, str]) -> str:
    """The address with the variables of its query filled in. Raises KeyError for one that is not set."""
    address = urlsplit(url)
    query = _VARIABLE.sub(lambda match: quote(environment[match[1]], safe=""), address.query)
    return address._replace(query=query).geturl()


def redacted(text: str) -> str:
    """The text without the secrets in addresses, in assignments such as `password=…` and in fields."""
    text = _LOGINS.sub(lambda match: f"{match[1] or match[2]}{_CUT}@", text)
    text = _BARE_LOGIN.sub(f"{_CUT}@", text)
    text = _FIELD.sub(lambda match: f"{match[1]}{_CUT}", text)
    text = _ASSIGNMENT.sub(_without_value, text)
    return _TOKEN.sub(lambda match: f"{match[1]}{_CUT}", text)


def _without_value(match: re.Match[str]) -> str:
    before, key, equals, value = match.groups()
    if not before and key.lower() in _WHOLE:
        return match[0]
    bare = value.rstrip(":,.)]")  # of the sentence
    if fault_of_keys(f"?{key}={bare}") is None:
        return match[0]
    return f"{before}{key}{equals}{_CUT}{value[len(bare) :]}"


def _decoded(url: str) -> Iterator[str]:
    """The address as it is, then decoded again and again until nothing changes, up to a limit."""
    yield url
    for _ in range(_MOST_ENCODINGS):
        before, url = url, unquote(url)
        if url == before:
            return
        yield url


def _pairs(url: str) -> Iterator[tuple[str, str]]:
    """The keys and values of the address's query, fragment and parameters, as servers and scripts read them."""
    for pair in re.split(r"[?&;#]", url)[1:]:
        key, _, value = pair.partition("=")
        if value:
            yield unquote(key.replace("+", " ")).strip(), unquote(value)
