"""What a registered version takes in is known before anything serves it."""

from datetime import UTC, datetime
from io import BytesIO

import polars as pl

from tidemill.core.access import OWNER
from tidemill.models.manifest import FORMAT, MANIFEST, Manifest, write_manifest
from tidemill.models.signatures import Field, Signature


def test_a_version_that_nothing_serves_yet_is_held_against_its_inputs_alone(workspace, tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    signature = Signature(inputs=(Field(name="x", type="double"),), outputs=(Field(name="late", type="double"),))
    write_manifest(
        folder,
        Manifest(
            format=FORMAT,
            framework="sklearn",
            framework_version="1",
            kind="classifier",
            model_file="model.skops",
            signature=signature,
            files={},
            created_at=datetime(2026, 1, 1, tzinfo=UTC),
        ),
    )
    run = workspace.tracking.create_run(OWNER, experiment="delays")
    content = (folder / MANIFEST).read_bytes()
    workspace.tracking.log_artifact(OWNER, run_id=run.run_id, path=f"model/{MANIFEST}", content=content)
    workspace.models.create_version(OWNER, name="delay", source=f"runs:/{run.run_id}/model", run_id=run.run_id)
    rows = BytesIO()
    pl.DataFrame({"x": [1.0, 2.0], "late": [0, 1], "output.late": [0.1, 0.9]}).write_parquet(rows)

    found = workspace.monitoring.set_reference(
        OWNER, model="delay@1", rows=f"artifact:{workspace.objects.put_bytes(rows.getvalue())}"
    )

    assert "late" not in found.columns
    assert found.columns[0] == "x"
