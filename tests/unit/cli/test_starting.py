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


@pytest.mark.parametrize(
    ("label", "said"),
    [
        ("name", r"30 different texts"),
        ("kind", r"3 different texts"),
        ("day", r"type Date"),
        ("nothing", r"has no column 'nothing'"),
    ],
)
def test_a_label_that_no_model_predicts_is_refused(tmp_path: Path, label: str, said: str) -> None:
    table = tmp_path / "table.csv"
    rows = [f"n{at},2024-01-{at + 1:02d},{at % 7},{'abc'[at % 3]}" for at in range(30)]
    table.write_text("\n".join(["name,day,size,kind", *rows]) + "\n")

    with pytest.raises(TableUnfit, match=said):
        start_project(tmp_path / "project", table, label=label, time=None, key=None)


@pytest.mark.parametrize(("label", "metric"), [("stars", "rmse"), ("late", "roc_auc"), ("paid", "roc_auc")])
def test_two_values_are_classes_and_more_numbers_are_a_quantity(tmp_path: Path, label: str, metric: str) -> None:
    table = tmp_path / "table.csv"
    rows = [f"{at % 5},{at % 2},{'yes' if at % 3 else 'no'}" for at in range(30)]
    table.write_text("\n".join(["stars,late,paid", *rows]) + "\n")

    start_project(tmp_path / "project", table, label=label, time=None, key=None)

    assert f"metric: {metric} " in (tmp_path / "project" / "tidemill.yaml").read_text()


def test_what_was_written_is_told_to_programs(bare, tmp_path):
    table = tmp_path / "customers.csv"
    table.write_text("id,tenure,left\n" + "".join(f"{n},{n % 7},{'yes' if n % 3 else 'no'}\n" for n in range(200)))
    told = bare("init", tmp_path / "churn", "--data", table, "--label", "left", "--json").json
    assert told["folder"] == str(tmp_path / "churn")
    assert "tidemill.yaml" in told["files"]
