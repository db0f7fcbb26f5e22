import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemill.checks.personal.masking import ALL_KINDS, mask, mask_text


@pytest.mark.parametrize(
    ("value", "kinds", "shown"),
    [
        ("ann.lee@example.com", ("email",), "a•••@•••.com"),
        ("write to ann.lee@example.com today", ("email",), "write to a•••@•••.com today"),
        ("DE89 3704 0044 0532 0130 00", ("iban",), "•••• •••• •••• •••• ••30 00"),
        ("4111 1111 1111 1111", ("card",), "•••• •••• •••• 1111"),
        ("81.2.69.142", ("ip",), "••.•.••.•••"),
        ("(212) 555-0123", ("phone",), "(•••) •••-••23"),
        ("Müller", ("person_name",), "M•••"),
        ("1985-10-10", ("birth",), "1•••"),
        ("nothing", ("email", "iban"), "nothing"),
        ("", ("person_name",), ""),
        (None, ("email",), None),
    ],
)
def test_a_mask_hides_what_is_personal_and_shows_enough_to_know_it(value, kinds, shown):
    assert mask([value], kinds) == [shown]


def test_a_misprinted_number_is_hidden_too():
    assert mask(["4111 1111 1111 1112"], ("card",)) == ["•••• •••• •••• 1112"]


def test_without_kinds_nothing_changes():
    assert mask(["ann.lee@example.com"], ()) == ["ann.lee@example.com"]


def test_messages_are_cleaned_of_proven_pieces():
    said = mask_text("'ann.lee@example.com' in 3 rows, DE89370400440532013000, order 4111111111111111")

    assert said == "'a•••@•••.com' in 3 rows, ••••••••••••••••••3000, order 4111111111111111"


@given(st.lists(st.one_of(st.none(), st.text(max_size=40))), st.sets(st.sampled_from(sorted(ALL_KINDS))))
def test_a_mask_keeps_order_length_and_gaps_and_hides_twice_alike(values, kinds):
    hidden = mask(values, kinds)

    assert [each is None for each in hidden] == [each is None for each in values]
    assert mask(hidden, kinds) == mask(mask(hidden, kinds), kinds)
