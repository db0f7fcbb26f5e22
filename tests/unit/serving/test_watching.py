"""What a change of routes.json does to those who are being answered."""

import hashlib
import json
import threading


def scores(server, count, **row):
    found: dict[tuple[str, float], int] = {}
    for at in range(count):
        status, answer = server.call({"records": [{"x": 0} | row], "ids": [f"id-{at}"]})
        assert status == 200
        key = (answer["route"], answer["predictions"][0]["score"])
        found[key] = found.get(key, 0) + 1
    return found


def test_a_new_revision_takes_over_and_says_so(server):
    server.model("m2", add=10)
    server.route({"delay": server.endpoint(("m2", 1.0))})
    assert server.applied() == {"revision": 2, "at": server.applied()["at"], "pid": server.applied()["pid"],
                                "errors": {}}  # fmt: skip
    assert scores(server, 1) == {("stable", 10.0): 1}
    assert server.get("/ready")[1]["revision"] == 2


def test_a_canary_gets_its_share(server):
    server.model("m2", add=10)
    server.route({"delay": server.endpoint(("m1", 0.5), ("m2", 0.5))})
    found = scores(server, 60)
    assert set(found) == {("stable", 0.0), ("canary", 10.0)}
    assert 12 <= found["stable", 0.0] <= 48


def test_a_sticky_column_decides_the_route(server):
    server.model("m2", add=10)
    server.route({"delay": server.endpoint(("m1", 0.5), ("m2", 0.5), sticky="user")})
    for user in range(12):
        assert len(scores(server, 4, user=user)) == 1
    assert len({tuple(scores(server, 1, user=user)) for user in range(12)}) == 2


def test_rows_of_several_sticky_values_are_refused(server):
    server.model("m2", add=10)
    server.route({"delay": server.endpoint(("m1", 0.5), ("m2", 0.5), sticky="user")})
    status, answer = server.call({"records": [{"x": 1, "user": 1}, {"x": 1, "user": 2}]})
    assert (status, answer["error"]["code"]) == (422, "mixed_sticky_values")


def test_during_a_rollout_between_signatures_both_are_served(server):
    server.model("m2", add=10, extra=["wind"])
    server.route({"delay": server.endpoint(("m1", 0.5), ("m2", 0.5))})
    assert set(scores(server, 40, wind=3)) == {("stable", 0.0), ("canary", 10.0)}
    assert all(frame.columns["wind"] == [3.0] for frame in server.frames())


def test_what_only_the_canary_refuses_is_told_as_its_own(server):
    server.model("m2", extra=["wind"])
    server.route({"delay": server.endpoint(("m1", 0.5), ("m2", 0.5))})
    asked = [server.call({"records": [{"x": 1}]})[0] for _ in range(40)]
    assert set(asked) == {200, 422}
    assert {(frame.status, frame.deployment) for frame in server.frames()} == {(200, "d-m1"), (422, "d-m2")}


def test_what_no_target_takes_is_told_of_none(server):
    server.model("m2", extra=["wind"])
    server.route({"delay": server.endpoint(("m1", 0.5), ("m2", 0.5))})
    assert {server.call({"records": [{"x": "three", "wind": 1}]})[0] for _ in range(20)} == {422}
    assert server.call({"records": [{"x": 1, "wind": 1}]})[0] == 200  # in a later turn, so the others are written
    assert {frame.deployment for frame in server.frames() if frame.status == 422} == {""}


def test_a_bundle_that_does_not_load_leaves_the_old_target(server):
    server.route({"delay": server.endpoint(("nowhere", 1.0)), "other": server.endpoint(("nowhere", 1.0))})
    errors = server.applied()["errors"]
    assert errors["delay"]["code"] == "load_failed"
    assert "no model here" in errors["delay"]["message"]
    assert errors["delay"]["deployment"] == "d-nowhere"
    assert scores(server, 1) == {("stable", 0.0): 1}
    status, answer = server.call({"records": [{"x": 1}]}, path="/v1/endpoints/other/predict")
    assert (status, answer["error"]["code"]) == (503, "endpoint_not_ready")
    assert server.get("/ready")[0] == 503
    server.route({"delay": server.endpoint(("m1", 1.0))})
    assert server.get("/ready")[0] == 200


def test_a_damaged_file_leaves_everything(server):
    from tidemill.serving.watching import FILE

    (server.folder / FILE).write_text("{")
    server.until(lambda: server.applied()["errors"])
    assert server.applied()["revision"] == 1
    assert server.applied()["errors"][FILE]["code"] == "invalid_routes"
    assert scores(server, 1) == {("stable", 0.0): 1}


def test_a_file_that_vanishes_leaves_everything(server):
    (server.folder / "routes.json").unlink()
    server.route({"delay": server.endpoint(("m1", 1.0))})
    (server.folder / "routes.json").unlink()
    assert scores(server, 3) == {("stable", 0.0): 3}


def test_an_endpoint_that_is_taken_away_is_404(server):
    server.route({})
    assert server.call({"records": [{"x": 1}]})[0] == 404


def test_an_endpoint_that_goes_while_a_body_comes_is_404(server):
    head = b"POST /v1/endpoints/delay/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 21\r\n\r\n"
    with server.socket() as connection:
        connection.sendall(head + b'{"records":')
        server.until(lambda: b"tidemill_connections 2" in server.get("/metrics")[1])
        server.until(lambda: len([one for one in server.plane._hub.connections if one._state == 2]) == 1)
        server.route({})
        connection.sendall(b'[{"x":1}]}')
        assert connection.recv(100).startswith(b"HTTP/1.1 404 ")


def test_a_model_is_loaded_once_for_many_revisions(server):
    server.model("m2")
    for share in (0.9, 0.5, 0.1):
        server.route({"delay": server.endpoint(("m1", share), ("m2", 1 - share))})
    assert len(server.loaded) == 2


def test_no_request_is_dropped_while_routes_change(server):
    for name in ("m2", "m3"):
        server.model(name, add=10)
    stop = threading.Event()
    failed = []

    def client():
        while not stop.is_set():
            status, answer = server.call({"records": [{"x": 1}]})
            if status != 200:
                failed.append(answer)

    threads = [threading.Thread(target=client) for _ in range(3)]
    for thread in threads:
        thread.start()
    for at in range(10):
        server.route({"delay": server.endpoint((("m1", "m2", "m3")[at % 3], 1.0))})
    stop.set()
    for thread in threads:
        thread.join()
    assert failed == []


def test_a_request_in_flight_finishes_on_the_model_it_began_with(start):
    server = start()
    server.one(about={"cost_hint_us": 5000, "gated": True, "add": 1})
    answers = []
    thread = threading.Thread(target=lambda: answers.append(server.call({"records": [{"x": 0}]})))
    thread.start()
    server.until(lambda: b"tidemill_in_flight 1" in server.get("/metrics")[1])
    server.model("m2", add=2)
    server.route({"delay": server.endpoint(("m2", 1.0))})
    assert scores(server, 1) == {("stable", 2.0): 1}
    server.loaded[0].gate.set()
    thread.join(10)
    ((status, answer),) = answers
    assert (status, answer["predictions"]) == (200, [{"score": 1.0}])


def test_the_applied_file_is_whole_json(server):
    (path,) = server.folder.glob("applied-*.json")
    assert set(json.loads(path.read_bytes())) == {"revision", "at", "pid", "errors"}


def test_a_revoked_token_is_refused_also_where_the_new_model_does_not_load(server):
    hashes = [hashlib.sha256(secret).hexdigest() for secret in (b"old", b"new")]
    server.one(token_hashes=hashes)
    server.route({"delay": server.endpoint(("no-such-model", 1.0), token_hashes=hashes[1:])})
    status = [
        server.call({"records": [{"x": 0}]}, headers={"Authorization": f"Bearer {secret}"})[0]
        for secret in ("old", "new")
    ]
    assert status == [401, 200]
