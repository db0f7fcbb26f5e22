"""Where the verbs of tracking work, and what they need to be there."""

from collections.abc import Iterable

import sqlalchemy as sa

from tidemill.core.names import shown
from tidemill.ledger import Ledger, Transaction
from tidemill.objects import ObjectStore
from tidemill.tracking import rules, store
from tidemill.tracking.records import Experiment, Run
from tidemill.tracking.search.runs import RUNS


class Place:
    """The ledger and the objects that verbs of tracking work on.

    Args:
        ledger: Where the rows are.
        objects: Where the artifacts' bytes are.
    """

    def __init__(self, ledger: Ledger, objects: ObjectStore) -> None:
        self._ledger = ledger
        self._objects = objects
        self.words = RUNS
        """The words of searches for runs; the stage of models adds those of what it knows."""


def need_run(connection: sa.Connection, run_id: str) -> Run:
    """Return a run.

    Raises:
        RunNotFound: If there is none of that id.
    """
    found = store.find_runs(connection, [run_id])
    if not found:
        raise no_run(run_id)
    return found[0]


def need_active(connection: sa.Connection, run_id: str) -> None:
    """Let a run pass that is there and not deleted.

    Raises:
        RunNotFound: If there is none of that id.
        RunNotActive: If it is deleted.
    """
    check_stage(run_id, store.find_stages(connection, [run_id]).get(run_id))


def check_stage(run_id: str, stage: str | None) -> None:
    """Let a run pass by its life-cycle stage, None when there is no such run."""
    if stage is None:
        raise no_run(run_id)
    if stage != "active":
        raise rules.RunNotActive(
            f"Run {shown(run_id)} is deleted, and must be in the 'active' state",
            hint="Restore it first with `tidemill runs restore`.",
        )


def need_experiment(connection: sa.Connection, experiment: str) -> Experiment:
    """Return an experiment by its id or its name; where both are there, the id counts.

    Raises:
        ExperimentNotFound: If there is none.
    """
    found = store.find_experiment(connection, experiment_id=experiment) if experiment else None
    found = found or store.find_experiment(connection, name=experiment)
    if found is None:
        raise no_experiment(experiment)
    return found


def check_active(experiment: Experiment) -> Experiment:
    """Return an experiment that is not deleted.

    Raises:
        ExperimentNotActive: If it is.
    """
    if experiment.lifecycle_stage != "active":
        raise rules.ExperimentNotActive(
            f"Experiment {shown(experiment.name)} is deleted, and must be in the 'active' state",
            hint="Restore it with `tidemill experiments restore`, or use another.",
        )
    return experiment


def need_models(connection: sa.Connection, model_ids: Iterable[str]) -> None:
    """Let logged models pass that are there.

    Raises:
        LoggedModelNotFound: If one is not.
    """
    for model_id in model_ids:
        query = sa.select(store.logged_models.c.deleted_at).where(store.logged_models.c.model_id == model_id)
        row = connection.execute(query).one_or_none()
        if row is None or row.deleted_at is not None:
            raise no_model(model_id)


def drop_tag(tx: Transaction, table: sa.Table, owner: str, key: str, what: str) -> None:
    """Delete a tag.

    Raises:
        TagNotFound: If there is none of that key.
    """
    column = next(iter(table.primary_key))
    gone = tx.execute(sa.delete(table).where(column == owner, table.c.key == key)).rowcount
    if not gone:
        raise rules.TagNotFound(f"{what} {shown(owner)} has no tag {shown(key)}", hint="Look at the tags that it has.")


def no_run(run_id: str) -> rules.RunNotFound:
    """Return the error for a run that is not there."""
    return rules.RunNotFound(f"No run has the id {shown(run_id)}", hint="List runs with `tidemill runs list`.")


def no_experiment(name: str) -> rules.ExperimentNotFound:
    """Return the error for an experiment that is not there."""
    return rules.ExperimentNotFound(
        f"There is no experiment {shown(name)}", hint="List them with `tidemill experiments list`."
    )


def no_model(model_id: str) -> rules.LoggedModelNotFound:
    """Return the error for a logged model that is not there."""
    return rules.LoggedModelNotFound(
        f"No logged model has the id {shown(model_id)}", hint="List them with `tidemill logged-models list`."
    )
