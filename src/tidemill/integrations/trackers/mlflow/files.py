"""Files of a store on this machine's disk."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from tidemill.core.errors import InvalidInput
from tidemill.integrations.trackers.mlflow.places import FileRoots
from tidemill.objects.trees import check_relative
from tidemill.tracking.ports import CarriedFile, FileRoot, FileUnreadable

PIECE = 1 << 20


def files_of(roots: FileRoots, root: FileRoot) -> Iterator[CarriedFile]:
    """Yield the plain files below a root by path; links are not followed.

    Raises:
        FilesElsewhere: If it is not below the folders that were named.
    """
    folder = roots.folder(root[2])
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(place, name)
            about = path.lstat()
            if not stat.S_ISREG(about.st_mode):
                continue
            try:
                inside = check_relative(path.relative_to(folder).as_posix())
            except InvalidInput:
                continue
            yield CarriedFile(inside, about.st_size, about.st_mtime_ns // 1_000_000)


def read_file(roots: FileRoots, root: FileRoot, path: str) -> Iterator[bytes]:
    """Yield a file's bytes.

    Raises:
        FileUnreadable: If it is gone or cannot be read.
    """
    try:
        # O_NOFOLLOW: what was a file when it was listed may be a link by now.
        handle = os.open(roots.folder(root[2]) / check_relative(path), os.O_RDONLY | os.O_NOFOLLOW)
        with os.fdopen(handle, "rb") as file:
            while piece := file.read(PIECE):
                yield piece
    except OSError as error:
        raise FileUnreadable(f"A file cannot be read: {error.strerror}", hint="Look at it.", where=path) from error
