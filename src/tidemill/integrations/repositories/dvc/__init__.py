"""DVC: its files in Git, its cache and its remotes, read and written without it."""

from pathlib import Path

from tidemill.integrations.repositories.dvc.reading import OpenDVC
from tidemill.integrations.repositories.dvc.writing import DVCTarget


class DVC:
    """Fills `tidemill.data.repositories.Repository`."""

    def open(self, source: str, *, remote: str, scratch: Path) -> OpenDVC:
        """Open a repository for reading."""
        return OpenDVC(Path(source), remote, scratch)

    def target(self, remote: str, folder: str) -> DVCTarget:
        """Open a remote and a folder for writing."""
        return DVCTarget(Path(remote), Path(folder) if folder else None)
