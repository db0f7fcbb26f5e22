"""What a person does to find what was deleted, and to have it back."""

import re

import pytest
from playwright.sync_api import expect

from tidemill.core.access import OWNER

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


@pytest.fixture
def thrown(site):
    """Give a run, an experiment with a run, a logged model and a version that lie in the trash."""
    tracking, story = site.workspace.tracking, site.story
    run = tracking.create_run(OWNER, experiment="thrown", name="thrown run")
    tracking.log_artifact(OWNER, run_id=run.run_id, path="a.bin", content=b"x" * 4096)
    tracking.delete_run(OWNER, run_id=run.run_id)
    tracking.create_run(OWNER, experiment="thrown away", name="with it")
    tracking.delete_experiment(OWNER, experiment="thrown away")
    logged = site.workspace.logged_models.create(OWNER, experiment_id="thrown", name="thrown tree")
    site.workspace.logged_models.delete(OWNER, model_id=logged.model_id)
    site.workspace.models.delete_version(OWNER, ref=story.versions[3].ref)
    yield run.run_id
    tracking.restore_run(OWNER, run_id=run.run_id)
    if site.workspace.models.get_model(OWNER, name="delay").latest != 4:
        site.workspace.models.restore_version(OWNER, name="delay", number=4)
    for name in ("thrown away", "thrown"):
        if tracking.get_experiment(OWNER, name=name).lifecycle_stage != "active":
            tracking.restore_experiment(OWNER, experiment=name)
        tracking.update_experiment(OWNER, experiment=name, name=f"{name} {run.run_id}")


def row(page, name):
    return page.get_by_role("row", name=re.compile(name))


@pytest.mark.parametrize("scripts", [True, False])
def test_what_was_deleted_is_found_with_its_time_and_taken_out(site, thrown, open_page, scripts):
    page = open_page("/", java_script_enabled=scripts)
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Trash").click()
    expect(row(page, "thrown run")).to_contain_text("4.0\u202fKiB")
    expect(row(page, "thrown run")).to_contain_text("from")
    expect(row(page, "thrown away")).to_contain_text("with 1 run")
    expect(row(page, "delay@4")).to_contain_text("stays: a gate judged it")
    for name in ("thrown run", "thrown away", "thrown tree", "delay@4"):
        page.get_by_role("button", name=re.compile(f"{name} out")).click()
        expect(page.get_by_text("Taken out of the trash.")).to_be_visible()
        expect(row(page, name)).to_have_count(0)
    assert site.workspace.tracking.get_run(OWNER, run_id=thrown).lifecycle_stage == "active"


def test_one_kind_is_looked_at(thrown, open_page):
    page = open_page("/trash")
    page.get_by_label("What").select_option("Experiments")
    expect(page).to_have_url(re.compile("kind=experiment"))
    expect(row(page, "thrown away")).to_be_visible()
    expect(row(page, "thrown run")).to_have_count(0)
    page.get_by_role("link", name="thrown away").click()
    expect(page.get_by_text("In the trash", exact=True)).to_be_visible()
    page.get_by_role("button", name="Take it out").click()
    expect(page.get_by_text("Taken out of the trash.")).to_be_visible()


def test_on_a_phone_the_button_and_the_place_in_the_navigation_are_in_sight(thrown, open_page):
    page = open_page("/trash", "phone")
    width = page.viewport_size["width"]
    for found in (page.get_by_role("button", name=re.compile("thrown run out")), page.locator("nav [aria-current]")):
        box = found.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width


def test_a_version_of_data_is_thrown_away_found_in_the_trash_and_taken_out(site, open_page, tmp_path):
    data = site.workspace.data
    for rows in ("1", "1\n2", "1\n2\n3"):
        (tmp_path / "extract.csv").write_text(f"x\n{rows}\n")
        data.ingest(OWNER, "extracts", str(tmp_path / "extract.csv"))
    page = open_page("/datasets/extracts/2", refused=True)
    page.get_by_role("button", name="Move to the trash").first.click()
    page.locator("details.confirm[open] form").get_by_role("button", name="Move to the trash").click()
    expect(page.get_by_text("Moved to the trash.")).to_be_visible()
    expect(page.locator("#gone")).to_contain_text("extracts@2")
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Trash").click()
    page.get_by_role("button", name="Take dataset version extracts@2 out").click()
    expect(page.get_by_text("Taken out of the trash.")).to_be_visible()
    assert [each.number for each in data.versions(OWNER, "extracts")] == [3, 2, 1]

    page.goto(f"{site.url}/datasets/extracts")
    page.get_by_role("button", name="Move to the trash").click()
    page.locator("details.confirm[open] form").get_by_role("button", name="Move to the trash").click()
    expect(page.get_by_role("link", name="extracts")).to_have_count(0)
    page.goto(f"{site.url}/datasets/extracts/3")
    expect(page.get_by_text("lies in the trash")).to_be_visible()
    page.goto(f"{site.url}/trash?kind=dataset")
    page.get_by_role("button", name="Take dataset extracts out").click()
    assert data.get(OWNER, "extracts").number == 3
