"""Searches for all but runs mean the same on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
import sqlalchemy as sa

from tidemill.core.access import OWNER
from tidemill.core.moments import from_ms, to_ms
from tidemill.ledger import Ledger, Transaction
from tidemill.models.search import find_model_names, find_version_ids
from tidemill.models.store import model_tags, model_version_tags, model_versions, models
from tidemill.tracking.search.subjects import find_experiment_ids, find_logged_model_ids
from tidemill.tracking.store.tables import experiment_tags, experiments, logged_model_metrics, logged_models

AT = from_ms(1_700_000_000_000)


@pytest.fixture
def ledger(place: str) -> Iterator[Ledger]:
    opened = Ledger.open(place)
    yield opened
    opened.close()


def version(name: str, number: int) -> dict[str, object]:
    """Return a row; whatever else a version has is an empty text."""
    row: dict[str, object] = {str(column.name): "" for column in model_versions.columns if not column.nullable}
    row |= {"id": f"m-{name}-{number}", "model": name, "number": number, "run_id": f"r{number}"}
    return row | {"signature": {}, "size": 0, "created_at": AT, "updated_at": AT}


def test_experiments_are_found_newest_first_and_by_number(ledger: Ledger) -> None:
    def work(tx: Transaction) -> None:
        for number in (2, 9, 10):
            row = {"name": f"e{number}", "lifecycle_stage": "active", "artifact_location": "", "updated_at": AT}
            ident = str(number)
            tx.execute(
                sa.insert(experiments), {"experiment_id": ident, **row, "created_at": AT + timedelta(seconds=number)}
            )
            tx.execute(sa.insert(experiment_tags), {"experiment_id": ident, "key": "team", "value": f"T{number % 2}"})

    ledger.write(OWNER, work)
    with ledger.read() as connection:
        assert find_experiment_ids(connection, "name LIKE 'e%'") == ["10", "9", "2"]
        assert find_experiment_ids(connection, "name like 'e%'", ["experiment_id"]) == ["2", "9", "10"]
        assert find_experiment_ids(connection, "tags.team ilike 't0'", ["name DESC"]) == ["2", "10"]
        created = to_ms(AT) + 9000
        assert find_experiment_ids(
            connection, f"creation_time >= {created} AND name != 'Default'", limit=1, offset=1
        ) == ["9"]


def test_logged_models_are_found_by_what_was_measured_on_a_dataset(ledger: Ledger) -> None:
    def work(tx: Transaction) -> None:
        for name, points in {"a": [("d", 1, 0.5), ("d", 2, 0.7)], "b": [("d", 1, 0.6), ("e", 3, 0.1)], "c": []}.items():
            row = {"model_id": name, "experiment_id": "0", "name": name, "status": "READY", "status_message": ""}
            tx.execute(sa.insert(logged_models), {**row, "model_type": "", "created_at": AT, "updated_at": AT})
            for dataset, time, value in points:
                point = {"model_id": name, "key": "auc", "dataset_name": dataset, "dataset_digest": "1", "run_id": "r"}
                tx.execute(sa.insert(logged_model_metrics), {**point, "step": 0, "timestamp": time, "value": value})

    ledger.write(OWNER, work)
    with ledger.read() as connection:
        assert find_logged_model_ids(connection, order_by=["metrics.auc DESC"]) == ["a", "b", "c"]
        assert find_logged_model_ids(connection, "metrics.auc < 0.3") == ["b"]
        assert find_logged_model_ids(connection, "metrics.auc < 0.3", datasets=[("d", "")]) == []
        assert find_logged_model_ids(connection, "", ["metrics.auc ASC"], datasets=[("d", "1")]) == ["b", "a"]
        assert find_logged_model_ids(connection, "name = 'c'", datasets=[("d", "2")]) == []


def test_models_that_are_no_prompts_are_found_with_and_without_the_tag(ledger: Ledger) -> None:
    def work(tx: Transaction) -> None:
        for name in ("flights", "x.y"):
            row = {"name": name, "description": "", "created_at": AT, "created_by": "", "updated_at": AT}
            tx.execute(sa.insert(models), row)
            for number in (1, 2):
                tx.execute(sa.insert(model_versions), version(name, number))
        tx.execute(sa.insert(model_tags), {"model": "x.y", "key": "mlflow.prompt.is_prompt", "value": "true"})
        tx.execute(sa.insert(model_version_tags), {"version_id": "m-flights-2", "key": "owner", "value": "ann"})

    ledger.write(OWNER, work)
    with ledger.read() as connection:
        text = "name ILIKE '%' AND tag.`mlflow.prompt.is_prompt` != 'true'"
        assert find_model_names(connection, text, [], limit=9, offset=0) == ["flights"]
        assert find_model_names(connection, "tags.other != 'true'", [], limit=9, offset=0) == []
        found = find_version_ids(connection, "name = 'flights' AND tags.owner = 'ann'", [], limit=9, offset=0)
        assert found == ["m-flights-2"]
        text = "run_id IN ('r1') AND version_number < 2"
        assert find_version_ids(connection, text, ["name DESC"], limit=9, offset=0) == ["m-flights-1"]
