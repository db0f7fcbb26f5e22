"""A survey that looks at few lines finds what one finds that looks at every value of every line."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidemill.data.sources import json_text
from tidemill.data.sources.json_known import KnownRows
from tidemill.data.sources.json_text import NotLines, Survey, survey_lines

VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 2),
    st.sampled_from([1 << 63, (1 << 63) - 1, -(1 << 63) - 1, 1.5, 1e300]),
    st.text(max_size=2),
    st.lists(st.integers(0, 2), max_size=2),
    st.dictionaries(st.sampled_from("ab"), st.integers(), max_size=1),
)


def looked_at_wholly(rows: list[dict[str, object]]) -> Survey:
    survey = Survey("t")
    for row in rows:
        survey.add(row)
    return survey


def kinds_of(survey: Survey) -> dict[str, set[type]]:
    """What decides how a column is read: a float beside whole numbers tells nothing more, and so on."""
    found: dict[str, set[type]] = {}
    for column, types in survey.columns.items():
        kinds = types - {type(None)}
        nested = kinds & {dict, list}
        found[column] = set[type]({dict}) if nested else kinds - {int} if float in kinds else kinds
    return found


@settings(max_examples=150, deadline=None)
@given(rows=st.lists(st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3), max_size=30))
def test_a_survey_finds_every_type(tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, object]]) -> None:
    path = tmp_path_factory.mktemp("json") / "t.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_text, "_PIECE", 40)
        found = survey_lines(path, "t")
    wanted = looked_at_wholly(rows)
    assert found.rows == wanted.rows
    assert list(found.columns) == list(wanted.columns)
    assert kinds_of(found) == kinds_of(wanted)


KNOWN: dict[str, set[type]] = {"a": {int}, "b": {str, type(None)}}


@pytest.mark.parametrize(
    ("lines", "rows"),
    [
        (b'{"a":1}\n{"a":2,"b":"x"}\n', 2),
        (b'{"a":1}\r\n{"b":null}', 2),
        (b'{"a":1}{"a":2}\n', 0),
        (b'{"a":1}{"a":\n2}\n', 0),
        (b'{"a":1}\n\n{"a":2}\n', 0),
        (b' {"a":1}\n', 0),
        (b'[{"a":1}]\n', 0),
        (b'{"a":1.0}\n', 0),
        (b'{"a":true}\n', 0),
        (b'{"a":"1"}\n', 0),
        (b'{"a":9223372036854775808}\n', 0),
        (b'{"a":NaN}\n', 0),
        (b'{"c":1}\n', 0),
        (b'{"b":"}\\n{"}\n', 1),
        (b'{"b":"\xff"}\n', 0),
        (b'{"a":1,"a":2}\n', 1),
        (b'{"a":1,"a":"x"}\n', 0),
    ],
)
def test_only_lines_that_hold_nothing_new_are_taken(lines: bytes, rows: int) -> None:
    assert KnownRows(KNOWN).count(lines) == rows


def test_it_gives_up_where_every_piece_is_new() -> None:
    known = KnownRows(KNOWN)
    for _ in range(20):
        assert known.count(b'{"c":1}\n') == 0
    assert known.count(b'{"a":1}\n') == 0


def test_nothing_is_known_of_very_wide_lines() -> None:
    assert KnownRows({f"c{i}": {int} for i in range(5000)}).count(b'{"c1":1}\n') == 0


@pytest.mark.parametrize("line", [b"[1]", b"{", b"", b'{"a":NaN}', b'\xef\xbb\xbf{"a":1}'])
def test_what_is_no_object_a_line_is_told_wherever_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: bytes
) -> None:
    monkeypatch.setattr(json_text, "_PIECE", 64)
    path = tmp_path / "t.jsonl"
    path.write_bytes(b'{"a":1}\n' * 50 + line + b"\n" + b'{"a":1}\n' * 50)
    with pytest.raises(NotLines):
        survey_lines(path, "t")


def test_a_line_that_is_too_long_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_text, "_PIECE", 64)
    monkeypatch.setattr(json_text, "LONGEST", 1000)
    path = tmp_path / "t.jsonl"
    path.write_bytes(b'{"a":1}\n' * 50 + b'{"a":"' + b"x" * 3000 + b'"}\n')
    with pytest.raises(NotLines):
        survey_lines(path, "t")
    path.write_bytes(b'{"a":1}\n' * 50 + b'{"a":"' + b"x" * 500 + b'"}\n')
    assert survey_lines(path, "t").rows == 51
