"""What can be wrong with labelling, one class per case that a caller may treat differently."""

from tidemill.core.errors import Conflict, InvalidInput, NotFound


class LabelTaskNotFound(NotFound):
    """No labelling task has that name."""

    code = "label_task_not_found"


class LabelTaskExists(Conflict):
    """A labelling task of that name asks something else."""

    code = "label_task_exists"


class LabelTaskClosed(Conflict):
    """The labelling task deals no more rows."""

    code = "label_task_closed"


class LabelTaskOpen(Conflict):
    """The labelling task still deals rows, and cannot be deleted."""

    code = "label_task_open"


class InvalidLabelTask(InvalidInput):
    """What a labelling task asks cannot be asked."""

    code = "invalid_label_task"


class NoRowsToLabel(InvalidInput):
    """What was chosen holds no rows."""

    code = "no_rows_to_label"


class InvalidAnswer(InvalidInput):
    """A value is not what the task asks for."""

    code = "invalid_answer"


class LabelItemNotFound(NotFound):
    """The task has no row of that number."""

    code = "label_item_not_found"


class NothingLabelled(Conflict):
    """No row is decided, so there is nothing to finish with."""

    code = "nothing_labelled"


class LabelsUnfit(Conflict):
    """The answers cannot be put where they were asked to go."""

    code = "labels_unfit"
