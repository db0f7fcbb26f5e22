import socketserver
import threading

import pytest

from tidemill.integrations.notifiers.mail.notifier import Email, EmailFailed, InvalidEmail
from tidemill.monitoring.ports import Notice

NOTICE = Notice(id="n1", subject="[tidemill] drift alert opened: delay", text="temp drifted.\n.\nEnd", body=b"{}")


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Mailbox)
        self.taken: list[str] = []
        self.is_closed = False


class Mailbox(socketserver.StreamRequestHandler):
    """As much of a mail server as a message needs."""

    server: Server

    def handle(self):
        self.say("220 here")
        while line := self.rfile.readline().decode().strip():
            verb = line.split()[0].upper()
            if verb == "DATA":
                self.say("354 go on")
                lines = []
                while (text := self.rfile.readline()) != b".\r\n":
                    lines.append(text.decode())
                self.server.taken.append("".join(lines))
            elif verb == "RCPT" and self.server.is_closed:
                self.say("550 nobody here")
                continue
            elif verb == "QUIT":
                self.say("221 bye")
                return
            self.say("250 fine")

    def say(self, text):
        self.wfile.write(f"{text}\r\n".encode())


@pytest.fixture
def mailbox():
    server = Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def options(mailbox, **more):
    return {"smtp": f"smtp+plain://127.0.0.1:{mailbox.server_address[1]}", "from": "mill@example.org"} | more


def test_a_notice_is_sent(mailbox):
    Email().send(NOTICE, "team@example.org", options(mailbox))
    (message,) = mailbox.taken
    assert "Subject: [tidemill] drift alert opened: delay" in message
    assert "To: team@example.org" in message
    assert "temp drifted." in message
    assert "Message-ID: <n1@tidemill>" in message


def test_a_refusal_is_a_failure(mailbox):
    mailbox.is_closed = True
    with pytest.raises(EmailFailed):
        Email().send(NOTICE, "team@example.org", options(mailbox))


def test_no_server_is_a_failure():
    with pytest.raises(EmailFailed):
        Email().send(NOTICE, "team@example.org", {"smtp": "smtp+plain://127.0.0.1:9"})


def test_a_server_without_encryption_gets_nothing_unless_stated(mailbox):
    with pytest.raises(EmailFailed):
        Email().send(
            NOTICE, "team@example.org", options(mailbox) | {"smtp": options(mailbox)["smtp"].replace("+plain", "")}
        )
    assert mailbox.taken == []


@pytest.mark.parametrize(
    ("address", "more"),
    [
        ("nobody", {"smtp": "smtp://a"}),
        ("a@b\r\nBcc: c@d", {"smtp": "smtp://a"}),
        ("a@b", {}),
        ("a@b", {"smtp": "http://a"}),
        ("a@b", {"smtp": "smtp://a", "from": "me"}),
        ("a@b", {"smtp": "smtp+plain://a", "password": "env:P"}),
    ],
)
def test_what_cannot_be_meant_is_refused(address, more):
    with pytest.raises(InvalidEmail):
        Email().check(address, more)
