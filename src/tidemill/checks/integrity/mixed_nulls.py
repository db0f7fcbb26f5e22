"""Missing values that are written in several ways."""

from typing import TYPE_CHECKING, ClassVar, Literal

from tidemill.checks.check import Check
from tidemill.checks.errors import NotEnough
from tidemill.checks.inputs import Inputs, check_columns
from tidemill.checks.integrity.texts import is_text, values_of
from tidemill.checks.outcome import EXACT, Outcome, Verdict, table
from tidemill.core.lazy import lazy
from tidemill.core.names import shown

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

_WORDS = (
    "",
    "null",
    "none",
    "nan",
    "na",
    "n/a",
    "#n/a",
    "nil",
    "nul",
    "missing",
    "unknown",
    "-",
    "--",
    "?",
    ".",
    "\\n",
)


class MixedNulls(Check, frozen=True, kw_only=True):
    """Is a missing value written in one way only within a column.

    Looked for are null, NaN, and texts that people write instead: the empty text, `NA`, `none`, `null`, `-`, `?` and
    their like, in any case. Each spelling counts as a way.

    Args:
        columns: Which columns; all when left out.
        at_most: The number of ways that is fine.
        words: Texts that stand for a missing value, in lower case; the well-known ones when left out.

    Error rate: none, every row is counted.

    Source:
        ISO/IEC 25012:2008, 5.3.1.3 consistency; Kandel et al., Research directions in data wrangling (2011).
    """

    name: ClassVar[str] = "mixed_nulls"

    severity: Literal["warn", "fail"] = "warn"
    columns: tuple[str, ...] = ()
    at_most: int = 1
    words: tuple[str, ...] = ()

    def judge(self, inputs: Inputs) -> Outcome:
        """Return the column with the most ways to write a missing value.

        Raises:
            NotEnough: If the table is empty.
        """
        check_columns(inputs.current, self.columns)
        schema = inputs.current.collect_schema()
        columns = [name for name in self.columns or schema if is_text(schema[name]) or schema[name].is_float()]
        asked = [pl.len().alias("rows")]
        for at, name in enumerate(columns):
            asked.append(pl.col(name).null_count().alias(f"null {at}"))
            if schema[name].is_float():
                asked.append(pl.col(name).is_nan().sum().alias(f"nan {at}"))
        counted = inputs.current.lazy().select(asked).collect(engine="streaming").row(0, named=True)
        if not counted["rows"]:
            raise NotEnough("The table has no rows", hint="Give rows.")
        if not columns:
            raise NotEnough("No column can write a missing value in two ways", hint="Name texts or numbers.")
        ways = {name: self._ways(inputs, name, counted, at) for at, name in enumerate(columns)}
        ranked = sorted(
            ((len(found), name) for name, found in ways.items() if found), key=lambda one: (-one[0], one[1])
        )
        most, top = ranked[0] if ranked else (0, "")
        over = sum(count > self.at_most for count, _ in ranked)
        reason = f"{over} of {len(columns)} columns write missing values in more ways than {self.at_most}"
        if most:
            reason += f"; {top} in {most}: {', '.join(f'{way} ({rows})' for way, rows in ways[top].items())}"
        return Outcome(
            check=self.name,
            verdict=Verdict.FAIL if over else Verdict.PASS,
            value=float(most),
            threshold=f"<= {self.at_most}",
            reason=f"{reason}.",
            error_rate=EXACT,
            table=table(
                ("column", "written as", "rows"),
                [(name, way, rows) for _, name in ranked for way, rows in ways[name].items()],
            ),
        )

    def _ways(self, inputs: Inputs, column: str, counted: dict[str, int], at: int) -> dict[str, int]:
        ways = {"null": counted[f"null {at}"], "NaN": counted.get(f"nan {at}") or 0}
        if is_text(inputs.current.collect_schema()[column]):
            values = values_of(inputs, column)
            bare = pl.col("value").str.strip_chars().str.to_lowercase()
            found = values.filter(bare.is_in(self.words or _WORDS)).sort(["count", "value"], descending=[True, False])
            ways |= {shown(value): count for value, count in found.iter_rows()}
        return {way: rows for way, rows in ways.items() if rows}
