"""The durable-execution library, set up to be quiet, offline and plain: the only doorway to its process-wide state."""

import logging
import threading
from collections.abc import Callable
from contextvars import Context
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar, cast

import sqlalchemy as sa

from tidemill.core.lazy import lazy
from tidemill.workflows.codec import dump, load, pack_error, to_plain, unpack_error

if TYPE_CHECKING:
    import dbos
else:
    dbos = lazy("dbos")

P = ParamSpec("P")
T = TypeVar("T")

APPLICATION_VERSION = "1"
"""Never changes: the library continues only workflows of its own version. Generations do that per definition."""

_ERROR = "tidemill.error"
_OWN_REPORTS = ("Exception encountered in background workflow", "DBOS failed to launch")


class PlainSerializer:
    """Keeps values and errors as JSON, so that reading a record never runs code as unpickling would."""

    def name(self) -> str:
        """Return the name that is stored beside each value."""
        return "tidemill_json"

    def serialize(self, data: object) -> str:
        """Return the text of a value or an exception."""
        if isinstance(data, Exception):
            return dump({_ERROR: pack_error(data, "The workflow")})
        return dump(to_plain(data, "A record"))

    def deserialize(self, serialized_data: str) -> object:
        """Return the value or the exception of a text."""
        data = load(serialized_data)
        if isinstance(data, dict) and _ERROR in data:
            return unpack_error(data[_ERROR])
        return data


class _Brief(logging.Filter):
    """Drops what Tidemill raises or records itself, and keeps the first line of the rest.

    The other lines are tracebacks and SQL with its parameters, which hold inputs and results of workflows.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        record.msg, record.args, record.exc_info = text.partition("\n")[0], None, None
        return not text.startswith(_OWN_REPORTS)


def before_exit(action: Callable[[], None]) -> None:
    """Call an action when the interpreter begins to end, before it waits for the threads of workflows."""
    # `atexit` comes after that wait, so a workflow that sleeps would hold the process. Without this hook of the
    # interpreter (there since 3.9, though not documented) a process has to close its workflows itself.
    register = getattr(threading, "_register_atexit", None)
    if register is not None:
        register(action)


def outside(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call the library as from outside any workflow, so that a call made within a step records nothing there."""
    return Context().run(work, *args, **kwargs)


def configure(engine: sa.Engine, where: Path | str, executor: str) -> None:
    """Make the process-wide instance, not launched yet."""
    logger = logging.getLogger("dbos")
    if not logger.handlers:
        # With a handler in place the library adds none of its own, and its records reach the root logger's.
        logger.addHandler(logging.NullHandler())
    if not any(isinstance(each, _Brief) for each in logger.filters):
        logger.addFilter(_Brief())
    url = f"sqlite:///{where}" if isinstance(where, Path) else engine.url.render_as_string(hide_password=False)
    dbos.DBOS(
        config={
            "name": "tidemill",
            "system_database_url": url,
            "system_database_engine": engine,
            "application_version": APPLICATION_VERSION,
            "executor_id": executor,
            "serializer": cast("dbos.Serializer", PlainSerializer()),
            "log_level": "WARNING",
            "enable_otlp": False,
            "use_listen_notify": False,
            # The next two bound how long closing waits and how soon a new schedule is seen; messages do not use them.
            "notification_listener_polling_interval_sec": 0.1,
            "scheduler_polling_interval_sec": 5.0,
        }
    )


def register(name: str, function: Callable[..., object]) -> Callable[..., object]:
    """Make a function known under a recorded name, continued as often as it takes."""
    return dbos.DBOS.workflow(name=name, max_recovery_attempts=None)(function)


def launch() -> None:
    """Start the threads and the continuation of what is pending."""
    dbos.DBOS.launch()


def destroy() -> None:
    """Stop the threads and forget everything registered."""
    dbos.DBOS.destroy(destroy_registry=True)
