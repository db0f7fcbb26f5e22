"""What checks look at: tables and the roles of their columns."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tidemill.checks.errors import ColumnMissing, InputMissing
from tidemill.core.lazy import lazy
from tidemill.core.names import shown
from tidemill.core.nearest import did_you_mean

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

_MOST_REMEMBERED = 1 << 22


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What a suite is run over.

    Args:
        current: The rows under test: a new table, a hold-out, or a window of live data.
        reference: The rows that they are compared with, such as the training table.
        truth: Column of the truth.
        prediction: Column of the candidate's score: a probability, or a number for regression.
        champion: Column of the champion's score on the same rows.
        time: Column that says when a row happened.
        key: Columns that together name a row.
        features: Columns that the model sees; all that have no other role when left out.
        importance: Weight by feature, to rank what drifted.
        latencies_ms: Milliseconds of timed requests.
        memo: What several checks of a suite ask for, such as the values of a text column, worked out once.
    """

    current: "pl.DataFrame | pl.LazyFrame"
    reference: "pl.DataFrame | pl.LazyFrame | None" = None
    truth: str | None = None
    prediction: str | None = None
    champion: str | None = None
    time: str | None = None
    key: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    importance: Mapping[str, float] = field(default_factory=dict)
    latencies_ms: tuple[float, ...] = ()
    memo: "dict[tuple[str, ...], pl.DataFrame]" = field(default_factory=dict, repr=False, compare=False)

    def remember(self, key: tuple[str, ...], make: "Callable[[], pl.DataFrame]") -> "pl.DataFrame":
        """Return what is kept under a key, made now if it is not there; only so many rows are kept in all."""
        if key in self.memo:
            return self.memo[key]
        made = make()
        if made.height + sum(each.height for each in self.memo.values()) <= _MOST_REMEMBERED:
            self.memo[key] = made
        return made

    def need_reference(self) -> "pl.DataFrame | pl.LazyFrame":
        """Return the reference table.

        Raises:
            InputMissing: If there is none.
        """
        if self.reference is None:
            raise InputMissing(
                "This check compares with a reference table, and none was given", hint="Give `reference`."
            )
        return self.reference

    def need(self, role: str) -> str:
        """Return the column that has a role: truth, prediction, champion or time.

        Raises:
            InputMissing: If no column has it.
        """
        column: str | None = getattr(self, role)
        if column is None:
            raise InputMissing(f"This check needs to know the {role} column", hint=f"Give `{role}`, a column's name.")
        return column

    def feature_names(self) -> tuple[str, ...]:
        """Return the columns that the model sees."""
        if self.features:
            return self.features
        roles = {self.truth, self.prediction, self.champion, self.time, *self.key}
        return tuple(name for name in self.current.collect_schema() if name not in roles)


def check_columns(frame: "pl.DataFrame | pl.LazyFrame", columns: Iterable[str]) -> None:
    """Check that a table has columns.

    Raises:
        ColumnMissing: If it lacks one.
    """
    present = frame.collect_schema()
    for column in columns:
        if column not in present:
            raise ColumnMissing(f"There is no column {shown(column)}", hint=did_you_mean(column, list(present)))


def collect(frame: "pl.DataFrame | pl.LazyFrame", columns: Iterable[str]) -> "pl.DataFrame":
    """Return some columns of a table, read.

    Raises:
        ColumnMissing: If it lacks one.
    """
    names = list(dict.fromkeys(columns))
    check_columns(frame, names)
    chosen = frame.lazy().select(pl.selectors.by_name(names))
    return chosen.collect()
