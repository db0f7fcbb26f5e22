import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemill.core.ids import new_id
from tidemill.serving.errors import InvalidRoutes
from tidemill.serving.routing import Shares, parse_routes


def test_shares_are_kept_within_what_chance_allows():
    shares = Shares("delay", [0.9, 0.07, 0.03])
    count = 40_000
    counts = [0, 0, 0]
    for at in range(count):
        counts[shares.choose(f"{at:032x}")] += 1
    for seen, share in zip(counts, [0.9, 0.07, 0.03], strict=True):
        assert abs(seen / count - share) < 5 * (share * (1 - share) / count) ** 0.5


@given(st.text(max_size=40))
def test_the_same_key_always_gets_the_same_target(key):
    assert Shares("delay", [0.5, 0.5]).choose(key) == Shares("delay", [0.5, 0.5]).choose(key)


def test_a_canary_that_grows_keeps_its_callers():
    keys = [new_id() for _ in range(2000)]
    few = {key for key in keys if Shares("delay", [0.95, 0.05]).choose(key)}
    many = {key for key in keys if Shares("delay", [0.5, 0.5]).choose(key)}
    assert few < many


def test_two_endpoints_do_not_choose_the_same_callers():
    keys = [f"user {at}" for at in range(2000)]
    one = {key for key in keys if Shares("delay", [0.5, 0.5]).choose(key)}
    two = {key for key in keys if Shares("price", [0.5, 0.5]).choose(key)}
    assert 400 < len(one & two) < 600


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_all_or_nothing_is_exact(share):
    shares = Shares("delay", [1 - share, share])
    assert {shares.choose(str(at)) for at in range(1000)} == {int(share)}


TARGET = {"deployment": "d", "model": "m", "version": 1, "bundle": "b", "path": "/p", "share": 1.0, "route": "stable"}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'{"revision": "one"}',
        b"\xff",
        json.dumps({"revision": 1, "endpoints": {"e": {"targets": []}}}).encode(),
        json.dumps({"revision": 1, "endpoints": {"e": {"targets": [TARGET | {"share": 0.5}]}}}).encode(),
        json.dumps({"revision": 1, "endpoints": {"e": {"targets": [TARGET | {"share": 2}, TARGET | {"share": -1}]}}}
                   ).encode(),
    ],
)  # fmt: skip
def test_a_file_that_is_not_the_agreed_one_is_refused(content):
    with pytest.raises(InvalidRoutes) as caught:
        parse_routes(content)
    assert caught.value.hint


def test_the_agreed_file_is_read():
    routes = parse_routes(json.dumps({"revision": 17, "later": 1, "endpoints": {"e": {"targets": [TARGET]}}}).encode())
    assert (routes.revision, routes.endpoints["e"].targets[0].share) == (17, 1.0)
