"""The whole schema: who walks all tables, to find or to remove, has them from here and misses none.

A stage's tables are known once its store is loaded, and a workspace loads only the stages that it is asked for.
"""

from tidemill.data import store as data
from tidemill.data.checking import store as checking
from tidemill.data.labels import store as labels
from tidemill.data.sharing import store as sharing
from tidemill.delivery import store as delivery
from tidemill.governance import store as governance
from tidemill.ledger.schema import metadata
from tidemill.models import store as models
from tidemill.monitoring.store import tables as monitoring
from tidemill.objects import unsynced
from tidemill.pipelines import store as pipelines
from tidemill.projects import store as projects
from tidemill.tracking.store import tables as tracking
from tidemill.workflows import store as workflows

DECLARED_BY = (
    data,
    checking,
    labels,
    sharing,
    delivery,
    governance,
    models,
    monitoring,
    unsynced,
    pipelines,
    projects,
    tracking,
    workflows,
)
"""The modules that declare tables, beside the ledger's own."""

__all__ = ["DECLARED_BY", "metadata"]
