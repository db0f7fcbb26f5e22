"""Columns that hold one value only."""

from typing import TYPE_CHECKING, ClassVar, Literal

from tidemill.checks.check import Check
from tidemill.checks.errors import NotEnough
from tidemill.checks.inputs import Inputs, check_columns
from tidemill.checks.outcome import EXACT, Outcome, Verdict, table
from tidemill.core.lazy import lazy

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")


class SingleValue(Check, frozen=True, kw_only=True):
    """Does every column say something: none has one value in all rows, or none at all.

    A column that holds one value or nothing says by what is missing, and is not counted.

    Args:
        columns: Which columns; all when left out.
        at_most: How many such columns are fine.

    Error rate: none, every row is counted.

    Source:
        Kuhn and Johnson, Applied Predictive Modeling (2013), section 3.5, near-zero variance.
    """

    name: ClassVar[str] = "single_value"

    severity: Literal["warn", "fail"] = "warn"
    columns: tuple[str, ...] = ()
    at_most: int = 0

    def judge(self, inputs: Inputs) -> Outcome:
        """Return the columns with one value.

        Raises:
            NotEnough: If there are fewer than two rows, or no column that can be compared.
        """
        check_columns(inputs.current, self.columns)
        schema = inputs.current.collect_schema()
        columns = [name for name in self.columns or schema if not schema[name].is_nested()]
        asked = [pl.len().alias("rows")]
        for at, name in enumerate(columns):
            dtype = schema[name]
            value = pl.col(name).fill_nan(None) if dtype.is_float() else pl.col(name)
            value = value.cast(pl.String) if dtype in (pl.Categorical, pl.Enum) else value
            value = value.bin.encode("hex") if dtype == pl.Binary else value
            value = value.cast(pl.Int64) if dtype == pl.Duration else value
            asked += [value.null_count().alias(f"nulls {at}"), value.min().cast(pl.String).alias(f"low {at}")]
            asked.append((value.min() == value.max()).alias(f"same {at}"))
        found = inputs.current.lazy().select(asked).collect(engine="streaming").row(0, named=True)
        rows = int(found["rows"])
        if rows < 2 or not columns:
            raise NotEnough(f"The table has {rows} rows and {len(columns)} plain columns", hint="Give rows.")
        single = [
            (name, None if found[f"nulls {at}"] == rows else found[f"low {at}"])
            for at, name in enumerate(columns)
            if found[f"nulls {at}"] == rows or (not found[f"nulls {at}"] and found[f"same {at}"])
        ]
        told = ", ".join(name for name, _ in single[:10]) + (" and more" if len(single) > 10 else "")
        return Outcome(
            check=self.name,
            verdict=Verdict.FAIL if len(single) > self.at_most else Verdict.PASS,
            value=float(len(single)),
            threshold=f"<= {self.at_most}",
            reason=f"{len(single)} of {len(columns)} columns hold one value in all {rows} rows"
            + (f": {told}." if single else "."),
            error_rate=EXACT,
            table=table(("column", "value", "rows"), [(name, value, rows) for name, value in single]),
        )
