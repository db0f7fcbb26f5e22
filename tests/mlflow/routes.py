"""The table of routes: every classic route of the MLflow REST interface, asked for with good and bad input.

`routes.json` holds what the real server answered; `python -m tests.mlflow.record` makes it anew.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tests.mlflow.asking import Ask
from tests.mlflow.scenes import artifacts, experiments, metrics, models, registry, runs, search, server

RECORDING: Final = Path(__file__).with_name("routes.json")

SCENES: Final[Mapping[str, Sequence[Ask]]] = {
    "experiments": experiments.LIFE,
    "search of experiments": experiments.SEARCH,
    "runs": runs.LIFE,
    "writing": runs.WRITING,
    "batches": runs.BATCH,
    "inputs and outputs": runs.INPUTS,
    "search": search.GRAMMAR,
    "refused searches": search.REFUSED,
    "pages": search.PAGES,
    "histories": metrics.HISTORY,
    "artifacts": artifacts.PROXIED,
    "paths that lead out": artifacts.OUTSIDE,
    "logged models": models.LIFE,
    "search of logged models": models.SEARCH,
    "registered models": registry.NAMES,
    "model versions": registry.VERSIONS,
    "stages and aliases": registry.STAGES,
    "server": server.ITSELF,
    "requests that are none": server.BROKEN,
    "generative routes": server.GENERATIVE,
}

CLASSIC: Final = """
POST experiments/create | GET experiments/get | GET experiments/get-by-name | POST experiments/search | GET experiments/search
POST experiments/update | POST experiments/delete | POST experiments/restore | POST experiments/set-experiment-tag
POST experiments/delete-experiment-tag
POST runs/create | GET runs/get | POST runs/update | POST runs/search | POST runs/delete | POST runs/restore | POST runs/log-metric
POST runs/log-parameter | POST runs/log-batch | POST runs/set-tag | POST runs/delete-tag | POST runs/log-inputs | POST runs/outputs
POST runs/log-model
GET metrics/get-history | GET metrics/get-history-bulk-interval | GET /ajax-api/2.0/mlflow/metrics/get-history-bulk
GET artifacts/list | GET /api/2.0/mlflow-artifacts/artifacts | PUT /api/2.0/mlflow-artifacts/artifacts/*
GET /api/2.0/mlflow-artifacts/artifacts/* | DELETE /api/2.0/mlflow-artifacts/artifacts/* | GET /get-artifact
GET /model-versions/get-artifact
POST logged-models | GET logged-models/* | PATCH logged-models/* | DELETE logged-models/* | POST logged-models/search
PATCH logged-models/*/tags | DELETE logged-models/*/tags/* | POST logged-models/*/params | GET logged-models/*/artifacts/directories
POST registered-models/create | POST registered-models/rename | POST registered-models/set-tag | POST registered-models/alias
POST registered-models/get-latest-versions | PATCH registered-models/update | DELETE registered-models/delete
DELETE registered-models/delete-tag | DELETE registered-models/alias | GET registered-models/get | GET registered-models/search
GET registered-models/alias
POST model-versions/create | POST model-versions/transition-stage | POST model-versions/set-tag | PATCH model-versions/update
DELETE model-versions/delete | DELETE model-versions/delete-tag | GET model-versions/get | GET model-versions/search
GET model-versions/get-download-uri
GET /health | GET /version | GET /api/3.0/mlflow/server-info
"""


def classic() -> list[tuple[str, re.Pattern[str]]]:
    """Give each route as its words and a pattern of the questions that go to it."""
    found = []
    for line in CLASSIC.replace("\n", "|").split("|"):
        if words := line.strip():
            method, path = words.split(" ")
            whole = path if path.startswith("/") else f"/api/2.0/mlflow/{path}"
            pattern = re.escape(f"{method} {whole}").replace(r"\*", ".+" if "mlflow-artifacts" in whole else "[^/]+")
            found.append((words, re.compile(pattern)))
    return found
