"""Which server a plug-in speaks to, and as whom."""

import os
from typing import Any

from mlflow.utils.rest_utils import MlflowHostCreds

from tidemill.client.tracking.tracker import Tracker, tracker_for
from tidemill.core.settings import Settings

try:
    from mlflow.utils.credentials import get_default_host_creds
except ImportError:  # MLflow 2.9 and before
    from mlflow.tracking._tracking_service.utils import _get_default_host_creds as get_default_host_creds

_TOKENS = ("MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_PASSWORD")
ANSWER_S = 10.0
"""How long a question waits until what was logged before it is at the server."""


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
