"""Is the test large enough, beside training and by itself."""

from typing import ClassVar, Literal

from tidemill.checks.check import Check
from tidemill.checks.errors import NotEnough
from tidemill.checks.inputs import Inputs
from tidemill.checks.outcome import EXACT, Outcome, Verdict, table
from tidemill.checks.sampling import count_rows


class DatasetSizes(Check, frozen=True, kw_only=True):
    """Has the test enough rows, and not more than training.

    An accuracy measured on 1,000 rows is known within three points, on 100 within ten.

    Args:
        rows: The fewest rows of the test.
        at_least: The smallest share of the rows of training.
        at_most: The largest.

    Error rate: none, every row is counted.

    Source:
        Guyon, A scaling law for the validation-set training-set size ratio, AT&T Bell Laboratories (1997).
    """

    name: ClassVar[str] = "dataset_sizes"

    severity: Literal["warn", "fail"] = "warn"
    rows: int = 500
    at_least: float = 0.01
    at_most: float = 1.0

    def judge(self, inputs: Inputs) -> Outcome:
        """Return rows of the test by rows of training.

        Raises:
            NotEnough: If training is empty.
        """
        train, test = count_rows(inputs.need_reference()), count_rows(inputs.current)
        if not train:
            raise NotEnough("Training has no rows", hint="Give rows.")
        ratio = test / train
        problems = [
            text
            for text, is_so in (
                (f"fewer than {self.rows:,} rows", test < self.rows),
                (f"less than {self.at_least:.0%} of training", ratio < self.at_least),
                (f"more than {self.at_most:.0%} of training", ratio > self.at_most),
            )
            if is_so
        ]
        reason = f"The test has {test:,} rows and training {train:,}"
        return Outcome(
            check=self.name,
            verdict=Verdict.FAIL if problems else Verdict.PASS,
            value=ratio,
            threshold=f"{self.at_least:g} to {self.at_most:g}",
            reason=f"{reason}: {', '.join(problems)}." if problems else f"{reason}.",
            error_rate=EXACT,
            table=table(("what", "rows"), [("training", train), ("test", test)]),
        )
