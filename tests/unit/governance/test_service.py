"""Tokens are worth what they say and no longer; the audit and the ancestry can be read."""

import string
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from tidemill.core.access import OWNER, SYSTEM, Actor, Role, UnknownRole
from tidemill.core.errors import InvalidInput
from tidemill.core.limits import InvalidLimit
from tidemill.core.moments import InvalidDuration, utc_now
from tidemill.core.names import InvalidName, InvalidText
from tidemill.core.refs import InvalidRef, Ref
from tidemill.governance import rules, store
from tidemill.governance.records import Token
from tidemill.governance.rules import NameReserved, TokenRefused
from tidemill.governance.service import GovernanceService, TokenExists, TokenNotFound
from tidemill.governance.tracing import AmbiguousId, ThingNotFound
from tidemill.ledger import Ledger
from tidemill.ledger.records import Edge


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger.open(tmp_path / "ledger.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def governance(ledger: Ledger) -> GovernanceService:
    return GovernanceService(ledger)


# ------------------------------------------------------------------------------------------- tokens


@pytest.mark.parametrize("role", list(Role))
def test_the_holder_of_a_token_acts_under_its_name_and_role(governance, role):
    made = governance.create_token(OWNER, name="ann", role=role.name.lower())

    assert governance.authenticate(made.secret) == Actor("ann", role)


def test_the_secret_is_kept_nowhere(governance, ledger, tmp_path):
    secret = governance.create_token(OWNER, name="ann").secret
    ledger.close()

    assert len(secret) == 46
    files = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert rules.hash_of(secret).encode() in files
    assert secret.encode() not in files
    assert secret[3:].encode() not in files


def test_a_revoked_token_is_worth_nothing_at_once(governance):
    secret = governance.create_token(OWNER, name="ann").secret
    governance.authenticate(secret)

    revoked = governance.revoke_token(OWNER, name="ann")

    assert revoked.revoked_at is not None
    with pytest.raises(TokenRefused):
        governance.authenticate(secret)


def test_a_token_is_revoked_by_its_id_too(governance):
    made = governance.create_token(OWNER, name="ann")

    assert governance.revoke_token(OWNER, name=made.token.id).name == "ann"


def test_an_expired_token_is_worth_nothing_though_it_is_remembered(governance, ledger):
    made = governance.create_token(OWNER, name="ann", expires_in="1d")
    assert governance.authenticate(made.secret).name == "ann"

    past = utc_now() - timedelta(seconds=1)
    for known in list(governance._known):
        governance._known[known] = type(governance._known[known])(
            governance._known[known].actor, past, governance._known[known].until
        )
    ledger.write(OWNER, lambda tx: tx.execute(sa.update(store.tokens).values(expires_at=past)))

    with pytest.raises(TokenRefused):
        governance.authenticate(made.secret)


@pytest.mark.parametrize(
    "secret", ["", "tm_", "tm_" + "A" * 42, "tm_" + "A" * 44, "tm_" + "A" * 42 + "é", "tm_" + "A" * 42 + "\n"]
)
def test_what_looks_like_no_token_is_refused(governance, secret):
    with pytest.raises(TokenRefused):
        governance.authenticate(secret)


def test_a_name_is_taken_until_its_token_is_revoked(governance):
    governance.create_token(OWNER, name="ann")
    with pytest.raises(TokenExists):
        governance.create_token(OWNER, name="ann", role="admin")

    governance.revoke_token(OWNER, name="ann")
    governance.create_token(OWNER, name="ann")

    assert [token.name for token in governance.list_tokens(OWNER)] == ["ann", "ann"]


@pytest.mark.parametrize("name", [OWNER.name, SYSTEM.name, "OWNER", "Tidemill"])
def test_nobody_can_pass_for_the_owner_or_the_system(governance, name):
    with pytest.raises(NameReserved):
        governance.create_token(OWNER, name=name)


def test_bad_orders_for_a_token_are_refused(governance):
    for order, error in [
        ({"name": "../a"}, InvalidName),
        ({"name": ""}, InvalidName),
        ({"name": "a", "role": "king"}, UnknownRole),
        ({"name": "a", "expires_in": "soon"}, InvalidDuration),
        ({"name": "a", "expires_in": "0s"}, InvalidInput),
        ({"name": "a", "expires_in": "99999999d"}, InvalidInput),
    ]:
        with pytest.raises(error):
            governance.create_token(OWNER, **order)
    assert governance.list_tokens(OWNER) == []


def test_revoking_what_is_not_there_names_what_is_near(governance):
    governance.create_token(OWNER, name="robot")

    with pytest.raises(TokenNotFound) as caught:
        governance.revoke_token(OWNER, name="robt")
    assert "robot" in caught.value.hint


def test_the_day_of_use_is_kept(governance, wait_for):
    secret = governance.create_token(OWNER, name="ann").secret
    governance.authenticate(secret)

    wait_for(lambda: governance.list_tokens(OWNER)[0].last_used_day == utc_now().date().isoformat())


def test_only_a_live_admin_counts_as_one(governance):
    governance.create_token(OWNER, name="ed", role="approver")
    assert not governance.has_admin_token()
    governance.create_token(OWNER, name="ann", role="admin", expires_in="1d")
    assert governance.has_admin_token()
    governance.revoke_token(OWNER, name="ann")
    assert not governance.has_admin_token()


def test_making_and_revoking_is_audited_without_the_secret(governance):
    made = governance.create_token(OWNER, name="ann", role="editor")
    governance.revoke_token(Actor("boss", Role.ADMIN), name="ann")

    events = governance.audit(OWNER, subject=f"token:{made.token.id}")
    assert [(event.action, event.actor) for event in events] == [("token.revoke", "boss"), ("token.create", "owner")]
    assert made.secret not in str(events)


@given(st.none() | st.timedeltas(timedelta(seconds=-5), timedelta(seconds=5)), st.booleans())
def test_a_token_is_live_until_it_expires_or_is_revoked(left, is_revoked):
    now = utc_now()
    token = Token(
        id="a", name="a", role="viewer", created_at=now, created_by="b",
        expires_at=None if left is None else now + left, revoked_at=now if is_revoked else None,
    )  # fmt: skip

    assert rules.is_live(token, now) == (not is_revoked and (left is None or left > timedelta(0)))


def test_secrets_are_long_and_never_the_same():
    made = {rules.new_secret() for _ in range(100)}

    assert len(made) == 100
    assert all(rules.looks_like_secret(secret) for secret in made)
    assert set("".join(made)) <= set(string.ascii_letters + string.digits + "_-")


# ------------------------------------------------------------------------------------------- audit and ancestry


def test_the_audit_is_given_in_pages_of_bounded_size(governance):
    for number in range(5):
        governance.create_token(OWNER, name=f"t{number}")

    assert [event.seq for event in governance.audit(OWNER, limit=2)] == [5, 4]
    assert [event.seq for event in governance.audit(OWNER, limit=2, before=4)] == [3, 2]
    for limit in (0, -1, 1001):
        with pytest.raises(InvalidLimit):
            governance.audit(OWNER, limit=limit)
    with pytest.raises(InvalidRef):
        governance.audit(OWNER, subject="nonsense")


def test_a_viewer_learns_that_it_may_only_read(governance):
    assert governance.whoami(Actor("ann", Role.VIEWER)).permissions == ["read"]


def link(ledger: Ledger, source: Ref, target: Ref) -> None:
    ledger.write(OWNER, lambda tx: tx.link(source, "made", target))


def test_a_thing_is_traced_by_kind_and_id_or_by_its_id_alone(governance, ledger):
    link(ledger, Ref("run", "r1"), Ref("model_version", "m1"))

    for text in ("model_version:m1", "m1"):
        found = governance.trace(OWNER, ref=text)
        assert (found.start, [edge.source for edge in found.edges]) == ("model_version:m1", ["run:r1"])
    assert governance.trace(OWNER, ref="r1").edges == []
    assert [edge.target for edge in governance.trace(OWNER, ref="r1", direction="down").edges] == ["model_version:m1"]


def test_an_id_of_several_things_must_be_said_in_full(governance, ledger):
    link(ledger, Ref("run", "x"), Ref("report", "x"))

    with pytest.raises(AmbiguousId) as caught:
        governance.trace(OWNER, ref="x")
    assert "`tidemill trace report:x`, `tidemill trace run:x`" in caught.value.hint
    assert "several things: report, run" in caught.value.message


def test_a_thing_that_the_audit_alone_knows_is_found(governance):
    made = governance.create_token(OWNER, name="ann")

    assert governance.trace(OWNER, ref=made.token.id).start == f"token:{made.token.id}"


@pytest.mark.parametrize(
    ("ref", "error"),
    [("nothing", ThingNotFound), ("run:nothing", ThingNotFound), ("king:x", InvalidRef), ("run:", InvalidRef),
     ("", ThingNotFound), ("a" * 600, InvalidText), ("a\x00", InvalidText)],
)  # fmt: skip
def test_what_is_not_there_cannot_be_traced(governance, ref, error):
    with pytest.raises(error):
        governance.trace(OWNER, ref=ref)


def test_things_without_edges_of_their_own_are_traced_through_their_stage(ledger):
    link(ledger, Ref("model_version", "m1"), Ref("deployment", "d1"))

    def origin(ref: Ref) -> list[Edge]:
        if ref.id != "p1":
            return []
        return [Edge(source="deployment:d1", relation="answered", target=str(ref), created_at=utc_now())]

    governance = GovernanceService(ledger, {"prediction": origin})

    for text in ("p1", "prediction:p1"):
        found = governance.trace(OWNER, ref=text)
        assert found.start == "prediction:p1"
        assert [edge.source for edge in found.edges] == ["deployment:d1", "model_version:m1"]
    with pytest.raises(ThingNotFound):
        governance.trace(OWNER, ref="prediction:p2")
