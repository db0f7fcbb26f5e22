"""A repository of DVC as a history of outputs."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from tidemill.core.names import shown
from tidemill.data.repositories import Commit, ContentMissing, InvalidRepository, Output, TrackedFile
from tidemill.integrations.repositories.dvc.files import Tracked, Unread, is_md5, read
from tidemill.integrations.repositories.dvc.history import Change, changes, has_history
from tidemill.integrations.repositories.dvc.places import Contents


class _Listed(msgspec.Struct):
    md5: str
    relpath: str


class OpenDVC:
    """Fills `tidemill.data.repositories.OpenRepository`.

    Args:
        folder: The repository.
        remote: The name or the address of a remote; the repository's own choice when empty.
        scratch: Where what is fetched goes.
    """

    def __init__(self, folder: Path, remote: str, scratch: Path) -> None:
        if not (folder / ".dvc").is_dir():
            raise InvalidRepository(
                f"{shown(str(folder))} is no repository of DVC: it has no folder .dvc",
                hint="Name the folder in which `dvc init` was run.",
            )
        self.place = str(folder)
        self.unread: list[tuple[str, str]] = []
        self._folder = folder
        self._contents = Contents(folder, remote, scratch)
        self._dos: set[str] = set()

    def outputs(self) -> Iterator[Output]:
        """Yield every state of every output that DVC tracked on the main line, the oldest first."""
        known: dict[str, str] = {}
        for commit, changed in self._changes():
            # What stages made comes after what they made it from.
            for change in sorted(changed, key=lambda each: each.path.endswith("dvc.lock")):
                if change.content is None:
                    continue
                for found in read(change.path, change.content):
                    if isinstance(found, Unread):
                        self.unread.append((found.path, found.problem))
                    elif known.get(found.path) != found.content:
                        known[found.path] = found.content
                        yield self._output(found, commit)

    def files(self, output: Output) -> list[TrackedFile]:
        """Return the files of an output, by path."""
        if not output.is_folder:
            return [TrackedFile(output.path.rpartition("/")[2], output.content)]
        is_dos = output.content in self._dos
        path = self._contents.find(output.content, is_dos=False)
        try:
            listed = msgspec.json.decode(path.read_bytes(), type=list[_Listed])
        except msgspec.MsgspecError:
            raise ContentMissing(
                f"The list of the folder {shown(output.path)} cannot be read", hint="Run `dvc fetch` there again."
            ) from None
        if strange := next((each for each in listed if not is_md5(each.md5) or each.md5.endswith(".dir")), None):
            raise ContentMissing(
                f"The list of the folder {shown(output.path)} has {shown(strange.md5)} where an MD5 stands",
                hint="Run `dvc fetch` there again, if you trust where it came from.",
            )
        if is_dos:
            self._dos.update(each.md5 for each in listed)
        return sorted(TrackedFile(each.relpath, each.md5) for each in listed)

    def fetch(self, content: str) -> Path:
        """Return a file on this disk that holds a content, verified."""
        return self._contents.find(content, is_dos=content in self._dos)

    def close(self) -> None:
        """Let go; what was fetched goes with its folder."""

    def _changes(self) -> Iterator[tuple[Commit, list[Change]]]:
        if has_history(self._folder):
            yield from changes(self._folder)
            return
        found = [*self._folder.rglob("*.dvc"), *self._folder.rglob("dvc.lock")]
        paths = sorted(path for path in found if path.is_file() and ".dvc" not in path.parent.parts)
        yield Commit(), [Change(path.relative_to(self._folder).as_posix(), path.read_bytes()) for path in paths]

    def _output(self, found: Tracked, commit: Commit) -> Output:
        if found.is_dos:
            self._dos.add(found.content)
        return Output(
            path=found.path,
            content=found.content,
            is_folder=found.content.endswith(".dir"),
            commit=commit,
            command=found.command,
            made_from=found.made_from,
        )
