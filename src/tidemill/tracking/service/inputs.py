"""What a run used and what models it made."""

import re
from collections.abc import Sequence

import sqlalchemy as sa

from tidemill.core.access import Actor
from tidemill.core.errors import InvalidInput
from tidemill.core.names import check_text
from tidemill.core.refs import Ref
from tidemill.data import store as data
from tidemill.data.rules import parse_dataset_ref
from tidemill.ledger import Transaction
from tidemill.tracking import rules, store
from tidemill.tracking.records import InputDataset, Output
from tidemill.tracking.service.place import Place, need_active, need_models

LONGEST_CONTEXT = 250
MOST_INPUTS = 1000
_NAMED = re.compile(r"tidemill:(?://)?([A-Za-z0-9_][A-Za-z0-9_.\-]{0,127}(?:@[A-Za-z0-9_.\-:]{1,128})?)")
_START_OF_DIGEST = re.compile(r"[0-9a-f]{8,64}")


class InputVerbs(Place):
    """The verbs of inputs and outputs."""

    def log_input(self, actor: Actor, *, run_id: str, ref: str, context: str = "") -> None:
        """Record that a run used something, such as `dataset_version:<id>`, and for what (`training`)."""
        source = Ref.parse(ref)
        check_text(context, "the context of an input", LONGEST_CONTEXT)

        def work(tx: Transaction) -> None:
            need_active(tx.connection, run_id)
            store.write_input(tx, run_id, source, context, {})

        self._ledger.write(actor, work)

    def log_inputs(
        self,
        actor: Actor,
        *,
        run_id: str,
        datasets: list[InputDataset] | None = None,
        models: list[str] | None = None,
    ) -> None:
        """Record datasets as a run's code described them, and logged models that it used.

        A dataset whose source names a version here, as `tidemill:flights@3`, or whose digest is the beginning of one
        version's digest, is linked to that version.
        """
        if len(datasets or []) + len(models or []) > MOST_INPUTS:
            raise InvalidInput("There are too many inputs at once", hint=f"Log at most {MOST_INPUTS:,} at a time.")
        for dataset in datasets or []:
            rules.check_dataset(dataset)

        def work(tx: Transaction) -> None:
            need_active(tx.connection, run_id)
            need_models(tx.connection, models or [])
            _write_datasets(tx, run_id, datasets or [])
            for model_id in models or []:
                store.write_input(tx, run_id, Ref("logged_model", model_id), "", {})

        self._ledger.write(actor, work)

    def log_outputs(self, actor: Actor, *, run_id: str, outputs: list[Output]) -> None:
        """Record the logged models that a run made, each at a step.

        Raises:
            LoggedModelNotFound: If one is not there.
        """

        def work(tx: Transaction) -> None:
            need_active(tx.connection, run_id)
            need_models(tx.connection, {output.model_id for output in outputs})
            store.write_outputs(tx, run_id, outputs)

        self._ledger.write(actor, work)


def _write_datasets(tx: Transaction, run_id: str, datasets: Sequence[InputDataset]) -> None:
    if not datasets:
        return
    home = sa.select(store.runs.c.experiment_id).where(store.runs.c.run_id == run_id)
    experiment_id = str(tx.connection.execute(home).scalar_one())
    for dataset in datasets:
        kept = store.write_dataset(tx, experiment_id, dataset)
        store.write_input(tx, run_id, kept, dataset.context, dataset.tags)
        if version := _version_of(tx.connection, dataset):
            source = Ref("dataset_version", version)
            store.write_input(tx, run_id, source, dataset.context, {})
            tx.link(source, "described_as", kept)


def _version_of(connection: sa.Connection, dataset: InputDataset) -> str | None:
    """Return the id of the dataset version that a description means."""
    if named := _NAMED.search(dataset.source):
        try:
            found = data.find_version(connection, parse_dataset_ref(named[1]))
        except InvalidInput:
            found = None
        if found is not None:
            return found.id
    if not _START_OF_DIGEST.fullmatch(dataset.digest):
        return None
    table = data.dataset_versions.c
    # A range, which the digest's index serves; "g" is the character after the hex digits.
    query = sa.select(table.id, table.digest).where(table.digest >= dataset.digest, table.digest < dataset.digest + "g")
    query = query.where(data.HERE)
    rows = connection.execute(query.order_by(table.created_at.desc()).limit(2)).all()
    same = {row.digest for row in rows}
    return str(rows[0].id) if len(same) == 1 else None
