"""What a person sees and does on the pages, in a real browser."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tidemill.core.access import OWNER

from .conftest import LOOKS

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

PROBLEMS = Path(__file__).with_name("problems.js").read_text()


@pytest.fixture(scope="module")
def addresses(site):
    """Give the address of every page by its name."""
    story, workspace = site.story, site.workspace
    trigger = workspace.monitoring.list_triggers(OWNER, endpoint="delay")[0]
    deliveries = workspace.projects.list_deliveries(OWNER)
    return {
        "loop": "/",
        "runs": "/runs",
        "runs filtered": "/runs?filter=tags.source+%3D+%27pipeline.py%27&order=metrics.roc_auc+DESC",
        "runs grouped": "/runs?group=params.num_leaves",
        "runs nested": "/runs?group=parent&view=all",
        "runs nothing": "/runs?filter=metrics.nothing+%3E+1",
        "experiments": "/experiments",
        "experiment": "/experiments/1",
        "run": f"/runs/{story.runs[0]}",
        "run with a hostile name": f"/runs/{story.hostile_run}",
        "artifact json": f"/runs/{story.runs[0]}?artifact=report.json",
        "artifact csv": f"/runs/{story.runs[0]}?artifact=importance.csv",
        "artifact image": f"/runs/{story.runs[0]}?artifact=plot.png",
        "artifact html": f"/runs/{story.runs[0]}?artifact=notes/evil.html",
        "artifact page": f"/runs/{story.runs[0]}?artifact=page.html",
        "artifact notebook": f"/runs/{story.runs[0]}?artifact=study.ipynb",
        "artifact parquet": f"/runs/{story.runs[0]}?artifact=rows.parquet",
        "run drawn": f"/runs/{story.runs[0]}?x=time&smooth=50&log=1",
        "artifact binary": f"/runs/{story.runs[0]}?artifact=model.bin",
        "compare": f"/runs/compare?ids={','.join(story.runs[:3])}",
        "compare drawn": f"/runs/compare?ids={','.join(story.runs)}&all=1&x=relative&log=1&smooth=60&axis=params.seed"
        "&axis=metrics.roc_auc&across=params.learning_rate",
        "datasets": "/datasets",
        "dataset": "/datasets/flights",
        "dataset version": "/datasets/flights/2",
        "dataset columns found": "/datasets/flights/2?find=e&order=target&target=distance",
        "dataset column": "/datasets/flights/2/columns/distance",
        "dataset column by class": "/datasets/flights/2/columns/distance?with=carrier",
        "dataset column of texts": "/datasets/flights/2/columns/carrier?with=distance",
        "dataset report": "/datasets/flights/2/report",
        "checks": "/checks",
        "check report": f"/checks/{story.checks[0]}",
        "check report of a test": f"/checks/{story.checks[1]}",
        "dataset difference": "/datasets/flights/diff?before=1&after=2",
        "models": "/models",
        "models searched": "/models?filter=name+LIKE+'del%25'",
        "models in the trash": "/models?view=deleted",
        "logged model": f"/logged-models/{story.logged_model}",
        "model": "/models/delay",
        "model version": "/models/delay/2",
        "model waiting": "/models/delay/3",
        "model shut": "/models/delay/4",
        "gate": f"/gates/{story.gates[3]}",
        "endpoints": "/endpoints",
        "endpoint": "/endpoints/delay",
        "window": "/endpoints/delay/windows/latest",
        "window column": "/endpoints/delay/windows/latest/columns/distance",
        "prediction": f"/predictions/{story.ids[3]}",
        "trace": f"/trace/model_version:{story.versions[1].id}",
        "trace of a prediction": f"/trace/prediction:{story.ids[3]}",
        "trace of a trigger": f"/trace/trigger:{trigger.id}",
        "alerts": "/alerts",
        "deliveries": "/deliveries",
        "delivery": f"/deliveries/{deliveries[0].id}",
        "delivery waiting": f"/deliveries/{deliveries[1].id}",
        "trash": "/trash",
        "audit": "/audit",
        "audit of one thing": f"/audit?subject=run:{story.runs[0]}",
        "tokens": "/tokens",
        "login": "/login",
    }


@pytest.mark.parametrize("look", LOOKS)
def test_every_page_reads_well(site, addresses, open_page, look):
    page = open_page("/", look)
    found = {}
    for name, address in addresses.items():
        page.goto(site.url + address)
        problems = page.evaluate(PROBLEMS)
        if problems:
            found[name] = problems

    assert found == {}


def test_hostile_texts_stay_texts(site, open_page):
    page = open_page(f"/runs/{site.story.hostile_run}")

    expect(page.locator("h1")).to_contain_text('<script>alert("x")</script>')
    assert page.locator("main script").count() == 0
    assert page.locator("main img").count() == 0


def test_the_script_of_an_html_artifact_runs_in_no_origin_of_ours(site, open_page):
    page = open_page(f"/runs/{site.story.runs[0]}?artifact=page.html#preview")
    frame = page.frame_locator("iframe.framed")

    expect(frame.locator("#ran")).to_have_text("ran")
    expect(frame.locator("#origin")).to_have_text("null")
    for reached in ("cookie", "storage", "parent", "asked", "top"):
        expect(frame.locator(f"#{reached}")).to_have_text("refused")
    assert page.url.startswith(site.url)
    # Opened by itself it has no origin either.
    page.goto(f"{site.url}/framed/run:{site.story.runs[0]}/page.html")
    expect(page.locator("#origin")).to_have_text("null")
    expect(page.locator("#asked")).to_have_text("refused")


def test_direction_marks_are_seen_and_turn_nothing(open_page):
    page = open_page("/datasets/flights/2")

    expect(page.get_by_text("a[U+2066]b").first).to_be_visible()


def test_pages_read_without_scripts(addresses, open_page):
    page = open_page("/endpoints/delay", java_script_enabled=False)
    expect(page.get_by_role("heading", name="Performance")).to_be_visible()
    expect(page.locator("figure.chart").first).to_be_visible()
    expect(page.locator("time").first).to_contain_text("UTC")
    page.get_by_text("Numbers").first.click()
    expect(page.get_by_text("2026-03-01").first).to_be_visible()


def test_times_are_local_with_utc_in_the_title(open_page):
    page = open_page("/datasets/flights")
    time = page.locator("tbody time").first

    expect(time).to_have_attribute("title", re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"))
    expect(time).not_to_contain_text("UTC")


def test_the_first_key_reaches_the_content(open_page):
    page = open_page("/runs")
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


def test_runs_are_filtered_marked_and_compared(open_page):
    page = open_page("/runs")
    page.get_by_label("Experiment").select_option("flight-delays")
    expect(page).to_have_url(re.compile("experiment=flight-delays"))
    boxes = page.locator("tbody input[type=checkbox]")
    expect(boxes).to_have_count(4)
    boxes.nth(0).check()
    boxes.nth(1).check()
    page.get_by_role("button", name="Compare the 2 marked").click()

    expect(page.get_by_role("heading", name="2 runs side by side")).to_be_visible()
    expect(page.locator("#curves figure.chart")).to_have_count(2)
    page.get_by_label("Across", exact=True).first.select_option("relative")
    expect(page).to_have_url(re.compile("x=relative.*#curves"))
    page.get_by_label("Logarithmic").check()
    expect(page).to_have_url(re.compile("log=1"))
    page.get_by_label(re.compile("Smoothing")).fill("80")
    expect(page.locator("path.faint")).to_have_count(4)
    page.locator("a.strand").first.focus()
    expect(page.locator("a.strand").first).to_be_focused()
    page.get_by_role("link", name=re.compile("Show also")).click()
    expect(page.locator("tr.differs")).not_to_have_count(0)


def test_a_row_opens_by_keyboard(site, open_page):
    page = open_page("/runs")
    page.locator(f"a.row-link[href='/runs/{site.story.runs[0]}']").focus()
    page.keyboard.press("Enter")

    expect(page).to_have_url(re.compile(site.story.runs[0]))


def test_charts_tell_their_values_to_the_pointer_and_the_keys(site, open_page):
    page = open_page(f"/runs/{site.story.runs[0]}")
    plot = page.locator("figure.chart .plot").first
    plot.hover(position={"x": 120, "y": 60})
    expect(plot.locator(".tip")).to_contain_text("step")
    page.mouse.move(0, 0)
    plot.focus()
    page.keyboard.press("ArrowRight")
    expect(plot.locator(".tip")).to_contain_text("step 0")
    page.keyboard.press("ArrowRight")
    expect(plot.locator(".tip")).to_contain_text("step 1")


def test_the_theme_is_kept(open_page):
    page = open_page("/", "light")
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_role("button", name="Use the dark theme").click()
    page.reload()

    expect(page.get_by_role("button", name="Use the light theme")).to_be_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != ground


def test_an_identifier_is_copied_whole(site, open_page):
    page = open_page(f"/runs/{site.story.runs[0]}", permissions=["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name=f"Copy {site.story.runs[0]}").click()
    page.wait_for_function("navigator.clipboard.readText().then((text) => text.length > 0)")

    assert page.evaluate("navigator.clipboard.readText()") == site.story.runs[0]


def test_paper_shows_no_navigation(open_page):
    page = open_page("/models/delay/2")
    page.emulate_media(media="print")

    expect(page.locator("header.top")).to_be_hidden()
    expect(page.locator("h1")).to_be_visible()


def test_an_open_page_follows_the_ledger(site, open_page):
    page = open_page("/datasets")
    expect(page.get_by_role("link", name="late-comer")).to_have_count(0)
    table = site.story.folder / "late.csv"
    table.write_text("a,b\n1,2\n3,4\n")
    site.workspace.data.ingest(OWNER, name="late-comer", source=str(table))

    expect(page.get_by_role("link", name="late-comer")).to_be_visible(timeout=15_000)


def test_a_gate_that_waits_is_approved_by_a_click(site, open_page):
    page = open_page("/models/delay/3")
    page.get_by_role("button", name="Approve").first.click()
    form = page.locator("details.confirm[open] form")
    form.get_by_label("Reason, for the record").fill("Looks right to me")
    form.get_by_role("button", name="Approve").click()

    expect(page.get_by_text("The gate is open")).to_be_visible()
    expect(page.get_by_text("Looks right to me")).to_be_visible()
    report = site.workspace.delivery.get_gate_report(OWNER, id=site.story.gates[2])
    assert report.approvals[-1].approved


@pytest.mark.parametrize("scripts", [True, False])
def test_traffic_goes_back_by_two_clicks(site, open_page, scripts):
    endpoint = site.workspace.delivery.get_endpoint(OWNER, name="delay")
    page = open_page("/endpoints/delay", java_script_enabled=scripts)
    other = "Go back to 1" if endpoint.stable == site.story.deployed[1] else "Go back to 2"
    page.get_by_role("button", name=other).first.click()
    form = page.locator("details.confirm[open] form")
    form.get_by_label("Reason, for the record").fill("trying it out")
    form.get_by_role("button", name=other).click()

    expect(page.get_by_text("Rolled back.")).to_be_visible()
    moved = site.workspace.delivery.get_endpoint(OWNER, name="delay")
    assert moved.stable != endpoint.stable
    newest = site.workspace.governance.audit(OWNER, subject="endpoint:delay", limit=1)[0]
    assert (newest.action, newest.detail["reason"]) == ("endpoint.rollback", "trying it out")


def test_a_rollout_under_way_is_watched_and_promoted(site, open_page):
    site.story.begin_rollout()
    page = open_page("/endpoints/delay")
    expect(page.get_by_role("heading", name="Rollout under way")).to_be_visible()
    expect(page.locator("ol.stages li.now")).to_contain_text("10", timeout=30_000)  # a stage takes its time under load
    page.get_by_role("button", name="Promote").first.click()
    page.locator("details.confirm[open] form").get_by_role("button", name="Promote").click()

    expect(page.get_by_text("Promoted.")).to_be_visible()
    rollout = site.workspace.delivery.list_rollouts(OWNER, endpoint="delay", limit=1)[0]
    assert rollout.state == "promoted"


def test_a_token_is_made_shown_once_and_revoked(open_page):
    page = open_page("/tokens")
    page.get_by_label("Name").fill("reader")
    page.get_by_role("button", name="Make the token").click()
    expect(page.get_by_text(re.compile("^tm_"))).to_be_visible()
    page.goto(page.url)
    expect(page.get_by_text(re.compile("^tm_"))).to_have_count(0)
    row = page.get_by_role("row", name=re.compile("reader"))
    row.get_by_role("button", name="Revoke").first.click()
    row.locator("form").get_by_role("button", name="Revoke").click()

    expect(page.get_by_text("Revoked reader.")).to_be_visible()


def test_a_model_goes_to_the_trash_and_is_taken_out(site, open_page):
    site.workspace.models.create(OWNER, name="short-lived")
    page = open_page("/models/short-lived")
    page.get_by_role("button", name="Move to the trash").first.click()
    page.locator("details.confirm[open] form").get_by_role("button", name="Move to the trash").click()
    expect(page.get_by_text("Moved to the trash.")).to_be_visible()
    page.get_by_label("Where").select_option("Trash")
    page.get_by_role("button", name="Take short-lived out").click()

    expect(page.get_by_role("heading", name="short-lived")).to_be_visible()


def test_alerts_are_acknowledged(site, open_page):
    page = open_page("/alerts")
    page.get_by_role("button", name="Acknowledge").first.click()

    expect(page.get_by_text("Acknowledged.")).to_be_visible()
    assert site.workspace.monitoring.list_alerts(OWNER)[0].acknowledged_by == "owner"
