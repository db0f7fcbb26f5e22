"""Searches through MLflow's API by what is in the lineage, which MLflow's own language cannot say."""

from typing import Any

API = "/api/2.0/mlflow"


def test_runs_are_found_by_the_model_that_they_made(serve):
    http = serve()

    def ask(path: str, body: dict[str, object]) -> Any:
        return http.post(API + path, json=body).raise_for_status().json()

    def found(text: str) -> list[str]:
        runs = ask("/runs/search", {"experiment_ids": ["0"], "filter": text, "order_by": ["run_name"]}).get("runs", [])
        return [each["info"]["run_name"] for each in runs]

    ids = [ask("/runs/create", {"experiment_id": "0", "run_name": name})["run"]["info"]["run_id"] for name in "ab"]
    http.put(f"/api/2.0/mlflow-artifacts/artifacts/0/{ids[0]}/artifacts/m/MLmodel", content=b"flavors: {}\n")
    ask("/registered-models/create", {"name": "delay"})
    ask("/model-versions/create", {"name": "delay", "source": f"runs:/{ids[0]}/m", "run_id": ids[0]})

    assert found("model.delay") == found("model.delay@1") == ["a"]
    assert found("NOT model.delay") == ["b"]
    assert found("model.delay@2") == found("model.other") == []
    refused = http.post(f"{API}/runs/search", json={"experiment_ids": ["0"], "filter": "model.delay = 'x'"})
    assert (refused.status_code, refused.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
