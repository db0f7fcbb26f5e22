"""What a database says when it fails, in the words of the error family."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tidemill.core.errors import Damaged, Internal, InvalidInput, OutOfSpace, TidemillError, Unavailable
from tidemill.core.lazy import lazy

if TYPE_CHECKING:
    import sqlalchemy as sa
else:
    sa = lazy("sqlalchemy")  # the folder's lock has its errors from here, and needs no SQL


class LedgerDamaged(Damaged):
    """The database file is not a sound database."""

    code = "ledger_damaged"


class LedgerBusy(Unavailable):
    """Another process holds the database."""

    code = "ledger_busy"


class LedgerReadOnly(Unavailable):
    """The database cannot be written."""

    code = "ledger_read_only"


class LedgerUnreachable(Unavailable):
    """The database server does not answer."""

    code = "ledger_unreachable"


class LedgerIoFault(Unavailable):
    """The disk failed under the database."""

    code = "ledger_io"


class LedgerFault(Internal):
    """The database refused a statement of ours."""

    code = "ledger_fault"


_SIGNS: tuple[tuple[str, type[TidemillError], str, str], ...] = (
    ("disk is full", OutOfSpace, "There is no space left for the ledger", "Free some space; the change was not kept."),
    ("no space left", OutOfSpace, "There is no space left for the ledger", "Free some space; the change was not kept."),
    (
        "disk i/o error",
        LedgerIoFault,
        "The disk refused to write the ledger",
        "Look at the disk's health and free space; the change was not kept.",
    ),
    ("cannot contain nul", InvalidInput, "A text holds a null character", "Leave it out."),
    ("malformed", LedgerDamaged, "The ledger is damaged", "Restore it with `tidemill restore`."),
    ("not a database", LedgerDamaged, "The ledger is not a database", "Restore it with `tidemill restore`."),
    ("locked", LedgerBusy, "Another process holds the ledger", "End it, or point TIDEMILL_URL at its server."),
    ("readonly", LedgerReadOnly, "The ledger cannot be written", "Give write permission on the workspace folder."),
    ("unable to open", LedgerReadOnly, "The ledger cannot be opened", "Give permission on the workspace folder."),
    ("connection", LedgerUnreachable, "The database server does not answer", "Start it, or look at the URL."),
)


def plain(error: "sa.exc.DBAPIError | sqlite3.Error") -> TidemillError:
    """Return what a database error means here; the SQL text stays out of it."""
    cause = error.orig if isinstance(error, sa.exc.DBAPIError) else error
    said = str(cause).lower()
    for sign, kind, message, hint in _SIGNS:
        if sign in said:
            return kind(message, hint=hint)
    return LedgerFault(
        f"The ledger refused a change ({type(cause).__name__})", hint="Please report this as a fault of Tidemill."
    )


def explained(error: BaseException) -> BaseException:
    """Return what an error raised around the database means.

    A broken rule of the schema stays what it is, for the stores to judge; an error of ours that a column's type raised
    comes out of SQLAlchemy's wrapping.
    """
    if isinstance(error, sa.exc.IntegrityError):
        return error
    if isinstance(error, sa.exc.DBAPIError | sqlite3.Error):
        found = plain(error)
        found.__cause__ = error
        return found
    if isinstance(error, sa.exc.StatementError) and isinstance(error.orig, TidemillError):
        return error.orig
    return error


@contextmanager
def plain_errors() -> Iterator[None]:
    """Turn what the database raises inside the block into an error of the family."""
    try:
        yield
    except (sa.exc.StatementError, sqlite3.Error) as error:
        found = explained(error)
        if found is error:
            raise
        raise found from error
