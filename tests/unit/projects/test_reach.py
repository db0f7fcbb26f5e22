"""A project file has nothing read that the one who applied it may not have read, whoever delivers it."""

import pytest

from tidemill.app import Workspace
from tidemill.cli.starting import start_project
from tidemill.core.access import OWNER, SYSTEM, Actor, Role
from tidemill.core.settings import Settings


@pytest.mark.parametrize("deliverer", [OWNER, SYSTEM, Actor("eve", Role.ADMIN)])
def test_a_delivery_by_the_owner_reads_no_more_than_who_applied_it_may(tmp_path, wait_for, deliverer):
    table = tmp_path / "customers.csv"
    table.write_text("id,tenure,left\n" + "".join(f"{at},{at % 7},{'yes' if at % 2 else 'no'}\n" for at in range(40)))
    folder = start_project(tmp_path / "churn", table, label="left", time=None, key=None).folder
    text = (folder / "tidemill.yaml").read_text()
    with Workspace(Settings(home=tmp_path / "home", data_roots=str(folder))) as workspace:
        workspace.projects.apply(Actor("eve", Role.EDITOR), text=text, folder=str(folder))
        started = workspace.projects.deliver(deliverer, project="churn")

        wait_for(lambda: workspace.projects.get_delivery(OWNER, id=started.id).state != "running", within_s=60)

        found = workspace.projects.get_delivery(OWNER, id=started.id)
        assert (found.state, workspace.data.list(OWNER)) == ("failed", [])
        assert "outside the folders that may be read" in found.reason
