"""Microseconds a row: a model through its library's front door, and the same model as Tidemill serves it.

python bench/models/predict.py [--json]
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from tidemill.models.loading import load_predictor
from tidemill.models.saving import save_model

BATCH = 1000
WEIGH = """
import sys, time
begun = time.perf_counter()
from pathlib import Path
from tidemill.models.loading import load_predictor
row = [None if word == "None" else eval(word) for word in sys.argv[2:]]
load_predictor(Path(sys.argv[1])).predict_row(row)
spent = time.perf_counter() - begun
print(next(line.split()[1] for line in open("/proc/self/smaps_rollup") if line.startswith("Pss:")), spent)
"""


def numbers() -> tuple[Any, pd.DataFrame]:
    """Return LightGBM with 200 trees of 31 leaves on 20 numbers."""
    rng = np.random.default_rng(0)
    rows = pd.DataFrame(rng.normal(size=(20_000, 20)), columns=[f"c{at}" for at in range(20)])
    truth = (rows.to_numpy() @ rng.normal(size=20) > 0).astype(int)
    return lgb.LGBMClassifier(n_estimators=200, num_leaves=31, verbose=-1, n_jobs=1).fit(rows, truth), rows


def categories() -> tuple[Any, pd.DataFrame]:
    """Return LightGBM with 200 trees of 31 leaves on 10 numbers and 4 categories."""
    model, rows = numbers()
    rng = np.random.default_rng(1)
    rows = rows.iloc[:, :10].assign(
        **{f"k{at}": pd.Categorical(rng.choice(list("abcdefgh"), 20_000)) for at in range(4)}
    )
    truth = (rows["c0"] + (rows["k1"] == "b") * 2 + rng.normal(size=20_000) > 0.5).astype(int)
    return model.__class__(**model.get_params()).fit(rows, truth), rows


def pipeline() -> tuple[Any, pd.DataFrame]:
    """Return a scaler on 7 numbers, one-hot on 5 texts and a logistic regression."""
    _, rows = numbers()
    rng = np.random.default_rng(2)
    texts = {f"k{at}": rng.choice([f"v{one}" for one in range(20)], 20_000) for at in range(5)}
    rows = rows.iloc[:, :7].assign(**texts)
    encode = make_column_transformer(
        (StandardScaler(), [f"c{at}" for at in range(7)]), (OneHotEncoder(handle_unknown="ignore"), list(texts))
    )
    truth = (rows["c0"] + rng.normal(size=20_000) > 0).astype(int)
    return make_pipeline(encode, LogisticRegression(max_iter=300)).fit(rows, truth), rows


def clock(ask: Callable[[], object], *, for_s: float = 1.0) -> float:
    """Return the median microseconds of a call."""
    ask()
    spent, end = [], time.perf_counter() + for_s
    while time.perf_counter() < end:
        begun = time.perf_counter_ns()
        ask()
        spent.append(time.perf_counter_ns() - begun)
    return median(spent) / 1000


def measure(model: Any, rows: pd.DataFrame, folder: Path) -> dict[str, float | str]:  # noqa: ANN401 - any framework
    """Return what one model costs, both ways, in rounds that alternate."""
    manifest = save_model(model, folder, example=rows)
    predictor = load_predictor(folder)
    one, many = rows.iloc[:1], rows.iloc[:BATCH]
    row = one.to_numpy(dtype=object)[0].tolist()
    columns = {name: many[name].tolist() for name in many}
    asks: dict[str, Callable[[], object]] = {
        "row_original_us": lambda: model.predict_proba(one),
        "row_original_with_frame_us": lambda: model.predict_proba(frame_of(row, rows)),
        "row_ours_us": lambda: predictor.predict_row(row),
        "batch_original_us": lambda: model.predict_proba(many),
        "batch_ours_us": lambda: predictor.predict_columns(columns, BATCH),
    }
    rounds = [{name: clock(ask) for name, ask in asks.items()} for _ in range(3)]
    found: dict[str, float | str] = {name: median(one[name] for one in rounds) for name in asks}
    words = [repr(value) for value in row]
    ran = subprocess.run([sys.executable, "-c", WEIGH, folder, *words], capture_output=True, text=True, check=True)
    weight, spent = ran.stdout.split()
    chosen = manifest.verification.chosen if manifest.verification else ""
    return {**found, "plan": chosen, "memory_mb": int(weight) / 1024, "load_s": float(spent)}


def frame_of(row: list[object], like: pd.DataFrame) -> pd.DataFrame:
    """Return a frame of one request's row, as a server that uses the front door must build it."""
    return pd.DataFrame([row], columns=like.columns).astype(like.dtypes)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    found = {}
    with tempfile.TemporaryDirectory() as place:
        for make in (numbers, categories, pipeline):
            model, rows = make()
            found[make.__name__] = measure(model, rows, Path(place) / make.__name__)
    if asked.json:
        print(json.dumps(found, indent=1))
        return
    for name, figures in found.items():
        print(name)
        for key, value in figures.items():
            print(f"  {key:28} {value:,.1f}" if isinstance(value, float) else f"  {key:28} {value}")


if __name__ == "__main__":
    main()
