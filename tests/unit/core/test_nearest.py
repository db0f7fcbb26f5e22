"""A hint names what was probably meant, or what there is."""

from hypothesis import given
from hypothesis import strategies as st

from tidemill.core.nearest import did_you_mean, nearest


def test_the_nearest_word_is_named():
    assert nearest("flihgts", ["weather", "flights"]) == "flights"
    assert did_you_mean("flihgts", ["weather", "flights"]) == "Did you mean 'flights'?"


def test_a_word_that_is_near_to_none_gets_the_list():
    assert nearest("xyz", ["weather", "flights"]) is None
    assert did_you_mean("xyz", ["weather", "flights"]) == "Known: flights, weather."
    assert did_you_mean("xyz", []) == "There are none yet."


def test_a_long_list_is_cut():
    assert did_you_mean("xyz", [f"name{number:03}" for number in range(100)]).endswith("name011 and 88 more.")


@given(st.text(max_size=20), st.lists(st.text(max_size=20), max_size=5))
def test_there_is_always_something_to_say(word, known):
    assert did_you_mean(word, known)
