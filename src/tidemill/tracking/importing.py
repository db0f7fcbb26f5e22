"""Takes experiments, runs and logged models of another tracker, under their own ids and with their times.

What was taken is remembered for each source, so that taking it again changes nothing and a killed import goes on.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from hashlib import blake2b

import msgspec
import sqlalchemy as sa

from tidemill.core.access import Actor
from tidemill.core.digests import Digest
from tidemill.core.errors import InvalidInput
from tidemill.core.moments import Moment, from_ms, utc_now
from tidemill.core.names import shown
from tidemill.core.refs import Ref
from tidemill.ledger import Ledger, Transaction
from tidemill.tracking import rules, store
from tidemill.tracking.merging import merge_tags
from tidemill.tracking.ports import CarriedExperiment, CarriedModel, CarriedRun, Point
from tidemill.tracking.records import Artifact, RunStatus
from tidemill.tracking.store import carrying
from tidemill.tracking.store.carrying import Carried
from tidemill.tracking.store.metrics import write_model_points

FORMER_ID = "tidemill.import.experiment_id"
"""The tag that says which id an experiment had where it came from, when that id was taken here."""
MOST_POINTS = 50_000
"""The most points of one unit of work: while it lasts, others wait with their writing."""
_MADE, _MET = "made:", "met:"
"""How the mark of an experiment begins: it was made by the import, or was here before and keeps its place of files."""
_STATUSES = {status.value for status in RunStatus}
_EARLIEST_MS, _LATEST_MS = 0, 250_000_000_000_000
_LARGEST = 2**63 - 1


class RunImporter:
    """Writes what a source yields.

    Args:
        ledger: Where the rows go.
        actor: Who imports.
        source: The source's identity, under which it is remembered what was taken.
    """

    def __init__(self, ledger: Ledger, actor: Actor, source: str) -> None:
        self._ledger = ledger
        self._actor = actor
        self._source = source
        self._homes: dict[str, CarriedExperiment] = {}
        self.counts: Counter[str] = Counter()
        self.skipped: Counter[str] = Counter()

    def experiment(self, found: CarriedExperiment, *, location: str) -> str:
        """Take an experiment and return its id here.

        One of that name that is here in the same stage of life is the same experiment. An id that is taken by another
        one gives way to a new id, and a tag says which it was.

        Args:
            found: The experiment.
            location: Where its files are said to be; empty when they are taken too.
        """
        mark = _mark(found, location)

        def work(tx: Transaction) -> tuple[str, bool, int]:
            before = carrying.find_carried(tx.connection, self._source, "experiment", [found.experiment_id])
            known = before.get(found.experiment_id)
            if known and known.mark.endswith(mark):
                return known.local_id, False, 0
            if known:
                identifier, is_own = known.local_id, known.mark.startswith(_MADE)
                is_new = _need_experiment(tx, identifier, found)
            else:
                identifier, is_own = _settle_experiment(tx, found)
                is_new = False
            _update_experiment(tx, identifier, found, location if is_own else None, is_known=known is not None)
            tags = [(found.experiment_id, identifier, _cleaned(found.tags))]
            table, new = ("experiment_tags", "experiment_id"), {found.experiment_id} if is_new else set()
            brought, gone = merge_tags(tx, self._source, "experiment", table, tags, new)
            taken = Carried(identifier, (_MADE if is_own else _MET) + mark)
            carrying.remember(tx, self._source, "experiment", {found.experiment_id: taken}, brought)
            return identifier, True, gone

        identifier, is_news, gone = self._ledger.write(self._actor, work)
        self._homes[identifier] = found
        self.counts["tags deleted"] += gone
        self.counts["experiments" if is_news else "experiments unchanged"] += 1
        return identifier

    def news(self, runs: Sequence[CarriedRun]) -> list[CarriedRun]:
        """Return the runs that are not here as they are there."""
        fit = []
        for run in runs:
            try:
                rules.check_run_id(run.run_id)
                fit.append(run)
            except InvalidInput:
                self.skipped["runs whose id cannot be one here"] += 1
        with self._ledger.read() as connection:
            before = carrying.find_carried(connection, self._source, "run", [run.run_id for run in fit])
        changed = [run for run in fit if before.get(run.run_id, Carried("", "")).mark != _stage_and_mark(run)]
        self.counts["runs unchanged"] += len(fit) - len(changed)
        return changed

    def runs(self, runs: Sequence[CarriedRun], experiment_id: str) -> None:
        """Take runs of one experiment without their points."""
        if not runs:
            return

        def work(tx: Transaction) -> tuple[Counter[str], int]:
            _need_experiment(tx, experiment_id, self._homes[experiment_id])
            there = store.find_stages(tx.connection, [run.run_id for run in runs])
            lacking = _write_runs(tx, self._source, runs, experiment_id, there)
            return lacking, _merge_run_tags(tx, self._source, runs, {run.run_id for run in runs} - set(there))

        lacking, gone = self._ledger.write(self._actor, work)
        self.skipped += lacking
        self.counts["tags deleted"] += gone
        self.counts["params"] += sum(len(run.params) for run in runs)
        self.counts["tags"] += sum(len(run.tags) for run in runs)
        self.counts["inputs"] += sum(len(run.inputs) + len(run.model_inputs) for run in runs)

    def points(self, points: Sequence[Point]) -> None:
        """Take points of runs that were taken."""
        for start in range(0, len(points), MOST_POINTS):
            some = points[start : start + MOST_POINTS]
            self._ledger.write(self._actor, lambda tx, some=some: carrying.put_points(tx.connection, some))  # type: ignore[misc]
            self.counts["metric points"] += len(some)

    def finish(self, runs: Sequence[CarriedRun]) -> None:
        """Remember that runs were taken whole."""
        taken = {run.run_id: Carried(run.run_id, _stage_and_mark(run)) for run in runs}
        self._ledger.write(self._actor, lambda tx: carrying.remember(tx, self._source, "run", taken))
        self.counts["runs"] += len(runs)

    def logged_models(self, models: Sequence[CarriedModel], experiment_id: str) -> None:
        """Take logged models of one experiment."""
        marks = {model.model_id: _mark(model, "") for model in models}

        def work(tx: Transaction) -> tuple[list[CarriedModel], int]:
            before = carrying.find_carried(tx.connection, self._source, "logged_model", list(marks))
            news = [
                model for model in models if before.get(model.model_id, Carried("", "")).mark != marks[model.model_id]
            ]
            ids = [model.model_id for model in news]
            new = set(ids) - carrying.known_ids(tx.connection, store.logged_models, ids)
            if news:
                _need_experiment(tx, experiment_id, self._homes[experiment_id])
            _write_models(tx, news, experiment_id)
            tags, table = [(each.model_id, each.model_id, _cleaned(each.tags)) for each in news], "logged_model_tags"
            brought, gone = merge_tags(tx, self._source, "logged_model", (table, "model_id"), tags, new)
            taken = {model.model_id: Carried(model.model_id, marks[model.model_id]) for model in news}
            carrying.remember(tx, self._source, "logged_model", taken, brought)
            return news, gone

        news, gone = self._ledger.write(self._actor, work)
        self.counts["tags deleted"] += gone
        self.counts["logged models"] += len(news)
        self.counts["logged models unchanged"] += len(models) - len(news)
        self.counts["params"] += sum(len(model.params) for model in news)
        self.counts["tags"] += sum(len(model.tags) for model in news)

    def files(self, root: Ref) -> dict[str, Artifact] | None:
        """Return the files of a run or a logged model by path; None when it is not here."""
        table = store.runs if root.kind == "run" else store.logged_models
        with self._ledger.read() as connection:
            if not carrying.known_ids(connection, table, [root.id]):
                return None
            return {file.path: file for file in store.list_artifacts(connection, root)}

    def put_files(self, root: Ref, files: Sequence[tuple[str, Digest, int]]) -> None:
        """Name stored objects as files of a run or a logged model, in the trash too."""

        def work(tx: Transaction) -> int:
            put = 0
            for path, digest, size in files:
                if store.clashes(tx.connection, root, path):
                    continue
                store.put_artifact(tx, root, path, digest, size)
                tx.link(root, "produced", Ref("artifact", digest))
                put += 1
            return put

        put = self._ledger.write(self._actor, work)
        self.counts["artifacts"] += put
        self.counts["artifact bytes"] += sum(size for _, _, size in files)
        if put < len(files):
            self.skipped["artifacts whose path is a folder here"] += len(files) - put


def moment(ms: int | None) -> Moment:
    """Return a time of another tracker, or now for one that it does not know."""
    return from_ms(ms) if ms and _EARLIEST_MS < ms < _LATEST_MS else utc_now()


def clean(text: str) -> str:
    """Return a text without the one character that PostgreSQL cannot keep."""
    return text.replace("\0", "") if "\0" in text else text


def _mark(record: msgspec.Struct, more: str) -> str:
    return blake2b(msgspec.json.encode(record) + more.encode(), digest_size=12).hexdigest()


def _stage_and_mark(run: CarriedRun) -> str:
    return f"{run.lifecycle_stage}:{run.mark}"


def _settle_experiment(tx: Transaction, found: CarriedExperiment) -> tuple[str, bool]:
    """Return the id of an experiment that comes for the first time, and whether it was made for that."""
    name = _name_of(found)
    there = store.find_experiment(tx.connection, name=name)
    if there is not None and there.lifecycle_stage == found.lifecycle_stage:
        return there.experiment_id, False
    wanted = found.experiment_id
    is_number = wanted.isascii() and wanted.isdigit() and len(wanted) <= 18 and str(int(wanted)) == wanted
    is_free = is_number and not carrying.known_ids(tx.connection, store.experiments, [wanted])
    identifier = wanted if is_free else store.next_experiment_id(tx.connection)
    _insert_experiment(tx, identifier, found, name)
    return identifier, True


def _need_experiment(tx: Transaction, identifier: str, found: CarriedExperiment) -> bool:
    """Make an experiment again that was taken and is gone for good here; say whether it was."""
    if store.find_experiment(tx.connection, experiment_id=identifier) is not None:
        return False
    if carrying.known_ids(tx.connection, store.experiments, [identifier]):
        raise rules.ExperimentNotActive(
            f"Experiment {shown(found.name)} is being removed for good", hint="Import again when `tidemill gc` ended."
        )
    _insert_experiment(tx, identifier, found, _name_of(found))
    return True


def _name_of(found: CarriedExperiment) -> str:
    return clean(found.name)[: rules.LONGEST_NAME] or f"experiment {found.experiment_id}"


def _insert_experiment(tx: Transaction, identifier: str, found: CarriedExperiment, wanted: str) -> None:
    """Make an experiment under the name that it has there, or one like it that is free."""
    name, start, number = wanted, wanted[: rules.LONGEST_NAME - 20], 1
    while store.find_experiment(tx.connection, name=name) is not None:
        number += 1
        name = f"{start} (imported{f' {number}' if number > 2 else ''})"
    row = {
        "experiment_id": identifier,
        "name": name,
        "artifact_location": "",
        "lifecycle_stage": found.lifecycle_stage,
        "created_at": moment(found.created_ms),
        "updated_at": moment(found.updated_ms),
        "deleted_at": moment(found.updated_ms) if found.lifecycle_stage == "deleted" else None,
    }
    tx.execute(sa.insert(store.experiments), row)
    if identifier != found.experiment_id:
        former = {"experiment_id": identifier, "key": FORMER_ID, "value": found.experiment_id}
        tx.upsert(store.experiment_tags, former)
    tx.audit("experiment.create", Ref("experiment", identifier))


def _update_experiment(
    tx: Transaction, identifier: str, found: CarriedExperiment, location: str | None, *, is_known: bool
) -> None:
    here = store.find_experiment(tx.connection, experiment_id=identifier)
    if here is None:
        return
    changes: dict[str, object] = {"updated_at": max(here.updated_at, moment(found.updated_ms))}
    if location is not None:
        changes["artifact_location"] = location[: rules.LONGEST_LOCATION]
    if is_known and here.lifecycle_stage != found.lifecycle_stage and identifier != "0":
        deleted_at = moment(found.updated_ms) if found.lifecycle_stage == "deleted" else None
        changes |= {"lifecycle_stage": found.lifecycle_stage, "deleted_at": deleted_at}
    tx.execute(sa.update(store.experiments).where(store.experiments.c.experiment_id == identifier).values(changes))


def _write_runs(
    tx: Transaction, source: str, runs: Sequence[CarriedRun], experiment_id: str, there: Mapping[str, str]
) -> Counter[str]:
    before = carrying.find_carried(tx.connection, source, "run", [run.run_id for run in runs])
    rows = []
    for run in runs:
        stage = run.lifecycle_stage if run.lifecycle_stage == "deleted" else "active"
        known = before.get(run.run_id)
        if run.run_id in there and (known is None or known.mark.startswith(f"{run.lifecycle_stage}:")):
            stage = there[run.run_id]  # put away here, or brought back: that stays, unless it changed over there
        name = clean(run.name or run.tags.get(store.NAME_TAG, ""))[: rules.LONGEST_NAME]
        rows.append(
            {
                "run_id": run.run_id,
                "experiment_id": experiment_id,
                "name": name or rules.make_name(run.run_id),
                "user": clean(run.user)[: rules.LONGEST_NAME] or tx.actor.name,
                "status": run.status if run.status in _STATUSES else RunStatus.FINISHED.value,
                "lifecycle_stage": stage,
                "start_time": moment(run.start_ms),
                "end_time": moment(run.end_ms) if run.end_ms else None,
                "deleted_at": moment(run.deleted_ms) if stage == "deleted" else None,
            }
        )
        if run.run_id not in there:
            tx.link(Ref("experiment", experiment_id), "holds", Ref("run", run.run_id))
    tx.upsert(store.runs, rows)
    carrying.put_texts(tx.connection, "run_params", "run_id", _texts((run.run_id, run.params) for run in runs))
    return _write_links(tx, runs, experiment_id)


def _merge_run_tags(tx: Transaction, source: str, runs: Sequence[CarriedRun], new: Collection[str]) -> int:
    """Take over the tags of runs; the one that names a run goes with its name."""
    names, tags = [], []
    for run in runs:
        theirs = _cleaned(run.tags)
        if name := theirs.pop(store.NAME_TAG, None):
            names.append((run.run_id, store.NAME_TAG, name))
        tags.append((run.run_id, run.run_id, theirs))
    brought, gone = merge_tags(tx, source, "run", ("run_tags", "run_id"), tags, new)
    carrying.put_texts(tx.connection, "run_tags", "run_id", names)
    # Not taken whole yet, so that a killed import comes back to them; it knows by then which tags are its own.
    begun = {run.run_id: Carried(run.run_id, f"{run.lifecycle_stage}:") for run in runs}
    carrying.remember(tx, source, "run", begun, brought)
    return gone


def _write_links(tx: Transaction, runs: Sequence[CarriedRun], experiment_id: str) -> Counter[str]:
    """Write what runs used and made, and return what had to be left out."""
    left_out: Counter[str] = Counter()
    wanted = {model for run in runs for model in (*run.model_inputs, *(output.model_id for output in run.outputs))}
    models = carrying.known_ids(tx.connection, store.logged_models, sorted(wanted))
    table = store.logged_models.c
    made = sa.select(table.source_run_id, table.model_id).where(table.source_run_id.in_([run.run_id for run in runs]))
    for run_id, model_id in tx.connection.execute(made):
        tx.link(Ref("run", run_id), "made", Ref("logged_model", model_id))
    for run in runs:
        for dataset in run.inputs:
            kept = store.write_dataset(tx, experiment_id, dataset)
            store.write_input(tx, run.run_id, kept, dataset.context, dataset.tags)
        for model_id in run.model_inputs:
            if model_id in models:
                store.write_input(tx, run.run_id, Ref("logged_model", model_id), "", {})
        store.write_outputs(tx, run.run_id, [output for output in run.outputs if output.model_id in models])
        lacking = {*run.model_inputs, *(output.model_id for output in run.outputs)} - models
        if lacking:
            left_out["links to logged models that the source no longer shows"] += len(lacking)
    return left_out


def _write_models(tx: Transaction, models: Sequence[CarriedModel], experiment_id: str) -> None:
    rows = [
        {
            "model_id": model.model_id,
            "experiment_id": experiment_id,
            "name": clean(model.name)[: rules.LONGEST_NAME],
            "source_run_id": model.source_run_id or None,
            "status": model.status,
            "status_message": clean(model.status_message),
            "model_type": clean(model.model_type),
            "created_at": moment(model.created_ms),
            "updated_at": moment(model.updated_ms),
            "deleted_at": moment(model.updated_ms) if model.lifecycle_stage == "deleted" else None,
        }
        for model in models
    ]
    tx.upsert(store.logged_models, rows)
    params = _texts((model.model_id, model.params) for model in models)
    carrying.put_texts(tx.connection, "logged_model_params", "model_id", params)
    write_model_points(tx.connection, [point for model in models for point in model.metrics])


def _cleaned(texts: Mapping[str, str]) -> dict[str, str]:
    return {clean(key): clean(value) for key, value in texts.items()}


def _texts(owned: Iterable[tuple[str, dict[str, str]]]) -> list[tuple[str, str, str]]:
    return [(owner, clean(key), clean(value)) for owner, texts in owned for key, value in texts.items()]
