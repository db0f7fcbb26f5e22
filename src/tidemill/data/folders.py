"""What is known of files outside the workspace: how they differ from a version, and what a checkout did to them."""

import msgspec


class FolderStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How a source differs from a version of it.

    Args:
        dataset: The dataset.
        ref: The version that was looked at.
        source: The folder, pattern or file.
        is_unchanged: Whether the source holds what the version does.
        files: How many files the source has now.
        added: Files that the version lacks; the first 1,000, as in the others.
        changed: Files with another content.
        removed: Files that the source lacks.
        counts: How many there are of each, by the words above.
        read_bytes: The size of the files that had to be read.
    """

    dataset: str
    ref: str
    source: str
    is_unchanged: bool
    files: int
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    counts: dict[str, int]
    read_bytes: int = 0


class CheckoutReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a checkout did.

    Args:
        ref: The version.
        target: The folder or file.
        written: Files that were written.
        kept: Files that were there already.
        removed: Files of the version before that are gone.
        bytes_written: The size of those written.
    """

    ref: str
    target: str
    written: int
    kept: int = 0
    removed: int = 0
    bytes_written: int


class DamagedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a version that is not what was stored.

    Args:
        path: Its path, or for a table the part that it is.
        problem: What is wrong.
    """

    path: str
    problem: str


class VerifyReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a look at every byte of a version found.

    Args:
        ref: The version.
        is_sound: Whether nothing is damaged.
        files: How many files or parts were read.
        size_bytes: Their size.
        damaged: What is damaged.
    """

    ref: str
    is_sound: bool
    files: int
    size_bytes: int
    damaged: tuple[DamagedFile, ...] = ()


class Underway(msgspec.Struct, frozen=True, kw_only=True):
    """How far an addition, a checkout or a verification is.

    Args:
        dataset: The dataset; empty where only one was asked for.
        doing: What is done, such as `bytes read` or `rows fetched`; empty when nothing is.
        done: How many of them are done.
        total: How many there are; 0 when that is not known.
    """

    dataset: str = ""
    doing: str = ""
    done: int = 0
    total: int = 0
