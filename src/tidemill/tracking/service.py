"""What one can do with experiments and runs."""

import base64
from pathlib import Path

import sqlalchemy as sa

from tidemill.core.access import Actor
from tidemill.core.digests import Digest
from tidemill.core.errors import InvalidInput
from tidemill.core.ids import new_id
from tidemill.core.moments import Moment, to_ms
from tidemill.core.names import check_text, shown
from tidemill.core.refs import Ref
from tidemill.ledger import Ledger, Transaction
from tidemill.objects import ObjectStore
from tidemill.tracking import rules, store
from tidemill.tracking.records import Artifact, Experiment, Metric, Run, RunPage, RunStatus

DEFAULT_EXPERIMENT = "Default"
LONGEST_CONTEXT = 250
_ENDED = {RunStatus.FINISHED, RunStatus.FAILED, RunStatus.KILLED}


class TrackingService:
    """The verbs of experiments and runs.

    Args:
        ledger: Where the rows are.
        objects: Where the artifacts' bytes are.
    """

    local = frozenset({"log_artifact", "log_artifact_file", "read_artifact", "log_within"})

    def __init__(self, ledger: Ledger, objects: ObjectStore) -> None:
        self._ledger = ledger
        self._objects = objects

    # Experiments

    def create_experiment(self, actor: Actor, *, name: str, tags: dict[str, str] | None = None) -> Experiment:
        """Create an experiment.

        Raises:
            ExperimentExists: If one of that name is there.
        """
        rules.check_experiment_name(name)
        rules.check_tags(tags or {})

        def work(tx: Transaction) -> Experiment:
            if store.find_experiment(tx.connection, name=name):
                raise rules.ExperimentExists(f"Experiment {shown(name)} exists", hint="Use it, or another name.")
            return _insert_experiment(tx, name, tags or {})

        return self._ledger.write(actor, work)

    def get_experiment(self, actor: Actor, *, name: str) -> Experiment:
        """Return an experiment by its name or its id.

        Raises:
            ExperimentNotFound: If there is none.
        """
        del actor
        with self._ledger.read() as connection:
            found = store.find_experiment(connection, name=name) or store.find_experiment(
                connection, experiment_id=name
            )
        if found is None:
            raise _no_experiment(name)
        return found

    def list_experiments(self, actor: Actor) -> list[Experiment]:
        """Return the experiments that are not deleted, newest first."""
        del actor
        with self._ledger.read() as connection:
            return store.list_experiments(connection, store.experiments.c.lifecycle_stage == "active")

    # Runs

    def create_run(
        self,
        actor: Actor,
        *,
        experiment: str = DEFAULT_EXPERIMENT,
        name: str = "",
        params: dict[str, str] | None = None,
        tags: dict[str, str] | None = None,
        start_time: Moment | None = None,
        run_id: str = "",
    ) -> Run:
        """Start a run; its experiment is made when it does not exist.

        Args:
            actor: Who runs.
            experiment: The experiment's name.
            name: What to call the run; one is made up when left out.
            params: What the run was told, as texts.
            tags: What else to know of it.
            start_time: When it began; now when left out.
            run_id: Its id; made when left out. Starting a run again whose id is there gives that run.
        """
        rules.check_experiment_name(experiment)
        check_text(name, "the run's name", rules.LONGEST_NAME)
        rules.check_params(params or {})
        rules.check_tags(tags or {})
        run_id = rules.check_run_id(run_id) if run_id else new_id()

        def work(tx: Transaction) -> Run:
            return self.create_run_within(
                tx,
                run_id,
                experiment=experiment,
                name=name,
                params=params or {},
                tags=tags or {},
                start_time=start_time,
            )

        return self._ledger.write(actor, work)

    @staticmethod
    def create_run_within(
        tx: Transaction,
        run_id: str,
        *,
        experiment: str,
        params: dict[str, str],
        tags: dict[str, str],
        name: str = "",
        start_time: Moment | None = None,
    ) -> Run:
        """Start a run as `create_run` does, as a part of a larger transaction; what is given must have been checked."""
        there = store.find_runs(tx.connection, [run_id])
        if there:
            return there[0]
        home = store.find_experiment(tx.connection, name=experiment) or _insert_experiment(tx, experiment, {})
        if home.lifecycle_stage != "active":
            raise rules.RunNotActive(f"Experiment {shown(experiment)} is deleted", hint="Use another experiment.")
        row = {
            "run_id": run_id,
            "experiment_id": home.experiment_id,
            "name": name or rules.make_name(run_id),
            "user": tx.actor.name,
            "status": RunStatus.RUNNING.value,
            "lifecycle_stage": "active",
            "start_time": start_time or tx.now,
        }
        tx.execute(sa.insert(store.runs), row)
        _write_texts(tx, store.run_params, run_id, params)
        _write_texts(tx, store.run_tags, run_id, tags)
        tx.link(Ref("experiment", home.experiment_id), "holds", Ref("run", run_id))
        tx.audit("run.create", Ref("run", run_id), experiment=home.experiment_id)
        return store.find_runs(tx.connection, [run_id])[0]

    def get_run(self, actor: Actor, *, run_id: str) -> Run:
        """Return a run with its params, tags, inputs and the latest value of each metric.

        Raises:
            RunNotFound: If there is none of that id.
        """
        del actor
        with self._ledger.read() as connection:
            return _run(connection, run_id)

    def search_runs(
        self,
        actor: Actor,
        *,
        experiments: list[str] | None = None,
        status: RunStatus | None = None,
        tags: dict[str, str] | None = None,
        deleted: bool = False,
        max_results: int = 100,
        page_token: str = "",
    ) -> RunPage:
        """Return runs, newest first.

        Args:
            actor: Who asks.
            experiments: Only runs of the experiments of these names or ids.
            status: Only runs with this status.
            tags: Only runs with all of these tags.
            deleted: Deleted runs instead of those that are not.
            max_results: The most runs to return; 1 to 1,000.
            page_token: The token of the page before.
        """
        if not 1 <= max_results <= 1000:
            raise InvalidInput(f"max_results is {max_results}", hint="Ask for 1 to 1,000 runs at a time.")
        offset = _decode_token(page_token)
        ids = [self.get_experiment(actor, name=name).experiment_id for name in experiments or []]
        with self._ledger.read() as connection:
            found = store.newest_runs(
                connection,
                experiment_ids=ids,
                status=status.value if status else None,
                tags=tags or {},
                deleted=deleted,
                limit=max_results + 1,
                offset=offset,
            )
            runs = store.find_runs(connection, found[:max_results])
        more = len(found) > max_results
        return RunPage(runs=runs, next_page_token=_encode_token(offset + max_results) if more else "")

    def log_batch(
        self,
        actor: Actor,
        *,
        run_id: str,
        metrics: list[Metric] | None = None,
        params: dict[str, str] | None = None,
        tags: dict[str, str] | None = None,
    ) -> None:
        """Log metrics, params and tags of a run: all of them, or none.

        Raises:
            RunNotFound: If there is no such run.
            RunNotActive: If it is deleted.
            ParamChanged: If a param was logged before with another value.
        """
        rules.check_metrics(metrics or [])
        rules.check_params(params or {})
        rules.check_tags(tags or {})

        def work(tx: Transaction) -> None:
            self.log_within(tx, run_id, metrics=metrics or [], params=params or {}, tags=tags or {})

        self._ledger.write(actor, work)

    @staticmethod
    def log_within(
        tx: Transaction, run_id: str, *, metrics: list[Metric], params: dict[str, str], tags: dict[str, str]
    ) -> None:
        """Log as `log_batch` does, as a part of a larger transaction; what is given must have been checked."""
        _active(tx.connection, run_id)
        _write_params(tx, run_id, params)
        _write_texts(tx, store.run_tags, run_id, tags)
        now = to_ms(tx.now)
        points = [point if point.timestamp else _stamped(point, now) for point in metrics]
        store.write_metrics(tx.connection, run_id, points)

    def end_run(
        self, actor: Actor, *, run_id: str, status: RunStatus = RunStatus.FINISHED, end_time: Moment | None = None
    ) -> Run:
        """End a run with its status. Ending it again the same way changes nothing."""
        if status not in _ENDED:
            raise InvalidInput(f"{status} does not end a run", hint="Use FINISHED, FAILED or KILLED.")
        return self._set_status(actor, run_id, status, end_time)

    def restart_run(self, actor: Actor, *, run_id: str) -> Run:
        """Let a run go on that had ended, as resuming it does."""
        return self._set_status(actor, run_id, RunStatus.RUNNING, None)

    def delete_run(self, actor: Actor, *, run_id: str) -> None:
        """Put a run in the trash."""
        self._move(actor, run_id, "deleted")

    def restore_run(self, actor: Actor, *, run_id: str) -> None:
        """Take a run out of the trash."""
        self._move(actor, run_id, "active")

    def metric_history(
        self, actor: Actor, *, run_id: str, key: str, max_results: int = 25_000, offset: int = 0
    ) -> list[Metric]:
        """Return the points of a metric, by step and then time."""
        del actor
        if not 1 <= max_results <= 100_000 or offset < 0:
            raise InvalidInput(f"max_results is {max_results}, offset {offset}", hint="Ask for 1 to 100,000 points.")
        with self._ledger.read() as connection:
            _run(connection, run_id)
            return store.metric_history(connection, run_id, key, limit=max_results, offset=offset)

    # Inputs and artifacts

    def log_input(self, actor: Actor, *, run_id: str, ref: str, context: str = "") -> None:
        """Record that a run used something, such as `dataset_version:<id>`, and for what (`training`)."""
        source = Ref.parse(ref)
        check_text(context, "the context of an input", LONGEST_CONTEXT)

        def work(tx: Transaction) -> None:
            _active(tx.connection, run_id)
            tx.insert_new(store.run_inputs, {"run_id": run_id, "ref": str(source), "context": context})
            tx.link(source, "input", Ref("run", run_id))

        self._ledger.write(actor, work)

    def list_artifacts(self, actor: Actor, *, run_id: str, path: str = "") -> list[Artifact]:
        """Return the artifacts of a run, at or below a path when one is given."""
        del actor
        with self._ledger.read() as connection:
            _run(connection, run_id)
            return store.list_artifacts(connection, run_id, rules.check_artifact_path(path) if path else "")

    def log_artifact(self, actor: Actor, *, run_id: str, path: str, content: bytes) -> Artifact:
        """Keep bytes as an artifact of a run; a path that is there gets the new content."""
        rules.check_artifact_path(path)
        digest = self._objects.put_bytes(content)
        return self._record_artifact(actor, run_id, path, digest, len(content))

    def log_artifact_file(self, actor: Actor, *, run_id: str, path: str, file: Path) -> Artifact:
        """Keep a file as an artifact of a run."""
        rules.check_artifact_path(path)
        digest, size = self._objects.put_file(file)
        return self._record_artifact(actor, run_id, path, digest, size)

    def log_stored_artifact(self, actor: Actor, *, run_id: str, path: str, digest: Digest) -> Artifact:
        """Name an object that is stored already as an artifact of a run."""
        rules.check_artifact_path(path)
        return self._record_artifact(actor, run_id, path, digest, self._objects.size(digest))

    def read_artifact(self, actor: Actor, *, run_id: str, path: str) -> bytes:
        """Return an artifact's bytes, verified.

        Raises:
            ArtifactNotFound: If the run has none at that path.
        """
        found = [entry for entry in self.list_artifacts(actor, run_id=run_id, path=path) if entry.path == path]
        if not found:
            raise rules.ArtifactNotFound(
                f"Run {shown(run_id)} has no artifact {shown(path)}", hint="List them with `tidemill runs artifacts`."
            )
        return self._objects.read(found[0].digest)

    def _record_artifact(self, actor: Actor, run_id: str, path: str, digest: Digest, size: int) -> Artifact:
        def work(tx: Transaction) -> Artifact:
            _active(tx.connection, run_id)
            tx.upsert(store.run_artifacts, {"run_id": run_id, "path": path, "digest": digest, "size": size})
            tx.link(Ref("run", run_id), "produced", Ref("artifact", digest))
            return Artifact(path=path, size=size, digest=digest)

        return self._ledger.write(actor, work)

    def _set_status(self, actor: Actor, run_id: str, status: RunStatus, end_time: Moment | None) -> Run:
        def work(tx: Transaction) -> Run:
            run = _active(tx.connection, run_id)
            if run.status != status:
                end = (end_time or tx.now) if status in _ENDED else None
                change = sa.update(store.runs).where(store.runs.c.run_id == run_id)
                tx.execute(change.values(status=status.value, end_time=end))
                tx.audit("run.status", Ref("run", run_id), status=status.value)
            return _run(tx.connection, run_id)

        return self._ledger.write(actor, work)

    def _move(self, actor: Actor, run_id: str, stage: str) -> None:
        def work(tx: Transaction) -> None:
            _run(tx.connection, run_id)
            tx.execute(sa.update(store.runs).where(store.runs.c.run_id == run_id).values(lifecycle_stage=stage))
            tx.audit(f"run.{'delete' if stage == 'deleted' else 'restore'}", Ref("run", run_id))

        self._ledger.write(actor, work)


def _insert_experiment(tx: Transaction, name: str, tags: dict[str, str]) -> Experiment:
    number = store.count_experiments(tx.connection)
    identifier = "0" if name == DEFAULT_EXPERIMENT else str(number + 1)
    row = {
        "experiment_id": identifier,
        "name": name,
        "lifecycle_stage": "active",
        "created_at": tx.now,
        "updated_at": tx.now,
    }
    tx.execute(sa.insert(store.experiments), row)
    if tags:
        rows = [{"experiment_id": identifier, "key": key, "value": value} for key, value in tags.items()]
        tx.execute(sa.insert(store.experiment_tags), rows)
    tx.audit("experiment.create", Ref("experiment", identifier))
    return Experiment(
        experiment_id=identifier,
        name=name,
        lifecycle_stage="active",
        created_at=tx.now,
        updated_at=tx.now,
        tags=tags,
    )


def _write_texts(tx: Transaction, table: sa.Table, run_id: str, texts: dict[str, str]) -> None:
    tx.upsert(table, [{"run_id": run_id, "key": key, "value": value} for key, value in texts.items()])


def _write_params(tx: Transaction, run_id: str, params: dict[str, str]) -> None:
    if not params:
        return
    table = store.run_params
    query = sa.select(table.c.key, table.c.value).where(table.c.run_id == run_id, table.c.key.in_(list(params)))
    for key, value in tx.connection.execute(query):
        if params[str(key)] != value:
            raise rules.ParamChanged(
                f"Param {shown(str(key))} is {shown(str(value))} already, and cannot become {shown(params[str(key)])}",
                hint="A run's params are what it was told at its start; log what changes as a metric or a tag.",
            )
    _write_texts(tx, table, run_id, params)


def _run(connection: sa.Connection, run_id: str) -> Run:
    found = store.find_runs(connection, [run_id])
    if not found:
        raise rules.RunNotFound(f"No run has the id {shown(run_id)}", hint="List runs with `tidemill runs list`.")
    return found[0]


def _active(connection: sa.Connection, run_id: str) -> Run:
    run = _run(connection, run_id)
    if run.lifecycle_stage != "active":
        raise rules.RunNotActive(
            f"Run {shown(run_id)} is deleted", hint="Restore it first with `tidemill runs restore`."
        )
    return run


def _stamped(metric: Metric, now_ms: int) -> Metric:
    return Metric(key=metric.key, value=metric.value, step=metric.step, timestamp=now_ms)


def _no_experiment(name: str) -> rules.ExperimentNotFound:
    return rules.ExperimentNotFound(
        f"There is no experiment {shown(name)}", hint="List them with `tidemill experiments list`."
    )


def _encode_token(offset: int) -> str:
    return base64.urlsafe_b64encode(str(offset).encode()).decode()


def _decode_token(token: str) -> int:
    if not token:
        return 0
    try:
        offset = int(base64.urlsafe_b64decode(token.encode()))
    except (ValueError, UnicodeError):
        offset = -1
    if offset < 0:
        raise rules.InvalidPageToken("This page token was not made here", hint="Give the token of the page before.")
    return offset
