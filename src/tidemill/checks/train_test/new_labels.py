"""Classes of the test that training never saw."""

from typing import ClassVar

from tidemill.checks.check import Check
from tidemill.checks.errors import NotEnough
from tidemill.checks.inputs import Inputs
from tidemill.checks.labels import count_classes
from tidemill.checks.outcome import EXACT, Outcome, Verdict, table
from tidemill.core.names import shown


class NewLabels(Check, frozen=True, kw_only=True):
    """Does training hold every class of the test's truth.

    Args:
        at_most: The share of test rows whose class may be new.

    Error rate: none, every row is counted.

    Source:
        Scheirer et al., Toward open set recognition, IEEE TPAMI 35 (2013), section 1.
    """

    name: ClassVar[str] = "new_labels"

    at_most: float = 0.0

    def judge(self, inputs: Inputs) -> Outcome:
        """Return the share of test rows of a class that training never saw.

        Raises:
            NotEnough: If the truth is an amount, or a table has none.
        """
        truth = inputs.need("truth")
        train, test = count_classes(inputs.need_reference(), truth), count_classes(inputs.current, truth)
        if train is None or test is None:
            raise NotEnough(f"The truth {shown(truth)} holds amounts, not classes", hint="Give a truth of classes.")
        if not train.height or not test.height:
            raise NotEnough(f"A table has no truth in {shown(truth)}", hint="Give rows with a truth.")
        new = test.filter(~test["value"].is_in(train["value"].implode()))
        rows, known = int(new["count"].sum()), int(test["count"].sum())
        told = ", ".join(shown(value) for value in new["value"].head(10))
        reason = f"{new.height} of {test.height} classes of the test are not in training, in {rows} of {known} rows"
        return Outcome(
            check=self.name,
            verdict=Verdict.FAIL if rows > self.at_most * known else Verdict.PASS,
            value=rows / known,
            threshold=f"<= {self.at_most:g}",
            reason=f"{reason}: {told}." if told else f"{reason}.",
            error_rate=EXACT,
            table=table(
                ("class", "rows", "share"), [(value, count, count / known) for value, count in new.iter_rows()]
            ),
        )
