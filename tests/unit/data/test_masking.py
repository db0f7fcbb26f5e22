"""What leaves the service of a table with personal data."""

from concurrent.futures import ThreadPoolExecutor

import polars as pl
import pytest

from tidemill.app import Workspace
from tidemill.core.access import OWNER, Actor, PermissionMissing, Role
from tidemill.core.settings import Settings
from tidemill.data.errors import UnknownColumn
from tidemill.data.profiling import profile_file

VIEWER = Actor("vera", Role.VIEWER)
SECRETS = ("ann.lee@example.com", "4111111111111111", "Smithson", "DE89370400440532013000")


def table(rows=60):
    return pl.DataFrame(
        {
            "id": range(rows),
            "contact": ["ann.lee@example.com", "bob@example.org"] * (rows // 2),
            "paid": ["4111111111111111", "5555555555554444", "378282246310005"] * (rows // 3),
            "last_name": ["Smithson", "Kim"] * (rows // 2),
            "note": ["send to DE89370400440532013000" if at == 3 else "fine" for at in range(rows)],
            "carrier": ["UA", "AA"] * (rows // 2),
        }
    )


@pytest.fixture
def workspace(tmp_path):
    with Workspace(Settings(home=tmp_path / "home")) as opened:
        table().write_csv(tmp_path / "people.csv")
        opened.data.ingest(OWNER, "people", str(tmp_path / "people.csv"), key=["id"])
        table().with_columns(pl.col("contact").str.replace("ann", "joe")).write_csv(tmp_path / "people.csv")
        opened.data.ingest(OWNER, "people", str(tmp_path / "people.csv"), key=["id"])
        yield opened


def shown(record):
    return str(record)


@pytest.mark.parametrize("actor", [OWNER, VIEWER])
def test_profile_sample_and_diff_show_no_personal_value(workspace, actor):
    seen = [
        workspace.data.profile(actor, "people@1"),
        workspace.data.sample(actor, "people@1", rows=60),
        workspace.data.diff(actor, "people@1", "people@2", samples=60),
    ]

    assert [secret for secret in SECRETS for each in seen if secret in shown(each)] == []
    assert "a•••@•••.com" in shown(seen[0])
    assert "a•••@•••.com" in shown(seen[1])
    assert "S•••" in shown(seen[1])
    assert workspace.data.sample(actor, "people@1", rows=1).rows[0][5] == "UA"


def test_columns_are_shown_in_the_order_asked_for(workspace):
    kept = workspace.data.sample(OWNER, "people@1", columns=["paid", "id"], rows=2)
    assert kept.columns == ("paid", "id")
    assert kept.rows[0] == ("••••••••••••1111", "0")
    columns = workspace.data.profile(OWNER, "people@1", columns=["paid", "id"]).columns
    assert [each.name for each in columns] == ["paid", "id"]
    assert "4111" not in str(columns)
    for ask in (workspace.data.sample, workspace.data.profile):
        with pytest.raises(UnknownColumn, match="paidd"):
            ask(OWNER, "people@1", columns=["paidd"])


def test_a_version_is_looked_through_once_however_many_ask(workspace, monkeypatch):
    looked = []

    def look(version):
        looked.append(version.ref)
        return {"contact": ("email",)}

    masks = workspace.data.masks
    version = workspace.data.get(OWNER, "people@1")
    monkeypatch.setattr(masks, "_look", look)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: masks.of(version), range(8)))

    assert looked == ["people@1"]
    assert found == [{"contact": ("email",)}] * 8


def test_the_rows_themselves_are_as_they_were(workspace):
    assert workspace.data.read(OWNER, "people@1")["contact"][0] == "ann.lee@example.com"


def test_columns_that_are_not_personal_keep_their_profile(workspace):
    found = workspace.data.profile(VIEWER, "people@1")

    assert found.column("carrier").bins.values == ("AA", "UA")
    assert (found.column("id").low, found.column("id").high) == (0, 59)
    assert found.column("paid").bins is None
    assert found.column("last_name").distinct == 2


def test_only_an_admin_sees_values_as_they_are_and_that_is_recorded(workspace):
    with pytest.raises(PermissionMissing):
        workspace.data.sample(VIEWER, "people@1", unmasked=True)

    sample = workspace.data.sample(OWNER, "people@1", unmasked=True)

    assert sample.rows[0][1] == "ann.lee@example.com"
    event = workspace.governance.audit(OWNER, limit=1)[0]
    assert (event.action, event.actor) == ("dataset.unmask", "owner")


def test_the_profile_of_a_file_is_masked_too(tmp_path):
    path = tmp_path / "people.parquet"
    table().write_parquet(path)

    found = profile_file(str(path))

    assert [secret for secret in SECRETS if secret in shown(found)] == []


def test_what_a_version_holds_is_told_by_column(workspace):
    report = workspace.checks.personal(VIEWER, "people@1")

    assert report.kinds_by_column() == {
        "contact": ("email",),
        "paid": ("card",),
        "last_name": ("person_name",),
        "note": ("iban",),
    }
    assert [secret for secret in SECRETS if secret in shown(report)] == []
