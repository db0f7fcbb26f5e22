"""What holds of every check."""

import inspect
import math
from datetime import datetime, timedelta

import msgspec
import numpy as np
import polars as pl
import pytest

from tidemill.checks.check import Check
from tidemill.checks.inputs import Inputs
from tidemill.checks.outcome import Outcome, Verdict
from tidemill.checks.registry import CHECKS, make_check
from tidemill.checks.suite import Suite

PARAMS: dict[str, dict[str, object]] = {
    "ranges": {"low": 0},
    "categories": {"allowed": ["a", "b"]},
    "pattern": {"matches": "[a-z]"},
    "slices": {"by": ["c"], "worst": ">= 0.5"},
    "latency": {"p99_ms": "< 5"},
}


def table(rows, seed, start=0):
    rng = np.random.default_rng(seed)
    truth = (rng.random(rows) < 0.4).astype(float)
    score = np.clip(0.3 + 0.3 * truth + rng.normal(0, 0.2, rows), 0, 1)
    begin = datetime(2013, 1, 1)  # noqa: DTZ001 - columns hold times without a zone
    return pl.DataFrame(
        {
            "id": np.arange(start, start + rows),
            "at": pl.Series([begin + timedelta(hours=start + i) for i in range(rows)], dtype=pl.Datetime("us")),
            "x": rng.normal(size=rows),
            "n": rng.integers(0, 9, rows),
            "c": pl.Series(rng.choice(["a", "b"], rows).tolist(), dtype=pl.String),
            "flag": rng.random(rows) < 0.5,
            "truth": truth,
            "new": score,
            "old": np.clip(score + rng.normal(0, 0.1, rows), 0, 1),
        }
    )


def inputs(current, reference, *, timed=True):
    return Inputs(
        current=current,
        reference=reference,
        truth="truth",
        prediction="new",
        champion="old",
        time="at",
        key=("id",),
        latencies_ms=tuple(np.random.default_rng(0).exponential(1, 1000).tolist()) if timed else (),
    )


REFERENCE = table(2000, 0)
CURRENT = table(1000, 1, start=2000)
ODD = {
    "nothing": CURRENT.clear(),
    "one row": CURRENT.head(1),
    "all missing": CURRENT.select(pl.when(pl.lit(value=False)).then(pl.all()).name.keep()),
    "not finite": CURRENT.with_columns(pl.lit(math.nan).alias("x"), pl.lit(math.inf).alias("new")),
    "one class": CURRENT.with_columns(pl.lit(1.0).alias("truth")),
    "constant": CURRENT.with_columns(pl.lit(2.0).alias("x"), pl.lit(0.5).alias("new"), pl.lit(0.5).alias("old")),
    "ties": CURRENT.with_columns(pl.col("new").round(1), pl.col("x").round(0)),
    "huge": CURRENT.with_columns(pl.lit(1.7e308).alias("x")),
    "odd names": CURRENT.with_columns(pl.lit(1.0).alias(""), pl.lit("a").alias("\n ü {}")),
}  # fmt: skip

every_check = pytest.mark.parametrize("name", CHECKS)


def made(name):
    return make_check(name, PARAMS.get(name))


@every_check
def test_it_says_what_it_asks_which_error_it_controls_and_where_it_comes_from(name):
    text = inspect.getdoc(CHECKS[name]) or ""

    assert CHECKS[name].name == name
    assert issubclass(CHECKS[name], Check)
    assert "Source:" in text
    assert "Error rate:" in text


@every_check
def test_it_decides_on_good_input(name):
    outcome = made(name).run(inputs(CURRENT, REFERENCE))

    assert outcome.check == name
    assert outcome.verdict is not Verdict.INCONCLUSIVE
    assert outcome.reason.endswith(".")
    assert outcome.error_rate


@every_check
def test_it_gives_the_same_twice_and_for_lazy_tables(name):
    one = made(name).run(inputs(CURRENT, REFERENCE))

    assert made(name).run(inputs(CURRENT, REFERENCE)) == one
    assert made(name).run(inputs(CURRENT.lazy(), REFERENCE.lazy())) == one


@every_check
def test_its_params_and_outcome_go_through_json(name):
    check = made(name)
    outcome = check.run(inputs(CURRENT, REFERENCE))

    assert msgspec.json.decode(msgspec.json.encode(outcome), type=Outcome) == outcome
    assert msgspec.json.decode(msgspec.json.encode(check), type=CHECKS[name]) == check


@every_check
@pytest.mark.parametrize("case", ODD)
@pytest.mark.parametrize("side", ["current", "reference", "both"])
@pytest.mark.filterwarnings("error")
def test_odd_input_gives_a_verdict_with_a_reason_and_no_warning(name, case, side):
    current = REFERENCE.clear().vstack(CURRENT) if side == "reference" else ODD[case]
    reference = REFERENCE if side == "current" else ODD[case]

    (outcome,) = Suite([made(name)]).run(inputs(current, reference, timed=case != "nothing")).outcomes

    assert outcome.reason
    assert msgspec.json.decode(msgspec.json.encode(outcome), type=Outcome) == outcome
    if outcome.interval and outcome.interval.low is not None and outcome.interval.high is not None:
        assert outcome.interval.low <= outcome.interval.high
