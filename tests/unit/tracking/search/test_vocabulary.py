"""What can be said of runs, and what is answered when something else is."""

import pytest

from tidemill.tracking.search.faults import InvalidFilter, InvalidOrder
from tidemill.tracking.search.finding import read_orders
from tidemill.tracking.search.parser import parse
from tidemill.tracking.search.runs import RUNS
from tidemill.tracking.search.subjects import EXPERIMENTS
from tidemill.tracking.store.tables import runs


@pytest.mark.parametrize(
    ("text", "column", "said"),
    [
        ("metrics.loss < '0.1'", 16, "a number without quotes"),
        ("start_time > '2026'", 14, "milliseconds"),
        ("params.depth = 4", 16, "a quoted text"),
        ("params.depth < '4'", 14, "one of =, !="),
        ("metrics.a LIKE 'x'", 11, "one of ="),
        ("statusx = 'FINISHED'", 1, "Did you mean 'status'? Attributes: artifact_uri, end_time, run_id"),
        ("run.nonsense = 'x'", 1, "Attributes: artifact_uri"),
        ("metrcs.a > 1", 1, "Did you mean metrics.a?"),
        ("dataset.nmae = 'x'", 1, "Did you mean 'name'?"),
        ("dataset.name > 'x'", 14, "one of ="),
        ("metrics.a", 10, "an operator"),
        ("metrics.a AND params.b = 'x'", 11, "an operator"),
        ("model.delay", 1, "a key of runs"),
        ("tags.a LIKE '" + "%a" * 40 + "'", 13, "a pattern of at most"),
        ("tags.a LIKE '" + "a" * 1001 + "'", 13, "a pattern of at most"),
    ],
)
def test_what_runs_do_not_have_is_refused_with_what_they_have(text: str, column: int, said: str) -> None:
    with pytest.raises(InvalidFilter) as caught:
        RUNS.test(parse(text).root, runs.c.run_id)

    assert caught.value.where == f"column {column}"
    assert said in f"{caught.value} {caught.value.details['expected']}"


def test_many_wildcards_in_a_row_are_one() -> None:
    RUNS.test(parse(f"tags.a LIKE '{'%' * 5000}'").root, runs.c.run_id)


def test_experiments_have_no_metrics() -> None:
    with pytest.raises(InvalidFilter, match="metrics"):
        EXPERIMENTS.test(parse("metrics.a > 1").root, runs.c.run_id)


@pytest.mark.parametrize("text", ["dataset.flights", "nothing", "words.a DESC"])
def test_what_cannot_be_ordered_by_is_refused(text: str) -> None:
    def sort() -> None:
        for order in read_orders([text], RUNS):
            RUNS.sorting(order, runs.c.run_id, InvalidOrder)

    with pytest.raises(InvalidOrder):
        sort()


def test_a_key_is_ordered_by_once_and_there_are_few() -> None:
    assert len(read_orders(["metrics.a", "metric.a DESC", "params.a"], RUNS)) == 2
    with pytest.raises(InvalidOrder):
        read_orders(["start_time"] * 17, RUNS)


def test_values_never_become_part_of_the_statement() -> None:
    text = 'tags.`k\'; DROP TABLE runs` = "v\'; DROP TABLE runs" AND run_name LIKE "%\'; DROP"'
    sql = str(RUNS.test(parse(text).root, runs.c.run_id))

    assert "DROP" not in sql
