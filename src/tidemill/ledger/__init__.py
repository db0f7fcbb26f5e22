"""The database: every entity is a row, written in one transaction with its lineage edges and its audit event."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tidemill.ledger.ledger import Ledger
    from tidemill.ledger.lock import FolderLock, WorkspaceInUse, holder_of
    from tidemill.ledger.transaction import Transaction

__all__ = ["FolderLock", "Ledger", "Transaction", "WorkspaceInUse", "holder_of"]

_HOMES = {
    "FolderLock": "tidemill.ledger.lock",
    "Ledger": "tidemill.ledger.ledger",
    "Transaction": "tidemill.ledger.transaction",
    "WorkspaceInUse": "tidemill.ledger.lock",
    "holder_of": "tidemill.ledger.lock",
}


def __getattr__(name: str) -> object:
    """Return a public name, loading its module on first use: who asks for the folder's lock must not pay for SQL."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'tidemill.ledger' has no attribute {name!r}")
    return getattr(import_module(home), name)
