"""What can go wrong with durable workflows, one class per case."""

from tidemill.core.errors import Conflict, Internal, InvalidInput, NotFound, Refused, Unavailable


class WorkflowNotFound(NotFound):
    """No workflow has that id."""

    code = "workflow_not_found"


class WorkflowUndefined(NotFound):
    """No definition has that name."""

    code = "workflow_undefined"


class WorkflowConflict(Conflict):
    """The id belongs to a workflow of another definition."""

    code = "workflow_conflict"


class WorkflowEnded(Conflict):
    """The workflow has ended and takes no messages."""

    code = "workflow_ended"


class WorkflowCancelled(Conflict):
    """The workflow was cancelled, so there is no result."""

    code = "workflow_cancelled"


class WorkflowPending(Unavailable):
    """The workflow had no result within the time given."""

    code = "workflow_pending"


class WorkflowsAlreadyLive(Conflict):
    """This process already runs the workflows of a workspace."""

    code = "workflows_already_live"


class WorkflowsNotLive(Unavailable):
    """The workflows are not launched yet, or are closed."""

    code = "workflows_not_live"


class WorkflowStoreUnavailable(Unavailable):
    """The database of the workflows cannot be used now."""

    code = "workflow_store_unavailable"


class WorkflowChanged(Internal):
    """A recorded workflow does not fit the code that should continue it."""

    code = "workflow_changed"


class StepFailed(Internal):
    """A step raised something that is not an error of Tidemill."""

    code = "step_failed"


class StepMisused(Internal):
    """A flow was used where it cannot record anything."""

    code = "step_misused"


class NotStorable(InvalidInput):
    """A value cannot be recorded and read back as it was."""

    code = "not_storable"


class InvalidWorkflow(InvalidInput):
    """A function cannot be a workflow."""

    code = "invalid_workflow"


class InvalidSchedule(InvalidInput):
    """A cadence cannot be kept."""

    code = "invalid_schedule"


class BackupElsewhere(Refused):
    """The database has its own means of backup."""

    code = "workflow_backup_elsewhere"


class WouldWaitForever(Internal):
    """An inline workflow waits for a message that nobody has sent."""

    code = "workflow_would_wait_forever"
