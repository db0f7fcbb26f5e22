"""What a person does to say what things are for: descriptions, tags, aliases, on their pages."""

import re

import pytest
from playwright.sync_api import expect

from tidemill.core.access import OWNER

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


@pytest.fixture
def run(site):
    """Give the id of a run of an experiment of its own."""
    made = site.workspace.tracking.create_run(OWNER, experiment="edited", name="edited run")
    yield made.run_id
    site.workspace.tracking.delete_run(OWNER, run_id=made.run_id)


def describe(page, text):
    page.locator("summary").get_by_text(re.compile("description")).click()
    page.get_by_label("Description").fill(text)
    page.get_by_role("button", name="Keep it").click()
    expect(page.get_by_text("The description is kept.")).to_be_visible()


def tag(page, key, value):
    page.locator("summary").get_by_text("Set a tag").click()
    page.get_by_label("Key").fill(key)
    page.get_by_label("Value", exact=True).fill(value)
    page.get_by_role("button", name="Set it").click()


@pytest.mark.parametrize("scripts", [True, False])
@pytest.mark.parametrize("kind", ["run", "experiment", "model", "version"])
def test_a_thing_is_described_and_tagged(site, run, open_page, kind, scripts):
    experiment = site.workspace.tracking.get_run(OWNER, run_id=run).experiment_id
    place = {"run": f"/runs/{run}", "experiment": f"/experiments/{experiment}", "model": "/models/delay"}
    page = open_page(place.get(kind, "/models/delay/1"), java_script_enabled=scripts)
    describe(page, "What it is for:\nflights of June")
    expect(page.locator("#about")).to_contain_text("flights of June")
    tag(page, "reviewed", "yes")
    row = page.locator("#about").get_by_role("row", name=re.compile("reviewed"))
    expect(row).to_contain_text("yes")
    page.get_by_role("button", name="Remove the tag reviewed").click()
    expect(page.get_by_text("The tag reviewed is removed.")).to_be_visible()
    expect(page.locator("#about").get_by_role("row", name=re.compile("reviewed"))).to_have_count(0)
    describe(page, "")


def test_what_is_refused_stays_typed_beside_what_is_wrong(run, open_page):
    page = open_page(f"/runs/{run}", refused=True)
    tag(page, "team\u202ereversed", "typed with care")
    expect(page.locator("#about").get_by_role("alert")).to_be_visible()
    expect(page.get_by_label("Value", exact=True)).to_have_value("typed with care")
    # The address is that of the page again: reloading does not send the form once more.
    expect(page).to_have_url(re.compile(f"/runs/{run}$"))
    page.get_by_label("Key").fill("team")
    page.get_by_role("button", name="Set it").click()
    expect(page.get_by_role("row", name=re.compile("typed with care"))).to_be_visible()
    page.reload()
    expect(page.get_by_role("row", name=re.compile("typed with care"))).to_be_visible()


def test_an_open_form_is_left_alone_while_the_run_is_followed(site, run, open_page):
    page = open_page(f"/runs/{run}")
    page.locator("summary").get_by_text(re.compile("description")).click()
    page.get_by_label("Description").fill("half a sent")
    site.workspace.tracking.end_run(OWNER, run_id=run)
    expect(page.locator("#head")).to_contain_text("finished", timeout=15_000)
    expect(page.get_by_label("Description")).to_have_value("half a sent")


def test_an_alias_is_set_moved_after_a_question_and_removed(site, open_page):
    models, name = site.workspace.models, "delay"
    champion = models.get_model(OWNER, name=name).aliases["champion"]
    other = next(each.number for each in site.story.versions if each.number != champion)
    page = open_page(f"/models/{name}/{other}", refused=True)
    page.locator("summary").get_by_text("Let an alias point here").click()
    page.get_by_label("Alias").fill("champion")
    page.get_by_role("button", name="Point it here").click()
    question = page.locator("#aliases").get_by_role("alert")
    expect(question).to_contain_text(f"champion points at version {champion}")
    expect(question).to_contain_text("No traffic moves")
    page.get_by_role("link", name="Leave it where it is").click()
    assert models.get_model(OWNER, name=name).aliases["champion"] == champion

    page.locator("summary").get_by_text("Let an alias point here").click()
    page.get_by_label("Alias").fill("champion")
    page.get_by_role("button", name="Point it here").click()
    page.get_by_role("button", name="Move champion here").click()
    expect(page.get_by_text("champion points here now")).to_be_visible()
    assert models.get_model(OWNER, name=name).aliases["champion"] == other
    models.set_alias(OWNER, name=name, alias="champion", version=champion)

    page.locator("summary").get_by_text("Let an alias point here").click()
    page.get_by_label("Alias").fill("trial")
    page.get_by_role("button", name="Point it here").click()
    page.get_by_role("button", name="Remove trial").first.click()
    page.locator("details.confirm[open] form").get_by_role("button", name="Remove trial").click()
    expect(page.get_by_text("trial points nowhere now")).to_be_visible()


def test_experiments_are_found_from_the_runs(open_page):
    page = open_page("/runs")
    page.get_by_role("link", name="All experiments").click()
    page.get_by_role("link", name="flight-delays", exact=True).click()
    expect(page.get_by_role("heading", name="flight-delays")).to_be_visible()
    page.get_by_role("link", name="4 runs").click()
    expect(page.locator("tbody tr[data-run]")).to_have_count(4)
