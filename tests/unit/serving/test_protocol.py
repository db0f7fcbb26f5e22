"""The server's HTTP, byte by byte."""

import json

import pytest

BODY = b'{"records":[{"x":1}]}'
PATH = b"/v1/endpoints/delay/predict"


def request(body=BODY, *headers, method=b"POST", path=PATH, length=True):
    lines = [b"%b %b HTTP/1.1" % (method, path), b"Host: localhost", *headers]
    if length:
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def replies(connection, count):
    """Read so many replies from a connection; return status, headers and JSON of each."""
    file = connection.makefile("rb")
    found = []
    for _ in range(count):
        status = int(file.readline().split()[1])
        headers = {}
        while (line := file.readline().strip()) != b"":
            name, _, value = line.partition(b":")
            headers[name.lower().decode()] = value.strip().decode()
        if status == 100:
            found.append((100, headers, None))
            continue
        found.append((status, headers, json.loads(file.read(int(headers["content-length"])))))
    return found


def closed(connection):
    return connection.recv(1) == b""


def ends(connection):
    try:
        return closed(connection)
    except ConnectionResetError:
        return True


def send_forever(connection, raw):
    while True:
        connection.sendall(raw)


def test_a_connection_is_kept(server):
    with server.socket() as connection:
        for _ in range(3):
            connection.sendall(request())
            ((status, headers, answer),) = replies(connection, 1)
            assert (status, answer["predictions"]) == (200, [{"score": 1.0}])
            assert "connection" not in headers
            assert headers["date"].endswith("GMT")


def test_pipelined_requests_are_answered_in_order(server):
    many = b"".join(request(b'{"records":[{"x":%d}]}' % at) for at in range(50))
    with server.socket() as connection:
        connection.sendall(many)
        found = replies(connection, 50)
    assert [one[2]["predictions"][0]["score"] for one in found] == list(range(50))


def test_a_request_may_come_byte_by_byte(server):
    with server.socket() as connection:
        for at in request():
            connection.sendall(bytes([at]))
        assert replies(connection, 1)[0][0] == 200


def test_a_chunked_body_is_read(server):
    chunks = b"".join(b"%x;note=1\r\n%b\r\n" % (len(part), part) for part in (BODY[:1], BODY[1:9], BODY[9:]))
    whole = request(b"", b"Transfer-Encoding: chunked", length=False) + chunks + b"0\r\nTrailer: x\r\n\r\n"
    with server.socket() as connection:
        connection.sendall(whole + request())
        assert [one[0] for one in replies(connection, 2)] == [200, 200]
        for at in whole:
            connection.sendall(bytes([at]))
        assert replies(connection, 1)[0][0] == 200


@pytest.mark.parametrize("chunks", [b"zz\r\n", b"-1\r\n", b"3\r\nabcd\r\n", b"\r\n", b"1" * 20 + b"\r\n", b"5" * 300])
def test_a_badly_framed_chunk_is_400(server, chunks):
    with server.socket() as connection:
        connection.sendall(request(b"", b"Transfer-Encoding: chunked", length=False) + chunks)
        assert replies(connection, 1)[0][0] == 400
        assert closed(connection)


def test_a_client_that_asks_may_go_on(server):
    with server.socket() as connection:
        connection.sendall(request(BODY, b"Expect: 100-continue")[: -len(BODY)])
        assert replies(connection, 1)[0][0] == 100
        connection.sendall(BODY)
        assert replies(connection, 1)[0][0] == 200


def test_a_client_that_asks_with_a_body_too_large_may_not(start):
    server = start(limits={"body_bytes": 1000})
    server.one()
    with server.socket() as connection:
        connection.sendall(request(b"x" * 2000, b"Expect: 100-continue")[:-2000])
        ((status, headers, answer),) = replies(connection, 1)
        assert (status, answer["error"]["code"], headers["connection"]) == (413, "body_too_large", "close")


def test_a_gigabyte_is_refused_before_it_is_sent(server):
    head = request(b"", b"Content-Length: 1000000000", length=False)
    with server.socket() as connection:
        connection.sendall(head)
        ((status, _, answer),) = replies(connection, 1)
        assert (status, answer["error"]["code"]) == (413, "body_too_large")
        assert closed(connection)


def test_a_chunked_body_over_the_limit_is_refused(start):
    server = start(limits={"body_bytes": 1000})
    server.one()
    with server.socket() as connection:
        connection.sendall(request(b"", b"Transfer-Encoding: chunked", length=False) + b"ffffff\r\n")
        assert replies(connection, 1)[0][0] == 413


def test_a_client_that_still_sends_gets_the_refusal(start):
    server = start(limits={"body_bytes": 1000})
    server.one()
    with server.socket() as connection:
        connection.sendall(request(b"x" * 3_000_000))
        assert replies(connection, 1)[0][0] == 413


@pytest.mark.parametrize(
    "raw",
    [
        b"HELLO\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
        b"GET /health HTTP/9.9\r\nHost: localhost\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost : localhost\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: localhost\r\nA\x00b: 1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1, 1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
)
def test_what_is_not_http_is_400_and_the_end(server, raw):
    with server.socket() as connection:
        connection.sendall(raw)
        ((status, headers, answer),) = replies(connection, 1)
        assert (status, answer["error"]["code"]) == (400, "malformed_request")
        assert headers["connection"] == "close"
        assert closed(connection)


def test_a_request_without_a_host_is_400(server):
    with server.socket() as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\n\r\n")
        assert replies(connection, 1)[0][0] == 400


def test_a_head_over_the_limit_is_431(server):
    with server.socket() as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 70_000)
        ((status, _, answer),) = replies(connection, 1)
        assert (status, answer["error"]["code"]) == (431, "head_too_large")


def test_an_offer_of_another_protocol_is_ignored(server):
    offer = (b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAEAAEAAAAIAAAAB")
    with server.socket() as connection:
        connection.sendall(request(BODY, *offer))
        assert replies(connection, 1)[0][0] == 200


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
def test_a_connection_ends_when_the_client_wants_it(server, version):
    raw = request(BODY, b"Connection: close").replace(b"HTTP/1.1", b"HTTP/" + version)
    with server.socket() as connection:
        connection.sendall(raw)
        ((status, headers, _),) = replies(connection, 1)
        assert (status, headers["connection"]) == (200, "close")
        assert closed(connection)


def test_a_refused_request_leaves_the_connection_in_step(server):
    wrong = request(b'{"records":[{"x":"a"}]}')
    lost = request(BODY, path=b"/v1/endpoints/none/predict")
    text = request(BODY, b"Content-Type: text/plain")
    with server.socket() as connection:
        connection.sendall(wrong + lost + text + request())
        assert [one[0] for one in replies(connection, 4)] == [422, 404, 415, 200]


@pytest.mark.parametrize("part", [b"POST", request()[:-5]])
def test_a_slow_request_is_ended_with_408(start, part):
    server = start(limits={"head_s": 0.05, "body_s": 0.05, "sweep_s": 0.01})
    server.one()
    with server.socket() as connection:
        connection.sendall(part)
        ((status, _, answer),) = replies(connection, 1)
        assert (status, answer["error"]["code"]) == (408, "request_too_slow")
        assert closed(connection)


def test_a_silent_connection_is_ended(start):
    server = start(limits={"idle_s": 0.05, "head_s": 0.05, "sweep_s": 0.01})
    server.one()
    with server.socket() as connection, server.socket() as silent:
        connection.sendall(request())
        assert replies(connection, 1)[0][0] == 200
        assert ends(connection)
        assert ends(silent)


def test_a_client_that_reads_nothing_is_ended(start):
    server = start(limits={"write_s": 0.05, "sweep_s": 0.01})
    server.one()
    raw = request(b'{"records":[%b]}' % b",".join([b'{"x":1}'] * 2000))
    with server.socket() as connection:
        connection.settimeout(10)
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            send_forever(connection, raw)


def test_connections_over_the_limit_are_503(start):
    server = start(limits={"connections": 2})
    server.one()
    with server.socket() as one, server.socket() as two, server.socket() as three:
        one.sendall(request())
        two.sendall(request())
        assert replies(one, 1)[0][0] == replies(two, 1)[0][0] == 200
        ((status, headers, answer),) = replies(three, 1)
        assert (status, answer["error"]["code"], headers["retry-after"]) == (503, "too_many_connections", "1")
