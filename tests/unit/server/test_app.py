"""What the application does beside answering."""

from tidemill.app import Workspace
from tidemill.core.settings import Settings
from tidemill.server.app import warm


def test_a_server_that_is_warm_has_every_stage(tmp_path):
    with Workspace(Settings(home=tmp_path / "home")) as workspace:
        before = set(Workspace.services()) & set(vars(workspace))
        warm(workspace)

        assert before == set()
        assert set(Workspace.services()) - set(vars(workspace)) == set()
