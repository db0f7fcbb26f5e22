"""One word that is written in several ways."""

from typing import TYPE_CHECKING, ClassVar, Literal

from tidemill.checks.check import Check
from tidemill.checks.inputs import Inputs
from tidemill.checks.integrity.texts import Finding, judge_findings, text_columns, values_of
from tidemill.checks.outcome import Outcome
from tidemill.core.lazy import lazy
from tidemill.core.names import shown

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

_VARIANTS = 6
_WORDS = 3
MOST_VALUES = 100_000
"""Columns with more different texts hold no categories."""


def root_of(value: "pl.Expr") -> "pl.Expr":
    """Return what variants of a word have in common: its letters and digits in lower case, null when it has none."""
    root = value.str.normalize("NFKC").str.to_lowercase().str.replace_all(r"[^\p{L}\p{N}]", "")
    return pl.when(root != "").then(root)


class StringMismatch(Check, frozen=True, kw_only=True):
    """Is each word written in one way: no `Deep`, `deep` and `deep!!!` for one thing.

    Texts are variants when their letters and digits are the same, whatever the case, blanks, signs and compatible
    forms of Unicode. Bad are the rows of all but the most frequent variant. A column with more than 100,000 different
    texts holds no categories and is passed over.

    Args:
        columns: Which columns; all texts when left out.
        at_most: The share of rows that may hold a rarer variant.

    Error rate: none, every row is counted.

    Source:
        The Unicode Standard Annex 15, normalization forms; Kandel et al., Wrangler, CHI (2011), clustering of values.
    """

    name: ClassVar[str] = "string_mismatch"

    severity: Literal["warn", "fail"] = "warn"
    columns: tuple[str, ...] = ()
    at_most: float = 0.0

    def judge(self, inputs: Inputs) -> Outcome:
        """Return the column with the most rows in rarer variants.

        Raises:
            NotEnough: If there is no text.
        """
        columns = text_columns(inputs, self.columns)
        found = [one for name in columns if (one := _variants(name, values_of(inputs, name)))]
        return judge_findings(
            self.name, found, columns=len(columns), at_most=self.at_most, wrong="write one word in several ways"
        )


def _variants(column: str, values: "pl.DataFrame") -> Finding | None:
    if values.height > MOST_VALUES:
        return None
    roots = values.with_columns(root_of(pl.col("value")).alias("root")).drop_nulls("root")
    several = roots.filter(pl.col("root").is_duplicated()).sort(
        ["root", "count", "value"], descending=[False, True, False]
    )
    if not several.height:
        return None
    words = several.group_by("root", maintain_order=True).agg(
        pl.col("value"), (pl.col("count").sum() - pl.col("count").max()).alias("rarer")
    )
    words = words.sort(["rarer", "root"], descending=[True, False])
    told = "; ".join(" = ".join(shown(each, 30) for each in row[:_VARIANTS]) for row in words["value"].head(_WORDS))
    return Finding(
        column=column,
        what=f"rarer variants of {words.height} word{'s' if words.height > 1 else ''}",
        rows=int(words["rarer"].sum()),
        known=int(values["count"].sum()),
        examples=told,
    )
