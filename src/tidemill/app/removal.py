"""What was in the trash for long leaves the ledger.

What others stand on stays there: runs that are under way, experiments with runs, model versions that were judged,
deployed or measured, and the newest number of a model, so that no number is given twice.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from functools import partial

import sqlalchemy as sa

from tidemill.app import removing_data
from tidemill.app.choices import WORDS, Choice, Choose, Finish, counted
from tidemill.app.pieces import Going, Pieces
from tidemill.app.records import Kept
from tidemill.app.references import lives
from tidemill.app.trackers.progress import Progress
from tidemill.core.access import Actor
from tidemill.core.moments import Moment, utc_now
from tidemill.core.refs import Ref
from tidemill.data import trash as datasets
from tidemill.delivery import store as delivery
from tidemill.ledger import Ledger, Transaction
from tidemill.ledger.removal import forget, remove_rows
from tidemill.models import store as models
from tidemill.models import trash as registry
from tidemill.monitoring.store.segments import is_measured
from tidemill.pipelines import store as pipelines
from tidemill.projects import store as projects
from tidemill.tracking import store as tracking
from tidemill.tracking.store import trash


def plan(connection: sa.Connection, before: Moment, besides: Collection[str] = ()) -> tuple[set[Ref], list[Kept]]:
    """Return all that would go, and what would stay.

    Args:
        connection: The ledger.
        before: When it must have gone to the trash.
        besides: Kinds that are not looked at.
    """
    going: set[Ref] = set()
    kept: list[Kept] = []
    for kind, choose, _ in _ORDER:
        if kind in besides:
            continue
        gone = {ref.id for ref in going}
        choice = choose(connection, before, None, gone)
        going |= set(choice.going)
        kept += choice.kept
        for ref in choice.going:
            if kind == "dataset":
                going |= {Ref("dataset_version", each) for each in datasets.versions_in(connection, ref.id)}
            if kind == "model":
                going |= {Ref("model_version", each) for each in registry.versions_in(connection, ref.id)}
            if kind == "experiment":
                going |= {Ref("logged_model", each) for each in trash.logged_models_in(connection, ref.id)}
    return going, kept


def reasons(connection: sa.Connection, refs: Collection[Ref]) -> dict[Ref, str]:
    """Return which of some things in the trash stay there, however long they have been there, and why."""
    now = utc_now()
    found: dict[Ref, str] = {}
    for kind, choose, _ in _ORDER:
        among = [ref.id for ref in refs if ref.kind == kind]
        if not among:
            continue
        gone: Collection[str] = ()
        if kind == "experiment":
            gone = [ref.id for ref in _choose_runs(connection, now, None, ()).going]
        elif kind in _OF_DATA:
            gone = {ref.id for ref in plan(connection, now, besides=_OF_DATA)[0]}
        found |= {Ref.parse(each.subject): each.reason for each in choose(connection, now, among, gone).kept}
    return found


def remove(ledger: Ledger, actor: Actor, before: Moment, progress: Progress) -> list[Kept]:
    """Remove what went to the trash before a moment, and what an earlier call had begun with; return what stayed.

    Args:
        ledger: Where things are.
        actor: Who removes them.
        before: The moment.
        progress: Is told what is done, and counts what went.
    """
    kept: list[Kept] = []
    pieces = Pieces(ledger, actor, progress)
    for kind, choose, finish in _ORDER:
        with ledger.read() as connection:
            choice = choose(connection, before, None, ())
        kept += choice.kept
        progress.begin(WORDS[kind], len(choice.going))
        going = Going(kind, partial(_still, choose=choose, before=before), finish, _LARGE.get(kind), _KEEPING)
        if kind == "experiment":
            choice = Choice([ref for ref in choice.going if _empty(ledger, pieces, going, ref.id)], [])
        pieces.remove(going, [ref.id for ref in choice.going])
    return kept


def _still(connection: sa.Connection, ids: Sequence[str], *, choose: Choose, before: Moment) -> list[str]:
    return [ref.id for ref in choose(connection, before, ids, ()).going]


def _empty(ledger: Ledger, pieces: Pieces, going: Going, experiment: str) -> bool:
    """Let an experiment be seen by nobody any more and remove its logged models; say whether it may go."""
    if not pieces.mark(going, experiment):
        return False
    with ledger.read() as connection:
        models = trash.logged_models_in(connection, experiment)
    table = tracking.logged_models
    pieces.remove(Going("logged_model", trash.among_leaving_experiments, _remove_logged_models, table), models)
    return True


def _choose_runs(
    connection: sa.Connection, before: Moment, among: Sequence[str] | None, gone: Collection[str]
) -> Choice:
    del gone
    old = trash.old_runs(connection, before, among)
    busy = pipelines.unfinished_runs(connection) | projects.runs_underway(connection) if old else set()
    busy -= set(trash.leaving(connection, tracking.runs) if busy else ())
    kept = [Kept(subject=f"run:{each}", reason="it is under way") for each in old if each in busy]
    return Choice([Ref("run", each) for each in old if each not in busy], kept)


def _choose_experiments(
    connection: sa.Connection, before: Moment, among: Sequence[str] | None, gone: Collection[str]
) -> Choice:
    going, kept = [], []
    for each in trash.old_experiments(connection, before, among):
        if set(trash.runs_in(connection, each)) <= set(gone):
            going.append(Ref("experiment", each))
        else:
            kept.append(Kept(subject=f"experiment:{each}", reason="it has runs"))
    return Choice(going, kept)


def _choose_logged_models(
    connection: sa.Connection, before: Moment, among: Sequence[str] | None, gone: Collection[str]
) -> Choice:
    del gone
    return Choice([Ref("logged_model", each) for each in trash.old_logged_models(connection, before, among)], [])


def _choose_models(
    connection: sa.Connection, before: Moment, among: Sequence[str] | None, gone: Collection[str]
) -> Choice:
    del gone
    going, kept = [], []
    for name in registry.old_models(connection, before, among):
        versions = registry.versions_in(connection, name)
        free = {each.id for each in registry.old_versions(connection, before, versions) if not _role(connection, each)}
        if free >= set(versions):
            going.append(Ref("model", name))
        else:
            kept.append(Kept(subject=f"model:{name}", reason="it has versions that stay"))
    return Choice(going, kept)


def _choose_versions(
    connection: sa.Connection, before: Moment, among: Sequence[str] | None, gone: Collection[str]
) -> Choice:
    going, kept = [], []
    for each in registry.old_versions(connection, before, among):
        reason = _role(connection, each) or ("its number is the model's newest" if each.is_newest else "")
        if each.id in gone:
            continue
        if reason:
            kept.append(Kept(subject=f"model_version:{each.id}", reason=reason))
        else:
            going.append(Ref("model_version", each.id))
    return Choice(going, kept)


def _role(connection: sa.Connection, version: registry.OldVersion) -> str:
    """Return for what a version must stay."""
    role = delivery.role_of_version(connection, version.id, version.model, version.number, version.digest)
    return role or ("it was measured" if is_measured(connection, version.model, version.number) else "")


def _remove_models(tx: Transaction, names: list[str]) -> Counter[str]:
    refs = [Ref("model_version", each) for name in names for each in registry.versions_in(tx.connection, name)]
    remove_rows(tx, models.models, models.models.c.name.in_(names))
    refs += [Ref("model", name) for name in names]
    forget(tx, refs, lives)
    return counted(refs)


def _remove_versions(tx: Transaction, ids: list[str]) -> Counter[str]:
    remove_rows(tx, models.model_versions, models.model_versions.c.id.in_(ids))
    refs = [Ref("model_version", each) for each in ids]
    forget(tx, refs, lives)
    return counted(refs)


def _remove_logged_models(tx: Transaction, ids: list[str]) -> Counter[str]:
    remove_rows(tx, tracking.logged_models, tracking.logged_models.c.model_id.in_(ids))
    refs = [Ref("logged_model", each) for each in ids]
    forget(tx, refs, lives)
    return counted(refs)


def _remove_runs(tx: Transaction, ids: list[str]) -> Counter[str]:
    described = trash.inputs_of(tx.connection, ids)
    remove_rows(tx, tracking.runs, tracking.runs.c.run_id.in_(ids))
    pipelines.drop_results(tx, ids)
    unused = trash.unused_inputs(tx.connection, described)
    remove_rows(tx, tracking.input_datasets, tracking.input_datasets.c.id.in_(unused))
    refs = [Ref("run", each) for each in ids]
    forget(tx, [*refs, *(Ref("input_dataset", each) for each in unused)], lives)
    return counted(refs)


def _remove_experiments(tx: Transaction, ids: list[str]) -> Counter[str]:
    logged = [Ref("logged_model", each) for one in ids for each in trash.logged_models_in(tx.connection, one)]
    described = [Ref("input_dataset", each) for one in ids for each in trash.described_in(tx.connection, one)]
    remove_rows(tx, tracking.experiments, tracking.experiments.c.experiment_id.in_(ids))
    refs = [Ref("experiment", each) for each in ids]
    forget(tx, [*logged, *described, *refs], lives)
    return counted([*logged, *refs])


_ORDER: tuple[tuple[str, Choose, Finish], ...] = (
    ("model", _choose_models, _remove_models),
    ("model_version", _choose_versions, _remove_versions),
    ("logged_model", _choose_logged_models, _remove_logged_models),
    ("run", _choose_runs, _remove_runs),
    ("experiment", _choose_experiments, _remove_experiments),
    ("dataset", removing_data.choose_datasets, removing_data.remove_datasets),
    ("dataset_version", removing_data.choose_versions, removing_data.remove_versions),
)
"""What came from others before these, so that of their lineage stays only what something that is there came from."""
_OF_DATA = ("dataset", "dataset_version")
_LARGE = {"run": tracking.runs, "logged_model": tracking.logged_models, "experiment": tracking.experiments}
"""Of what so much may belong to one thing that it goes in pieces."""
_KEEPING = frozenset({"run_inputs", "input_datasets"})
"""By these it is found which datasets as described go too; they go in the last piece."""
