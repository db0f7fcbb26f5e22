"""Nothing that is sent is a fault of ours."""

import json
import re
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tidemill.server.faces.mlflow.dispatch import Spoken

from .asked import API, ROUTES, T

# What fits each field: nonsense in one field comes furthest when the others are fine.
FIT: dict[str, Any] = {
    "run_id": "$run",
    "run_ids": ["$run"],
    "experiment_id": "$exp",
    "experiment_ids": ["$exp"],
    "experiment_name": "there",
    "model_id": "$model",
    "name": "reg",
    "version": "1",
    "source": "runs:/$run/model",
    "key": "m",
    "tag_key": "m",
    "metric_key": "m",
    "value": "1",
    "timestamp": T,
    "alias": "champion",
    "stage": "Staging",
    "status": "READY",
    "new_name": "other",
    "model_json": "{}",
    "max_results": 5,
}
KEYS = st.sampled_from([*FIT, "digest", "tags", "step", "dataset", "dataset_name", "field_name", "metrics", "params"])
WORDS = """reg 1 0 $run $exp $model m NaN champion Production FINISHED LOGGED_MODEL_READY ACTIVE_ONLY MLmodel a/b ../x
    runs:/$run/model models:/$model models:/reg/1 name status"""
TEXTS = st.one_of(
    st.text(max_size=20),
    st.sampled_from(WORDS.split()),
    st.sampled_from(["metrics.m > 1", "name ASC", "tags.a = 'b'", "\ud800", "\u202e", "\x00", "x" * 9000]),
)
NUMBERS = st.one_of(
    st.integers(),
    st.sampled_from([0, 1, -1, 2**31, 2**53, 2**63, -(2**63), 2**64, 10**30]),
    st.floats(allow_nan=False, allow_infinity=False),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.one_of(KEYS, TEXTS), inner, max_size=5)),
    max_leaves=8,
)
ITEM = {"key": TEXTS, "value": st.one_of(TEXTS, NUMBERS), "timestamp": NUMBERS, "step": NUMBERS, "field_name": TEXTS}
LISTED = st.lists(
    st.fixed_dictionaries({}, optional={**ITEM, "model_id": TEXTS, "dataset_name": TEXTS}),
    max_size=3,
)


def loss(spoken: Any) -> bool:
    """Tell whether a route takes away what others ask for."""
    return "delete" in spoken.path or getattr(spoken, "method", "POST") == "DELETE" or "rename" in spoken.path


@pytest.mark.parametrize(
    "spoken", sorted(ROUTES, key=loss), ids=lambda one: f"{getattr(one, 'method', 'POST')} {one.path}"
)
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_nothing_that_is_sent_is_a_fault_of_ours(http, known, spoken, data):
    fields = [field.encode_name for field in msgspec.structs.fields(spoken.shape)]
    sent = {name: FIT[name] for name in fields if name in FIT}
    sent |= data.draw(
        st.dictionaries(st.sampled_from([*fields, "unknown"]), st.one_of(VALUES, TEXTS, NUMBERS, LISTED), max_size=3)
    )
    text = json.dumps(sent, allow_nan=False)
    for word, name in (("$run", "run"), ("$exp", "experiment"), ("$model", "model")):
        text = text.replace(word, known[name])
    method = spoken.method if isinstance(spoken, Spoken) else "POST"
    path = API + re.sub(r"\{model_id\}", known["model"], spoken.path).replace("{tag_key:path}", "m")
    if method == "GET":
        query = {name: value if isinstance(value, list) else str(value) for name, value in json.loads(text).items()}
        plain = json.loads(json.dumps(query, ensure_ascii=False).encode("utf-8", "replace"))
        answer = http.get(
            path,
            params={name: value if isinstance(value, str) else list(map(str, value)) for name, value in plain.items()},
        )
    else:
        answer = http.request(method, path, content=text, headers={"content-type": "application/json"})
    assert answer.status_code < 500, (answer.text, text)
    if answer.status_code >= 400:
        assert set(answer.json()) == {"error_code", "message"}
