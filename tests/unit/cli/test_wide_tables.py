"""Tables of more columns than a person reads: a terminal shows some and says how many more there are."""

import polars as pl
import pytest

from tidemill.cli import output

WIDTH = 150


@pytest.fixture
def wide(tidemill, tmp_path):
    """Give a dataset of two versions, whose columns all changed."""
    for step in (1, 3):
        columns = {f"gene_{at:03}": [float(at), at + step, None if at == 140 else at * step] for at in range(WIDTH)}
        pl.DataFrame({"id": [1, 2, 3]} | columns).write_csv(tmp_path / "wide.csv")
        assert tidemill("data", "add", "wide", tmp_path / "wide.csv", "--key", "id").code == 0
    return tmp_path / "wide.csv"


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setattr(output, "terminal_width", lambda: 60)


@pytest.mark.parametrize(
    ("words", "shown", "more"),
    [
        (["show", "wide"], "gene_098", "and 51 more columns"),
        (["sample", "wide"], "GENE_038", "and 111 more columns"),
        (["profile", "wide"], "gene_140", "and 51 more columns"),
        (["diff", "wide@1", "wide@2"], "and 138 more columns", "and 110 more columns that moved less"),
    ],
    ids=lambda words: words[0] if isinstance(words, list) else "",
)
def test_a_terminal_shows_some_columns_and_says_how_to_see_the_others(tidemill, wide, terminal, words, shown, more):
    ran = tidemill("data", *words)

    assert shown in ran.out
    assert more in ran.err
    assert "--json" in ran.err or "--column" in ran.err
    assert "gene_149" not in ran.out.lower()
    assert max(map(len, ran.out.splitlines())) <= 60 or words[0] in {"diff", "show"}


@pytest.mark.parametrize(
    "words", [["show", "wide"], ["sample", "wide"], ["profile", "wide"], ["diff", "wide@1", "wide@2"]]
)
def test_a_pipe_and_json_get_all(tidemill, wide, words):
    for more in ([], ["--json"]):
        ran = tidemill("data", *words, *more)
        assert "gene_149" in ran.out.lower()
        assert "more" not in ran.err


def test_columns_are_named_to_be_seen(tidemill, wide, terminal):
    for words in (["sample", "wide"], ["profile", "wide"], ["profile", wide]):
        ran = tidemill("data", *words, "--column", "gene_149", "--column", "gene_000")
        assert "gene_149" in ran.out.lower()
        assert "gene_001" not in ran.out.lower()
        assert tidemill("data", *words, "--column", "gene_150").code == 2


def test_on_a_terminal_what_is_worth_a_look_comes_first(tidemill, wide, terminal):
    lines = tidemill("data", "profile", "wide").out.splitlines()

    assert lines[1].startswith("gene_140")
    assert any(line.startswith("gene_140") and line.endswith("nulls") for line in lines)
