"""Whether a word on the command line is a file."""

from pathlib import Path

from tidemill.core.names import shown
from tidemill.data.errors import SourceNotFound

_SUFFIXES = {
    ".arrow", ".avro", ".csv", ".feather", ".gz", ".ipc", ".json", ".jsonl", ".ndjson", ".parquet", ".pq", ".tsv",
    ".txt", ".xlsx", ".zst",
}  # fmt: skip


def is_file(text: str) -> bool:
    """Return whether a text names a file here, and not a version of a dataset.

    Raises:
        SourceNotFound: If it can only be a path, and nothing is there.
    """
    path = Path(text).expanduser()
    try:
        if path.exists():
            return True
    except OSError:
        return False
    if text.startswith((".", "/", "~")) or path.suffix.lower() in _SUFFIXES:
        raise SourceNotFound(f"There is no file {shown(text)}", hint=f"Paths are read from {Path.cwd()}.")
    return False
