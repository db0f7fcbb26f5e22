"""What every check is: a frozen record of its parameters that can judge inputs."""

from typing import ClassVar, Literal

import msgspec

from tidemill.checks.errors import NotEnough
from tidemill.checks.inputs import Inputs
from tidemill.checks.outcome import Outcome, Verdict, inconclusive


class Check(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A test of data or of a model; its fields are its parameters.

    Judging is pure: the same inputs give the same outcome.

    Args:
        severity: What a finding is: `fail`, or `warn` where it is worth a look and may be right.
    """

    name: ClassVar[str]

    severity: Literal["warn", "fail"] = "fail"

    def judge(self, inputs: Inputs) -> Outcome:
        """Return what the check finds.

        Raises:
            NotEnough: If the data cannot answer; `run` turns it into an inconclusive outcome.
            InvalidInput: If an input is missing or of the wrong kind.
        """
        raise NotImplementedError

    def run(self, inputs: Inputs) -> Outcome:
        """Return what the check finds: inconclusive when the data cannot answer, and of its severity at most.

        Raises:
            InvalidInput: If an input is missing or of the wrong kind.
        """
        try:
            outcome = self.judge(inputs)
        except NotEnough as error:
            return inconclusive(self.name, error.message)
        is_mild = self.severity == "warn" and outcome.verdict is Verdict.FAIL
        return msgspec.structs.replace(outcome, verdict=Verdict.WARN) if is_mild else outcome
