"""What a person does with many runs side by side: keep ranges of axes, colour by a metric, go on with what is kept."""

import re

import pytest
from playwright.sync_api import expect

from tidemill.core.access import OWNER
from tidemill.tracking.records import Metric

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

MANY = 60
ROWS = "#columns tbody tr:visible"
KEPT = ".strand:not(.out)"


@pytest.fixture(scope="module")
def sweep(site):
    """Give the ids of sixty runs whose metric follows from a param, and one in ten lacks another."""
    tracking, made = site.workspace.tracking, []
    for at in range(MANY):
        params = {"depth": str(at), "optimizer": ("adam", "adamw", "sgd")[at % 3]}
        params |= {"dropout": "0.5"} if at % 10 else {}
        run = tracking.create_run(OWNER, experiment="sweep", name=f"sweep-{at}", params=params)
        tracking.log_batch(OWNER, run_id=run.run_id, metrics=[Metric(key="auc", value=at / 100)])
        tracking.end_run(OWNER, run_id=run.run_id)
        made.append(run.run_id)
    yield made
    tracking.delete_experiment(OWNER, experiment="sweep")


@pytest.fixture
def compare(sweep, open_page):
    """Give a function that opens the runs side by side, with depth, optimizer and auc as axes."""

    def start(query="", **options):
        axes = "axis=params.depth&axis=params.optimizer&axis=metrics.auc"
        return open_page(f"/runs/compare?ids={','.join(sweep)}&{axes}{query}", **options)

    return start


def drag(page, axis, first, last):
    """Drag along an axis, from a share of its height to another."""
    strip = page.get_by_role("slider", name=f"Range of {axis}")
    strip.scroll_into_view_if_needed()
    strip_box = strip.bounding_box()
    plot_box = page.locator(".plot.strands").bounding_box()
    across = strip_box["x"] + strip_box["width"] / 2
    page.mouse.move(across, plot_box["y"] + first * plot_box["height"])
    page.mouse.down()
    page.mouse.move(across, plot_box["y"] + last * plot_box["height"], steps=4)
    page.mouse.up()
    return strip


def test_ranges_of_several_axes_keep_what_lies_in_all_of_them(compare):
    page = compare()
    expect(page.locator(ROWS)).to_have_count(MANY)
    drag(page, "auc", 0, 0.5)
    half = page.locator(KEPT).count()
    assert 20 < half < 40
    expect(page.locator(ROWS)).to_have_count(half)
    page.get_by_role("slider", name="Range of optimizer").click(position={"x": 16, "y": 8})
    expect(page.locator(ROWS).nth(0)).to_contain_text("adam")
    both = page.locator(KEPT).count()
    assert 0 < both < half
    expect(page.locator(ROWS)).to_have_count(both)
    expect(page.get_by_role("status")).to_contain_text(f"{both} of {MANY} runs")


def test_a_click_or_escape_ends_a_range(compare):
    page = compare()
    strip = drag(page, "auc", 0.5, 0.8)
    expect(page.locator(ROWS)).not_to_have_count(MANY)
    strip.click(position={"x": 16, "y": 4})
    expect(page.locator(ROWS)).to_have_count(MANY)
    drag(page, "depth", 0.2, 0.3)
    page.keyboard.press("Escape")
    expect(page.locator(ROWS)).to_have_count(MANY)
    expect(page.get_by_role("button", name="Keep all again")).to_be_hidden()


def test_a_range_is_moved_and_its_ends_too(compare):
    page = compare()
    strip = drag(page, "auc", 0.5, 0.7)
    first = strip.get_attribute("aria-valuetext")
    drag(page, "auc", 0.6, 0.4)
    moved = strip.get_attribute("aria-valuetext")
    assert moved != first
    drag(page, "auc", 0.3, 0.0)
    assert strip.get_attribute("aria-valuetext").split(" to ")[0] == moved.split(" to ")[0]


def test_keys_alone_keep_a_range_and_end_it(compare):
    page = compare()
    strip = page.get_by_role("slider", name="Range of auc")
    strip.focus()
    for _ in range(10):
        page.keyboard.press("ArrowUp")
    expect(page.locator(ROWS)).to_have_count(30)
    expect(strip).to_have_attribute("aria-valuetext", re.compile(r"0\.3 to 0\.6; 30 of 60 runs"))
    page.keyboard.press("Shift+ArrowDown")
    expect(strip).to_have_attribute("aria-valuetext", re.compile(r"0\.27 to 0\.6"))
    page.keyboard.press("ArrowDown")
    expect(strip).to_have_attribute("aria-valuetext", re.compile(r"0\.27 to 0\.57"))
    page.keyboard.press("Escape")
    expect(page.locator(ROWS)).to_have_count(MANY)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('.strand')") is None


def test_a_range_is_in_the_address_and_stays_with_another_look(compare):
    page = compare()
    drag(page, "auc", 0, 0.25)
    kept = page.locator(ROWS).count()
    expect(page).to_have_url(re.compile("keep="))
    page.reload()
    expect(page.locator(ROWS)).to_have_count(kept)
    page.get_by_label("Coloured by").select_option("metrics.auc")
    expect(page).to_have_url(re.compile("keep=.*colour=metrics.auc"))
    expect(page.locator(ROWS)).to_have_count(kept)
    page.get_by_role("button", name="Keep all again").click()
    expect(page.locator(ROWS)).to_have_count(MANY)
    assert "keep=" not in page.url


def test_what_an_address_says_wrongly_keeps_all(compare):
    page = compare("&keep=nothing&keep=[1]&keep=[%22metrics.auc%22,%22a%22,null]&keep=[%22params.none%22,1,2]")
    expect(page.locator(ROWS)).to_have_count(MANY)


def test_one_goes_on_with_what_is_kept(compare):
    page = compare()
    expect(page.get_by_text("Curves, and params in columns, are shown of up to 50 runs")).to_be_visible()
    drag(page, "auc", 0, 0.3)
    kept = page.locator(ROWS).count()
    page.get_by_role("link", name="Compare only these").click()
    expect(page.get_by_role("heading", name=f"{kept} runs side by side")).to_be_visible()
    expect(page.get_by_role("heading", name="Params", exact=True)).to_be_visible()


def test_a_run_without_a_value_is_in_no_range_of_it(sweep, open_page):
    page = open_page(f"/runs/compare?ids={','.join(sweep)}&axis=params.dropout&axis=metrics.auc")
    drag(page, "dropout", 0.3, 0.7)
    expect(page.locator(ROWS)).to_have_count(MANY - MANY // 10)


def test_a_row_lights_its_strand(compare):
    page = compare()
    page.locator(f"{ROWS} .row-link").nth(4).focus()
    expect(page.locator(".strand.lit")).to_have_count(1)
    expect(page.locator(".strand").nth(4)).to_have_class(re.compile("lit"))


def test_colours_of_a_metric_are_told_and_readable_without_scripts(compare):
    page = compare("&colour=metrics.auc", java_script_enabled=False)
    expect(page.locator(".strand.by-value")).to_have_count(MANY)
    expect(page.locator(".ramp")).to_contain_text("0.5900")
    expect(page.locator("#columns tbody tr")).to_have_count(MANY)


def test_all_runs_of_a_search_are_compared_by_a_click(open_page, sweep):
    page = open_page("/runs?experiment=sweep&filter=metrics.auc+>=+0.3")
    page.get_by_role("link", name="Compare all 30").click()
    expect(page.get_by_role("heading", name="30 runs side by side")).to_be_visible()
