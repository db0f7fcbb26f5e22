"""The server itself, and requests that are no request."""

from tests.mlflow.asking import Better, ask

BAD = Better(status=400, code="BAD_REQUEST")
JSON = {"content-type": "application/json"}
ABSENT = Better(status=501, code="NOT_IMPLEMENTED")

ITSELF = [
    ask("health", "GET /health"),
    ask("version", "GET /version", ignore=("text",)),
    ask("server info", "GET /api/3.0/mlflow/server-info", better=Better(status=200)),
]

BROKEN = [
    ask("broken JSON", "POST experiments/create", b'{"name": ', headers=JSON, better=BAD),
    ask("no JSON", "POST experiments/create", b"\xff\xfe", headers=JSON, better=BAD),
    ask("deep JSON", "POST experiments/create", b"[" * 100_000, headers=JSON, better=BAD),
    ask("a list", "POST experiments/create", b"[1]", headers=JSON, better=Better(status=400)),
    ask("a text", "POST experiments/create", b'"x"', headers=JSON, better=Better(status=400)),
    ask("null", "POST experiments/create", b"null", headers=JSON, better=Better(status=400)),
    ask("nothing", "POST experiments/create", b"", headers=JSON, better=Better(status=400)),
    ask("no content type", "POST experiments/create", b'{"name": "untyped"}', better=Better(status=200)),
    ask("another content type", "POST experiments/create", b'{"name": "plain"}', headers={"content-type": "text/plain"}, better=Better(status=400)),
    ask("bare NaN", "POST runs/log-metric", b'{"run_id": "x", "key": "k", "value": NaN, "timestamp": 1}', headers=JSON, better=Better(status=400)),
    ask("lone surrogate", "POST experiments/create", b'{"name": "a\\ud800"}', headers=JSON, better=Better(status=400)),
    ask("huge number", "POST runs/log-metric", b'{"run_id": "x", "key": "k", "value": 1, "timestamp": 1' + b"0" * 400 + b"}", headers=JSON,
        better=Better(status=400)),
    ask("unknown route", "POST experiments/explode", {}, better=Better(status=404)),
    ask("wrong method", "GET experiments/create", better=Better(status=405)),
]  # fmt: skip

GENERATIVE = [
    ask("traces", "POST /api/3.0/mlflow/traces/search", {"locations": []}, better=ABSENT),
    ask("one trace", "GET /api/3.0/mlflow/traces/tr-1", better=ABSENT),
    ask("gateway", "GET /api/3.0/mlflow/gateway/endpoints/list", better=ABSENT),
    ask("webhooks", "GET /api/2.0/mlflow/webhooks", better=ABSENT),
]
