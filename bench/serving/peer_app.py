"""What a careful engineer writes by hand: FastAPI, pydantic, a DataFrame, LightGBM's scikit-learn interface."""

# mypy: ignore-errors
# FastAPI and pydantic are not installed beside Tidemill: the bench fetches them into a folder of its own.

import json
import os
import pickle
from pathlib import Path

import pandas as pd
from fastapi import FastAPI
from pydantic import BaseModel, create_model

folder = Path(os.environ["MODEL_FOLDER"])
columns = json.loads((folder / "columns.json").read_text())
model = pickle.loads((folder / "model.pickle").read_bytes())
model.set_params(n_jobs=1)


class Row(create_model("Numbers", **dict.fromkeys(columns, (float, ...)))):  # type: ignore[misc]  # made from the file
    """One row."""


class Request(BaseModel):
    """The rows."""

    records: list[Row]


class Answer(BaseModel):
    """The probabilities."""

    probability: list[float]


app = FastAPI()


@app.post("/predict")
async def predict(request: Request) -> Answer:
    """Predict."""
    frame = pd.DataFrame([row.model_dump() for row in request.records], columns=columns)
    return Answer(probability=model.predict_proba(frame)[:, 1].tolist())
