"""What a client sees of the data plane, over real sockets."""

import hashlib
import json

import pytest


def test_an_answer_has_predictions_ids_and_who_answered(server):
    status, answer = server.call({"records": [{"x": 1, "y": 2.5, "carrier": "UA"}, {"x": 3.5}]})
    assert status == 200
    assert answer["predictions"] == [{"score": 3.5}, {"score": 3.5}]
    assert len(set(answer["ids"])) == 2
    assert all(len(one) == 32 and one[12] == "7" for one in answer["ids"])
    assert {key: answer[key] for key in ("model", "version", "deployment", "route")} == {
        "model": "delay",
        "version": 1,
        "deployment": "d-m1",
        "route": "stable",
    }


def test_columns_are_answered_like_records(server):
    status, answer = server.call({"columns": {"x": [1, 2, 3], "y": [None, 1, 2]}, "ids": ["a", "b", "c"]})
    assert status == 200
    assert [one["score"] for one in answer["predictions"]] == [1, 3, 5]
    assert answer["ids"] == ["a", "b", "c"]


def test_a_large_request_is_answered_whole_and_in_order(server):
    status, answer = server.call({"records": [{"x": at} for at in range(1000)]})
    assert status == 200
    assert [one["score"] for one in answer["predictions"]] == list(range(1000))


def test_a_prediction_that_is_not_a_number_is_null(server):
    assert server.call({"records": [{"x": 1, "carrier": "nan"}]})[1]["predictions"] == [{"score": None}]


def test_what_was_answered_is_in_the_capture(start):
    server = start()
    server.one(passthrough=["flight", "departed"], time="departed")
    row = {"x": 1, "carrier": "UA", "flight": 7, "departed": "2013-03-01T05:17:00Z"}
    _, answer = server.call({"records": [row]})
    frame = server.frames()[-1]
    assert frame.ids == answer["ids"]
    assert frame.columns == {"x": [1.0], "y": [None], "carrier": ["UA"], "flight": [7], "departed": [row["departed"]]}
    assert frame.outputs == {"score": [1.0]}
    assert (frame.endpoint, frame.deployment, frame.model, frame.version) == ("delay", "d-m1", "delay", 1)
    assert (frame.route, frame.status) == ("stable", 200)
    assert int(frame.ids[0][:12], 16) == pytest.approx(frame.t, abs=1000)


def test_a_refused_request_leaves_a_frame_with_its_code(server):
    server.call({"records": [{"x": "three"}]})
    server.call({"records": [{"x": 1}]})  # answered in a later turn, so the first one's frame is written
    refused = server.frames()[0]
    assert (refused.endpoint, refused.status, refused.code) == ("delay", 422, "invalid_rows")


def test_a_model_that_fails_spoils_only_its_own_request(server):
    status, answer = server.call({"records": [{"x": 1, "carrier": "crash"}]})
    assert status == 500
    assert answer["error"]["code"] == "model_failed"
    assert "no such carrier" in answer["error"]["message"]
    assert server.call({"records": [{"x": 1}]})[0] == 200
    assert server.frames()[0].code == "model_failed"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.0.0.9:80", "[::1]:9", "a.localhost:8765", "ml.corp"])
def test_a_host_that_names_this_server_is_answered(start, host):
    from tidemill.serving.heads import HostRules

    server = start(rules=HostRules(hosts=frozenset({"ml.corp"})))
    assert server.call(None, path="/health", method="GET", headers={"Host": host})[0] == 200


@pytest.mark.parametrize("host", ["evil.example", "10.0.0.1:80", "", "localhost.evil.example"])
def test_another_host_is_refused(server, host):
    status, answer = server.call({"records": [{"x": 1}]}, headers={"Host": host})
    assert status == 421
    assert answer["error"]["code"] == "host_not_allowed"
    assert answer["error"]["hint"]


def test_a_page_of_another_origin_may_not_call(server):
    body = {"records": [{"x": 1}]}
    status, answer = server.call(body, headers={"Origin": "https://evil.example"})
    assert (status, answer["error"]["code"]) == (403, "cross_origin")
    assert server.call(body, headers={"Origin": "null"})[0] == 403
    assert server.call(body, headers={"Origin": f"http://127.0.0.1:{server.port}"})[0] == 200


def test_an_endpoint_with_tokens_asks_for_one(start):
    server = start()
    server.one(token_hashes=[hashlib.sha256(b"secret").hexdigest()])
    body = {"records": [{"x": 1}]}
    assert server.call(body)[1]["error"]["code"] == "token_missing"
    reply = server.call(body, headers={"Authorization": "Bearer wrong"}, raw=True)
    assert (reply.status, reply.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert server.call(body, headers={"Authorization": "Bearer secret"})[0] == 200


def test_an_endpoint_whose_tokens_are_all_gone_answers_nobody(start):
    server = start()
    server.one(needs_token=True)
    body = {"records": [{"x": 1}]}
    assert server.call(body)[1]["error"]["code"] == "token_missing"
    status, answer = server.call(body, headers={"Authorization": "Bearer secret"})
    assert (status, answer["error"]["code"]) == (401, "token_unknown")
    assert "tidemill endpoints tokens create" in answer["error"]["hint"]


@pytest.mark.parametrize(("ends_ms", "expected"), [(1, 401), (2**52, 200)])
def test_a_token_is_worth_something_until_its_time(start, ends_ms, expected):
    server = start()
    hashed = hashlib.sha256(b"secret").hexdigest()
    server.one(token_hashes=[hashed], token_expires_ms={hashed: ends_ms})
    assert server.call({"records": [{"x": 1}]}, headers={"Authorization": "Bearer secret"})[0] == expected


def test_where_the_network_can_reach_it_an_endpoint_needs_tokens(start):
    server = start(guarded=True)
    server.one()
    body = {"records": [{"x": 1}]}
    status, answer = server.call(body)
    assert (status, answer["error"]["code"]) == (401, "token_missing")
    assert "--open" in answer["error"]["hint"]
    server.one(token_hashes=[hashlib.sha256(b"secret").hexdigest()])
    assert server.call(body, headers={"Authorization": "Bearer secret"})[0] == 200


def test_an_unknown_endpoint_is_404_with_the_nearest_name(server):
    status, answer = server.call({"records": [{"x": 1}]}, path="/v1/endpoints/dellay/predict")
    assert (status, answer["error"]["code"]) == (404, "endpoint_not_found")
    assert "'delay'" in answer["error"]["hint"]


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/endpoints/../../etc/passwd", "/%00", "/v1/endpoints/%ff/predict"])
def test_an_unknown_path_is_404(server, path):
    assert server.call(None, path=path, method="GET")[0] == 404


def test_a_wrong_method_is_405_and_says_which_is_right(server):
    reply = server.call(None, method="GET", raw=True)
    assert (reply.status, reply.headers["Allow"]) == (405, "POST")
    assert server.call({}, path="/health", method="POST")[0] == 405


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded"])
def test_a_body_of_another_type_is_415(server, kind):
    status, answer = server.call({"records": [{"x": 1}]}, headers={"Content-Type": kind})
    assert (status, answer["error"]["code"]) == (415, "wrong_media_type")
    assert server.call({}, headers={"Content-Encoding": "gzip"})[0] == 415


def test_without_routes_it_is_ready_and_serves_nothing(start):
    server = start()
    assert server.get("/health") == (200, {"status": "ok"})
    assert server.get("/ready") == (200, {"ready": True, "revision": 0, "endpoints": {}})
    assert server.applied()["revision"] == 0
    assert server.call({"records": [{"x": 1}]})[0] == 404


def test_endpoints_are_listed_with_signature_and_shares(server):
    status, answer = server.get("/v1/endpoints")
    assert status == 200
    (one,) = answer["endpoints"]
    assert one["path"] == "/v1/endpoints/delay/predict"
    assert one["inputs"][0] == {"name": "x", "type": "double", "required": True}
    assert one["outputs"] == [{"name": "score", "type": "double"}]
    assert one["targets"][0]["share"] == 1.0


def test_head_is_answered_without_a_body(server):
    reply = server.call(None, path="/health", method="HEAD", raw=True)
    assert (reply.status, int(reply.headers["Content-Length"])) == (200, len(json.dumps({"status": "ok"})) - 1)
