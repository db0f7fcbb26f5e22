"""Which server a plug-in speaks to, and as whom."""

import os
import threading
import time
from typing import Any

from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import TEMPORARILY_UNAVAILABLE
from mlflow.utils.rest_utils import MlflowHostCreds, http_request

from tidemill.client.tracking.reach import Refusal
from tidemill.client.tracking.tracker import Tracker, tracker_for
from tidemill.core.settings import Settings

try:
    from mlflow.utils.credentials import get_default_host_creds
except ImportError:  # MLflow 2.9 and before
    from mlflow.tracking._tracking_service.utils import _get_default_host_creds as get_default_host_creds

_TOKENS = ("MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_PASSWORD")
ANSWER_S = 10.0
"""How long a question waits until what was logged before it is at the server."""
_PROBE_S = 3.0
_THERE_S, _AWAY_S = 5.0, 15.0
"""How long it is believed that a server answers, and that it does not: a training must not wait for it at each call."""
_gate = threading.Lock()
_seen: dict[str, tuple[float, str]] = {}


def tracker_of(url: str) -> Tracker:
    """Return this process's tracker for a server."""
    settings = Settings.load(url=url)
    given = (settings.token, *(os.environ.get(name, "") for name in _TOKENS))
    token = next(filter(None, given), "")
    return tracker_for(Settings.load(url=url, token=token))


def creds_of(url: str) -> Any:  # noqa: ANN401 - MLflow's class
    """Return what the server is shown: MLflow's own variables first, then `TIDEMILL_TOKEN`."""
    found = get_default_host_creds(url)
    token = Settings.load().token
    if token and not found.token and not found.username:
        return MlflowHostCreds(url, token=token, ignore_tls_verification=found.ignore_tls_verification)
    return found


def need_server(what: str, url: str, hint: str = "") -> None:
    """Let a question pass that only a server can answer which is there: MLflow would ask for minutes if it is not.

    Raises:
        MlflowException: If it is away; at once.
    """
    if not arrived(url, ANSWER_S) and (why := away(url, is_doubted=True)):
        raise unavailable(what, url, why, hint)


def arrived(url: str, timeout_s: float) -> bool:
    """Return whether what was logged is at a server that answers; one that just did not is not waited for."""
    if _lately(url):
        return False
    if tracker_of(url).flush(timeout_s):
        return not away(url)
    # Whoever has an answer at hand must not wait for this one too; the next call will know.
    threading.Thread(target=away, args=(url,), kwargs={"is_doubted": True}, daemon=True).start()
    return False


def away(url: str, *, is_doubted: bool = False) -> str:
    """Return why a server does not answer; empty while it does, as was seen some seconds ago, or is now if in doubt."""
    if why := tracker_of(url).away:
        return why
    with _gate:
        seen_at, why = _seen.get(url, (-_AWAY_S, ""))
    if time.monotonic() - seen_at < (_AWAY_S if why else 0.0 if is_doubted else _THERE_S):
        return why
    try:
        answer = http_request(creds_of(url), "/health", "GET", timeout=_PROBE_S, max_retries=0)
        why = f"it answered {answer.status_code}" if answer.status_code >= 500 else ""
    except Exception as error:  # noqa: BLE001 - MLflow's versions raise different classes
        why = str(error)
    with _gate:
        _seen[url] = (time.monotonic(), why)
    return why


def outcome(url: str, number: int, timeout_s: float) -> Refusal | None:
    """Wait a little for an entry, and return why it was refused, if that is known by then."""
    return None if _lately(url) else tracker_of(url).outcome(number, timeout_s)


def _lately(url: str) -> bool:
    """Return whether a server did not answer a moment ago."""
    with _gate:
        seen_at, why = _seen.get(url, (0.0, ""))
    return bool(why) and time.monotonic() - seen_at < _AWAY_S


def unavailable(what: str, url: str, why: str, hint: str = "") -> MlflowException:
    """Return what to say of a question that a server must answer which is away."""
    return MlflowException(
        f"{what} needs an answer of {url}, which is away ({why}). What is logged is kept and sent later.{hint}",
        error_code=TEMPORARILY_UNAVAILABLE,
    )
