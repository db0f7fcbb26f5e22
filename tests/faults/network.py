"""A network that fails as it is told: every byte between a client and a server goes through it."""

import socket
import threading
from contextlib import suppress
from typing import Literal, Self

State = Literal["up", "refuse", "hole", "mute"]
"""Up; refusing; taking what comes and answering nothing; passing requests on and dropping the answers."""
_PIECE = 65536


class Network:
    """Listens on a port and passes on to another, as its state allows; connections are cut whenever it changes.

    Args:
        target: The server's port.
    """

    def __init__(self, target: int) -> None:
        self.target = target
        self.state: State = "up"
        self.port = 0
        self._listener: socket.socket | None = None
        self._open: set[socket.socket] = set()
        self._gate = threading.Lock()
        self._listen()

    @property
    def url(self) -> str:
        """What the client is told."""
        return f"http://127.0.0.1:{self.port}"

    def set(self, state: State) -> None:
        """Change what happens to connections, old and new."""
        self.state = state
        if state == "refuse":
            self._stop()
        elif self._listener is None:
            self._listen()
        self._cut()

    def __enter__(self) -> Self:
        """Return the network itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Take it away."""
        self._stop()
        self._cut()

    def _listen(self) -> None:
        listener = socket.create_server(("127.0.0.1", self.port), reuse_port=False)
        self.port = listener.getsockname()[1]
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def _stop(self) -> None:
        if self._listener:
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None

    def _cut(self) -> None:
        with self._gate:
            connections, self._open = self._open, set()
        for each in connections:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with self._gate:
                self._open.add(client)
            if self.state == "hole":
                continue
            try:
                server = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                client.close()
                continue
            with self._gate:
                self._open.add(server)
            threading.Thread(target=self._pump, args=(client, server, False), daemon=True).start()
            threading.Thread(target=self._pump, args=(server, client, True), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, is_answer: bool) -> None:  # noqa: FBT001 - a thread's argument
        with suppress(OSError):
            while piece := source.recv(_PIECE):
                if is_answer and self.state == "mute":
                    break
                sink.sendall(piece)
        for each in (source, sink):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
