"""What an actor may have fetched, and the credentials that are used on the way."""

import os
import re
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from urllib.parse import quote, unquote

from tidemill.core.lazy import load
from tidemill.core.names import shown
from tidemill.data.errors import CredentialMissing, SourceRefused
from tidemill.data.sources.locate import path_within
from tidemill.data.sources.reach import Reach

_LONGEST_SECRET = 1 << 16
_ENTRY = re.compile(r"(?:([a-z][a-z0-9+.\-]*)://)?([^:/=\s\[\]]+|\[[0-9a-fA-F:.]+\])(?::(\d+))?(?:=(\S+))?")
_HIDDEN = "***"
_TELLING = 12
_QUERY = re.compile(r"(\b[a-z][a-z0-9+.\-]*://[^\s?#\"']+)\?[^\s#\"')]+")


@dataclass(frozen=True, slots=True)
class AllowedHost:
    """A host that callers with a token may name.

    Args:
        scheme: The only scheme for it; empty for every one.
        host: Its name, with `*` for a part; or a bucket's.
        port: The only port; empty for every one.
        secrets: The references that may be used there.
    """

    scheme: str
    host: str
    port: str
    secrets: frozenset[str]

    def admits(self, scheme: str, place: str) -> bool:
        """Return whether an address of a scheme is at this host."""
        host, _, port = place.lower().rpartition(":") if re.search(r":\d+$", place) else (place.lower(), "", "")
        return self.scheme in {"", scheme} and self.port in {"", port} and fnmatchcase(host, self.host)


def parse_hosts(text: str) -> tuple[AllowedHost, ...]:
    """Return the hosts that a setting names.

    Such as `files.example.com, s3://public, db.example.com:5432=env:PGPASSWORD`. An entry that
    cannot be read allows nothing.
    """
    found = (_ENTRY.fullmatch(entry.strip()) for entry in text.split(","))
    return tuple(
        AllowedHost(
            match[1] or "", match[2].lower(), match[3] or "", frozenset(filter(None, (match[4] or "").split("+")))
        )
        for match in found
        if match
    )


@dataclass(slots=True, kw_only=True)
class Access:
    """What an integration asks before it touches a host, a file or a credential.

    Args:
        reach: The files that may be read, and whether the actor is the owner.
        hosts: The hosts that others than the owner may name.
    """

    reach: Reach
    hosts: tuple[AllowedHost, ...] = ()
    _revealed: list[str] = field(default_factory=list, repr=False)
    _visited: list[tuple[str, str]] = field(default_factory=list)

    @property
    def is_owner(self) -> bool:
        """Whether the actor owns the machine's account."""
        return self.reach.is_owner

    def check_owner(self, what: str) -> None:
        """Let the owner pass.

        Raises:
            SourceRefused: For everybody else.
        """
        if not self.is_owner:
            raise SourceRefused(f"Only the owner may name {what}", hint="Let the server's owner ingest it.")

    def check_host(self, scheme: str, place: str) -> None:
        """Let an address pass that the actor may have fetched; ask again for every redirection.

        Args:
            scheme: Such as `https`.
            place: The host, with its port where one is given; for `s3`, `gs` and `az` the bucket.

        Raises:
            SourceRefused: If others than the owner may not name it.
        """
        if not self.is_owner and not any(each.admits(scheme, place) for each in self.hosts):
            raise SourceRefused(
                f"{shown(f'{scheme}://{place}')} is not among the places that may be fetched from",
                hint="Let the server's owner add it to TIDEMILL_SOURCE_HOSTS, or ingest it.",
            )
        self._visited.append((scheme, place))

    def path(self, text: str) -> Path:
        """Return the real path of a file or folder that the actor may have read.

        Raises:
            SourceNotFound: If nothing is there.
            SourceRefused: If it is outside what the actor may name.
        """
        real = path_within(text, self.reach)
        if real.is_dir():
            self.reach.check_folder(real, text)
        return real

    def secret(self, reference: str) -> str:
        """Return the credential that a reference names: `env:NAME`, `file:/path`, `keyring:service/user`.

        Ask for the host first: others than the owner may use a credential only where the setting names it for
        every place that was asked for.

        Raises:
            SourceRefused: If the actor may not use it.
            CredentialMissing: If there is none, or it is empty.
        """
        is_bound = bool(self._visited) and all(
            any(reference in each.secrets and each.admits(*place) for each in self.hosts) for place in self._visited
        )
        if not self.is_owner and not is_bound:
            raise SourceRefused(
                f"The credential {shown(reference)} may not be used here",
                hint="Let the server's owner add it behind the host in TIDEMILL_SOURCE_HOSTS, or ingest it.",
            )
        kind, _, name = reference.partition(":")
        found = {"env": _from_environment, "file": _from_file, "keyring": _from_keyring}[kind](name)
        if not found:
            raise CredentialMissing(
                f"There is no credential {shown(reference)}",
                hint="It is looked up on the machine that ingests: the server's, when one runs.",
            )
        self._revealed.append(found)
        return found

    def scrub(self, text: str) -> str:
        """Return a text without the credentials that were given out, and without the queries of addresses."""
        for secret in sorted(self._spellings(), key=len, reverse=True):
            text = text.replace(secret, _HIDDEN)
        return _QUERY.sub(rf"\1?{_HIDDEN}", text)

    def _spellings(self) -> set[str]:
        """Return how credentials may stand in a text: whole, quoted, line by line, and value by value of a query."""
        whole = set(self._revealed)
        pieces = {piece for secret in whole for piece in re.split(r"[\r\n&=]+", secret) if len(piece) >= _TELLING}
        return {spelling for each in whole | pieces for spelling in (each, quote(each, safe=""), unquote(each))}


def _from_environment(name: str) -> str:
    return os.environ.get(name, "")


def _from_file(name: str) -> str:
    try:
        with Path(name).expanduser().open("rb") as file:
            return file.read(_LONGEST_SECRET).decode().strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _from_keyring(name: str) -> str:
    service, _, user = name.rpartition("/")
    keyring = load("keyring")
    try:
        return keyring.get_password(service, user) or ""
    except keyring.errors.KeyringError:
        return ""
