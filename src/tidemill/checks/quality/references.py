"""Values that another dataset must hold."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from tidemill.checks.errors import InvalidRule
from tidemill.checks.quality.reading import as_numbers
from tidemill.checks.quality.rule import Judged, Rule, RuleProblem
from tidemill.checks.quality.schema import type_word
from tidemill.core.lazy import lazy
from tidemill.core.names import check_name, shown

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

_HINT = "Write a dataset and a column: customers.id, customers@3.id, or {dataset: customers, column: id}."


class References(Rule, frozen=True, kw_only=True):
    """Every value occurs in a column of another dataset; a missing one refers to nothing.

    Args:
        dataset: The other dataset, such as `customers` or `customers@3`.
        other: Its column.
    """

    word: ClassVar[str] = "references"

    dataset: str
    other: str

    @classmethod
    def parse(cls, value: object, problem: RuleProblem) -> "References":
        """Return the rule that a dataset and a column order.

        Raises:
            InvalidRule: If these are not named.
        """
        if isinstance(value, Mapping) and set(value) == {"dataset", "column"}:
            dataset, column = value["dataset"], value["column"]
        else:
            dataset, _, column = value.rpartition(".") if isinstance(value, str) else ("", "", "")
        if not isinstance(dataset, str) or not isinstance(column, str) or not dataset or not column:
            raise problem.error(value, _HINT)
        check_name(dataset.partition("@")[0], "dataset")
        return cls(dataset=dataset, other=column)

    def catches(self, column: str, judged: Judged) -> "pl.Expr":
        """Return which rows refer to what is not there.

        Raises:
            InvalidRule: If the two columns are of types that have no value in common.
        """
        known = judged.around.values(self.dataset, self.other)
        ours, theirs = judged.schema[column], known.dtype
        values = pl.col(column)
        if pl.Null in {ours, theirs} or not len(known):
            return values.is_not_null()
        if ours.is_integer() and theirs.is_integer():
            read, known = values.cast(pl.Int64, strict=False), known.cast(pl.Int64, strict=False)
        elif ours.is_numeric() and theirs.is_numeric():
            read, known = as_numbers(column), known.cast(pl.Float64)
        elif {type_word(ours), type_word(theirs)} == {"text"}:
            read, known = values.cast(pl.String), known.cast(pl.String)
        elif type_word(ours) == type_word(theirs):
            read = values.cast(theirs)
        else:
            raise InvalidRule(
                f"Column {shown(column)} is {type_word(ours)}, and {self.dataset}.{self.other}, to which it refers, is "
                f"{type_word(theirs)}",
                hint="Give both the same type, with `types` when they are ingested.",
                where=RuleProblem(column=column, word=self.word).place,
            )
        return (~read.is_in(known.implode()).fill_null(value=False)) & values.is_not_null()

    def written(self) -> str:
        """Return the rule as a person writes it."""
        return f"references {self.dataset}.{self.other}"
