"""Passwords and tokens in addresses: refused where git and DVC would keep them, and cut out of every message.

The ways out: a user and password in ~/.netrc, which the download reads, or a variable of the environment in a query's
value, `?token=${HUB_TOKEN}`, which is filled in when the address is asked and nowhere else.
"""

import re
from collections.abc import Iterator, Mapping
from urllib.parse import quote, unquote, urlsplit

# Words of a key whose value is a secret; a key is one or several of them (`access_token`, `X-Amz-Signature`).
_WORDS = (
    r"(?:access[-_]?key|api[-_]?key|auth|authorization|bearer|credentials?|j?sessionid|jwt|passwd|passwords?|passphrase|"
    r"pwd|secrets?|security[-_]?token|sig|signature|sslpassword|tokens?)"
)
_SECRET_KEY = re.compile(rf"(?i)(?:.*[^a-z])?{_WORDS}(?:[^a-z].*)?")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_CUT = "…"
# A user alone may be a token, but not that of a database. A scheme's length is bounded for the sake of long texts.
_LOGINS = re.compile(
    r"(?i)\b((?:https?|ftp)://)[^\s'\"/?#]+@|\b([a-z][a-z0-9+.-]{0,30}://)[^\s'\"/?#@]*:(?![0-9]*[/?#])[^\s'\"]*@"
)
# Begins where a word begins: tried at each letter of a long word, it would take the square of its length.
_ASSIGNMENT = re.compile(r"([?&;#]?)(?<![\w.%+-])([\w.%+-]+)=([^\s&;#'\"]+)")


def fault_of_address(url: str) -> str | None:
    """What in the address is a secret, as the rest of a sentence; None: nothing that can be told as one."""
    host = re.split("[/?#]", url.partition("://")[2])[0]
    if "@" in host or not re.fullmatch(r"(?:\[[^]]*\]|[^:]*)(?::[0-9]*)?", host):
        return "holds a user or a password"
    for key, value in _pairs(url):
        if is_secret(key) and not _VARIABLE.fullmatch(value):
            return f"holds a secret, the value of {key!r}"
    return None


def is_secret(key: str) -> bool:
    """Whether a query's key names a password, token or signature."""
    return key.lower() == "key" or bool(_SECRET_KEY.fullmatch(_CAMEL.sub("_", key)))


def variables_in(url: str) -> list[str]:
    """The variables of the environment that the address's query names."""
    return [name for _, value in _pairs(url) for name in _VARIABLE.findall(value)]


def filled(url: str, environment: Mapping[str, str]) -> str:
    """The address with the variables of its query filled in. Raises KeyError for one that is not set."""
    address = urlsplit(url)
    query = _VARIABLE.sub(lambda match: quote(environment[match[1]], safe=""), address.query)
    return address._replace(query=query).geturl()


def redacted(text: str) -> str:
    """The text without the secrets in addresses and in assignments such as `password=…`."""
    text = _LOGINS.sub(lambda match: f"{match[1] or match[2]}{_CUT}@", text)
    return _ASSIGNMENT.sub(_without_value, text)


def _without_value(match: re.Match[str]) -> str:
    before, key, value = match.groups()
    secret = is_secret(unquote(key)) and (before or key.lower() != "key") and not _VARIABLE.match(value)
    return f"{before}{key}={_CUT}" if secret else match[0]


def _pairs(url: str) -> Iterator[tuple[str, str]]:
    """Keys and values in the address, as servers and scripts read them: of its query, fragment and parameters."""
    for pair in re.split(r"[?&;#]", url)[1:]:
        key, _, value = pair.partition("=")
        if value:
            yield unquote(key.replace("+", " ")).strip(), unquote(value)
