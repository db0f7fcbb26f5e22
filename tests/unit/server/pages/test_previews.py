import io

import polars as pl
import pytest

from tidemill.core.access import OWNER
from tidemill.server.pages.previews import look_into, preview_of


def test_a_table_is_shown_row_by_row():
    found = look_into("a.csv", b"x,y\n1,2\n")

    assert found.table == [["x", "y"], ["1", "2"]]


def test_a_long_table_is_cut_and_says_so():
    found = look_into("a.csv", b"x\n" + b"1\n" * 5000)

    assert len(found.table) == 101
    assert found.note == "The first 100 rows."


def test_json_is_set_out():
    assert look_into("a.json", b'{"a":1}').text == '{\n  "a": 1\n}'


@pytest.mark.parametrize("content", [b"{", b"[" * 100_000, b'{"a": NaN}'])
def test_what_is_not_json_is_text(content):
    assert look_into("a.json", content).text


@pytest.mark.parametrize("name", ["evil.html", "evil.svg", "evil.png"])
def test_markup_is_text_whatever_its_name(name):
    found = look_into(name, b"<svg onload=alert(1)>")

    assert (found.text, found.image) == ("<svg onload=alert(1)>", "")


def test_a_picture_is_known_by_its_bytes():
    assert look_into("a.txt", b"\x89PNG\r\n\x1a\n...").image.startswith("data:image/png;base64,")


@pytest.mark.parametrize("content", [bytes(range(256)), b"\xff" * 100])
def test_bytes_that_are_not_text_are_not_shown(content):
    found = look_into("a.txt", content)

    assert (found.text, found.table) == ("", ())
    assert "Download" in found.note


def test_much_text_is_cut_within_no_character():
    found = look_into("a.txt", ("é" * 200_000 + "x").encode())

    assert found.text == "é" * (131_072)
    assert "The first" in found.note


def test_parquet_is_a_table_of_its_first_rows():
    buffer = io.BytesIO()
    pl.DataFrame({"a": range(300), "b": [0.5] * 300}).write_parquet(buffer)
    found = look_into("rows.bin", buffer.getvalue())

    assert found.table[0] == ["a", "b"]
    assert found.table[1] == ["0", "0.5000"]
    assert (len(found.table), found.note) == (101, "The first 100 of 300 rows, 2 columns.")
    assert "is truncated or damaged" in look_into("rows.parquet", b"PAR1nothingPAR1").note


@pytest.mark.parametrize(
    ("content", "table"),
    [
        (b'{"columns": ["x", "y"], "data": [[1, "a"], [2.5, null]]}', [["x", "y"], ["1", "a"], ["2.500", "\u2013"]]),
        (b'[{"x": 1}, {"x": 2}]', [["x"], ["1"], ["2"]]),
    ],
)
def test_json_that_is_a_table_is_one(content, table):
    assert look_into("a.json", content).table == table


@pytest.mark.parametrize(
    "content",
    [b'{"columns": 1, "data": []}', b'{"columns": ["a"], "data": [1]}', b"[1, 2]", b'[{"a": 1}, {"b": 2}]', b"[{}]"],
)
def test_json_that_is_no_table_is_text(content):
    found = look_into("a.json", content)

    assert (found.table, bool(found.text)) == ((), True)


def test_a_notebook_is_shown_as_cells():
    found = look_into("a.ipynb", b'{"cells": [{"cell_type": "code", "source": "1"}], "nbformat": 4}')

    assert [cell.source for cell in found.cells] == ["1"]
    assert look_into("a.ipynb", b"{}").text


def test_a_page_is_shown_in_a_frame_only(workspace, serve):
    run = workspace.tracking.create_run(OWNER, name="a")
    evil = b"<script>document.cookie</script>"
    for path in ("a b/evil.html", "note.txt"):
        workspace.tracking.log_artifact(OWNER, run_id=run.run_id, path=path, content=evil)
    found = preview_of(workspace, OWNER, f"run:{run.run_id}", "a b/evil.html")
    http = serve()
    framed, other = http.get(found.frame), http.get(f"/framed/run:{run.run_id}/note.txt")

    assert (found.text, found.frame) == ("", f"/framed/run%3A{run.run_id}/a%20b/evil.html")
    assert framed.content == evil
    policy = framed.headers["content-security-policy"]
    assert policy.startswith("sandbox allow-scripts; default-src 'none'")
    assert "allow-same-origin" not in policy
    assert "'self'" not in policy.replace("frame-ancestors 'self'", "")
    assert framed.headers["x-content-type-options"] == "nosniff"
    assert (other.status_code, other.json()["error"]["code"]) == (400, "not_a_page")
    assert http.get(f"/framed/run:{run.run_id}/none.html").status_code == 404


def test_frames_need_the_permission_to_read(serve, workspace, secrets):
    run = workspace.tracking.create_run(OWNER, name="a")
    workspace.tracking.log_artifact(OWNER, run_id=run.run_id, path="a.html", content=b"x")

    assert serve(require_tokens=True).get(f"/framed/run:{run.run_id}/a.html").status_code == 401
