"""From a task to the version with its answers."""

from typing import TYPE_CHECKING

from tidemill.core.access import Actor
from tidemill.core.lazy import lazy
from tidemill.core.names import check_name
from tidemill.data.labels import store
from tidemill.data.labels.deciding import Decided, decisions
from tidemill.data.labels.errors import LabelsUnfit, NothingLabelled
from tidemill.data.labels.finishing import (
    Wanted,
    by_key,
    labels_frame,
    positions,
    relabelled,
    same_rows,
    tabled,
    unlike,
)
from tidemill.data.labels.making import Draft, given, record
from tidemill.data.labels.records import Finished, LabelSource, LabelTask
from tidemill.data.labels.rows import Rows
from tidemill.data.labels.rules import task_name
from tidemill.data.records import DatasetKind, DatasetVersion
from tidemill.data.rules import DatasetRef
from tidemill.data.service.place import Place
from tidemill.data.store import find_version
from tidemill.ledger import Ledger

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")


def finish(  # noqa: PLR0913 - the parts of a workspace, the task, and where its answers go
    place: Place,
    rows: Rows,
    actor: Actor,
    task: LabelTask,
    base: DatasetVersion,
    target: DatasetVersion,
    wanted: Wanted,
    *,
    into: str | None,
    at_least: int,
) -> Finished:
    """Make a version with the answers of a task.

    Args:
        place: Where it is written.
        rows: Reads versions.
        actor: Who does it.
        task: The task.
        base: The version that was labelled.
        target: The version that the answers are put on.
        wanted: How it is made.
        into: The dataset that gets it; None for the usual one.
        at_least: How many answers decide a row.

    Raises:
        NothingLabelled: If no row is decided.
        LabelsUnfit: If the answers cannot be put there.
        QualityFailed: If with the answers the table breaks a rule of its dataset.
    """
    ledger, objects = place.ledger, place.objects
    is_own = task.plan.source is LabelSource.ROWS
    usual = base.dataset if is_own else task_name(base.dataset, task.plan.column)
    dataset = check_name(into or usual, "dataset")
    if target.id != base.id and not is_own:
        raise LabelsUnfit(f"Answers to files and to rows put aside stay with {base.ref}", hint="Leave out --onto.")
    _check_place(ledger, task, base, target, dataset)
    decided, undecided, digest = _decided(ledger, task, at_least)
    if not decided:
        raise NothingLabelled(
            f"No row of {task.name} is decided", hint="Answer some, resolve disagreements, or lower --at-least."
        )
    column = next((each for each in target.columns if each.name == task.plan.column), None)
    if is_own and column and (why := unlike(task.plan, column)):
        raise LabelsUnfit(f"In {target.ref} {why}", hint="Finish onto a version whose column has the type of the task.")
    labels = labels_frame(task.plan, column, list(positions(rows, digest, decided)))
    unmatched = 0
    if not is_own:
        parts = tabled(objects, rows, task, base, labels, wanted)
        key: tuple[str, ...] = ("path",) if base.kind is DatasetKind.TREE else ()
        time = None
    else:
        if target.id != base.id and not same_rows(base, target):
            labels = by_key(rows, base, target, labels)
            unmatched = labels.height - _matched(rows, target, labels.select(target.key))
        if unmatched == labels.height:
            raise LabelsUnfit(f"{target.ref} has none of the decided rows", hint="Choose another version for --onto.")
        parts = relabelled(objects, rows, task, target, labels, wanted)
        key, time = target.key, target.time
    draft = Draft(
        dataset=dataset,
        base=target,
        parts=parts,
        key=key,
        time=time,
        is_held=is_own and dataset == target.dataset and not wanted.only_labelled,
    )
    version = record(place, actor, task, draft)
    return Finished(version=version, decided=len(decided), undecided=undecided, unmatched=unmatched)


def _check_place(ledger: Ledger, task: LabelTask, base: DatasetVersion, target: DatasetVersion, dataset: str) -> None:
    """Let nobody lose rows that came since: what goes into a dataset builds on its latest version, or is another's."""
    with ledger.read() as connection:
        latest = find_version(connection, DatasetRef(dataset))
        own = set(given(connection, task.id))
    if latest is None or dataset != base.dataset or latest.id in {base.id, target.id, *own}:
        return
    raise LabelsUnfit(
        f"{latest.ref} came since, and what is made of {target.ref} would lack what it holds",
        hint=f"Put the answers on it with `--onto {latest.ref}`, or finish into another dataset with `--into`.",
    )


def _decided(ledger: Ledger, task: LabelTask, at_least: int) -> tuple[list[Decided], int, str | None]:
    with ledger.read() as connection:
        votes = store.votes(connection, task.id, least=1)
        resolved = store.resolutions(connection, task.id)
        digest = store.positions_digest(connection, task.id)
    found = list(decisions(task.plan, votes, resolved, least=max(1, at_least)))
    decided = [each for each in found if each is not None]
    return decided, len(found) - len(decided), digest


def _matched(rows: Rows, target: DatasetVersion, keys: "pl.DataFrame") -> int:
    found = rows.reader.scan(target).select(target.key).join(keys.lazy(), on=list(target.key), how="semi")
    return int(found.select(pl.len()).collect().item())
