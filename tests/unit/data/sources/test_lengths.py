"""Rows of text and objects that are too long are refused before they are held."""

from collections.abc import Callable
from typing import Any

import pytest

from tidemill.data import errors
from tidemill.data.records import DatasetVersion
from tidemill.data.sources import json_text, lengths

Ingest = Callable[..., DatasetVersion]


def refused(ingest: Ingest, content: str, **options: object) -> Any:
    with pytest.raises(errors.MalformedTable) as caught:
        ingest(content, **options)
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize(
    ("rows", "line"),
    [
        ("2," + "y" * 9_000_000, 3),
        ('2,"' + "yy\n" * 3_000_000 + '"', 3),
        ("2,y\n" * 1_000_000 + '2,"' + 'y""' * 3_000_000 + '"', 1_000_003),
    ],
)
def test_a_row_that_is_too_long_is_refused_before_it_is_held(
    ingest: Ingest, monkeypatch: pytest.MonkeyPatch, rows: str, line: int
) -> None:
    monkeypatch.setattr(lengths, "LONGEST", 8_000_000)
    error = refused(ingest, f"a,b\n1,x\n{rows}\n3,z\n")
    assert error.details == {"line": line}
    assert "8000000 bytes" in error.message


def test_a_long_file_of_short_rows_is_accepted(ingest: Ingest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lengths, "LONGEST", 2_000_000)
    monkeypatch.setattr(lengths, "_PIECE", 1000)
    quoted = '1,"a\nb, ""c"""\n' * 100_000
    plain = "1,x\n" * 600_000
    assert ingest(f"a,b\n{plain}{quoted}{plain}", name="accepted").rows == 1_300_000


def test_an_object_that_is_too_long_is_refused(ingest: Ingest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_text, "LONGEST", 1 << 20)
    long = "y" * (9 << 20)
    for content in (f'{{"a": 1}}\n{{"a": "{long}"}}\n', f'[{{"a": "{long}"}}]'):
        assert "longer than" in refused(ingest, content, file="t.jsonl").message
