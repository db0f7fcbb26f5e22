"""What a repeated import does to texts: what changed at the source changes here, what was set here stays."""

from hypothesis import given
from hypothesis import strategies as st

from tidemill.tracking.merging import merge

TEXTS = st.dictionaries(st.sampled_from("abcd"), st.sampled_from("xyz"))


def after(marks, theirs, ours):
    merged = merge(marks, theirs, ours)
    return {key: text for key, text in (ours | merged.put).items() if key not in merged.drop}, merged.marks


@given(theirs=TEXTS, ours=TEXTS)
def test_the_first_time_all_is_taken_and_nothing_deleted(theirs, ours):
    assert after({}, theirs, ours)[0] == ours | theirs


@given(theirs=TEXTS, ours=TEXTS)
def test_the_same_again_does_nothing(theirs, ours):
    here, marks = after({}, theirs, ours)
    merged = merge(marks, theirs, here)

    assert (merged.put, merged.drop, merged.marks) == ({}, [], marks)


@given(first=TEXTS, second=TEXTS)
def test_where_nobody_changes_anything_here_it_is_as_there(first, second):
    here, marks = after({}, first, {})

    assert after(marks, second, here)[0] == second


@given(ours=TEXTS, first=TEXTS, second=TEXTS, changed=TEXTS)
def test_what_the_source_did_not_bring_or_somebody_changed_is_never_deleted(ours, first, second, changed):
    here, marks = after({}, first, ours)
    here |= changed
    gone = here.keys() - after(marks, second, here)[0].keys()

    for key in gone:
        assert key in first.keys() - second.keys()
        assert here[key] == first[key]
        assert ours.get(key) != first[key], "it was here already"


@given(first=TEXTS, changed=TEXTS, dropped=st.sets(st.sampled_from("abcd")))
def test_what_did_not_change_there_stays_as_it_was_made_here(first, changed, dropped):
    _, marks = after({}, first, {})
    here = {key: text for key, text in (first | changed).items() if key not in dropped}

    assert after(marks, first, here)[0] == here


def test_both_changed_it_then_the_source_counts():
    here, marks = after({}, {"a": "x"}, {})

    assert after(marks, {"a": "y"}, here | {"a": "z"})[0] == {"a": "y"}
