"""An error keeps its parts wherever it goes."""

import pickle

import pytest

from tidemill.core.errors import BodyTooLarge, Damaged, InvalidInput, OutOfSpace, TidemillError


class ColumnMissing(InvalidInput):
    """A case of a stage, with a way of its own to be made."""

    code = "column_missing"

    def __init__(self, column: str) -> None:
        super().__init__(f"There is no column {column}", hint="Look.", where="a.csv:1", details={"column": column})


@pytest.mark.parametrize("error", [ColumnMissing("a"), OutOfSpace("full", hint="free"), Damaged("x")])
def test_an_error_crosses_processes_whole(error):
    again = pickle.loads(pickle.dumps(error))

    assert type(again) is type(error)
    assert vars(again) == vars(error)
    assert str(again) == str(error)


def test_an_error_reads_as_what_where_and_what_next():
    assert str(ColumnMissing("a")) == "There is no column a (a.csv:1)\n  hint: Look."
    assert str(TidemillError("plain")) == "plain"


def test_details_of_one_error_are_not_those_of_another():
    facts: dict[str, object] = {"row": 1}
    first, second = InvalidInput("a", details=facts), InvalidInput("b")
    first.details["row"] = 2

    assert facts == {"row": 1}
    assert second.details == {}


def test_a_case_is_caught_by_its_family():
    with pytest.raises(TidemillError):
        raise BodyTooLarge("too much", hint="less")
