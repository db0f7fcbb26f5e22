"""Two people label with the keyboard alone, a reviewer decides, and the answers become a version."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import httpx
import pytest
import uvicorn
from playwright.sync_api import Page, expect

from tidemill.app import Workspace
from tidemill.core.access import OWNER
from tidemill.core.settings import Settings
from tidemill.server.app import build
from tidemill.server.run import bind, url_of

from .conftest import LOOKS
from .story import PNG

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

PROBLEMS = Path(__file__).with_name("problems.js").read_text()
REVIEWS = [f"Review {at} of the soup." for at in range(6)]


class Office:
    """A server that wants tokens, with tasks for two people and a reviewer.

    Args:
        workspace: The workspace.
        url: Where it answers.
    """

    def __init__(self, workspace: Workspace, url: str) -> None:
        self.workspace = workspace
        self.url = url
        roles = {"anna": "editor", "ben": "editor", "rita": "approver"}
        self.secrets = {
            name: workspace.governance.create_token(OWNER, name=name, role=role).secret for name, role in roles.items()
        }


@pytest.fixture
def office(tmp_path) -> Iterator[Office]:
    (tmp_path / "reviews.csv").write_text("id,body\n" + "".join(f"{at},{text}\n" for at, text in enumerate(REVIEWS)))
    (tmp_path / "pets").mkdir()
    for name in ("a.png", "b.png"):
        (tmp_path / "pets" / name).write_bytes(PNG)
    (tmp_path / "pets" / "c.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>")
    with Workspace(Settings(home=tmp_path / "home", require_tokens=True)) as workspace:
        workspace.data.ingest(OWNER, "reviews", str(tmp_path / "reviews.csv"), key=["id"])
        workspace.data.ingest(OWNER, "pets", str(tmp_path / "pets"))
        listener = bind("127.0.0.1", 0)
        made = Office(workspace, url_of(listener))
        server = uvicorn.Server(uvicorn.Config(build(workspace), log_level="error", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield made
        server.should_exit = True
        thread.join()
        listener.close()


@pytest.fixture
def enter(office, browser):
    """Give a function that lets somebody in, who has no mouse."""
    contexts, troubles = [], []

    def enter(person, address, look="light", **options) -> Page:
        context = browser.new_context(**LOOKS[look], **options)
        contexts.append(context)
        context.add_cookies([{"name": "tidemill_token", "value": office.secrets[person], "url": office.url}])
        page: Page = context.new_page()
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.goto(office.url + address)
        return page

    yield enter
    for context in contexts:
        context.close()
    assert troubles == []


def at_row(page, row):
    expect(page.get_by_role("heading", name=f"Row {row}", exact=True)).to_be_visible()


def all_sent(page):
    expect(page.locator("#label")).to_have_attribute("data-waiting", "0")


def press(page, *keys):
    for key in keys:
        page.keyboard.press(key)


def test_two_people_and_a_reviewer_make_a_version_by_keyboard(office, enter):
    labels = office.workspace.labels
    task = labels.create(OWNER, "reviews", "topic", choices=["price", "taste", "place"], people=2)
    anna, ben = enter("anna", "/labels/reviews-topic"), enter("ben", "/labels/reviews-topic")
    for row, key in enumerate("112233"):
        at_row(anna, row + 1)
        expect(anna.locator("#label-cells")).to_contain_text(REVIEWS[row])
        press(anna, key)
    expect(anna.get_by_text("No row is left for you now")).to_be_visible()

    at_row(ben, 1)
    press(ben, "1")
    at_row(ben, 2)
    press(ben, "m", "h", "m", "Enter", "3")  # a note, then another answer than anna's
    at_row(ben, 3)
    press(ben, "s", "n", "o", "Enter")  # skipped, with a reason
    at_row(ben, 4)
    press(ben, "1")  # by mistake,
    at_row(ben, 5)
    press(ben, "b")  # and back
    at_row(ben, 4)
    expect(ben.get_by_text("You answered price")).to_be_visible()
    press(ben, "2")
    at_row(ben, 5)
    press(ben, "ArrowRight", "ArrowRight", "ArrowRight", "Enter")
    at_row(ben, 6)
    press(ben, "3")
    expect(ben.get_by_text("No row is left for you now")).to_be_visible()
    all_sent(ben)
    kept = [(each.item, each.value, each.note) for each in labels.answers(OWNER, task.name, person="ben")][::-1]
    assert kept == [
        (1, "price", ""),
        (2, "place", "hm"),
        (3, None, ""),
        (4, "price", ""),
        (4, "taste", ""),
        (5, "place", ""),
        (6, "place", ""),
    ]
    assert labels.row(OWNER, task=task.name, item=3).position == 3

    rita = enter("rita", "/labels/reviews-topic/disagreements")
    expect(rita.get_by_role("heading", name="Row 2")).to_be_visible()
    expect(rita.get_by_role("row", name="ben place hm")).to_be_visible()
    press(rita, "3")
    expect(rita.get_by_text("Row 2 is place.")).to_be_visible()
    expect(rita.get_by_text("Nobody differs.")).to_be_visible()
    rita.goto(office.url + "/labels/reviews-topic/progress")
    expect(rita.get_by_role("row", name="anna and ben 5 80")).to_be_visible()
    rita.get_by_role("button", name="Finish").focus()
    press(rita, "Enter", "Tab", "Tab", "Tab", "Tab", "Tab", "Enter")
    expect(rita.get_by_role("heading", name="reviews@2")).to_be_visible()
    table = office.workspace.data.read(OWNER, "reviews@2")
    assert table["topic"].to_list() == ["price", "place", "taste", "taste", "place", "place"]


def test_answers_wait_in_the_browser_while_it_is_offline(office, enter):
    office.workspace.labels.create(OWNER, "reviews", "words", kind="number", low=1, high=9)
    page = enter("anna", "/labels/reviews-words")
    at_row(page, 1)
    press(page, "5", "Enter")
    at_row(page, 2)
    all_sent(page)
    page.context.set_offline(True)
    press(page, "6", "Enter")
    at_row(page, 3)
    press(page, "7", "Enter")
    at_row(page, 4)
    expect(page.get_by_text("2 answers wait in this browser")).to_be_visible()
    page.context.set_offline(False)
    expect(page.get_by_text("in this browser")).to_be_hidden()
    all_sent(page)
    kept = office.workspace.labels.answers(OWNER, "reviews-words")
    assert [(each.item, each.value) for each in kept] == [(3, 7.0), (2, 6.0), (1, 5.0)]
    press(page, "1", "0", "Enter")  # out of range: the page stays
    at_row(page, 4)
    page.reload()
    at_row(page, 4)
    press(page, "Escape", "b")  # what was answered before the reload
    at_row(page, 3)
    expect(page.get_by_label("words")).to_have_value("7")


def test_what_is_typed_before_the_script_runs_stays(office, enter):
    office.workspace.labels.create(OWNER, "reviews", "gist", kind="text")
    page = enter("ben", "/labels")
    held = []
    page.route("**/labels.*js", lambda route: held.append(route))  # noqa: PLW0108 - Playwright marks what it is given
    page.goto(office.url + "/labels/reviews-gist", wait_until="commit")
    at_row(page, 1)
    page.get_by_label("gist").press_sequentially("early")
    page.get_by_label("Note").press_sequentially("bird")
    held[0].continue_()
    expect(page.locator("#label")).to_have_class("label-work scripted")
    expect(page.get_by_label("gist")).to_have_value("early")
    expect(page.get_by_label("Note")).to_be_focused()
    press(page, "Enter", "Enter")  # back to the answer, then kept
    at_row(page, 2)
    all_sent(page)
    kept = office.workspace.labels.answers(OWNER, "reviews-gist")[0]
    assert (kept.value, kept.note) == ("early", "bird")


def test_texts_and_pictures_are_answered_with_the_keyboard(office, enter):
    office.workspace.labels.create(OWNER, "reviews", "summary", kind="text")
    page = enter("ben", "/labels/reviews-summary")
    at_row(page, 1)
    page.keyboard.type("short")
    press(page, "Shift+Enter")
    page.keyboard.type("and sweet")
    press(page, "Enter")
    at_row(page, 2)
    all_sent(page)
    assert office.workspace.labels.answers(OWNER, "reviews-summary")[0].value == "short\nand sweet"

    office.workspace.labels.create(OWNER, "pets", "nice", kind="yes_no")
    page.goto(office.url + "/labels/pets-nice")
    at_row(page, 1)
    picture = page.get_by_role("img", name="a.png")
    assert picture.evaluate("image => image.complete || image.decode().then(() => true)")
    assert picture.evaluate("image => image.naturalWidth") > 0
    press(page, "y")
    at_row(page, 2)
    press(page, "n")
    at_row(page, 3)
    expect(page.locator("#label-cells").get_by_text("<script>alert(1)</script>")).to_be_visible()
    assert page.locator("#label-cells script, #label-cells svg").count() == 0


def test_the_page_works_without_scripts(office, enter):
    office.workspace.labels.create(OWNER, "reviews", "mood", choices=["good", "bad"])
    page = enter("anna", "/labels/reviews-mood", java_script_enabled=False)
    page.get_by_role("button", name="good").click()
    at_row(page, 2)
    page.get_by_label("Skip, and why").fill("no idea")
    page.get_by_role("button", name="Skip").click()
    at_row(page, 3)


class Command:
    """`tidemill data label …`, which serves the page of its task until it is killed.

    Args:
        home: The workspace folder.
        words: What is typed.
    """

    def __init__(self, home: Path, *words: str) -> None:
        command = [sys.executable, "-m", "tidemill.cli.main", "data", "label", *words, "--json", f"--home={home}"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert self.process.stdout is not None
        self.url = json.loads(self._first(self.process.stdout))["url"]

    @staticmethod
    def _first(out: IO[bytes]) -> bytes:
        """Return the JSON that is written first, over several lines."""
        lines = [out.readline()]
        while lines[-1].rstrip() != b"}":
            assert lines[-1], b"".join(lines)
            lines.append(out.readline())
        return b"".join(lines)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def end(self) -> None:
        """End it as Ctrl-C does, and the process that answers predictions with it."""
        self.process.terminate()
        assert self.process.wait(timeout=60) == 0


def test_the_page_goes_on_while_the_server_is_dead_and_hands_in_what_it_kept(tmp_path, browser):
    home = tmp_path / "home"
    (tmp_path / "reviews.csv").write_text("id,body\n" + "".join(f"{at},{text}\n" for at, text in enumerate(REVIEWS)))
    with Workspace(Settings(home=home)) as workspace:
        workspace.data.ingest(OWNER, "reviews", str(tmp_path / "reviews.csv"), key=["id"])
    first = Command(home, "reviews", "--column", "ok", "--kind", "yes_no", "--port", "0")
    port = first.url.rpartition(":")[2].partition("/")[0]
    context = browser.new_context()
    page = context.new_page()
    page.goto(first.url)
    at_row(page, 1)
    press(page, "y")
    at_row(page, 2)
    all_sent(page)
    first.kill()
    for row in (3, 4):
        press(page, "n")
        at_row(page, row)
    expect(page.get_by_text("2 answers wait in this browser")).to_be_visible()
    second = Command(home, "reviews", "--port", port)
    try:
        expect(page.locator("#label")).to_have_attribute("data-waiting", "0", timeout=60_000)
        page.reload()
        expect(page.get_by_text("3 answered by you")).to_be_visible()
        kept = httpx.get(second.url.replace("/labels/", "/api/v1/label-tasks/") + "/answers").json()
        assert [(each["item"], each["value"]) for each in kept] == [(3, False), (2, False), (1, True)]
    finally:
        second.end()
        context.close()


@pytest.mark.parametrize("look", LOOKS)
def test_every_page_of_labelling_reads_well(office, enter, look):
    labels = office.workspace.labels
    labels.create(OWNER, "reviews", "topic", choices=[f"choice {at}" for at in range(20)], people=2, guidelines="Look.")
    labels.create(OWNER, "pets", "animal", choices=["cat", "dog"])
    for name, value in (("anna", "choice 1"), ("ben", "choice 2"), ("rita", "choice 1")):
        actor = office.workspace.governance.authenticate(office.secrets[name])
        labels.answer(actor, "reviews-topic", 1, value=value)
    page = enter("rita", "/labels", look)
    found = {}
    for below in ("", "/reviews-topic", "/pets-animal", "/reviews-topic/progress", "/reviews-topic/disagreements"):
        page.goto(f"{office.url}/labels{below}")
        if problems := page.evaluate(PROBLEMS):
            found[below] = problems
    assert found == {}
