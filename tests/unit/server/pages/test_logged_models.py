import pytest

from tidemill.core.access import OWNER
from tidemill.tracking.records import Metric, Output

BROWSER = {"accept": "text/html,application/xhtml+xml"}
EVIL = "<script>alert(1)</script>"


@pytest.fixture
def logged(workspace):
    """Give a logged model with params, tags, a metric on a dataset, a file, and its run."""
    tracking = workspace.tracking
    run = tracking.create_run(OWNER, name="maker")
    model = workspace.logged_models.create(
        OWNER,
        experiment_id=run.experiment_id,
        name="tree",
        source_run_id=run.run_id,
        params={"depth": EVIL},
        tags={"t": "v"},
    )
    point = Metric(
        key="auc", value=0.87654, step=3, model_id=model.model_id, dataset_name="flights", dataset_digest="abc"
    )
    tracking.log_batch(OWNER, run_id=run.run_id, metrics=[point])
    tracking.log_outputs(OWNER, run_id=run.run_id, outputs=[Output(model_id=model.model_id)])
    digest = workspace.objects.put_bytes(b"kind: tree")
    tracking.put_artifact(OWNER, root=f"logged_model:{model.model_id}", path="MLmodel", digest=digest)
    return model


def test_a_logged_model_shows_all_that_is_known_of_it(serve, logged):
    http = serve()
    text = http.get(f"/logged-models/{logged.model_id}", headers=BROWSER).text

    for shown in ("tree", "pending", "0.8765", "flights", "MLmodel", "maker"):
        assert shown in text
    assert EVIL not in text
    preview = http.get(f"/logged-models/{logged.model_id}?artifact=MLmodel", headers=BROWSER).text
    assert "kind: tree" in preview
    assert "/api/v1/objects/" in preview


def test_its_run_links_to_it(serve, logged):
    text = serve().get(f"/runs/{logged.source_run_id}", headers=BROWSER).text

    assert f'href="/logged-models/{logged.model_id}"' in text


def test_what_is_not_there_is_said(serve, logged):
    http = serve()

    assert http.get("/logged-models/m-nothing", headers=BROWSER).status_code == 404
    assert http.get(f"/logged-models/{logged.model_id}?artifact=none", headers=BROWSER).status_code == 404
