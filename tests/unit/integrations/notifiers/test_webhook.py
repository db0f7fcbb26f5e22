import http.server
import threading

import pytest

from tidemill.integrations.notifiers.webhook.notifier import InvalidWebhook, Webhook, WebhookFailed, signature
from tidemill.monitoring.ports import Notice

NOTICE = Notice(id="n1", subject="s", text="t", body=b'{"specversion":"1.0"}')


class Server(http.server.ThreadingHTTPServer):
    def __init__(self):
        super().__init__(("127.0.0.1", 0), Receiver)
        self.taken: list[tuple[dict[str, str], bytes]] = []
        self.answer = 204
        self.url = f"http://127.0.0.1:{self.server_port}/hook"


class Receiver(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.taken.append((dict(self.headers), body))
        self.send_response(self.server.answer)
        if self.server.answer == 302:
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


@pytest.fixture
def receiver():
    server = Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_event_is_posted_and_signed(receiver):
    Webhook().send(NOTICE, receiver.url, {"secret": "s3cret"})
    ((headers, body),) = receiver.taken
    assert body == NOTICE.body
    assert headers["Content-Type"] == "application/cloudevents+json"
    assert headers["X-Tidemill-Signature"] == signature("s3cret", headers["X-Tidemill-Timestamp"], body)


def test_without_a_secret_nothing_is_signed(receiver):
    Webhook().send(NOTICE, receiver.url, {})
    assert "X-Tidemill-Signature" not in receiver.taken[0][0]


@pytest.mark.parametrize("status", [302, 400, 500])
def test_what_is_not_taken_failed(receiver, status):
    receiver.answer = status
    with pytest.raises(WebhookFailed, match=str(status)):
        Webhook().send(NOTICE, receiver.url, {})
    assert len(receiver.taken) == 1


def test_nobody_there_is_a_failure_too(receiver):
    with pytest.raises(WebhookFailed):
        Webhook().send(NOTICE, "http://127.0.0.1:9/", {})


@pytest.mark.parametrize(
    "address", ["", "ftp://a/b", "https://", "a.example/x", "https://me:pass@a.example/", "http://[::1"]
)
def test_an_address_that_is_none_is_refused(address):
    with pytest.raises(InvalidWebhook):
        Webhook().check(address, {})


def test_an_http_url_is_fine():
    Webhook().check("https://hooks.example/team", {})
