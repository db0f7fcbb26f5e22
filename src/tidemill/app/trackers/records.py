"""What is known of an import or an export."""

from enum import StrEnum
from typing import Literal

import msgspec

from tidemill.core.moments import Moment

Direction = Literal["import", "export", "push", "pull", "remove", "sweep"]


class TransferStatus(StrEnum):
    """Where a transfer stands; one that is `stopped` ended with its process, and goes on when it is asked for again."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    STOPPED = "stopped"


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What a transfer did so far.

    Args:
        doing: What it is at.
        done: How much of that is done.
        total: How much there is of it; 0 when that is not known.
        counts: How many of each were taken over.
        skipped: How many were not, by the reason.
        notes: What else is to be known.
        error: Why it failed.
        code: The error's code.
        family: The large kind that the error is of, such as `not_found`.
        hint: What to do about it.
    """

    doing: str = ""
    done: int = 0
    total: int = 0
    counts: dict[str, int] = {}
    skipped: dict[str, int] = {}
    notes: list[str] = []
    error: str = ""
    code: str = ""
    family: str = ""
    hint: str = ""


class Transfer(msgspec.Struct, frozen=True, kw_only=True):
    """An import from another tracker or an export to one; what a dataset does at a remote.

    Args:
        id: Its id.
        direction: `import`, `export`, `push`, `pull` or `remove`.
        tracker: The other tracker's make, such as `mlflow`; for a dataset the kind of store, such as `s3`.
        place: Where that is, without credentials.
        of: What is transferred, such as `flights@3`; empty when it is everything.
        status: Where it stands.
        started_at: When it began.
        started_by: Who asked for it.
        ended_at: When it was over.
        report: What it did so far.
    """

    id: str
    direction: str
    tracker: str
    place: str
    of: str = ""
    status: TransferStatus
    started_at: Moment
    started_by: str
    ended_at: Moment | None = None
    report: Report = Report()
