"""Opens MLflow stores for reading and writing."""

from tidemill.integrations.trackers.mlflow.database_target import DatabaseTarget
from tidemill.integrations.trackers.mlflow.places import parse_address
from tidemill.integrations.trackers.mlflow.served import ServedMLflow
from tidemill.integrations.trackers.mlflow.server_target import ServerTarget
from tidemill.integrations.trackers.mlflow.stored import StoredMLflow
from tidemill.tracking.ports import Credentials, InvalidTracker, TrackerSource, TrackerTarget


class MLflow:
    """Fills `tracking.ports.Tracker`."""

    name = "mlflow"

    def source(self, uri: str, credentials: Credentials, artifact_root: str) -> TrackerSource:
        """Open a server or a database for reading."""
        address = parse_address(uri, credentials)
        return ServedMLflow(address) if address.kind == "rest" else StoredMLflow(address, artifact_root)

    def target(self, uri: str, credentials: Credentials, artifact_root: str) -> TrackerTarget:
        """Open a server, or a database that is to be made, for writing."""
        address = parse_address(uri, credentials)
        if address.kind == "rest":
            return ServerTarget(address)
        if address.kind == "sqlite":
            return DatabaseTarget(address, artifact_root)
        raise InvalidTracker(
            "MLflow's PostgreSQL databases are not written to",
            hint="Export to a server that runs on it, or to a new sqlite:///PATH.",
        )
