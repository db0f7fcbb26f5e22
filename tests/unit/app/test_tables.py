"""A reference gives rows, or says why it has none."""

import io

import polars as pl
import pytest

from tidemill.app.tables import DamagedRows, NotRows, Tables
from tidemill.core.access import OWNER
from tidemill.core.digests import InvalidDigest
from tidemill.core.errors import Damaged, InvalidInput, NotFound
from tidemill.objects import ObjectMissing

ROWS = pl.DataFrame({"x": [1, 2, 3], "y": ["a", "b", None]})


@pytest.fixture
def tables(workspace):
    return Tables(workspace.objects, workspace.data)


def test_an_artifact_and_a_dataset_version_give_their_rows(tables, workspace, tmp_path):
    written = io.BytesIO()
    ROWS.write_parquet(written)
    digest = workspace.objects.put_bytes(written.getvalue())
    ROWS.write_csv(tmp_path / "rows.csv")
    version = workspace.data.ingest(OWNER, "rows", str(tmp_path / "rows.csv"))

    assert tables.rows(f"artifact:{digest}").equals(ROWS)
    assert tables.rows(f"dataset_version:{version.id}").select("x", "y").equals(ROWS)


def test_what_is_no_table_is_named(tables, workspace):
    text = workspace.objects.put_bytes(b"these are no rows")

    with pytest.raises(DamagedRows, match="is not a Parquet file"):
        tables.rows(f"artifact:{text}")
    with pytest.raises(NotRows, match=r"run:7.* does not name rows"):
        tables.rows("run:7")


@pytest.mark.parametrize(
    ("ref", "error"),
    [
        ("artifact:short", InvalidDigest),
        (f"artifact:{'0' * 64}", ObjectMissing),
        ("dataset_version:none", NotFound),
        ("no reference", InvalidInput),
    ],
)
def test_a_reference_to_nothing_is_refused(tables, ref, error):
    with pytest.raises(error):
        tables.rows(ref)


def test_rows_that_changed_on_the_disk_are_damaged_not_read(tables, workspace):
    written = io.BytesIO()
    ROWS.write_parquet(written)
    digest = workspace.objects.put_bytes(written.getvalue())
    workspace.maintenance.fsck(OWNER)
    path = workspace.objects.path(digest)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1] + b"X")

    with pytest.raises(Damaged):
        tables.rows(f"artifact:{digest}")
