"""What a client may send wrong: each time an error of the caller's that helps, never one of ours."""

import json
import math
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from .asked import ABSENT, API, BROKEN, LARGE, UNKNOWN, WRONG, T, said


@pytest.mark.parametrize(
    "path", ["/experiments/create", "/runs/log-batch", "/runs/log-metric", "/logged-models/search"]
)
@pytest.mark.parametrize(
    "body", [b'{"name": ', b"\xff\xfe", b"[" * 50_000, b"[1]", b'"x"', b"null", b"3", b"{'a': 1}", b'{"a": NaN}']
)
def test_a_body_that_is_no_json_object(http, path, body):
    assert said(http.post(API + path, content=body, headers={"content-type": "application/json"})) == BROKEN


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_types_that_a_page_of_another_site_may_send(http, kind):
    assert (
        said(http.post(f"{API}/experiments/create", content=b'{"name": "csrf"}', headers={"content-type": kind}))
        == BROKEN
    )


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/experiments/create", {"name": 3}),
        ("/experiments/create", {"name": ["a"]}),
        ("/experiments/create", {"name": "a", "tags": {"k": "v"}}),
        ("/experiments/create", {"name": "a", "tags": [{"key": 1, "value": 2}]}),
        ("/experiments/create", {}),
        ("/experiments/create", {"name": " "}),
        ("/runs/create", {"experiment_id": "$exp", "start_time": "soon"}),
        ("/runs/create", {"experiment_id": "$exp", "start_time": 10**18}),
        ("/runs/create", {"experiment_id": "$exp", "start_time": -(10**30)}),
        ("/runs/update", {"run_id": "$run", "status": "TIRED"}),
        ("/runs/update", {"run_id": "$run", "end_time": 10**25}),
        ("/runs/log-metric", {"run_id": "$run", "key": "m", "value": "much", "timestamp": T}),
        ("/runs/log-metric", {"run_id": "$run", "key": "m", "value": 1, "timestamp": "now"}),
        ("/runs/log-metric", {"run_id": "$run", "key": "m", "value": 1, "timestamp": -1}),
        ("/runs/log-metric", {"run_id": "$run", "key": "m", "value": 1, "timestamp": 2**63}),
        ("/runs/log-metric", {"run_id": "$run", "key": "m", "value": 1, "timestamp": T, "step": 2**63}),
        ("/runs/log-metric", {"run_id": "$run", "key": "m", "value": 1, "timestamp": T, "step": 1.5}),
        ("/runs/log-metric", {"run_id": "$run", "key": "m", "timestamp": T}),
        ("/runs/log-metric", {"run_id": "$run", "value": 1, "timestamp": T}),
        ("/runs/log-metric", {"key": "m", "value": 1, "timestamp": T}),
        ("/runs/log-batch", {"run_id": "$run", "metrics": {"key": "m"}}),
        ("/runs/log-batch", {"run_id": "$run", "metrics": [{"key": "m", "value": 1}]}),
        ("/runs/log-batch", {"run_id": "$run", "metrics": [{"key": "m", "value": 1, "timestamp": T}] * 1001}),
        ("/runs/log-batch", {"run_id": "$run", "params": [{"key": "p", "value": "1"}, {"key": "p", "value": "2"}]}),
        ("/runs/search", {"experiment_ids": "0"}),
        ("/runs/search", {"experiment_ids": ["$exp"], "max_results": 0}),
        ("/runs/search", {"experiment_ids": ["$exp"], "max_results": 2**40}),
        ("/runs/search", {"experiment_ids": ["$exp"], "run_view_type": "SOME"}),
        ("/runs/log-model", {"run_id": "$run", "model_json": "no"}),
        ("/runs/log-inputs", {"run_id": "$run", "datasets": [{"dataset": {"digest": "d"}}]}),
        ("/runs/log-inputs", {"run_id": "$run", "datasets": [{"dataset": {"name": "n", "digest": "d" * 37}}]}),
        ("/model-versions/create", {"name": "reg"}),
        ("/model-versions/transition-stage", {"name": "reg", "version": "1", "stage": "Attic"}),
        ("/registered-models/alias", {"name": "reg", "alias": "latest", "version": "1"}),
        ("/registered-models/alias", {"name": "reg", "alias": "v2", "version": "1"}),
        ("/registered-models/alias", {"name": "reg", "alias": "a b", "version": "1"}),
        ("/registered-models/alias", {"name": "reg", "alias": "a", "version": "one"}),
        ("/registered-models/alias", {"name": "reg", "alias": "a", "version": "9" * 30}),
    ],
)  # fmt: skip
def test_values_of_a_wrong_kind_or_out_of_range(asking, path, body):
    assert asking("POST", path, body) == WRONG


@pytest.mark.parametrize(
    ("value", "kept"), [("NaN", "NaN"), ("Infinity", 1.7976931348623157e308), ("-Infinity", -1.7976931348623157e308)]
)
def test_numbers_that_json_has_not_are_texts(asking, http, known, value, kept):
    point = {"run_id": known["run"], "key": "odd", "value": value, "timestamp": T}
    assert asking("POST", "/runs/log-metric", point) == (200, "")
    found = http.get(f"{API}/metrics/get-history", params={"run_id": known["run"], "metric_key": "odd"}).json()
    assert kept in [each["value"] for each in found["metrics"]]
    assert asking("POST", "/runs/log-metric", {**point, "timestamp": value}) == WRONG


def test_bare_nan_is_no_json(http, known):
    body = f'{{"run_id": "{known["run"]}", "key": "m", "value": NaN, "timestamp": {T}}}'
    assert math.isnan(json.loads(body)["value"])
    assert said(http.post(f"{API}/runs/log-metric", content=body.encode())) == BROKEN


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/experiments/create", {"name": "n" * 501}),
        ("/experiments/create", {"name": "long", "tags": [{"key": "k" * 251, "value": "v"}]}),
        ("/experiments/create", {"name": "long", "tags": [{"key": "k", "value": "v" * 20_001}]}),
        ("/experiments/create", {"name": "long", "artifact_location": "s3://" + "b" * 1000}),
        ("/runs/create", {"experiment_id": "$exp", "run_name": "n" * 501}),
        ("/runs/log-metric", {"run_id": "$run", "key": "k" * 251, "value": 1, "timestamp": T}),
        ("/runs/log-parameter", {"run_id": "$run", "key": "k" * 251, "value": "1"}),
        ("/runs/set-tag", {"run_id": "$run", "key": "k" * 251, "value": "1"}),
        ("/registered-models/create", {"name": "n" * 257}),
        ("/registered-models/set-tag", {"name": "reg", "key": "k" * 251, "value": "v"}),
        ("/registered-models/set-tag", {"name": "reg", "key": "k", "value": "v" * 100_001}),
        ("/registered-models/alias", {"name": "reg", "alias": "a" * 256, "version": "1"}),
        ("/model-versions/create", {"name": "reg", "source": "runs:/" + "a" * 2001}),
        ("/logged-models", {"experiment_id": "$exp", "name": "n" * 501}),
        ("/logged-models", {"experiment_id": "$exp", "model_id": "m-1"}),
        ("/logged-models", {"experiment_id": "$exp", "creation_timestamp_ms": 10**17}),
        ("/logged-models", {"experiment_id": "$exp", "creation_timestamp_ms": -(10**17)}),
    ],
)  # fmt: skip
def test_what_is_too_long_is_refused(asking, path, body):
    assert asking("POST", path, body) == WRONG


def test_values_of_params_and_tags_are_cut_as_the_clients_say(asking, http, known):
    for path, key, most in (("/runs/log-parameter", "params", 6000), ("/runs/set-tag", "tags", 8000)):
        body = {"run_id": known["run"], "key": "long", "value": "v" * most + "rest"}
        assert asking("POST", path, body) == (200, "")
        assert asking("POST", path, body) == (200, "")
        data = http.get(f"{API}/runs/get", params={"run_id": known["run"]}).json()["run"]["data"]
        assert {each["key"]: each["value"] for each in data[key]}["long"] == "v" * most


@pytest.mark.parametrize("text", ["a\u0007b", "a\u0000b", "a\u202eb", "a\u2066b", "a\u0085b", "a\ud800b", "\u200fa"])
@pytest.mark.parametrize(
    ("path", "field", "more"),
    [
        ("/experiments/create", "name", {}),
        ("/runs/create", "run_name", {"experiment_id": "$exp"}),
        ("/runs/log-metric", "key", {"run_id": "$run", "value": 1, "timestamp": T}),
        ("/runs/log-parameter", "key", {"run_id": "$run", "value": "1"}),
        ("/runs/log-parameter", "value", {"run_id": "$run", "key": "p"}),
        ("/runs/set-tag", "value", {"run_id": "$run", "key": "t"}),
        ("/registered-models/create", "name", {}),
        ("/registered-models/create", "description", {"name": "described"}),
        ("/logged-models", "name", {"experiment_id": "$exp"}),
        ("/model-versions/create", "source", {"name": "reg"}),
        ("/model-versions/create", "run_link", {"name": "reg", "source": "s3://b/m"}),
    ],
)
def test_control_and_direction_characters(asking, path, field, more, text):
    assert asking("POST", path, {**more, field: text})[0] == 400


@pytest.mark.parametrize("key", ["../up", "a/../b", "/a", "a//b", "a/", ".", "..", "./a", ""])
@pytest.mark.parametrize("path", ["/runs/log-metric", "/runs/log-parameter", "/runs/set-tag"])
def test_keys_that_lead_out_of_their_group(asking, path, key):
    assert asking("POST", path, {"run_id": "$run", "key": key, "value": "1", "timestamp": T}) == WRONG


@pytest.mark.parametrize(
    "token",
    [
        "no token",
        "WzFd",
        "eyJvZmZzZXQiOi0xfQ==",
        "eyJvZmZzZXQiOiJ4In0=",
        "eyJvZmZzZXQiOjFlOTl9",
        "=",
        "ä",
        "W1tb" * 9999,
    ],
)
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/runs/search", {"experiment_ids": ["$exp"]}),
        ("POST", "/experiments/search", {"max_results": 5}),
        ("POST", "/logged-models/search", {"experiment_ids": ["$exp"]}),
        ("GET", "/registered-models/search", {}),
        ("GET", "/model-versions/search", {}),
        ("GET", "/metrics/get-history", {"run_id": "$run", "metric_key": "m", "max_results": 5}),
    ],
)
def test_page_tokens_that_were_not_made_here(asking, method, path, body, token):
    assert asking(method, path, {**body, "page_token": token}) == WRONG


FILTERS = [
    "params.model = 'unclosed",
    "params.model = 'a' 'b'",
    "params.model = 'it''s'",
    "params.`un`closed` = 'a'",
    "params.model = 'a'; DROP TABLE runs",
    "params.model = 'a' UNION ALL",
    "1 = 1",
    "metrics.loss < 'low'",
    "metrics.loss < 1e999x",
    "colour = 'red'",
    "attributes.colour = 'red'",
    "things.a = 'b'",
    "start_time > 'now'",
    "run_id IN ()",
    "params.a LIKE '" + "%a" * 500 + "'",
    "\u202eparams.a = 'b'",
    "\x00",
]


@pytest.mark.parametrize("text", FILTERS, ids=lambda text: ascii(text[:25]))
def test_filters_that_are_none(asking, text):
    for method, path, more in (
        ("POST", "/runs/search", {"experiment_ids": ["$exp"]}),
        ("POST", "/experiments/search", {}),
        ("POST", "/logged-models/search", {"experiment_ids": ["$exp"]}),
        ("GET", "/registered-models/search", {}),
        ("GET", "/model-versions/search", {}),
    ):
        if method == "POST" or len(text) < 1000:
            found = asking(method, path, {**more, "filter": text})
            # Names have other attributes in every search; what is fine in one is refused in another.
            assert found == WRONG or (found == (200, "") and "params" not in text and "runs" not in path), (path, found)


@pytest.mark.parametrize(
    "text",
    [
        f"params.a = '{'x' * (10 << 20)}'",
        "params.a = 'x' AND " * (10 << 20 >> 4) + "params.a = 'x'",
        "x" * (10 << 20),
        "(" * (10 << 20),
        "'" * (10 << 20),
        f"{'(' * 5000}params.a = 'b'{')' * 5000}",
        "NOT " * 5000 + "params.a = 'b' AND",
    ],
    ids=["value", "terms", "word", "depth", "quotes", "parentheses", "NOT"],
)
def test_filters_of_ten_megabytes_and_deep_ones(asking, text):
    assert asking("POST", "/runs/search", {"experiment_ids": ["$exp"], "filter": text}) in (WRONG, LARGE)


def test_bodies_beyond_every_limit(asking):
    assert asking("POST", "/runs/search", {"experiment_ids": ["$exp"], "filter": "x" * (17 << 20)}) == LARGE


@pytest.mark.parametrize(
    "order", ["colour", "metrics.", "metrics.loss SIDEWAYS", "metrics.loss ASC, params.a", "1", "'", "x; DROP"]
)
def test_orders_that_are_none(asking, order):
    assert asking("POST", "/runs/search", {"experiment_ids": ["$exp"], "order_by": [order]}) == WRONG
    assert (
        asking(
            "POST",
            "/runs/search",
            {"experiment_ids": ["$exp"], "order_by": ["metrics.a"] + [f"metrics.b{at}" for at in range(50)]},
        )
        == WRONG
    )


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/experiments/create", {"name": "same name at once"}),
        ("/registered-models/create", {"name": "same name at once"}),
    ],
)
def test_of_creates_at_once_exactly_one_wins(asking, path, body):
    barrier = threading.Barrier(6)

    def create(_: int) -> tuple[int, str]:
        barrier.wait()
        status, code = asking("POST", path, body)
        return status, code

    with ThreadPoolExecutor(6) as pool:
        found = sorted(pool.map(create, range(6)))
    assert found == [(200, ""), *[(400, "RESOURCE_ALREADY_EXISTS")] * 5]


def test_versions_made_at_once_have_numbers_of_their_own(http, known):
    http.post(f"{API}/registered-models/create", json={"name": "at once"}).raise_for_status()
    source = {"name": "at once", "source": f"runs:/{known['run']}/model"}

    def create(_: int) -> str:
        return str(http.post(f"{API}/model-versions/create", json=source).json()["model_version"]["version"])

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(create, range(6))) == ["1", "2", "3", "4", "5", "6"]


def test_writing_to_runs_that_ended_or_are_deleted(asking, http, known):
    made = http.post(f"{API}/runs/create", json={"experiment_id": known["experiment"]}).json()
    run = made["run"]["info"]["run_id"]
    ways: list[tuple[str, dict[str, object]]] = [
        ("/runs/log-metric", {"key": "m", "value": 1, "timestamp": T}),
        ("/runs/log-parameter", {"key": "p", "value": "1"}),
        ("/runs/set-tag", {"key": "t", "value": "1"}),
        ("/runs/log-batch", {"tags": [{"key": "t", "value": "1"}]}),
        ("/runs/update", {"run_name": "late"}),
        ("/runs/log-inputs", {"datasets": [{"dataset": {"name": "n", "digest": "d"}}]}),
        ("/runs/outputs", {"models": [{"model_id": known["model"], "step": 1}]}),
    ]
    asking("POST", "/runs/update", {"run_id": run, "status": "FINISHED", "end_time": T})
    assert {asking("POST", path, {"run_id": run, **body}) for path, body in ways} == {(200, "")}
    assert http.get(f"{API}/runs/get", params={"run_id": run}).json()["run"]["info"]["status"] == "FINISHED"
    asking("POST", "/runs/delete", {"run_id": run})
    assert {asking("POST", path, {"run_id": run, **body}) for path, body in ways} == {WRONG}
    assert {asking("POST", path, {"run_id": UNKNOWN, **body}) for path, body in ways} == {ABSENT}
    put = http.put(f"{known['files'].replace(known['run'], run)}/late.txt", content=b"x")
    assert said(put) == WRONG


@pytest.mark.parametrize(
    ("method", "path", "answer"),
    [
        ("POST", "/experiments/explode", (404, "ENDPOINT_NOT_FOUND")),
        ("GET", "/experiments/create", (405, "ENDPOINT_NOT_FOUND")),
        ("GET", "/experiments", (404, "ENDPOINT_NOT_FOUND")),
    ],
)
def test_routes_that_are_none(asking, method, path, answer):
    assert asking(method, path) == answer


def test_a_history_of_models_that_is_none_is_said_so(http, known):
    tag = {"run_id": known["run"], "key": "mlflow.log-model.history", "value": "mine"}
    assert http.post("/api/2.0/mlflow/runs/set-tag", json=tag).status_code == 200
    answer = http.post("/api/2.0/mlflow/runs/log-model", json={"run_id": known["run"], "model_json": "{}"})
    assert said(answer) == (400, "INVALID_PARAMETER_VALUE")
    http.post("/api/2.0/mlflow/runs/delete-tag", json={"run_id": known["run"], "key": tag["key"]})


def test_what_is_no_range_is_as_if_it_were_not_there(http, known):
    root = f"/api/2.0/mlflow-artifacts/artifacts/0/{known['run']}/artifacts"
    for name, size in (("small.bin", 10), ("large.bin", 2_000_000)):
        http.put(f"{root}/{name}", content=bytes(size))
        answer = http.get(f"{root}/{name}", headers={"Range": "nonsense"})
        assert (answer.status_code, len(answer.content)) == (200, size)
        part = http.get(f"{root}/{name}", headers={"Range": "bytes=2-5"})
        assert (part.status_code, len(part.content)) == (206, 4)
