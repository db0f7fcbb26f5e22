"""How far an actor may reach into the files of the machine that ingests."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tidemill.core.names import shown
from tidemill.data.errors import SourceRefused


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """The folders from which an actor may have files read.

    All folders are real paths, without symbolic links. What is asked of them is the real path too, so that neither
    `..` nor a link leads out.

    Args:
        root: The folder that relative paths start from; the owner's may not leave it.
        roots: The folders in which absolute paths are fine.
        is_owner: Whether hidden files and the workspace's own are fine too: who owns the folder can read them anyway.
        barred: Folders in `roots` that are not read, unless a root lies in one.
    """

    root: Path
    roots: tuple[Path, ...]
    is_owner: bool = False
    barred: tuple[Path, ...] = ()

    @classmethod
    def of_owner(cls, root: Path) -> "Reach":
        """Return the reach of who owns the machine's account: everywhere."""
        return cls(root=root.resolve(), roots=(Path("/"),), is_owner=True)

    @classmethod
    def of_others(cls, roots: Sequence[Path], barred: Sequence[Path]) -> "Reach":
        """Return the reach of everybody else: some folders, without what is hidden or barred in them."""
        real = tuple(root.resolve() for root in roots)
        nowhere = Path(os.devnull)
        return cls(root=real[0] if real else nowhere, roots=real, barred=tuple(each.resolve() for each in barred))

    def for_path(self, path: Path) -> tuple[Path, ...]:
        """Return the folders of which a path, as it was given, may be in one."""
        return (self.root,) if self.is_owner and not path.is_absolute() else (self.root, *self.roots)

    def admits(self, real: Path, roots: Sequence[Path]) -> bool:
        """Return whether a real path is in one of some roots, and not hidden or barred there."""
        return any(self._admits(real, root) for root in roots)

    def _admits(self, real: Path, root: Path) -> bool:
        if not real.is_relative_to(root):
            return False
        if self.is_owner:
            return True
        if any(part.startswith(".") for part in real.relative_to(root).parts):
            return False
        return not any(real.is_relative_to(each) and not root.is_relative_to(each) for each in self.barred)

    def check_folder(self, folder: Path, source: str) -> None:
        """Let a real folder pass that holds nothing hidden or barred at any depth.

        Raises:
            SourceRefused: If it does.
        """
        if self.is_owner:
            return
        held = next((each for each in self.barred if each.is_relative_to(folder)), None) or next(
            folder.rglob(".*"), None
        )
        if held is not None:
            raise SourceRefused(
                f"{shown(source)} holds {shown(str(held.relative_to(folder)))}, which only the owner may have read",
                hint="Name a folder, or files, without hidden ones and without the workspace.",
            )

    def refusal(self, source: str) -> SourceRefused:
        """Return the error for a path that leaves the folders, the same whether there is a file or none."""
        places = ", ".join(str(root) for root in dict.fromkeys((self.root, *self.roots)))
        return SourceRefused(
            f"{shown(source)} is outside the folders that may be read, or hidden in one",
            hint=f"Copy it into one of them on the server's machine ({places}), or let the server's owner add its"
            " folder to TIDEMILL_DATA_ROOTS.",
        )
