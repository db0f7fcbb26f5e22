"""Some of the rows that break each rule of a version."""

from typing import TYPE_CHECKING

from tidemill.checks.outcome import Verdict
from tidemill.checks.quality.finding import Finding
from tidemill.core.lazy import lazy
from tidemill.data.judging.records import RowsByRule
from tidemill.data.masking import Kinds, mask_sample
from tidemill.data.records import Sample

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

MOST_ROWS = 100
_MOST_RULES = 60
_MOST_COLUMNS = 30
_NUMBER, _SOURCE_ROW = "row", "_source_row"


def bad_rows(
    findings: tuple[Finding, ...], accepted: "pl.LazyFrame", aside: "pl.LazyFrame", kinds: Kinds, rows: int
) -> list[RowsByRule]:
    """Return, for each rule that rows break, some of them.

    Args:
        findings: What the rules found.
        accepted: The rows of the version.
        aside: The rows that were put aside.
        kinds: What is to be masked.
        rows: The most rows of each rule.
    """
    found = []
    for one in [each for each in findings if each.bad and each.verdict is not Verdict.PASS][:_MOST_RULES]:
        if one.put_aside:
            chosen = aside.filter((pl.col("_rule") == one.rule) & (pl.col("_column") == one.column)).head(rows)
            names = [name for name in aside.collect_schema().names() if not name.startswith("_")]
            shown = chosen.select(pl.col(_SOURCE_ROW).alias(_NUMBER), *_ordered(names, one.columns))
            frame = shown.collect(engine="streaming")
        else:
            names = accepted.collect_schema().names()
            pieces = [_row(accepted, number, _ordered(names, one.columns)) for number in one.first[:rows]]
            frame = pl.concat(pieces) if pieces else pl.DataFrame()
        sample = mask_sample(_sample(frame), kinds)
        found.append(RowsByRule(rule=one.name, put_aside=bool(one.put_aside), sample=sample))
    return found


def _row(frame: "pl.LazyFrame", number: int, names: list[str]) -> "pl.DataFrame":
    return frame.slice(number - 1, 1).select(pl.lit(number).alias(_NUMBER), *names).collect()


def _ordered(names: list[str], first: tuple[str, ...]) -> list[str]:
    others = [name for name in names if name not in first and name != _NUMBER]
    return [*(name for name in first if name in names and name != _NUMBER), *others][:_MOST_COLUMNS]


def _sample(frame: "pl.DataFrame") -> Sample:
    return Sample.of(frame.columns, frame.iter_rows())
