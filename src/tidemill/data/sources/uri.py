"""The address of a source that is no path, and how it is written where others may read it.

What stands before the `#` is the source's own: it goes to the server or driver as it is. What stands after it is for
Tidemill: `NAME=VALUE` pairs, joined by `&`, with `%26` for an `&` in a value. A `+` is a plus.
"""

import os
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from tidemill.core.names import check_text
from tidemill.core.nearest import did_you_mean
from tidemill.data.errors import PlainSecret, UnknownScheme, UnsupportedSource

REFERENCES = ("env:", "file:", "keyring:")
"""How a credential is named: a variable, a file, an entry of the keyring."""
_LONGEST = 16_384
_SCHEME = re.compile(r"([a-z][a-z0-9+.\-]*):(//)?")
_SECRETS = re.compile(
    r"pass(?!ive)|pwd|secret|token|credential|auth(?!or)|signature|(api|access|account).?key", re.IGNORECASE
)
_SIGNED = re.compile(r"(^|[_\-])(sig|sas|jwt|key|code|session)([_\-]|$)|session|^se$", re.IGNORECASE)
_LONG_VALUE = re.compile(r"[A-Za-z0-9+/=_\-.%]{32,}")
_HIDDEN = "***"


@dataclass(frozen=True, slots=True)
class SourceUri:
    """An address that an integration reads.

    Args:
        scheme: What stands before the first colon, such as `s3`.
        address: Everything before the `#`, scheme included; it may hold a signed query, so show `shown` instead.
        options: What is for Tidemill, by name; credentials in it are references.
        shown: The whole without anything secret: for messages, logs and the ledger.
    """

    scheme: str
    address: str = field(repr=False)
    options: Mapping[str, str]
    shown: str

    @property
    def host(self) -> str:
        """The host or bucket with its port, without a user; empty where there is none."""
        return urlsplit(self.address).netloc.rpartition("@")[2]


def parse_uri(text: str, schemes: Collection[str]) -> SourceUri | None:
    """Return what a text names, None when it is a path.

    A text with `://` is always an address; one with a bare colon is one only if its scheme is installed.

    Args:
        text: As a person wrote it.
        schemes: The schemes that are installed.

    Raises:
        UnknownScheme: If no integration reads it.
        PlainSecret: If it holds a password or token itself.
    """
    match = _SCHEME.match(text)
    if not match or not (match[2] or match[1] in schemes):
        return None
    check_text(text, "the source", _LONGEST)
    if match[1] not in schemes:
        raise UnknownScheme(
            f"No installed source reads {match[1]}:",
            hint=f"{did_you_mean(match[1], sorted(schemes))} See `tidemill data sources`.",
        )
    address, _, ours = text.partition("#")
    try:
        parts = urlsplit(address)
        has_password = parts.password is not None
    except ValueError:
        raise UnsupportedSource(
            f"The address after {match[1]}: cannot be read", hint="Look at its host and port."
        ) from None
    if has_password:
        raise PlainSecret(
            "The source holds a password",
            hint="Write it as user@host, and add #password=env:NAME with a variable's name.",
        )
    options = _options(ours)
    plain = _without_secrets(address)
    told = "&".join(f"{name}={quote(value, safe=_READABLE)}" for name, value in options.items())
    return SourceUri(match[1], address, options, f"{plain}#{told}" if told else plain)


_READABLE = " /:;,.*()'\"<>=!?@[]{}|$+-_~"


def join_options(source: str, options: Mapping[str, str]) -> str:
    """Return a source with options behind its `#`, after those that are there."""
    told = "&".join(f"{name}={quote(value, safe=_READABLE)}" for name, value in options.items())
    return f"{source}{'&' if '#' in source else '#'}{told}" if told else source


def holds_secret(text: str) -> bool:
    """Return whether an address holds what is not shown: a password, a token, a signature."""
    match = _SCHEME.match(text)
    try:
        uri = parse_uri(text, {match[1]}) if match else None
    except PlainSecret:
        return True
    except UnsupportedSource:
        return False
    return uri is not None and _HIDDEN in uri.shown


def from_folder(text: str, folder: Path) -> str | None:
    """Return an address as it is named from anywhere, None for a path.

    Args:
        text: A source as a person wrote it.
        folder: Where the person stood.
    """
    scheme, colon, rest = text.partition(":")
    if colon and scheme in _OF_FILES - {"hf"}:
        path, sign, options = rest.removeprefix("//").partition("#")
        slash = "/" if scheme.endswith("sqlite") else ""
        path = path.removeprefix(slash)
        if not path:
            return text
        return f"{scheme}://{slash}{Path(quote(str(folder))) / Path(path).expanduser()}{sign}{options}"
    if "://" in text:
        return text
    if colon and scheme == "python":
        return text if "folder=" in rest else join_options(text, {"folder": str(folder)})
    if colon and scheme == "hf":
        path, sign, options = rest.partition("#")
        return f"hf:{folder / Path(path).expanduser()}{sign}{options}"
    return None


def spelled_out(shown: str, folder: Path) -> str:
    """Return an address in the one spelling that all of its place have: a real path, options in order.

    Args:
        shown: The address, without credentials.
        folder: Where relative paths start.
    """
    address, _, ours = shown.partition("#")
    scheme, colon, rest = address.partition(":")
    if scheme in _OF_FILES:
        rest = rest.removeprefix("//")
        path = rest.removeprefix("/") if scheme.endswith("sqlite") else rest  # sqlite:///here.db, sqlite:////there.db
        rest = os.path.realpath(folder / Path(unquote(path)).expanduser())
    return f"{scheme}{colon}{rest}#{'&'.join(sorted(filter(None, ours.split('&'))))}"


_OF_FILES = {"sqlite", "iceberg+sqlite", "iceberg", "delta", "hf"}
"""Schemes whose addresses are paths of this machine."""


def _options(text: str) -> dict[str, str]:
    options: dict[str, str] = {}
    for pair in filter(None, text.split("&")):
        name, equals, value = pair.partition("=")
        name, value = unquote(name), unquote(value)
        if not equals or not name or name in options:
            raise UnsupportedSource(
                "What stands after the # of the source is not NAME=VALUE, or names one twice",
                hint="Such as #table=flights&password=env:PGPASSWORD; write & in a value as %26 and # as %23.",
            )
        check_text(value, f"the source's option {name[:50]!r}", _LONGEST, lines=True)
        if is_secret(name) and not value.startswith(REFERENCES):
            raise PlainSecret(
                f"The source's option {name[:50]!r} holds a credential itself",
                hint=f"Name where it is: {name[:50]}=env:VARIABLE, file:/path or keyring:service/user.",
            )
        options[name] = value
    return options


def is_secret(name: str) -> bool:
    """Return whether what has this name is a credential."""
    return _SECRETS.search(name) is not None


def _without_secrets(address: str) -> str:
    plain, question, query = address.partition("?")
    scheme, slashes, rest = plain.partition("://")
    if slashes and "@" in rest.partition("/")[0]:
        user, _, place = rest.partition("@")
        plain = f"{scheme}://{_HIDDEN if is_secret(user) or _LONG_VALUE.fullmatch(user) else user}@{place}"
    if not question:
        return plain
    pairs = [pair.partition("=") for pair in query.split("&")]
    return plain + "?" + "&".join(name + equals + _told(name, value) for name, equals, value in pairs)


def _told(name: str, value: str) -> str:
    name = unquote(name)
    return _HIDDEN if value and (is_secret(name) or _SIGNED.search(name) or _LONG_VALUE.fullmatch(value)) else value
