"""Rows that are alike in everything but the truth."""

from typing import TYPE_CHECKING, ClassVar, Literal

from tidemill.checks.check import Check
from tidemill.checks.errors import NotEnough
from tidemill.checks.inputs import Inputs, check_columns
from tidemill.checks.labels import count_classes
from tidemill.checks.outcome import Outcome, Verdict, table
from tidemill.checks.row_digests import BY_DIGEST, row_digest
from tidemill.core.lazy import lazy

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

_EXAMPLES = 10
_LABEL, _ROW, _FIRST = "__tidemill_label", "__tidemill_row", "__tidemill_first"


class ConflictingLabels(Check, frozen=True, kw_only=True):
    """Do rows with the same features have the same truth.

    Where they do not, no model that sees these features can be right in all of them; how often the best could be is
    told beside. With few and coarse features that is the nature of the question, with many it is a fault of labels.

    Args:
        columns: The features; all when left out.
        at_most: The share of rows that may disagree with a twin.

    Error rate: none, every row is counted, by a digest of 64 bits.

    Source:
        Northcutt, Jiang and Chuang, Confident learning, JAIR 70 (2021), section 1; Hüllermeier and Waegeman, Aleatoric
        and epistemic uncertainty, Machine Learning 110 (2021), section 2.
    """

    name: ClassVar[str] = "conflicting_labels"

    severity: Literal["warn", "fail"] = "warn"
    columns: tuple[str, ...] = ()
    at_most: float = 0.01

    def judge(self, inputs: Inputs) -> Outcome:
        """Return the share of rows that have a twin with another truth.

        Raises:
            NotEnough: If no row has a truth, or there is no feature.
        """
        truth = inputs.need("truth")
        columns = [name for name in self.columns or inputs.feature_names() if name != truth]
        check_columns(inputs.current, (truth, *columns))
        if not columns:
            raise NotEnough("There is no feature", hint="Give `columns`.")
        rows = inputs.current.lazy().with_row_index(_ROW, offset=1).drop_nulls(truth)
        pairs = (
            rows.select(row_digest(columns).alias("twin"), pl.col(truth).alias(_LABEL), pl.col(_ROW))
            .group_by("twin", _LABEL)
            .agg(pl.len().alias("count"), pl.col(_ROW).min().alias(_FIRST))
            .collect(engine="streaming")
        )
        known = int(pairs["count"].sum())
        if not known:
            raise NotEnough("No row has a truth", hint="Give rows with a truth.")
        torn = (
            pairs.filter(pl.col("twin").is_duplicated())
            .group_by("twin")
            .agg(
                pl.col("count").sum().alias("rows"),
                pl.col("count").max().alias("most"),
                pl.len().alias("truths"),
                pl.col(_FIRST).sort().head(5),
            )
            .with_columns(pl.col(_FIRST).list.first().alias("first"))
            .sort(["rows", "first"], descending=[True, False])
        )
        share = int(torn["rows"].sum()) / known
        reason = (
            f"{int(torn['rows'].sum())} of {known} rows equal another in {len(columns)} features and not in {truth}"
        )
        if torn.height and count_classes(inputs.current, truth) is not None:
            best = 1 - (int(torn["rows"].sum()) - int(torn["most"].sum())) / known
            reason += f"; no model of these features can be right in more than {best:.2%} of the rows"
        examples = torn.head(_EXAMPLES).select("rows", "truths", _FIRST)
        return Outcome(
            check=self.name,
            verdict=Verdict.FAIL if share > self.at_most else Verdict.PASS,
            value=share,
            threshold=f"<= {self.at_most:g}",
            reason=f"{reason}.",
            error_rate=BY_DIGEST,
            table=table(
                ("rows alike", "different truths", "first row of each truth"),
                [(rows, truths, ", ".join(str(row) for row in first)) for rows, truths, first in examples.iter_rows()],
            ),
        )
