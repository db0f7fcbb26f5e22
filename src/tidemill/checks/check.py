"""What every check is: a frozen record of its parameters that can judge inputs."""

from typing import ClassVar

import msgspec

from tidemill.checks.errors import NotEnough
from tidemill.checks.inputs import Inputs
from tidemill.checks.outcome import Outcome, inconclusive


class Check(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A test of data or of a model; its fields are its parameters.

    Judging is pure: the same inputs give the same outcome.
    """

    name: ClassVar[str]

    def judge(self, inputs: Inputs) -> Outcome:
        """Return what the check finds.

        Raises:
            NotEnough: If the data cannot answer; `run` turns it into an inconclusive outcome.
            InvalidInput: If an input is missing or of the wrong kind.
        """
        raise NotImplementedError

    def run(self, inputs: Inputs) -> Outcome:
        """Return what the check finds, inconclusive when the data cannot answer.

        Raises:
            InvalidInput: If an input is missing or of the wrong kind.
        """
        try:
            return self.judge(inputs)
        except NotEnough as error:
            return inconclusive(self.name, error.message)
