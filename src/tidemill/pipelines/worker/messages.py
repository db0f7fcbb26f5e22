"""What the executor and a worker say to each other: length-prefixed MessagePack over a socket."""

import socket
import struct
from collections.abc import Iterator
from typing import TypeAlias

import msgspec

from tidemill.pipelines.records import (
    DatasetInput,
    Graph,
    Logged,
    StepFailure,
    StepOptions,
    StoredValue,
    Usage,
)

_HEAD = struct.Struct("<I")
_PIECE = 1 << 16


class GivenValue(msgspec.Struct, frozen=True, tag="value"):
    """A stored value for a parameter."""

    value: StoredValue


class GivenDataset(msgspec.Struct, frozen=True, tag="dataset"):
    """A dataset version for a parameter."""

    dataset: DatasetInput


class GivenSeveral(msgspec.Struct, frozen=True, tag="several"):
    """A list, tuple or dict of them."""

    kind: str
    keys: list[str]
    items: list["Given"]


Given: TypeAlias = GivenValue | GivenDataset | GivenSeveral


class ReadGraph(msgspec.Struct, frozen=True, tag="read"):
    """Build the graph of a pipeline."""

    reference: str
    params: dict[str, StoredValue]


class Preload(msgspec.Struct, frozen=True, tag="preload"):
    """Import the module of a pipeline, so that no step has to wait for it."""

    reference: str


class Execute(msgspec.Struct, frozen=True, tag="execute"):
    """Run a step."""

    step: str
    function: str
    arguments: dict[str, Given]
    options: StepOptions
    threads: int = 1


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """The worker has imported what it was told to, or failed at it; a step that needs it will say so."""


class Read(msgspec.Struct, frozen=True, tag="graph"):
    """The graph that was asked for."""

    graph: Graph


class Progress(msgspec.Struct, frozen=True, tag="progress"):
    """The newest values of the metrics that the step logs."""

    metrics: dict[str, float]


class Done(msgspec.Struct, frozen=True, tag="done"):
    """The step's outcome."""

    output: StoredValue
    logged: Logged
    usage: Usage


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """What went wrong instead."""

    failure: StepFailure
    usage: Usage


Order: TypeAlias = ReadGraph | Preload | Execute
Answer: TypeAlias = Ready | Read | Progress | Done | Failed

_ENCODER = msgspec.msgpack.Encoder()
_ORDERS: msgspec.msgpack.Decoder[Order] = msgspec.msgpack.Decoder(Order)
_ANSWERS: msgspec.msgpack.Decoder[Answer] = msgspec.msgpack.Decoder(Answer)


def send(connection: socket.socket, message: Order | Answer) -> None:
    """Send one message."""
    body = _ENCODER.encode(message)
    connection.sendall(_HEAD.pack(len(body)) + body)


def orders(connection: socket.socket) -> Iterator[Order]:
    """Yield orders until the executor is gone."""
    while len(head := _receive(connection, _HEAD.size)) == _HEAD.size:
        size = _HEAD.unpack(head)[0]
        body = _receive(connection, size)
        if len(body) < size:
            return
        yield _ORDERS.decode(body)


def _receive(connection: socket.socket, size: int) -> bytes:
    pieces, left = [], size
    while left:
        piece = connection.recv(min(left, 1 << 20))
        if not piece:
            break
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)


class AnswerReader:
    """Puts answers together from what has arrived so far.

    Args:
        connection: The socket, which does not block.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._buffer = bytearray()
        self.ended = False

    def arrived(self) -> Iterator[Answer]:
        """Yield the answers that are complete, without waiting; sets `ended` when the worker is gone."""
        while True:
            try:
                piece = self._connection.recv(_PIECE)
            except BlockingIOError:
                break
            except OSError:
                self.ended = True
                break
            if not piece:
                self.ended = True
                break
            self._buffer += piece
        while len(self._buffer) >= _HEAD.size:
            end = _HEAD.size + _HEAD.unpack_from(self._buffer)[0]
            if len(self._buffer) < end:
                return
            body = bytes(self._buffer[_HEAD.size : end])
            del self._buffer[:end]
            yield _ANSWERS.decode(body)
