"""The database: every entity is a row, written in one transaction with its lineage edges and its audit event."""

from tidemill.ledger.ledger import Ledger
from tidemill.ledger.lock import FolderLock, WorkspaceInUse, holder_of
from tidemill.ledger.transaction import Transaction

__all__ = ["FolderLock", "Ledger", "Transaction", "WorkspaceInUse", "holder_of"]
