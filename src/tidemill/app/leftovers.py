"""What former processes left in the folder of work: of runs that ended, and of those that were killed."""

from pathlib import Path

from tidemill.objects.trash import clear_leftovers, keep_newest

KEPT_COPIES = 10
"""Of code and of models each: they are copies of objects, kept because the next run is likely to want them again."""


def clear_work(work: Path) -> None:
    """Remove what nobody needs in the folder of work.

    Only at start, under the lock, so that whoever made what is there is dead.
    """
    clear_leftovers(work / "scratch", prefixes=("",))
    clear_leftovers(work / "models", prefixes=(".", "tmp"))
    clear_leftovers(work / "source")
    for folder in ("models", "source"):
        keep_newest(work / folder, KEPT_COPIES)
