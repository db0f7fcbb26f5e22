"""What runs used and made: datasets as they were described, logged models."""

from collections.abc import Iterable

import sqlalchemy as sa

from tidemill.core.ids import new_id
from tidemill.core.refs import Ref
from tidemill.ledger import Transaction
from tidemill.tracking.records import InputDataset, Output
from tidemill.tracking.store.tables import input_datasets, run_inputs, run_outputs


def write_input(tx: Transaction, run_id: str, source: Ref, context: str, tags: dict[str, str]) -> None:
    """Record that a run used something."""
    tx.upsert(run_inputs, {"run_id": run_id, "ref": str(source), "context": context, "tags": tags or None})
    tx.link(source, "input", Ref("run", run_id))


def write_dataset(tx: Transaction, experiment_id: str, dataset: InputDataset) -> Ref:
    """Keep a dataset's description, once for each experiment, name and digest, and return its reference."""
    row = {
        "id": new_id(),
        "experiment_id": experiment_id,
        "name": dataset.name,
        "digest": dataset.digest,
        "source_type": dataset.source_type,
        "source": dataset.source,
        "schema": dataset.schema,
        "profile": dataset.profile,
    }
    tx.insert_new(input_datasets, row)
    table = input_datasets.c
    query = sa.select(table.id).where(
        table.experiment_id == experiment_id, table.name == dataset.name, table.digest == dataset.digest
    )
    return Ref("input_dataset", tx.connection.execute(query).scalar_one())


def write_outputs(tx: Transaction, run_id: str, outputs: Iterable[Output]) -> None:
    """Record the logged models that a run made."""
    for output in outputs:
        tx.upsert(run_outputs, {"run_id": run_id, "model_id": output.model_id, "step": output.step})
        tx.link(Ref("run", run_id), "made", Ref("logged_model", output.model_id))
