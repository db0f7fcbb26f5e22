"""The database: every entity is a row, written in one transaction with its lineage edges and its audit event."""

from typing import TYPE_CHECKING

from tidemill.core.doors import front_door

if TYPE_CHECKING:
    from tidemill.ledger.ledger import Ledger
    from tidemill.ledger.lock import FolderLock, WorkspaceInUse, holder_of
    from tidemill.ledger.transaction import Transaction

__all__ = ["FolderLock", "Ledger", "Transaction", "WorkspaceInUse", "holder_of"]

# Who asks for the folder's lock must not pay for SQL
__getattr__ = front_door(
    __name__,
    {
        "FolderLock": "tidemill.ledger.lock",
        "Ledger": "tidemill.ledger.ledger",
        "Transaction": "tidemill.ledger.transaction",
        "WorkspaceInUse": "tidemill.ledger.lock",
        "holder_of": "tidemill.ledger.lock",
    },
)
