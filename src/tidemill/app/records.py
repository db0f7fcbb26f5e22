"""What is told of a workspace as a whole: its trash, what went, what is damaged; read by commands, so without SQL."""

from typing import Literal

import msgspec

from tidemill.core.moments import Moment

Kind = Literal["run", "experiment", "logged_model", "model", "model_version", "dataset", "dataset_version"]
"""What can be put in the trash."""


class Trashed(msgspec.Struct, frozen=True, kw_only=True):
    """Something in the trash.

    Args:
        kind: What it is.
        id: Its id; the name of a model or a dataset.
        name: How a person calls it: a version is `delay@3` or `flights@3`.
        deleted_at: When it was put there.
        goes_at: From when on `gc` removes it for good; None when something keeps it.
        stays: What keeps it; empty when nothing does.
        together: How many runs or versions went there with it; they come back with it, and are not listed themselves.
        size_bytes: Of its files and theirs; what something else names too stays when it goes.
    """

    kind: Kind
    id: str
    name: str
    deleted_at: Moment
    goes_at: Moment | None
    stays: str = ""
    together: int = 0
    size_bytes: int = 0


class TrashPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some of what is in the trash, and the token that asks for the next ones."""

    items: list[Trashed]
    next_page_token: str = ""


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was in the trash for long and stays.

    Args:
        subject: What.
        reason: Why.
    """

    subject: str
    reason: str


class Collection(msgspec.Struct, frozen=True, kw_only=True):
    """What was removed for good, or would be.

    Args:
        is_dry_run: Whether nothing was removed, only looked at.
        removed: How many of what left the ledger.
        kept: What was in the trash for long enough and stays, with the reason; the first 100.
        objects: How many objects went.
        size_bytes: How many bytes they had.
        young_objects: How many others nothing names, and are too young to go.
        young_bytes: How many bytes those have.
        repacked: How many packs, of which versions needed less than half, were written anew.
        repacked_bytes: How many bytes of those nothing needs any more; they go with a later collection.
        problem: Why packs were not written anew, if something was in the way.
    """

    is_dry_run: bool
    removed: dict[str, int]
    kept: list[Kept]
    objects: int
    size_bytes: int
    young_objects: int
    young_bytes: int
    repacked: int = 0
    repacked_bytes: int = 0
    problem: str = ""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is not what was written.

    Args:
        part: ledger, audit, lineage, objects or workflows.
        subject: What is damaged.
        problem: What is wrong with it.
        needed_by: What depends on it; the first 20.
    """

    part: str
    subject: str
    problem: str
    needed_by: list[str] = []


class FsckReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a check of a whole workspace found.

    Args:
        is_clean: Whether nothing is damaged.
        findings: What is.
        checked: How many of what were looked at.
    """

    is_clean: bool
    findings: list[Finding]
    checked: dict[str, int]
