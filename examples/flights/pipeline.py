"""Will this flight arrive more than 30 minutes late, from what is known before it leaves?

The rows are those of `prepare.py`. The latest `holdout_days` days of them are kept back and the model learns from the
`train_days` days before: the model that is judged is the model that is served, and the days that judge it were seen
neither by it nor by the champion. Whole days, because flights of one day share their weather: a random share of rows
has a neighbour of nearly every test flight in training and flatters the model (see `evaluate`).
"""

from datetime import date, timedelta

import lightgbm as lgb
import numpy as np
import pandas as pd
import polars as pl
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from tidemill import dataset, pipeline, step

CATEGORIES = ["carrier", "origin", "dest"]
NUMBERS = [
    "distance",
    "minute_of_day",
    "weekday",
    "temp",
    "dewp",
    "humid",
    "wind_dir",
    "wind_speed",
    "wind_gust",
    "precip",
    "pressure",
    "visib",
]
INPUTS = CATEGORIES + NUMBERS
LABEL = "late"
DAY = "date"
KEPT = ["flight_id", "departed_at", DAY, *INPUTS, LABEL]
SEED = 7


@step
def features(flights: pl.DataFrame) -> pl.DataFrame:
    """Return the flights whose outcome is known, with the columns of the model, in the order of time.

    Cancelled and diverted flights have no `arr_delay` and so no label.
    """
    known = flights.filter(pl.col(LABEL).is_not_null())
    return known.select(KEPT).sort("departed_at", "flight_id")


@step
def training_part(table: pl.DataFrame, train_days: int = 60, holdout_days: int = 14) -> pl.DataFrame:
    """Return the `train_days` local days before the hold-out (fewer where the table begins later)."""
    end = first_holdout_day(table, holdout_days)
    return table.filter(pl.col(DAY).is_between(end - timedelta(days=train_days), end, closed="left"))


@step
def holdout_part(table: pl.DataFrame, holdout_days: int = 14) -> pl.DataFrame:
    """Return the latest `holdout_days` local days."""
    return table.filter(pl.col(DAY) >= first_holdout_day(table, holdout_days))


@step
def train(
    training: pl.DataFrame, learning_rate: float = 0.06, trees: int = 150, leaves: int = 31
) -> lgb.LGBMClassifier:
    """Return a classifier of `late`; the same rows in the same order give the same trees."""
    return fit(training, learning_rate, trees, leaves)


@step(metrics=True)
def evaluate(
    model: lgb.Booster,
    training: pl.DataFrame,
    holdout: pl.DataFrame,
    learning_rate: float = 0.06,
    trees: int = 150,
    leaves: int = 31,
) -> dict[str, float]:
    """Return what the model is worth on the days after its training, beside what a random hold-out would claim.

    `roc_auc_random_holdout` is of the same recipe trained on a random share of the same rows, as large as the
    training part, and judged on the rest: the number a notebook would show. `flattery` is what it promises too much.
    """
    truth, score = holdout[LABEL].to_numpy(), scores(model, holdout)
    later = float(roc_auc_score(truth, score))
    mixed = pl.concat([training, holdout])
    random = random_holdout_auc(mixed, training.height, learning_rate, trees, leaves)
    return {
        "roc_auc": later,
        "roc_auc_random_holdout": random,
        "flattery": random - later,
        "log_loss": float(log_loss(truth, score)),
        "brier": float(brier_score_loss(truth, score)),
        "late_share": float(truth.mean()),
        "rows_training": float(training.height),
        "rows_holdout": float(holdout.height),
        "days_holdout": float(holdout[DAY].n_unique()),
    }


@step
def predictions(model: lgb.Booster, holdout: pl.DataFrame) -> pl.DataFrame:
    """Return the hold-out's flights with truth and score, for slices and for a comparison with the champion."""
    return holdout.select("flight_id", DAY, "carrier", "origin", LABEL).with_columns(
        score=pl.Series(scores(model, holdout))
    )


def first_holdout_day(table: pl.DataFrame, holdout_days: int) -> date:
    """Return the first local day of the hold-out; raise when a table has too few days to spare them."""
    earliest, latest = table[DAY].min(), table[DAY].max()
    if not isinstance(earliest, date) or not isinstance(latest, date) or (latest - earliest).days < holdout_days:
        raise ValueError(f"A hold-out of {holdout_days} days needs more than {holdout_days} days of flights.")
    return latest - timedelta(days=holdout_days - 1)


def frame(table: pl.DataFrame) -> pd.DataFrame:
    """Return the model's inputs as LightGBM takes them; the booster keeps the list of categories in its own file."""
    columns: dict[str, object] = {
        name: pd.Categorical(table[name].to_list(), categories=table[name].drop_nulls().unique().sort().to_list())
        for name in CATEGORIES
    }
    columns |= {name: table[name].cast(pl.Float64).to_numpy() for name in NUMBERS}
    return pd.DataFrame(columns)


def fit(table: pl.DataFrame, learning_rate: float, trees: int, leaves: int) -> lgb.LGBMClassifier:
    """Return a classifier trained on a table.

    One thread: the trees are the same with two, 0.3 s instead of 0.5 s on idle cores, but many times slower beside
    other busy processes, because LightGBM's threads wait for one another at every split.
    """
    model = lgb.LGBMClassifier(
        n_estimators=trees,
        learning_rate=learning_rate,
        num_leaves=leaves,
        min_child_samples=50,
        subsample=0.8,
        subsample_freq=1,
        colsample_bytree=0.8,
        random_state=SEED,
        n_jobs=1,
        deterministic=True,
        force_row_wise=True,
        verbosity=-1,
    )
    return model.fit(frame(table), table[LABEL].cast(pl.Int8).to_numpy())


def scores(model: lgb.LGBMClassifier | lgb.Booster, table: pl.DataFrame) -> np.ndarray:
    """Return the probability of `late` per row.

    Between steps a LightGBM model is kept in LightGBM's own text, and so comes back as a Booster.
    """
    booster = model.booster_ if isinstance(model, lgb.LGBMClassifier) else model
    return np.asarray(booster.predict(frame(table)))


def random_holdout_auc(table: pl.DataFrame, share: int, learning_rate: float, trees: int, leaves: int) -> float:
    """Return the ROC AUC of the same recipe on a random hold-out, after training on `share` random rows."""
    mixed = table.sample(fraction=1.0, shuffle=True, seed=SEED)
    chosen, rest = mixed[:share].sort("departed_at", "flight_id"), mixed[share:]
    told = fit(chosen, learning_rate, trees, leaves)
    return float(roc_auc_score(rest[LABEL].to_numpy(), scores(told, rest)))


@pipeline
def delays(
    train_days: int = 60, holdout_days: int = 14, learning_rate: float = 0.06, trees: int = 150, leaves: int = 31
) -> object:
    """Split by time, train, evaluate."""
    table = features(dataset("flights"))
    training = training_part(table, train_days, holdout_days)
    holdout = holdout_part(table, holdout_days)
    model = train(training, learning_rate, trees, leaves)
    return {
        "model": model,
        "metrics": evaluate(model, training, holdout, learning_rate, trees, leaves),
        "predictions": predictions(model, holdout),
        "training": training,
        "holdout": holdout,
    }
