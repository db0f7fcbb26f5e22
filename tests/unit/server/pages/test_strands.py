import math

import pytest
from starlette.datastructures import QueryParams

from tidemill.core.access import OWNER
from tidemill.server.pages.strands import column_of, strands_of
from tidemill.tracking.records import Metric

KNOWN = ["params.rate", "params.optimizer", "metrics.auc"]
EVIL = "<script>alert(1)</script>"


@pytest.fixture
def found(workspace):
    """Give three runs; one has no metric, another one that is no number."""
    made = []
    for at, value in enumerate([0.5, None, math.nan]):
        params = {"rate": f"0.{at + 1}", "optimizer": ("adam", EVIL, "adam")[at]}
        run = workspace.tracking.create_run(OWNER, name=f"r{at}", params=params)
        metrics = [] if value is None else [Metric(key="auc", value=value)]
        workspace.tracking.log_batch(OWNER, run_id=run.run_id, metrics=metrics)
        made.append(workspace.tracking.get_run(OWNER, run_id=run.run_id))
    return made


def test_a_column_is_of_numbers_where_all_are(found):
    assert column_of(found, "params.rate").values == [0.1, 0.2, 0.3]
    assert column_of(found, "params.optimizer").values == ["adam", EVIL, "adam"]
    assert column_of(found, "metrics.none").values == [None, None, None]


def test_axes_are_those_asked_for_or_suggested(found):
    def names(query):
        return [head.name for head in strands_of(QueryParams(query), found, KNOWN, KNOWN[:2]).heads]

    assert names("") == ["rate", "optimizer"]
    assert names("axis=metrics.auc&axis=params.rate&axis=params.nothing") == ["auc", "rate"]


def test_each_run_has_a_row_with_what_it_was_told_beside_its_strand(found):
    view = strands_of(QueryParams(""), found, KNOWN, KNOWN)

    assert [row.cells[:2] for row in view.rows] == [["0.1", "adam"], ["0.2", EVIL], ["0.3", "adam"]]
    assert EVIL not in view.drawing
    assert view.ramp is None


def test_a_metric_colours_from_its_smallest_value_to_its_largest(found):
    by_rate = strands_of(QueryParams("colour=params.rate"), found, KNOWN, KNOWN)
    by_auc = strands_of(QueryParams("colour=metrics.auc"), found, KNOWN, KNOWN)

    assert [round(row.at or 0) for row in by_rate.rows] == [0, 50, 100]
    assert by_rate.ramp is not None
    assert by_auc.ramp is not None
    assert (by_rate.ramp.low, by_rate.ramp.high, by_rate.ramp.has_gaps) == ("0.1000", "0.3000", False)
    assert [row.at for row in by_auc.rows] == [0.0, None, None]
    assert [row.tone for row in by_auc.rows] == ["idle"] * 3
    assert by_auc.ramp.has_gaps


@pytest.mark.parametrize("colour", ["params.optimizer", "metrics.none", "run", "", EVIL])
def test_what_is_no_number_colours_nothing(found, colour):
    assert strands_of(QueryParams({"colour": colour}), found, KNOWN, KNOWN).ramp is None


def test_many_runs_are_coloured_by_a_metric_unless_told_otherwise(found):
    many = found * 10
    ramp = strands_of(QueryParams(""), many, KNOWN, KNOWN).ramp

    assert ramp is not None
    assert ramp.name == "auc"
    assert strands_of(QueryParams("colour=run"), many, KNOWN, KNOWN).ramp is None
