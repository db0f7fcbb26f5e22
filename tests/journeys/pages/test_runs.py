"""The table of many runs in a real browser: scrolled, ordered, filtered, grouped, marked, followed."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from tidemill.app import Workspace
from tidemill.core.access import OWNER
from tidemill.core.ids import new_id
from tidemill.core.settings import Settings
from tidemill.tracking.records import Metric, RunStatus
from tidemill.tracking.service import TrackingService
from tidemill.tracking.store import runs

from .conftest import Site

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

START = datetime(2026, 3, 1, tzinfo=UTC)
MANY = 2400
ROWS = "tr[data-run]"


def seed(tx):
    """Make runs by eights: one with three nested in it, and four alone; a quarter of them of no team."""
    parent = ""
    for at in range(MANY):
        run_id = new_id()
        parent = run_id if at % 8 == 0 else parent
        tags = {"team": ("ops", "growth", "research")[at % 3]} if at % 4 else {}
        if 0 < at % 8 < 4:
            tags["mlflow.parentRunId"] = parent
        params = {"depth": str(at % 10)}
        TrackingService.create_run_within(
            tx,
            run_id,
            experiment="many",
            name=f"run-{at}",
            params=params,
            tags=tags,
            start_time=START + timedelta(seconds=at),
        )
        points = [Metric(key="auc", value=at / MANY)]
        TrackingService.log_within(tx, run_id, metrics=points, params={}, tags={})
    tx.execute(runs.update().values(status=RunStatus.FINISHED.value, end_time=tx.now))


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """Give a server on a workspace of many runs."""
    with Workspace(Settings(home=tmp_path_factory.mktemp("many") / "home")) as workspace:
        workspace.ledger.write(OWNER, seed)
        opened = Site(workspace, None)  # type: ignore[arg-type]  # these runs tell no story
        yield opened
        opened.close()


@pytest.fixture
def table(many, browser):
    """Give a function that opens the table and fails when a script complains."""
    contexts, troubles = [], []

    def start(query="", **options):
        context = browser.new_context(viewport={"width": 1360, "height": 900}, locale="en-GB", **options)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.goto(f"{many.url}/runs{query}")
        if options.get("java_script_enabled", True):
            expect(page.locator(".runs-scroll.is-whole")).to_be_visible()
        return page

    yield start
    for context in contexts:
        context.close()
    assert troubles == []


def scroll_to(page, share):
    page.locator(".runs-scroll").evaluate("(box, share) => { box.scrollTop = box.scrollHeight * share; }", share)


def test_all_runs_scroll_by_while_few_are_in_the_document(table):
    page = table()
    expect(page.get_by_role("link", name=f"run-{MANY - 1}", exact=True)).to_be_visible()
    expect(page.get_by_role("table")).to_have_attribute("aria-rowcount", str(MANY + 1))
    expect(page.locator("nav.pager")).to_have_count(0)
    scroll_to(page, 0.5)
    expect(page.get_by_role("link", name=f"run-{MANY // 2}", exact=True)).to_be_visible()
    expect(page.locator("tr.waiting")).to_have_count(0)
    assert page.locator(ROWS).count() < 80
    scroll_to(page, 1)
    expect(page.get_by_role("link", name="run-0", exact=True)).to_be_visible()
    last = page.locator(ROWS).last
    expect(last).to_have_attribute("aria-rowindex", str(MANY + 1))


def test_a_click_on_a_head_orders_all_runs(table):
    page = table()
    page.get_by_role("link", name="auc").click()
    expect(page).to_have_url(re.compile("order=metrics.auc"))
    expect(page.locator("th[aria-sort=descending]")).to_have_text("auc")
    page.get_by_role("link", name="auc").click()
    expect(page.locator("th[aria-sort=ascending]")).to_have_text("auc")
    expect(page.locator(ROWS).first).to_contain_text("run-0")
    scroll_to(page, 1)
    expect(page.get_by_role("link", name=f"run-{MANY - 1}", exact=True)).to_be_visible()


def test_a_filter_searches_and_its_fault_is_shown_where_it_is(table):
    page = table()
    box = page.get_by_label("Filter")
    box.fill("metrics.auc >= high")
    box.press("Enter")
    expect(page.locator("mark")).to_have_text("high")
    expect(page.get_by_role("alert")).to_contain_text("a number or a quoted text is expected")
    expect(page.get_by_label("Filter")).to_be_focused()
    assert page.get_by_label("Filter").evaluate("box => box.selectionStart") == len("metrics.auc >= ")
    page.get_by_label("Filter").fill("metrics.auc >= 0.5 AND params.depth = '3'")
    page.keyboard.press("Enter")
    expect(page.locator("[data-total]")).to_have_text("120")


def test_columns_are_chosen_and_stay_in_the_address(table):
    page = table()
    page.get_by_text("Columns").click()
    page.get_by_label("metrics.auc").uncheck()
    page.get_by_label("tags.team").check()
    page.get_by_role("button", name="Show these").click()
    expect(page).to_have_url(re.compile("show=tags.team"))
    expect(page.get_by_role("columnheader", name="team")).to_be_visible()
    expect(page.get_by_role("columnheader", name="auc")).to_have_count(0)


def test_groups_open_and_shut_in_their_place(table):
    page = table("?group=tags.team")
    expect(page.locator("tr.group")).to_have_count(4)
    second = page.locator("tr.group .nest").nth(1)
    second.click()
    expect(second).to_have_attribute("aria-expanded", "true")
    expect(page.locator(ROWS).first).to_be_visible()
    scroll_to(page, 1)
    expect(page.locator("tr.group").last).to_contain_text("without tags.team")
    scroll_to(page, 0)
    page.locator("tr.group .nest").nth(1).click()
    expect(page.locator(ROWS)).to_have_count(0)


def test_nested_runs_stand_below_the_one_around_them(table):
    page = table("?group=parent")
    expect(page.locator("[data-total]")).to_have_text(re.compile("1.500"))
    nest = page.locator(".nest").first
    expect(nest).to_have_text("3")
    nest.click()
    expect(page.locator("tr.inner")).to_have_count(3)


def test_keys_walk_the_rows_past_what_is_in_the_document(table):
    page = table()
    expect(page.locator(".is-whole")).to_be_visible()
    page.locator(".runs-scroll").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("link", name=f"run-{MANY - 2}", exact=True)).to_be_focused()
    page.keyboard.press("End")
    expect(page.get_by_role("link", name="run-0", exact=True)).to_be_visible()
    page.keyboard.press("ArrowUp")
    expect(page.get_by_role("link", name="run-1", exact=True)).to_be_focused()
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Compare the 1 marked")).to_be_visible()


def test_marks_stay_while_rows_go_and_are_compared(table):
    page = table()
    page.locator(f"{ROWS} .pick").first.check()
    scroll_to(page, 1)
    expect(page.get_by_role("link", name="run-0", exact=True)).to_be_visible()
    page.get_by_label("Mark run-0", exact=True).check()
    scroll_to(page, 0)
    expect(page.locator(f"{ROWS} .pick").first).to_be_checked()
    page.get_by_role("button", name="Compare the 2 marked").click()
    expect(page.get_by_role("heading", name="2 runs side by side")).to_be_visible()


def test_a_mark_that_was_set_before_the_script_came_stays(many, browser):
    context = browser.new_context(viewport={"width": 1360, "height": 900})
    script, held = re.compile(r"/runs\.js"), []

    def hold(route):
        held.append(route)

    page = context.new_page()
    page.route(script, hold)
    page.goto(f"{many.url}/runs", wait_until="commit")
    page.locator(f"{ROWS} .pick").first.check()
    page.wait_for_timeout(0)  # lets the held request be told of
    assert held
    for route in held:
        route.continue_()
    expect(page.get_by_role("button", name="Compare the 1 marked")).to_be_visible()
    expect(page.locator(f"{ROWS} .pick").first).to_be_checked()
    context.close()


def test_a_view_is_saved_and_opened(table):
    page = table("?filter=metrics.auc+>+0.9&order=metrics.auc+ASC")
    page.get_by_text("Save this view").click()
    page.get_by_label("Its name").fill("the best")
    page.get_by_role("button", name="Save", exact=True).click()
    page.goto(page.url.partition("?")[0])
    page.get_by_role("link", name="the best").click()
    expect(page.get_by_label("Filter")).to_have_value("metrics.auc > 0.9")
    page.get_by_role("button", name="Delete the view the best").click()
    expect(page.get_by_role("link", name="the best")).to_have_count(0)


def test_new_runs_are_told_of_and_nothing_moves(many, table):
    tracking = many.workspace.tracking
    page = table()
    scroll_to(page, 0.5)
    expect(page.locator("tr.waiting")).to_have_count(0)
    before = page.locator(ROWS).first.get_attribute("data-run")
    run = tracking.create_run(OWNER, experiment="many", name="newcomer")
    try:
        expect(page.get_by_role("button", name="1 more: show")).to_be_visible(timeout=20_000)
        assert page.locator(ROWS).first.get_attribute("data-run") == before
        page.get_by_role("button", name="1 more: show").click()
        row = page.locator(f"tr[data-run='{run.run_id}']")
        expect(row).to_contain_text("running")
        tracking.log_batch(OWNER, run_id=run.run_id, metrics=[Metric(key="auc", value=0.4321)])
        expect(row).to_contain_text("0.4321", timeout=20_000)
        tracking.end_run(OWNER, run_id=run.run_id)
        expect(row).to_contain_text("finished", timeout=20_000)
    finally:
        tracking.delete_run(OWNER, run_id=run.run_id)


def test_without_scripts_the_table_has_pages(table):
    page = table(java_script_enabled=False)
    expect(page.locator(ROWS)).to_have_count(100)
    page.get_by_role("link", name="Older").click()
    expect(page.get_by_role("link", name=f"run-{MANY - 101}", exact=True)).to_be_visible()
    page.goto(page.url.partition("?")[0] + "?group=tags.team")
    page.locator("tr.group .nest").first.click()
    expect(page.locator(ROWS)).to_have_count(100)
    expect(page.get_by_role("link", name="all groups")).to_be_visible()
