"""What tests of MLflow's face ask, and how answers look."""

import re
from collections.abc import Callable

import httpx

from tidemill.server.faces.mlflow import experiments, logged_models, metrics, registry, runs, versions
from tidemill.server.faces.mlflow.artifacts import ROUTES as LISTING

T = 1_700_000_000_000
UNKNOWN = "0" * 31 + "1"
WRONG = (400, "INVALID_PARAMETER_VALUE")
BROKEN = (400, "BAD_REQUEST")
ABSENT = (404, "RESOURCE_DOES_NOT_EXIST")
LARGE = (413, "BAD_REQUEST")
API = "/api/2.0/mlflow"
PROXY = "/api/2.0/mlflow-artifacts/artifacts"
# Words of statements, of drivers and of traces: none of them belongs into an answer.
INNARDS = re.compile(
    r"\b(SELECT|INSERT|UPDATE|DELETE FROM|WHERE|sqlite3?|psycopg|sqlalchemy|Traceback|OperationalError)\b"
)
ROUTES = [
    *runs.ROUTES,
    *metrics.ROUTES,
    *experiments.ROUTES,
    *LISTING,
    *logged_models.ROUTES,
    *registry.ROUTES,
    *versions.ROUTES,
]
Asking = Callable[..., tuple[int, str]]


def said(answer: httpx.Response) -> tuple[int, str]:
    """Tell an answer's status and code, after a look at what no answer may hold."""
    assert not INNARDS.search(answer.text), answer.text
    assert answer.status_code < 500, answer.text
    if answer.status_code < 400:
        return answer.status_code, ""
    error = answer.json()
    assert set(error) == {"error_code", "message"}
    assert error["message"].strip()
    assert error["message"].isprintable()
    return answer.status_code, str(error["error_code"])
