"""A first project is made of a table with rows, or refused with the way out."""

from pathlib import Path

import pytest

from tidemill.cli.starting import TableUnfit, start_project


@pytest.mark.parametrize(
    ("content", "said"), [("", "cannot be read"), ("a,b\n", "no rows"), ("a\n1\n2\n", "no column")]
)
def test_a_table_that_cannot_be_learned_from_is_refused(tmp_path: Path, content: str, said: str) -> None:
    table = tmp_path / "table.csv"
    table.write_text(content)
    with pytest.raises(TableUnfit, match=said):
        start_project(tmp_path / "project", table, label="a", time=None, key=None)
    assert not (tmp_path / "project").exists()
