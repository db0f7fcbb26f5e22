"""`python -m tidemill.pipelines.worker`: started by the executor, never by hand.

The process leads a group of its own, so that a kill takes what a step has started with it, and it ends by itself
when the executor is gone, even while a step is running.
"""

import argparse
import io
import os
import signal
import socket
import sys
import threading
from pathlib import Path

from tidemill.objects import ObjectStore
from tidemill.pipelines.failures import describe
from tidemill.pipelines.loading import enter_project, load_pipeline
from tidemill.pipelines.records import Usage
from tidemill.pipelines.values.store import ValueStore
from tidemill.pipelines.worker.messages import (
    Answer,
    Execute,
    Failed,
    Preload,
    Progress,
    Read,
    ReadGraph,
    Ready,
    orders,
    send,
)
from tidemill.pipelines.worker.session import Session


def main() -> None:
    """Do what is ordered until the executor is gone."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--socket", type=int, required=True)
    parser.add_argument("--lifeline", type=int, required=True)
    parser.add_argument("--objects", type=Path, required=True)
    parser.add_argument("--scratch", type=Path, required=True)
    parser.add_argument("--framework", action="append", default=[])
    given = parser.parse_args()
    connection = socket.socket(fileno=given.socket)
    connection.set_inheritable(False)
    os.set_inheritable(given.lifeline, False)
    threading.Thread(target=_end_with_the_executor, args=(given.lifeline,), daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True, errors="backslashreplace")
    root = Path.cwd()
    enter_project(root)
    session = Session(root, ValueStore(ObjectStore(given.objects), given.scratch, tuple(given.framework)))
    for order in orders(connection):
        if isinstance(order, Preload):
            _preload(root, order.reference)
            send(connection, Ready())
        elif isinstance(order, ReadGraph):
            send(connection, _read(session, order))
        else:
            send(connection, _execute(session, connection, order))


def _execute(session: Session, connection: socket.socket, order: Execute) -> Answer:
    return session.execute(order, lambda metrics: send(connection, Progress(metrics)))


def _read(session: Session, order: ReadGraph) -> Answer:
    try:
        return Read(session.read_graph(order.reference, order.params))
    except BaseException as error:  # noqa: BLE001 - importing a project's file may raise anything
        return Failed(describe(error, session.root, "project_fault"), Usage())


def _preload(root: Path, reference: str) -> None:
    try:
        load_pipeline(root, reference)
    except BaseException:  # noqa: BLE001 - the step that needs it will say so
        return


def _end_with_the_executor(lifeline: int) -> None:
    """Wait until the executor's end of a pipe closes, which the system does even when it is killed."""
    os.read(lifeline, 1)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
