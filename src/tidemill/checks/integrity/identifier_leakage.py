"""Identifiers that tell the truth."""

from typing import ClassVar

import msgspec

from tidemill.checks.check import Check
from tidemill.checks.errors import NotEnough
from tidemill.checks.inputs import Inputs
from tidemill.checks.leakage.single_feature import SAMPLE, measure_features
from tidemill.checks.outcome import Interval, Outcome, Verdict, table
from tidemill.checks.performance.metric import Estimate
from tidemill.checks.sampling import said_sample, sample_rows


class IdentifierLeakage(Check, frozen=True, kw_only=True):
    """Does what names a row say nothing about its truth.

    A number that was given out in order of the truth, or a file that was sorted by it, lets a model read the answer
    from the name. Measured is the skill of the identifier alone on rows that it did not learn from: twice the ROC AUC
    less one for a truth of two values, else r2; 0 is a guess, 1 an oracle.

    Args:
        columns: The identifiers; the key when left out.
        at_most: The skill that is fine.
        confidence: That all identifiers' intervals hold at once (Bonferroni).
        sample: About how many rows are looked at.

    Error rate: of failing though every identifier truly is within the limit at most half of `1 - confidence`.

    Source:
        Kaufman, Rosset, Perlich and Stitelman, Leakage in data mining, ACM TKDD 6 (2012), section 2.
    """

    name: ClassVar[str] = "identifier_leakage"

    columns: tuple[str, ...] = ()
    at_most: float = 0.2
    confidence: float = 0.95
    sample: int = SAMPLE

    def judge(self, inputs: Inputs) -> Outcome:
        """Return the identifier that says the most about the truth.

        Raises:
            NotEnough: If there is no identifier, or too few rows.
        """
        truth = inputs.need("truth")
        names = [name for name in self.columns or inputs.key if name != truth]
        if not names:
            raise NotEnough("There is no identifier", hint="Give `columns`, or a key of the table.")
        frame = sample_rows(inputs.current, (truth, *names), self.sample)
        found = measure_features(frame, truth, names, confidence=self.confidence)
        skills = {name: _skill(one) for name, one in found.items()}
        ranked = sorted(skills.items(), key=lambda item: (-item[1].value, item[0]))
        name, top = ranked[0]
        verdict = Verdict.WARN if top.value > self.at_most else Verdict.PASS
        if any(one.low > self.at_most for one in skills.values()):
            verdict = Verdict.FAIL
        rows = said_sample(inputs, frame.height)
        return Outcome(
            check=self.name,
            verdict=verdict,
            value=top.value,
            interval=Interval(low=top.low, high=top.high, confidence=top.confidence),
            threshold=f"<= {self.at_most:g}",
            reason=f"{name} alone has a skill of {top.value:.3f} {rows}; the limit is {self.at_most:g}.",
            error_rate=f"a false fail of any identifier: at most {(1 - self.confidence) / 2:.3g}",
            table=table(
                ("identifier", "skill", "low", "high"), [(name, one.value, one.low, one.high) for name, one in ranked]
            ),
        )


def _skill(one: Estimate) -> Estimate:
    """Return an estimate on the scale on which 0 is a guess and 1 an oracle."""
    if one.metric != "roc_auc":
        return one
    return msgspec.structs.replace(one, value=2 * one.value - 1, low=2 * one.low - 1, high=2 * one.high - 1)
