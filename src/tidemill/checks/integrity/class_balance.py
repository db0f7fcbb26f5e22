"""Classes of which there are hardly any rows."""

from typing import ClassVar, Literal

from tidemill.checks.check import Check
from tidemill.checks.errors import NotEnough
from tidemill.checks.inputs import Inputs
from tidemill.checks.labels import count_classes
from tidemill.checks.outcome import EXACT, Outcome, Verdict, table
from tidemill.core.names import shown


class ClassBalance(Check, frozen=True, kw_only=True):
    """Has every class of the truth enough rows beside the most frequent one.

    Args:
        at_least: Rows of the rarest class by rows of the most frequent.

    Error rate: none, every row is counted.

    Source:
        He and Garcia, Learning from imbalanced data, IEEE TKDE 21 (2009), section 2.
    """

    name: ClassVar[str] = "class_balance"

    severity: Literal["warn", "fail"] = "warn"
    at_least: float = 0.1

    def judge(self, inputs: Inputs) -> Outcome:
        """Return rows of the rarest class by rows of the most frequent.

        Raises:
            NotEnough: If the truth has fewer than two classes, or is an amount.
        """
        truth = inputs.need("truth")
        classes = count_classes(inputs.current, truth)
        if classes is None or classes.height < 2:
            what = "holds amounts, not classes" if classes is None else f"has {classes.height} classes"
            raise NotEnough(f"The truth {shown(truth)} {what}", hint="Give a truth of two or more classes.")
        counts: list[int] = classes["count"].to_list()
        ratio, rows = counts[-1] / counts[0], sum(counts)
        few = sum(count < self.at_least * counts[0] for count in counts)
        return Outcome(
            check=self.name,
            verdict=Verdict.FAIL if few else Verdict.PASS,
            value=ratio,
            threshold=f">= {self.at_least:g}",
            reason=(
                f"{few} of {len(counts)} classes of {truth} are rare: {shown(classes['value'][-1])} has {counts[-1]} "
                f"rows, and {shown(classes['value'][0])} {counts[0]}."
            ),
            error_rate=EXACT,
            table=table(
                ("class", "rows", "share"),
                [(value, count, count / rows) for value, count in classes.head(50).iter_rows()],
            ),
        )
