"""What can go wrong with a pipeline, case by case."""

from tidemill.core.errors import Conflict, InvalidInput, NotFound, TidemillError, TooLarge, Unavailable


class InvalidStep(InvalidInput):
    """A `@step` or `@pipeline` is declared in a way that cannot work."""

    code = "invalid_step"


class InvalidStepArgument(InvalidInput):
    """A step was given something, while the graph was built, that it cannot be given."""

    code = "invalid_step_argument"


class ValueNotKnownYet(InvalidInput):
    """The pipeline function looked into a value that exists only when the step has run."""

    code = "value_not_known_yet"


class PipelineCycle(InvalidInput):
    """A pipeline calls itself."""

    code = "pipeline_cycle"


class UnknownParam(InvalidInput):
    """The pipeline has no parameter of that name, or lacks a value for one."""

    code = "unknown_param"


class InvalidReference(InvalidInput):
    """A text does not name a pipeline in a project, as `pipeline.py:delays` does."""

    code = "invalid_reference"


class PipelineNotFound(NotFound):
    """The project's file holds no pipeline of that name."""

    code = "pipeline_not_found"


class PipelineRunNotFound(NotFound):
    """No run of a pipeline has that id."""

    code = "pipeline_run_not_found"


class StepNotFound(NotFound):
    """The run has no step of that name."""

    code = "step_not_found"


class OutputNotFound(NotFound):
    """The run returned nothing of that name."""

    code = "output_not_found"


class ProjectFault(InvalidInput):
    """The project's own code failed while the pipeline was read."""

    code = "project_fault"


class SourceTooLarge(TooLarge):
    """The project's code is over the limit."""

    code = "source_too_large"


class SourceMissing(NotFound):
    """The project's folder does not exist."""

    code = "source_missing"


class UnknownResult(InvalidInput):
    """A step returned something that has no safe form outside its process."""

    code = "unknown_result"


class UnreadableValue(InvalidInput):
    """A stored value cannot be given to a step."""

    code = "unreadable_value"


class InvalidMetrics(InvalidInput):
    """A step said to return metrics returned something else, or logged what is no metric."""

    code = "invalid_metrics"


class RunBusy(Conflict):
    """Another process is executing the run."""

    code = "run_busy"


class RunEnded(Conflict):
    """The run is over."""

    code = "run_ended"


class ClaimLost(Unavailable):
    """Another process took the run over, so this one must not write about it any more."""

    code = "claim_lost"


class WorkerStart(Unavailable):
    """A worker process did not start."""

    code = "worker_start"


class PipelineFailed(TidemillError):
    """A step failed, and with it the run."""

    code = "pipeline_failed"
