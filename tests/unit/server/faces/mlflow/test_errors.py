"""Errors by the codes on which MLflow's clients decide."""

import msgspec
import pytest

from tidemill.core.errors import Conflict, Internal, TooLarge, Unavailable
from tidemill.models.rules import AliasNotFound, ModelExists, ModelServes
from tidemill.server.faces.mlflow.errors import NotSpoken, code_of, mlflow_error
from tidemill.tracking.rules import ExperimentExists, ParamChanged, RunNotActive, RunNotFound


@pytest.mark.parametrize(
    ("kind", "code", "status"),
    [
        (RunNotFound, "RESOURCE_DOES_NOT_EXIST", 404),
        (AliasNotFound, "INVALID_PARAMETER_VALUE", 400),
        (ExperimentExists, "RESOURCE_ALREADY_EXISTS", 400),
        (ModelExists, "RESOURCE_ALREADY_EXISTS", 400),
        (ModelServes, "INVALID_PARAMETER_VALUE", 400),
        (RunNotActive, "INVALID_PARAMETER_VALUE", 400),
        (ParamChanged, "INVALID_PARAMETER_VALUE", 400),
        (Conflict, "INVALID_PARAMETER_VALUE", 400),
        (TooLarge, "BAD_REQUEST", 413),
        (Unavailable, "TEMPORARILY_UNAVAILABLE", 503),
        (NotSpoken, "NOT_IMPLEMENTED", 501),
        (Internal, "INTERNAL_ERROR", 500),
    ],
)
def test_each_error_has_the_code_that_clients_know(kind, code, status):
    assert code_of(kind("x")) == (code, status)


def test_an_error_is_code_and_message_with_what_to_do():
    answer = mlflow_error(RunNotFound("No run", hint="List them"))
    body = msgspec.json.decode(answer.body)
    assert (answer.status_code, body) == (
        404,
        {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "No run. List them"},
    )
