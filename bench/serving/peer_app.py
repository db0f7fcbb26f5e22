"""What a careful engineer writes by hand: FastAPI, pydantic, a DataFrame, LightGBM's scikit-learn interface."""

import json
import os
from pathlib import Path

import joblib
import pandas as pd
from fastapi import FastAPI
from pydantic import create_model

folder = Path(os.environ["MODEL_FOLDER"])
columns = json.loads((folder / "columns.json").read_text())
model = joblib.load(folder / "model.joblib")
model.set_params(n_jobs=1)

Row = create_model("Row", **dict.fromkeys(columns, (float, ...)))


class Answer(create_model("Answer", probability=(list[float], ...))):
    """The probabilities."""


class Request(create_model("Request", records=(list[Row], ...))):
    """The rows."""


app = FastAPI()


@app.post("/predict")
async def predict(request: Request) -> Answer:
    """Predict."""
    frame = pd.DataFrame([row.model_dump() for row in request.records], columns=columns)
    return Answer(probability=model.predict_proba(frame)[:, 1].tolist())
