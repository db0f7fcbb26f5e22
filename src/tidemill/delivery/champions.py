"""The champion of a model is the version that was put in force last: the alias moves in the traffic's transaction."""

import sqlalchemy as sa

from tidemill.core.refs import Ref
from tidemill.delivery.records import Deployment
from tidemill.ledger import Transaction
from tidemill.models import store as models
from tidemill.models.records import ModelVersion
from tidemill.models.rules import ModelRef

CHAMPION = "champion"


def find(connection: sa.Connection, model: str) -> ModelVersion | None:
    """Return the champion of a model."""
    return models.find_version(connection, ModelRef(model, None, CHAMPION))


def move(tx: Transaction, deployment: Deployment) -> None:
    """Make a deployment's version the champion of its model."""
    before = find(tx.connection, deployment.model)
    if before is not None and before.number == deployment.version:
        return
    row = {"model": deployment.model, "alias": CHAMPION, "number": deployment.version}
    tx.upsert(models.model_aliases, row)
    was = before.number if before else None
    subject = Ref("model_version", deployment.model_version_id)
    tx.audit("model.alias", subject, alias=CHAMPION, before=was, after=deployment.version)


def leave(tx: Transaction, deployment: Deployment) -> None:
    """Take the title from a deployment's version, if it has it."""
    table = models.model_aliases.c
    same = sa.and_(table.model == deployment.model, table.alias == CHAMPION, table.number == deployment.version)
    if tx.execute(sa.delete(models.model_aliases).where(same)).rowcount:
        tx.audit("model.delete_alias", Ref("model_version", deployment.model_version_id), alias=CHAMPION)
