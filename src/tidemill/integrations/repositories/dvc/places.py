"""Where contents are: the cache, and remotes that are folders or buckets."""

import os
import re
from collections.abc import Iterator
from hashlib import md5
from pathlib import Path
from typing import NamedTuple

from tidemill.core.names import shown
from tidemill.data.repositories import ContentMissing, InvalidRepository

_SECTION = re.compile(r"""^\s*\[\s*'?\s*([a-z]+)\s*(?:"([^"]*)")?\s*'?\s*\]\s*$""")
_PIECE = 1 << 20
_TEXT_LOOK = 512
_MOSTLY = 0.30
_TEXT = bytes(range(32, 127)) + b"\n\r\t\f\b"


class Config(NamedTuple):
    """What a repository says of its cache and remotes.

    Args:
        cache: The folder of the cache.
        remotes: The address of each remote by name.
        default: The name of the remote that is used.
    """

    cache: Path
    remotes: dict[str, str]
    default: str


def read_config(folder: Path) -> Config:
    """Return what the configuration of the user says, and over it `.dvc/config` and `.dvc/config.local`."""
    base = folder / ".dvc"
    of_user = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "dvc" / "config"
    cache, remotes, default = base / "cache", {}, ""
    for place in (of_user, base / "config", base / "config.local"):
        try:
            lines = place.read_text(errors="replace").splitlines()
        except FileNotFoundError:
            continue
        section, label = "", ""
        for line in lines:
            if found := _SECTION.match(line):
                section, label = found[1], found[2] or ""
                continue
            key, sign, value = (part.strip() for part in line.partition("="))
            if not sign:
                continue
            if (section, key) == ("core", "remote"):
                default = value
            elif (section, key) == ("cache", "dir"):
                cache = place.parent / value
            elif (section, key) == ("remote", "url"):
                remotes[label] = value if "://" in value else str((place.parent / value).resolve())
    return Config(cache, remotes, default)


class Contents:
    """Finds contents by their MD5.

    Args:
        folder: The repository.
        remote: The name or the address of a remote; the repository's own choice when empty.
        scratch: Where what is fetched goes.
    """

    def __init__(self, folder: Path, remote: str, scratch: Path) -> None:
        config = read_config(folder)
        self._scratch = scratch
        self._folders = [config.cache]
        self._address = ""
        address = config.remotes.get(remote, remote) if remote else config.remotes.get(config.default, "")
        if remote and address == remote and "://" not in remote and not Path(remote).is_dir():
            raise InvalidRepository(
                f"{shown(str(folder))} has no remote {shown(remote)}, and there is no such folder",
                hint=f"It has: {', '.join(sorted(config.remotes)) or 'none'}.",
            )
        if "://" in address:
            self._address = address
        elif address:
            self._folders.append(Path(address))
        self._sound: set[str] = set()

    def find(self, content: str, *, is_dos: bool) -> Path:
        """Return the verified file of a content.

        Raises:
            ContentMissing: If it is nowhere, or is not what its name says.
        """
        path = next((path for path in self._candidates(content) if path.is_file()), None) or self._fetched(content)
        if path is None:
            raise ContentMissing(
                f"The content {content} is in no cache and no remote", hint="Run `dvc fetch --all-commits` there first."
            )
        if content not in self._sound:
            if not _is_sound(path, content.removesuffix(".dir"), is_dos=is_dos):
                raise ContentMissing(
                    f"The file {shown(str(path))} is not what its name says", hint="Remove it, and run `dvc fetch`."
                )
            self._sound.add(content)
        return path

    def _candidates(self, content: str) -> Iterator[Path]:
        for folder in self._folders:
            yield folder / "files" / "md5" / content[:2] / content[2:]
            yield folder / content[:2] / content[2:]  # before DVC 3
        yield self._scratch / content

    def _fetched(self, content: str) -> Path | None:
        """Bring a content from a bucket."""
        if not self._address:
            return None
        from tidemill.objects.remote.address import parse_address  # noqa: PLC0415 - an extra that few need
        from tidemill.objects.remote.connect import connect  # noqa: PLC0415 - as above
        from tidemill.objects.remote.errors import RemoteObjectMissing  # noqa: PLC0415 - as above

        bucket = connect(parse_address(self._address.replace("azure://", "az://")))
        for key in (f"files/md5/{content[:2]}/{content[2:]}", f"{content[:2]}/{content[2:]}"):
            size = bucket.size(key)
            if size is None:
                continue
            path = self._scratch / content
            try:
                with path.open("wb") as file:
                    for start in range(0, size, _PIECE * 8):
                        file.write(bucket.read(key, start, min(start + _PIECE * 8, size)))
            except RemoteObjectMissing:
                path.unlink(missing_ok=True)
                continue
            return path
        return None


def _is_sound(path: Path, name: str, *, is_dos: bool) -> bool:
    with path.open("rb") as file:
        raw, unix = md5(usedforsecurity=False), md5(usedforsecurity=False)
        first = file.read(_TEXT_LOOK)
        is_text = is_dos and _looks_like_text(first)
        file.seek(0)
        while piece := file.read(_PIECE):
            raw.update(piece)
            if is_text:
                unix.update(piece.replace(b"\r\n", b"\n"))
    return name in {raw.hexdigest(), unix.hexdigest() if is_text else ""}


def _looks_like_text(block: bytes) -> bool:
    """Return whether DVC, before version 3, took a file that begins so for a text."""
    if not block:
        return True
    if b"\0" in block:
        return False
    return len(block.translate(None, _TEXT)) / len(block) <= _MOSTLY
