"""Histories of metrics: whole, in pages, thinned for charts."""

from tests.mlflow.asking import Better, ask
from tests.mlflow.scenes.runs import T, start

HISTORY = [
    *start("history"),
    ask("write", "POST runs/log-batch", {"run_id": "$run", "metrics": [
        {"key": "loss", "value": 1 / (at + 1), "timestamp": T + at, "step": at // 2} for at in range(7)] + [
        {"key": "odd", "value": value, "timestamp": T, "step": 0} for value in ("NaN", "Infinity", 2)]}),
    ask("whole", "GET metrics/get-history", {"run_id": "$run", "metric_key": "loss"}),
    ask("by run_uuid", "GET metrics/get-history", {"run_uuid": "$run", "metric_key": "loss"}),
    ask("not finite", "GET metrics/get-history", {"run_id": "$run", "metric_key": "odd"}),
    ask("unknown key", "GET metrics/get-history", {"run_id": "$run", "metric_key": "nothing"}),
    ask("without key", "GET metrics/get-history", {"run_id": "$run"}, says="metric_key"),
    ask("without run", "GET metrics/get-history", {"metric_key": "loss"}),
    ask("unknown run", "GET metrics/get-history", {"run_id": "0" * 31 + "1", "metric_key": "loss"},
        better=Better(status=404, code="RESOURCE_DOES_NOT_EXIST")),
    ask("a page", "GET metrics/get-history", {"run_id": "$run", "metric_key": "loss", "max_results": 3}, keep={"page-token": "next_page_token"}),
    ask("the next page", "GET metrics/get-history", {"run_id": "$run", "metric_key": "loss", "max_results": 3, "page_token": "$page-token"}),
    ask("too many", "GET metrics/get-history", {"run_id": "$run", "metric_key": "loss", "max_results": 25001}, better=Better(status=200)),
    ask("none", "GET metrics/get-history", {"run_id": "$run", "metric_key": "loss", "max_results": 0}),
    ask("a forged token", "GET metrics/get-history", {"run_id": "$run", "metric_key": "loss", "max_results": 3, "page_token": "no token"}),
    ask("interval", "GET metrics/get-history-bulk-interval", {"run_ids": "$run", "metric_key": "loss", "start_step": 0, "end_step": 2, "max_results": 10}),
    ask("interval of everything", "GET /ajax-api/2.0/mlflow/metrics/get-history-bulk-interval", {"run_ids": "$run", "metric_key": "loss", "max_results": 10}),
    ask("interval without runs", "GET metrics/get-history-bulk-interval", {"metric_key": "loss"}),
    ask("bulk for the browser", "GET /ajax-api/2.0/mlflow/metrics/get-history-bulk", {"run_id": "$run", "metric_key": "loss"}),
    ask("bulk without key", "GET /ajax-api/2.0/mlflow/metrics/get-history-bulk", {"run_id": "$run"}),
]  # fmt: skip
