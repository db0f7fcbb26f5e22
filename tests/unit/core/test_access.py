"""A role may do what the roles before it may, and one thing more."""

import pytest

from tidemill.core.access import (
    OWNER,
    SYSTEM,
    Actor,
    Permission,
    PermissionMissing,
    Role,
    UnknownRole,
    allows,
    parse_role,
    require,
)


def test_each_role_adds_one_permission_to_those_of_the_role_before():
    granted = [{each for each in Permission if allows(Actor("ann", role), each)} for role in Role]

    assert granted[0] == {Permission.OPEN, Permission.READ}
    assert granted[1] - granted[0] == {Permission.WRITE}
    assert granted[2] - granted[1] == {Permission.APPROVE}
    assert granted[3] - granted[2] == {Permission.ADMIN}
    assert granted[3] == set(Permission)


def test_who_may_not_hears_what_is_missing():
    with pytest.raises(PermissionMissing, match="ann is viewer, and this needs approver") as caught:
        require(Actor("ann", Role.VIEWER), Permission.APPROVE)
    assert caught.value.hint


@pytest.mark.parametrize("actor", [OWNER, SYSTEM])
def test_the_owner_and_the_system_may_everything(actor):
    for permission in Permission:
        require(actor, permission)


def test_a_role_is_known_by_its_word_in_any_case():
    assert [parse_role(word) for word in ("viewer", "Editor", "APPROVER", "admin")] == list(Role)


@pytest.mark.parametrize("word", ["", "king", "admin ", "1", "viewer,admin"])
def test_another_word_is_no_role(word):
    with pytest.raises(UnknownRole) as caught:
        parse_role(word)
    assert "viewer, editor, approver, admin" in caught.value.hint
