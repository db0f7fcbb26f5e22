"""The page of what the rules found in a version."""

from pathlib import Path

import pytest

from tidemill.app import Workspace
from tidemill.core.access import OWNER

BROWSER = {"accept": "text/html,application/xhtml+xml"}
ROWS = "id,kind,size,mail\n" + "".join(f"{i},{'ab'[i % 2]},{i},p{i}@mill.org\n" for i in range(60))
BAD = ROWS + "60,<b>x</b>,5,q@mill.org\n61,a,-5,r@mill.org\n62,b,700,\n"
RULES: dict[str, object] = {
    "kind": {"in": ["a", "b"]},
    "size": {"between": {"is": [0, 500], "severity": "warn"}},
    "id": {"unique": True},
    "table": {"expect": ["size >= 0"], "rows": {"change": "< 30%"}},
}


@pytest.fixture
def see(serve, workspace: Workspace, tmp_path: Path):
    """Give a function that opens a page and returns its HTML."""
    file = tmp_path / "rows.csv"
    for content, rules in ((ROWS, {}), (BAD, RULES)):
        file.write_text(content)
        workspace.data.ingest(OWNER, "things", str(file), rules=rules, on_bad_rows="quarantine")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a").write_text("x")
    workspace.data.ingest(OWNER, "folder", str(tmp_path / "folder"))
    http = serve()

    def opened(path: str, status: int = 200) -> str:
        answer = http.get(path, headers=BROWSER, follow_redirects=True)
        assert answer.status_code == status, answer.text
        return str(answer.text)

    return opened


def test_each_rule_shows_its_verdict_its_rows_and_counts_that_add_up(see):
    text = see("/datasets/things/2/report")

    assert "2 of 5 rules hold" in text
    assert "1 of 63 rows break in [a, b] and were put aside." in text
    assert "&lt;b&gt;x&lt;/b&gt;" in text
    assert "<b>x</b>" not in text
    assert "expect: size &gt;= 0" in text
    assert "only warns" in text
    assert "First at row 61" in text
    assert '<td class="num">2</td></tr></tfoot>' in text
    assert 'href="/datasets/things/1"' in text


def test_rows_that_break_a_rule_are_masked(see):
    text = see("/datasets/things/2/report")

    assert "q@mill.org" not in text
    assert "r@mill.org" not in text


def test_without_rules_the_page_says_how_to_get_some(see):
    assert "tidemill data suggest-rules things@1 --yaml" in see("/datasets/things/1/report")


def test_a_version_leads_to_its_report(see):
    assert 'href="/datasets/things/2/report"' in see("/datasets/things/2")


def test_a_folder_has_no_report(see):
    assert "not_a_table" in see("/datasets/folder/1/report", status=400)
    assert "dataset_version_not_found" in see("/datasets/things/9/report", status=404)
