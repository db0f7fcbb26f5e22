"""Who may ask an endpoint: said by tokens, obeyed by the data plane, kept as hashes."""

import hashlib
import http.client
import json
from datetime import timedelta

import pytest

from tidemill.core.access import OWNER
from tidemill.core.errors import Conflict, InvalidInput, NotFound
from tidemill.core.moments import to_ms
from tidemill.delivery.tokens import MOST_LIVE


@pytest.fixture
def delay(house, ann):
    house.delivery.create_endpoint(ann, name="delay")
    house.delivery.deploy(ann, endpoint="delay", model=house.ready("one").ref)
    return house.delivery


def routes(house):
    return json.loads((house.home / "serving" / "routes.json").read_bytes())["endpoints"]["delay"]


def ask(plane, secret=None):
    connection = http.client.HTTPConnection("127.0.0.1", plane.port, timeout=20)
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {secret}"} if secret else {})
    connection.request("POST", "/v1/endpoints/delay/predict", json.dumps({"records": [{"x": 0.5}]}), headers)
    reply = connection.getresponse()
    answer = json.loads(reply.read())
    connection.close()
    return reply.status, answer.get("error", {}).get("code", "")


def test_from_the_first_token_to_the_last(house, delay, start_plane):
    plane = start_plane(house.home)
    assert ask(plane) == (200, "")

    old = delay.create_endpoint_token(OWNER, endpoint="delay", name="app")
    assert ask(plane) == (401, "token_missing")
    assert ask(plane, "tme_" + "A" * 43) == (401, "token_unknown")
    assert ask(plane, old.secret) == (200, "")

    new = delay.create_endpoint_token(OWNER, endpoint="delay", name="app-2")
    assert [ask(plane, each.secret) for each in (old, new)] == [(200, "")] * 2

    delay.revoke_endpoint_token(OWNER, endpoint="delay", name="app")
    assert ask(plane, old.secret) == (401, "token_unknown")
    assert ask(plane, new.secret) == (200, "")

    delay.revoke_endpoint_token(OWNER, endpoint="delay", name=new.token.id)
    assert ask(plane, new.secret) == (401, "token_unknown")
    assert ask(plane) == (401, "token_missing")  # it does not fall open
    assert house.endpoint().problem == ""


def test_what_was_revoked_while_the_data_plane_was_down_is_refused_when_it_starts(house, delay, start_plane):
    made = delay.create_endpoint_token(OWNER, endpoint="delay", name="app")
    plane = start_plane(house.home)
    assert ask(plane, made.secret) == (200, "")
    plane.stop()

    delay.revoke_endpoint_token(OWNER, endpoint="delay", name="app")

    assert "does not run" in house.endpoint().problem
    plane.start()
    assert ask(plane, made.secret) == (401, "token_unknown")


def test_a_token_ends_by_its_time_without_the_control_plane(house, delay, start_plane, wait_for):
    plane = start_plane(house.home)
    made = delay.create_endpoint_token(OWNER, endpoint="delay", name="app", expires_in="1s")

    wait_for(lambda: ask(plane, made.secret) == (401, "token_unknown"), within_s=10)


def test_the_secret_is_shown_once_and_kept_nowhere(house, delay):
    made = delay.create_endpoint_token(OWNER, endpoint="delay", name="app", expires_in="90d")

    assert made.token.expires_at - made.token.created_at == timedelta(days=90)
    hashed = hashlib.sha256(made.secret.encode()).hexdigest()
    told = routes(house)
    assert (told["needs_token"], told["token_hashes"]) == (True, [hashed])
    assert told["token_expires_ms"] == {hashed: to_ms(made.token.expires_at)}
    kept = b"".join(path.read_bytes() for path in house.home.rglob("*") if path.is_file())
    assert made.secret.encode() not in kept
    assert hashed.encode() in kept
    assert house.audit("endpoint_token.create") == 1
    assert delay.list_endpoint_tokens(OWNER, endpoint="delay") == [made.token]


def test_a_name_is_free_again_after_its_token_was_revoked(house, delay):
    first = delay.create_endpoint_token(OWNER, endpoint="delay", name="app")
    with pytest.raises(Conflict) as caught:
        delay.create_endpoint_token(OWNER, endpoint="delay", name="app")
    assert (caught.value.code, "another name" in caught.value.hint) == ("endpoint_token_exists", True)

    delay.revoke_endpoint_token(OWNER, endpoint="delay", name="app")
    second = delay.create_endpoint_token(OWNER, endpoint="delay", name="app")

    listed = [each.id for each in delay.list_endpoint_tokens(OWNER, endpoint="delay")]
    assert listed == [second.token.id, first.token.id]
    assert len(routes(house)["token_hashes"]) == 1
    assert house.audit("endpoint_token.revoke") == 1


@pytest.mark.parametrize(("given", "code"), [
    ({"expires_in": "soon"}, "invalid_duration"), ({"expires_in": "0s"}, "invalid_input"),
    ({"expires_in": "40000d"}, "invalid_input"), ({"name": "a b"}, "invalid_name"),
])  # fmt: skip
def test_what_cannot_be_a_token_is_refused(house, delay, given, code):
    with pytest.raises(InvalidInput) as caught:
        delay.create_endpoint_token(OWNER, **{"endpoint": "delay", "name": "app"} | given)

    assert caught.value.code == code
    assert routes(house)["needs_token"] is False


def test_what_is_not_there_is_told(delay):
    for verb in (delay.create_endpoint_token, delay.revoke_endpoint_token):
        with pytest.raises(NotFound) as caught:
            verb(OWNER, endpoint="dellay", name="app")
        assert caught.value.code == "endpoint_not_found"
    delay.create_endpoint_token(OWNER, endpoint="delay", name="app")
    with pytest.raises(NotFound) as caught:
        delay.revoke_endpoint_token(OWNER, endpoint="delay", name="apq")
    assert (caught.value.code, "'app'" in caught.value.hint) == ("endpoint_token_not_found", True)


def test_an_endpoint_has_so_many_tokens_and_no_more(house, delay, monkeypatch):
    monkeypatch.setattr(delay, "reconcile", lambda: None)  # a hundred times is slow
    for at in range(MOST_LIVE):
        delay.create_endpoint_token(OWNER, endpoint="delay", name=f"app-{at}")
    with pytest.raises(Conflict) as caught:
        delay.create_endpoint_token(OWNER, endpoint="delay", name="one-more")

    assert caught.value.code == "too_many_endpoint_tokens"
