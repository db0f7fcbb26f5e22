"""Messages about bad rows tell no personal data."""

import json
from collections.abc import Callable

import pytest

from tidemill.core.errors import TidemillError
from tidemill.data import errors
from tidemill.data.quoting import quoted, told
from tidemill.data.records import DatasetVersion

Ingest = Callable[..., DatasetVersion]
CARDS = ("4111111111111111", "5555555555554444", "378282246310005")


def said(ingest: Ingest, kind: type[TidemillError], content: str, **options: object) -> str:
    with pytest.raises(kind) as caught:
        ingest(content, **options)
    error = caught.value
    return f"{error} {error.where} {error.hint} {json.dumps(error.details)}"


def test_a_value_is_told_as_it_is_when_nothing_is_personal() -> None:
    assert quoted("late", "delay") == "late"
    assert quoted(None, "delay") is None
    assert quoted("x" * 500, "delay") == "x" * 100


def test_a_value_is_masked_by_what_it_holds_and_by_the_name_of_its_column() -> None:
    assert "ann.lee" not in str(quoted("mail ann.lee@example.com", "note"))
    assert quoted("Smithson", "last_name") == "S•••"
    assert "ann.lee" not in told("could not parse `ann.lee@example.com` as dtype `i64`")


def test_a_mail_among_numbers_is_masked(ingest: Ingest) -> None:
    rows = "".join(f"{i},{i}\n" for i in range(9)) + "9,ann.lee@example.com\n"
    text = said(ingest, errors.MixedTypes, f"id,account\n{rows}")
    assert "row 10" in text
    assert "ann.lee" not in text
    lines = "".join(json.dumps({"id": i, "account": i}) + "\n" for i in range(9))
    lines += json.dumps({"id": 9, "account": "ann.lee@example.com"}) + "\n"
    text = said(ingest, errors.MixedTypes, lines, file="t.jsonl")
    assert "ann.lee" not in text


def test_a_row_that_breaks_a_rule_is_told_without_its_secret(ingest: Ingest) -> None:
    rows = "".join(f"{i},{CARDS[i % 3]},Smithson\n" for i in range(60))
    text = said(ingest, errors.BadRows, f"id,paid,last_name\n{rows}", rules={"paid": {"between": [0, 5]}})
    assert not any(card in text for card in CARDS)
    text = said(ingest, errors.BadRows, f"id,paid,last_name\n{rows}", rules={"last_name": {"in": ["Kim"]}})
    assert "Smithson" not in text
    assert "row 1" in text


def test_what_stands_in_place_of_a_row_of_json_is_masked(ingest: Ingest) -> None:
    text = said(ingest, errors.UnsupportedSource, '[{"a": 1}, "ann.lee@example.com"]', file="t.json")
    assert "ann.lee" not in text
