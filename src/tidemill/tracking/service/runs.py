"""What one can do with runs: start, find, change, end, delete, restore."""

import sqlalchemy as sa

from tidemill.core.access import Actor
from tidemill.core.errors import InvalidInput
from tidemill.core.ids import new_id
from tidemill.core.moments import Moment
from tidemill.core.names import check_text, shown
from tidemill.core.refs import Ref
from tidemill.ledger import Transaction
from tidemill.tracking import rules, store
from tidemill.tracking.paging import page_of
from tidemill.tracking.records import Experiment, Run, RunPage, RunStatus, View
from tidemill.tracking.service.experiments import insert_experiment
from tidemill.tracking.service.finding import find_run_ids
from tidemill.tracking.service.place import (
    Place,
    check_active,
    drop_tag,
    need_active,
    need_experiment,
    need_run,
    no_run,
)

DEFAULT_EXPERIMENT = "Default"
MOST_RUNS = 50_000
_ENDED = {RunStatus.FINISHED, RunStatus.FAILED, RunStatus.KILLED}


class RunVerbs(Place):
    """The verbs of a run's life."""

    def create_run(  # noqa: PLR0913 - each is one thing that a caller may say about a run
        self,
        actor: Actor,
        *,
        experiment: str = DEFAULT_EXPERIMENT,
        experiment_id: str = "",
        name: str = "",
        user: str = "",
        params: dict[str, str] | None = None,
        tags: dict[str, str] | None = None,
        start_time: Moment | None = None,
        run_id: str = "",
    ) -> Run:
        """Start a run; its experiment is made when it does not exist.

        Args:
            actor: Who runs.
            experiment: The experiment's name.
            experiment_id: The experiment's id instead; it must exist.
            name: What to call the run; the tag `mlflow.runName` says it too; one is made up when left out.
            user: Who is said to run it; the actor when left out.
            params: What the run was told, as texts.
            tags: What else to know of it.
            start_time: When it began; now when left out.
            run_id: Its id; made when left out. Starting a run again whose id is there gives that run.
        """
        rules.check_experiment_name(experiment)
        check_text(name, "the run's name", rules.LONGEST_NAME)
        check_text(user, "the run's user", rules.LONGEST_NAME)
        rules.check_params(params or {})
        rules.check_tags(tags or {})
        run_id = rules.check_run_id(run_id) if run_id else new_id()

        def work(tx: Transaction) -> Run:
            return self.create_run_within(
                tx,
                run_id,
                experiment=experiment,
                experiment_id=experiment_id,
                name=name,
                user=user,
                params=params or {},
                tags=tags or {},
                start_time=start_time,
            )

        return self._ledger.write(actor, work)

    @staticmethod
    def create_run_within(  # noqa: PLR0913 - as above
        tx: Transaction,
        run_id: str,
        *,
        experiment: str,
        params: dict[str, str],
        tags: dict[str, str],
        experiment_id: str = "",
        name: str = "",
        user: str = "",
        start_time: Moment | None = None,
    ) -> Run:
        """Start a run as `create_run` does, as a part of a larger transaction; what is given must have been checked."""
        if store.find_stages(tx.connection, [run_id]):
            return need_run(tx.connection, run_id)
        home = _home(tx, experiment, experiment_id)
        called = name or tags.get(store.NAME_TAG, "") or rules.make_name(run_id)
        run = Run(
            run_id=run_id,
            experiment_id=home.experiment_id,
            name=called,
            user=user or tx.actor.name,
            status=RunStatus.RUNNING,
            lifecycle_stage="active",
            start_time=start_time or tx.now,
            artifact_location=home.artifact_location,
            params=params,
            tags={**tags, store.NAME_TAG: called},
        )
        if not store.add_run(tx, run):
            raise rules.RunLeaving(
                f"Run {shown(run_id)} is being removed for good, or made by somebody else at this moment",
                hint="Try again in a while, or use another id.",
            )
        store.write_params(tx, run_id, params)
        store.add_tags(tx, run_id, run.tags)
        tx.link(Ref("experiment", home.experiment_id), "holds", Ref("run", run_id))
        tx.audit("run.create", Ref("run", run_id), experiment=home.experiment_id)
        return run

    def get_run(self, actor: Actor, *, run_id: str) -> Run:
        """Return a run with its params, tags, inputs, outputs and the latest value of each metric.

        Raises:
            RunNotFound: If there is none of that id.
        """
        del actor
        with self._ledger.read() as connection:
            return need_run(connection, run_id)

    def search_runs(  # noqa: PLR0913 - the words of a search
        self,
        actor: Actor,
        *,
        experiments: list[str] | None = None,
        filter: str = "",  # noqa: A002 - the word of the API
        order_by: list[str] | None = None,
        status: RunStatus | None = None,
        tags: dict[str, str] | None = None,
        view: View = "active",
        max_results: int = 100,
        page_token: str = "",
    ) -> RunPage:
        """Return runs, newest first where no order is given.

        Args:
            actor: Who asks.
            experiments: Only runs of the experiments of these names or ids.
            filter: A text in the search language, such as `metrics.auc > 0.9 AND params.depth = '4'`.
            order_by: Such as `metrics.auc DESC`.
            status: Only runs with this status.
            tags: Only runs with all of these tags.
            view: Those in use (`active`), in the trash (`deleted`), or `all`.
            max_results: The most runs to return; 1 to 50,000.
            page_token: The token of the page before.
        """
        del actor
        with self._ledger.read() as connection:
            ids = [need_experiment(connection, name).experiment_id for name in experiments or []]

            def find(limit: int, offset: int) -> list[str]:
                return find_run_ids(
                    connection,
                    filter,
                    order_by or [],
                    experiment_ids=ids,
                    status=status,
                    tags=tags or {},
                    view=view,
                    limit=limit,
                    offset=offset,
                    words=self.words,
                )

            found, token = page_of(find, max_results=max_results, most=MOST_RUNS, page_token=page_token)
            return RunPage(runs=store.find_runs(connection, found), next_page_token=token)

    def update_run(
        self,
        actor: Actor,
        *,
        run_id: str,
        name: str | None = None,
        status: RunStatus | None = None,
        end_time: Moment | None = None,
    ) -> Run:
        """Rename a run, or say where it stands and when it ended; what is left out stays.

        Raises:
            RunNotFound: If there is no such run.
            RunNotActive: If it is deleted.
        """
        check_text(name or "", "the run's name", rules.LONGEST_NAME)

        def work(tx: Transaction) -> Run:
            need_active(tx.connection, run_id)
            if name:
                store.write_tags(tx, run_id, {store.NAME_TAG: name})
            if status is not None:
                _set_status(tx, run_id, status, end_time)
            elif end_time is not None:
                tx.execute(sa.update(store.runs).where(store.runs.c.run_id == run_id).values(end_time=end_time))
            return need_run(tx.connection, run_id)

        return self._ledger.write(actor, work)

    def end_run(
        self, actor: Actor, *, run_id: str, status: RunStatus = RunStatus.FINISHED, end_time: Moment | None = None
    ) -> Run:
        """End a run with its status. Ending it again the same way changes nothing."""
        if status not in _ENDED:
            raise InvalidInput(f"{status} does not end a run", hint="Use FINISHED, FAILED or KILLED.")
        return self.update_run(actor, run_id=run_id, status=status, end_time=end_time)

    def restart_run(self, actor: Actor, *, run_id: str) -> Run:
        """Let a run go on that had ended, as resuming it does."""
        return self.update_run(actor, run_id=run_id, status=RunStatus.RUNNING)

    def delete_run(self, actor: Actor, *, run_id: str) -> None:
        """Put a run in the trash."""
        self._ledger.write(actor, lambda tx: _move(tx, run_id, "deleted"))

    def restore_run(self, actor: Actor, *, run_id: str) -> None:
        """Take a run out of the trash."""
        self._ledger.write(actor, lambda tx: _move(tx, run_id, "active"))

    def delete_run_tag(self, actor: Actor, *, run_id: str, key: str) -> None:
        """Delete a tag of a run.

        Raises:
            TagNotFound: If it has none of that key.
        """

        def work(tx: Transaction) -> None:
            need_active(tx.connection, run_id)
            drop_tag(tx, store.run_tags, run_id, key, "Run")

        self._ledger.write(actor, work)


def _home(tx: Transaction, experiment: str, experiment_id: str) -> Experiment:
    """Return the experiment that a run is to stand in."""
    if experiment_id:
        found = store.find_experiment(tx.connection, experiment_id=experiment_id)
        return check_active(found or need_experiment(tx.connection, experiment_id))
    found = store.find_experiment(tx.connection, name=experiment) or insert_experiment(tx, experiment, {})
    return check_active(found or need_experiment(tx.connection, experiment))


def _set_status(tx: Transaction, run_id: str, status: RunStatus, end_time: Moment | None) -> None:
    table = store.runs.c
    row = tx.connection.execute(sa.select(table.status, table.end_time).where(table.run_id == run_id)).one()
    if row.status == status and end_time in {None, row.end_time}:
        return
    end = end_time or (tx.now if status in _ENDED else None)
    tx.execute(sa.update(store.runs).where(table.run_id == run_id).values(status=RunStatus(status).value, end_time=end))
    if row.status != status:
        tx.audit("run.status", Ref("run", run_id), status=RunStatus(status).value)


def _move(tx: Transaction, run_id: str, stage: str) -> None:
    found = store.find_stages(tx.connection, [run_id]).get(run_id)
    if found is None:
        raise no_run(run_id)
    if found == stage:
        return
    deleted_at = tx.now if stage == "deleted" else None
    change = sa.update(store.runs).where(store.runs.c.run_id == run_id)
    tx.execute(change.values(lifecycle_stage=stage, deleted_at=deleted_at))
    tx.audit(f"run.{'delete' if stage == 'deleted' else 'restore'}", Ref("run", run_id))
