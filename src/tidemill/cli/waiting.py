"""Waits for a long call, and draws how far it is meanwhile."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from contextlib import suppress
from typing import TypeVar

import click

from tidemill.cli.drawing import Bar, Drawn
from tidemill.core.errors import TidemillError

T = TypeVar("T")
_LOOK_S = 0.1


def waited(bar: Bar, ask: Callable[[], T], look: Callable[[], Drawn]) -> T:
    """Return what a call returns, and draw how far it is until then.

    Args:
        bar: Where it is drawn.
        ask: The call.
        look: Says how far it is.
    """
    if not bar.is_drawn:
        return ask()
    answer: Future[T] = Future()

    def work() -> None:
        try:
            answer.set_result(ask())
        except BaseException as error:  # noqa: BLE001 - raised again where the answer is waited for
            answer.set_exception(error)

    threading.Thread(target=work, name="waited", daemon=True).start()  # Ctrl-C does not wait for it
    try:
        while not wait([answer], timeout=_LOOK_S).done:
            with suppress(TidemillError):  # it only tells: the work may not have made the workspace yet
                bar.draw(look())
    except KeyboardInterrupt:
        click.echo("\nStopped. Nothing is left half done; a server that was asked goes on.", err=True)
        raise
    finally:
        bar.clear()
    return answer.result()
