"""Versions as a remote of DVC, and the `.dvc` files that name them."""

import json
import os
from collections.abc import Iterator
from hashlib import md5
from pathlib import Path

from tidemill.core.ids import new_id
from tidemill.core.names import shown
from tidemill.data.repositories import GivenFile, InvalidRepository


class DVCTarget:
    """Fills `tidemill.data.repositories.RepositoryTarget`.

    Args:
        remote: The folder of the remote; made when it is not there.
        folder: Where the `.dvc` files go; None to write the remote alone.
    """

    def __init__(self, remote: Path, folder: Path | None) -> None:
        if remote.exists() and not remote.is_dir():
            raise InvalidRepository(f"{shown(str(remote))} is not a folder", hint="Name the folder of a local remote.")
        if folder is not None and not folder.is_dir():
            raise InvalidRepository(
                f"There is no folder {shown(str(folder))}", hint="Make it, and run `dvc init` there."
            )
        self.place = str(remote)
        self._objects = remote / "files" / "md5"
        self._folder = folder

    def give(self, path: str, files: Iterator[GivenFile], *, is_folder: bool) -> tuple[int, int]:
        """Write an output, and return how many files it has and how many were not there yet."""
        listed, size, fresh = [], 0, 0
        for file in files:
            digest, is_new = self._put(file.pieces())
            listed.append({"md5": digest, "relpath": file.path})
            size += file.size
            fresh += is_new
        if is_folder:
            listed.sort(key=lambda each: tuple(each["relpath"].split("/")))
            # Exactly as DVC writes it: the name of the list is the MD5 of these bytes.
            content = json.dumps(listed, sort_keys=True).encode()
            digest = f"{md5(content, usedforsecurity=False).hexdigest()}.dir"
            self._write(digest, iter([content]))
        else:
            digest = listed[0]["md5"]
        if self._folder is not None:
            facts = [f"- md5: {digest}", f"  size: {size}", *([f"  nfiles: {len(listed)}"] if is_folder else [])]
            text = "\n".join(["outs:", *facts, "  hash: md5", f"  path: {json.dumps(path, ensure_ascii=False)}"]) + "\n"
            _replace(self._folder / f"{path}.dvc", iter([text.encode()]))
        return len(listed), fresh

    def _put(self, pieces: Iterator[bytes]) -> tuple[str, bool]:
        self._objects.mkdir(parents=True, exist_ok=True)
        temporary = self._objects / f".{new_id()}"
        hasher = md5(usedforsecurity=False)
        try:
            with temporary.open("xb") as file:
                for piece in pieces:
                    hasher.update(piece)
                    file.write(piece)
                file.flush()
                os.fsync(file.fileno())
            digest = hasher.hexdigest()
            target = self._objects / digest[:2] / digest[2:]
            if target.exists():
                return digest, False
            target.parent.mkdir(exist_ok=True)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
        return digest, True

    def _write(self, digest: str, pieces: Iterator[bytes]) -> None:
        target = self._objects / digest[:2] / digest[2:]
        target.parent.mkdir(parents=True, exist_ok=True)
        _replace(target, pieces)


def _replace(target: Path, pieces: Iterator[bytes]) -> None:
    temporary = target.with_name(f".{new_id()}")
    try:
        with temporary.open("xb") as file:
            file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
