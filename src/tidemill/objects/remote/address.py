"""Where a place of objects is, as people write it."""

import re
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from tidemill.core.names import shown
from tidemill.objects.remote.errors import InvalidRemote
from tidemill.objects.trees import UnsafePath, check_relative

_SCHEMES = ("s3", "gs", "az", "file")
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,221}[A-Za-z0-9]")
_HINT = "Write s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, az://CONTAINER/PREFIX or file:///FOLDER."


class Address(NamedTuple):
    """A place of objects.

    Args:
        scheme: `s3`, `gs`, `az` or `file`.
        bucket: The bucket or container; empty for a folder.
        prefix: What every key begins with, without a `/` at its ends; for a folder its absolute path.
    """

    scheme: str
    bucket: str
    prefix: str

    def __str__(self) -> str:
        """Return it as people write it."""
        if self.scheme == "file":
            return f"file://{self.prefix}"
        return f"{self.scheme}://{self.bucket}" + (f"/{self.prefix}" if self.prefix else "")


def parse_address(text: str) -> Address:
    """Return the place that an address names.

    Raises:
        InvalidRemote: If it names none, or holds what could be a credential; such a text is not repeated.
    """
    scheme, mark, rest = text.partition("://")
    if not mark or scheme not in _SCHEMES:
        word = "This" if {"@", "?"} & set(text) else shown(text)
        raise InvalidRemote(f"{word} is not the address of a place for objects", hint=_HINT)
    if {"@", "?", "#"} & set(rest):
        raise InvalidRemote("An address holds no user, password or token", hint=f"Set them in the environment. {_HINT}")
    if scheme == "file":
        return _folder(rest)
    bucket, _, prefix = rest.partition("/")
    if not _BUCKET.fullmatch(bucket):
        raise InvalidRemote(f"{shown(bucket)} is not the name of a bucket", hint=_HINT)
    prefix = prefix.strip("/")
    return Address(scheme, bucket, _checked(prefix) if prefix else "")


def _folder(rest: str) -> Address:
    path = unquote(rest)
    if not path.startswith("/") or not path.strip("/"):
        raise InvalidRemote(f"{shown(path)} is not an absolute path", hint=_HINT)
    _checked(path.strip("/"))
    return Address("file", "", str(Path(path)))


def _checked(prefix: str) -> str:
    try:
        made = check_relative(prefix)
    except UnsafePath:
        made = ""
    if made != prefix or not prefix.isprintable():
        raise InvalidRemote(f"{shown(prefix)} cannot begin the names of objects", hint=_HINT)
    return made
