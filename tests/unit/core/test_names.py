"""Names and texts hold nothing that could harm a path, a page, a log or a database."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemill.core.names import InvalidName, InvalidText, check_name, check_text, shown


@pytest.mark.parametrize("name", ["a", "flights", "flight-delays_2.1", "0", "_hidden", "a" * 128])
def test_a_name_is_taken_as_it_is(name):
    assert check_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        ".a",
        "-a",
        "a/b",
        "a\\b",
        "a b",
        "a\n",
        "\na",
        "a\0",
        "é",
        "a" * 129,
        "../../etc",
        "a:b",
        "a@1",
        "\ud800",
    ],
)
def test_anything_else_is_no_name(name):
    with pytest.raises(InvalidName, match="dataset") as caught:
        check_name(name, "dataset")
    assert caught.value.message.isprintable()


@given(st.text(st.characters(exclude_categories=["Cc", "Cf", "Cs"]), max_size=50))
def test_a_text_of_visible_characters_is_taken_as_it_is(text):
    assert check_text(text, "comment", 50) == text


@pytest.mark.parametrize(
    "bad", ["\0", "\x1b[31m", "\x7f", "\x85", "\u202e", "\u2066", "\u200f", "\ud800", "a\nb", "a\tb"]
)
def test_a_text_with_control_or_direction_marks_is_refused(bad):
    with pytest.raises(InvalidText, match="comment"):
        check_text(f"a{bad}b", "comment", 50)


def test_lines_are_fine_where_they_are():
    assert check_text("a\n\tb\r\n", "comment", 50, lines=True) == "a\n\tb\r\n"
    with pytest.raises(InvalidText):
        check_text("a\0b\n", "comment", 50, lines=True)


def test_a_text_has_an_end():
    assert check_text("a" * 50, "comment", 50)
    with pytest.raises(InvalidText, match="51 characters"):
        check_text("a" * 51, "comment", 50)


@given(st.text(st.characters()))
def test_what_is_shown_is_short_and_safe(text):
    assert len(shown(text)) <= 62 * 10
    assert shown(text).isprintable()
