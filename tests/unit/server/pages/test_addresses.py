import pytest

from tidemill.server.pages import words
from tidemill.server.pages.addresses import link_to, url_of, version_url

EVIL = '"><script>alert(1)</script>'


@pytest.mark.parametrize(
    ("ref", "url"),
    [
        ("run:ab12", "/runs/ab12"),
        ("model:delay", "/models/delay"),
        ("model:a b/c?d", "/models/a%20b%2Fc%3Fd"),
        ("experiment:0", "/experiments/0"),
        ("gate_report:g", "/gates/g"),
        ("artifact:ab12", "/trace/artifact:ab12"),
        ("model_version:v", "/trace/model_version:v"),
        ("made up", "/trace/made%20up"),
    ],
)
def test_a_thing_is_shown_by_its_page_or_by_its_trace(ref, url):
    assert url_of(ref) == url


def test_a_version_is_shown_below_its_model():
    assert version_url("delay", 3) == "/models/delay/3"
    assert version_url("a/b", 1) == "/models/a%2Fb/1"


def test_a_link_tells_the_kind_and_the_end_of_a_long_id():
    assert link_to("gate_report:" + "a" * 26 + "123456") == (
        f'<a href="/gates/{"a" * 26}123456" title="gate_report:{"a" * 26}123456">gate report 123456</a>'
    )
    assert link_to("run:short").endswith(">run short</a>")
    assert link_to("run:short", "my run").endswith(">my run</a>")


def test_a_link_to_nothing_is_a_dash():
    assert link_to(None) == words.NOTHING
    assert link_to("") == words.NOTHING


def test_a_link_holds_any_text_and_turns_nothing():
    link = link_to(f"model:{EVIL}", f"{EVIL}\u202e")

    assert "<script>" not in link
    assert "[U+202E]" in link
    assert "%22%3E%3Cscript%3E" in link
