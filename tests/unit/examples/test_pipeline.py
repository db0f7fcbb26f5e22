"""The steps of the flights' pipeline split by time, learn reproducibly and report what a random hold-out hides."""

import sys
from datetime import date, timedelta
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import numpy as np
import polars as pl
import pytest

from tidemill.projects.reading import read_project

FLIGHTS = Path(__file__).parents[3] / "examples" / "flights"
DAYS, PER_DAY = 40, 60


def load(name: str) -> ModuleType:
    spec = spec_from_file_location(f"flights_{name}", FLIGHTS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


pipeline = load("pipeline")


@pytest.fixture(scope="module")
def flights() -> pl.DataFrame:
    """Forty days whose pressure marks the day, and whose bad days are late: what a random split gives away."""
    random = np.random.default_rng(3)
    count = DAYS * PER_DAY
    day = np.repeat(np.arange(DAYS), PER_DAY)
    late = random.random(count) < random.uniform(0.02, 0.9, DAYS)[day]
    numbers = {name: random.normal(size=count) for name in pipeline.NUMBERS}
    table = pl.DataFrame(
        numbers
        | {
            "flight_id": [f"{at:05d}" for at in range(count)],
            "date": [date(2013, 1, 1) + timedelta(days=int(at)) for at in day],
            "carrier": random.choice(["UA", "AA"], count),
            "origin": random.choice(["EWR", "JFK", "LGA"], count),
            "dest": random.choice(["IAH", "MIA", "BOS"], count),
            "pressure": 1000.0 + day,
            "late": late,
        }
    )
    return table.with_columns(
        departed_at=pl.col("date").cast(pl.Datetime("us", "UTC")),
        late=pl.when(pl.int_range(pl.len()) % 50 == 0).then(None).otherwise("late"),
    )


@pytest.fixture(scope="module")
def parts(flights: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    table = pipeline.features(flights)
    return pipeline.training_part(table, 20, 10), pipeline.holdout_part(table, 10)


def test_flights_without_an_outcome_are_left_out(flights: pl.DataFrame) -> None:
    table = pipeline.features(flights)
    assert table.height == flights["late"].is_not_null().sum()
    assert table.columns == pipeline.KEPT


def test_training_ends_the_day_before_the_holdout(parts: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    training, holdout = parts
    assert (training["date"].min(), training["date"].max()) == (date(2013, 1, 11), date(2013, 1, 30))
    assert (holdout["date"].min(), holdout["date"].max()) == (date(2013, 1, 31), date(2013, 2, 9))


def test_too_few_days_are_refused(flights: pl.DataFrame) -> None:
    with pytest.raises(ValueError, match="more than 40 days"):
        pipeline.training_part(pipeline.features(flights), 20, 40)


def test_the_same_rows_give_the_same_model(parts: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    first, again = (pipeline.train(parts[0], trees=10).booster_.model_to_string() for _ in range(2))
    assert first == again


def test_the_model_takes_the_columns_as_a_client_has_them(parts: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    model = pipeline.train(parts[0], trees=10)
    assert model.booster_.feature_name() == pipeline.INPUTS
    assert model.booster_.pandas_categorical == [["AA", "UA"], ["EWR", "JFK", "LGA"], ["BOS", "IAH", "MIA"]]


def test_a_score_does_not_depend_on_its_neighbours(parts: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    model = pipeline.train(parts[0], trees=10)
    together = pipeline.scores(model, parts[1])
    alone = pipeline.scores(model, parts[1][7:8])
    assert alone[0] == together[7]


def test_an_unknown_destination_is_scored(parts: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    model = pipeline.train(parts[0], trees=10)
    assert 0 < pipeline.scores(model, parts[1][:1].with_columns(dest=pl.lit("ZZZ")))[0] < 1


def test_a_random_holdout_flatters_where_days_differ(parts: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    training, holdout = parts
    metrics = pipeline.evaluate(pipeline.train(training, trees=30), training, holdout)
    assert metrics["flattery"] > 0.1
    assert metrics["flattery"] == metrics["roc_auc_random_holdout"] - metrics["roc_auc"]
    assert (metrics["rows_training"], metrics["rows_holdout"]) == (training.height, holdout.height)
    assert metrics["days_holdout"] == 10


def test_predictions_keep_truth_day_and_slices(parts: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    table = pipeline.predictions(pipeline.train(parts[0], trees=10), parts[1])
    assert table.columns == ["flight_id", "date", "carrier", "origin", "late", "score"]
    assert table["score"].is_between(0, 1).all()


def test_the_pipeline_gives_what_the_project_file_names() -> None:
    spec = read_project(FLIGHTS / "tidemill.yaml")
    assert spec.model is not None
    graph = pipeline.delays.build({})
    assert graph.result is not None
    assert {spec.model.output, spec.model.holdout} <= set(graph.result.keys)
    assert spec.model.label == pipeline.LABEL
