"""What a spool sends twice, as its first answer was lost, is there once."""

from .asked import API, PROXY, T

MODEL = f"m-{'0' * 31}7"


def test_a_logged_model_that_is_sent_again(http, known):
    body = {
        "experiment_id": "there", "model_id": MODEL, "name": "kept", "source_run_id": known["run"],
        "creation_timestamp_ms": T, "params": [{"key": "depth", "value": "4"}], "tags": [{"key": "a", "value": "b"}],
    }  # fmt: skip
    place = f"{API}/logged-models/{MODEL}"
    for _ in range(2):
        http.post(f"{API}/logged-models", json=body).raise_for_status()
        output = {"run_id": known["run"], "models": [{"model_id": MODEL, "step": 0}]}
        http.post(f"{API}/runs/outputs", json=output).raise_for_status()
        point = {"key": "loss", "value": 0.5, "step": 0, "timestamp": T, "model_id": MODEL}
        http.post(f"{API}/runs/log-batch", json={"run_id": known["run"], "metrics": [point]}).raise_for_status()
        http.put(f"{PROXY}/0/models/{MODEL}/artifacts/MLmodel", content=b"flavors: {}\n").raise_for_status()
        http.patch(place, json={"model_id": MODEL, "status": "LOGGED_MODEL_READY"}).raise_for_status()
        http.patch(f"{place}/tags", json={"tags": [{"key": "c", "value": "d"}]}).raise_for_status()

    told = http.get(place).json()["model"]
    assert told["info"]["creation_timestamp_ms"] == T
    assert told["info"]["status"] == "LOGGED_MODEL_READY"
    assert [each["key"] for each in told["info"]["tags"]] == ["a", "c"]
    assert [(each["key"], each["value"]) for each in told["data"]["metrics"]] == [("loss", 0.5)]
    run = http.get(f"{API}/runs/get", params={"run_id": known["run"]}).json()["run"]
    assert run["outputs"]["model_outputs"] == [{"model_id": MODEL, "step": 0}]
    search = {"experiment_ids": [known["experiment"]], "filter": "name = 'kept'"}
    assert len(http.post(f"{API}/logged-models/search", json=search).json()["models"]) == 1
    files = http.get(f"{place}/artifacts/directories").json()["files"]
    assert [each["path"] for each in files] == ["MLmodel"]
