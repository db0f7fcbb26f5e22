"""The verbs of experiments and runs, together."""

from tidemill.tracking.service.artifacts import ArtifactVerbs
from tidemill.tracking.service.counting import CountingVerbs
from tidemill.tracking.service.experiments import ExperimentVerbs
from tidemill.tracking.service.inputs import InputVerbs
from tidemill.tracking.service.logging import LoggingVerbs
from tidemill.tracking.service.runs import RunVerbs


class TrackingService(ExperimentVerbs, RunVerbs, CountingVerbs, LoggingVerbs, InputVerbs, ArtifactVerbs):
    """The verbs of experiments and runs.

    Args:
        ledger: Where the rows are.
        objects: Where the artifacts' bytes are.
    """

    local = frozenset(
        {
            "check_put",
            "find_experiment",
            "find_artifact",
            "log_artifact",
            "log_artifact_file",
            "log_soon",
            "log_within",
            "metric_points",
            "put_content",
            "read_artifact",
        }
    )
