import pytest

from tidemill.core.access import OWNER
from tidemill.server.pages.editing import NOTE

BROWSER = {"accept": "text/html,application/xhtml+xml", "origin": "http://localhost"}
EVIL = "<script>alert(1)</script>"


@pytest.fixture
def delays(workspace):
    """Give the id of an experiment with two runs, a description, a tag and a saved view."""
    run = workspace.tracking.create_run(OWNER, experiment="delays", name="a")
    workspace.tracking.create_run(OWNER, experiment="delays", name="b")
    tags = {NOTE: f"of June {EVIL}", "team": "ops", "tidemill.view.best": "order=metrics.auc"}
    workspace.tracking.update_experiment(OWNER, experiment="delays", tags=tags)
    return run.experiment_id


def see(http, path):
    answer = http.get(path, headers=BROWSER)
    assert EVIL not in answer.text
    return answer


def test_all_experiments_are_listed_and_searched(serve, delays):
    http = serve()
    text = see(http, "/experiments").text
    found = see(http, "/experiments?filter=tags.team+=+'ops'").text

    for shown in ("delays", "Default", "of June", "2 runs of delays", "ops"):
        assert shown in text
    assert "Default" not in found
    assert see(http, "/experiments?filter=name+LIKE+x").status_code == 400
    assert see(http, "/experiments?page=forged").status_code == 400


def test_an_experiment_shows_its_words_and_not_its_views(serve, delays):
    text = see(serve(), f"/experiments/{delays}").text

    assert "of June" in text
    assert "tidemill.view" not in text
    assert f"/runs?experiment={delays}" in text


def test_the_table_of_its_runs_leads_to_it(serve, delays):
    http = serve()

    assert f'href="/experiments/{delays}"' in see(http, "/runs?experiment=delays").text
    assert f'href="/experiments/{delays}"' in see(http, f"/runs?experiment={delays}").text
    assert 'href="/experiments"' in see(http, "/runs").text


def test_it_goes_to_the_trash_and_comes_back_with_its_runs(serve, workspace, delays):
    http = serve()
    gone = http.post(f"/experiments/{delays}/delete", headers=BROWSER, follow_redirects=False)
    page = see(http, f"/experiments/{delays}").text
    count = workspace.tracking.count_runs(OWNER, experiments=[delays]).count
    back = http.post(f"/experiments/{delays}/restore", headers=BROWSER, follow_redirects=False)

    assert (gone.status_code, back.status_code, count) == (303, 303, 0)
    assert "In the trash" in page
    assert "2 runs of it in the trash" in page
    assert workspace.tracking.count_runs(OWNER, experiments=[delays]).count == 2
