"""Trains the bench model once: 200 trees of 31 leaves on 20 numbers, seeded.

python train.py FOLDER
"""

import json
import pickle
import sys
from pathlib import Path

import lightgbm
import numpy as np
import pandas as pd

from tidemill.models.saving import save_model


def main(folder: Path) -> None:
    """Write the model for both servers, the request, and the answer that both must give."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(7)
    columns = [f"number_{at:02d}" for at in range(20)]
    table = pd.DataFrame(random.normal(size=(20_000, 20)), columns=columns)
    odds = table.iloc[:, :6].sum(axis=1) + table["number_06"] * table["number_07"]
    truth = (odds + random.normal(size=len(table)) > 0).astype(int)
    model = lightgbm.LGBMClassifier(n_estimators=200, num_leaves=31, random_state=7, verbose=-1)
    model.fit(table, truth)
    save_model(model, folder / "tidemill", example=table.head(500))
    (folder / "model.pickle").write_bytes(pickle.dumps(model))
    (folder / "columns.json").write_text(json.dumps(columns))
    record = {name: round(float(value), 6) for name, value in table.head(1).to_dict("records")[0].items()}
    (folder / "request.json").write_text(json.dumps({"records": [record]}))
    (folder / "expected.json").write_text(
        json.dumps(float(np.asarray(model.predict_proba(table.head(1).round(6)))[0, 1]))
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
