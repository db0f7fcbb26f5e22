import pytest

from tidemill.server.pages.previews import look_into


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
