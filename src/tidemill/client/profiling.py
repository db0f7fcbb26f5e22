"""`tidemill.profile`: what is in a table, looked at in a notebook or written as one file of HTML."""

from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING

from tidemill.core.lazy import lazy
from tidemill.core.names import shown
from tidemill.core.nearest import did_you_mean
from tidemill.data.errors import UnknownColumn, UnsupportedSource
from tidemill.data.profile.records import ColumnProfile, Profile
from tidemill.data.profile.relations import Relation, relations_of
from tidemill.data.profile.targets import TargetCurve, target_curve
from tidemill.data.profiling import profile_file, profile_rows
from tidemill.data.records import Sample
from tidemill.server.pages.reports import profile_report

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")


@dataclass(frozen=True, slots=True)
class TableProfile:
    """What is known of a table; a notebook shows it as small multiples.

    Args:
        profile: The figures, as `tidemill data profile --json` gives them.
        sample: The first rows.
        name: What it is of.
        target: The column that the others are held against.
    """

    profile: Profile
    sample: Sample
    name: str
    target: str = ""

    def __getitem__(self, column: str) -> ColumnProfile:
        """Return what is known of one column.

        Raises:
            UnknownColumn: If there is none of that name.
        """
        found = self.profile.column(column)
        if found is None:
            raise _unknown(self.profile, column)
        return found

    def relations(self, column: str = "") -> list[Relation]:
        """Return how columns go together, strongest first: with one column, with the target, or all of them."""
        return relations_of(self.profile.relations, column or self.target)

    def by_target(self, column: str, target: str = "", *, positive: str = "") -> TargetCurve | None:
        """Return how a target follows a column, bin by bin; None where the profile does not keep that.

        Args:
            column: The column.
            target: A number, or a column of few values; the one that the profile was asked for with when left out.
            positive: Which of those values is counted.
        """
        self[column]
        return target_curve(self.profile.relations, column, self[target or self.target].name, positive)

    def html(self) -> str:
        """Return a report as one page of HTML that asks for nothing else."""
        return profile_report(self.profile, title=self.name, target=self.target, sample=self.sample)

    def save(self, path: "str | PathLike[str]") -> Path:
        """Write the report to a file."""
        written = Path(path)
        written.write_text(self.html(), encoding="utf-8")
        return written

    def _repr_html_(self) -> str:
        return self.profile._repr_html_()


def profile(table: object, *, target: str = "") -> TableProfile:
    """Return what is known of a table.

    Args:
        table: A Polars frame or lazy frame, a pandas frame, an Arrow table, or the path of a file.
        target: The column that the others are held against.

    Raises:
        SourceNotFound: If there is no such file.
        UnknownColumn: If the table has no such target.
        UnsupportedSource: If it is no table.
    """
    if isinstance(table, str | PathLike):
        found = profile_file(fspath(table))
        made = TableProfile(found.profile, found.sample, Path(found.name).name, target)
    else:
        made = TableProfile(*profile_rows(_as_frame(table)), "Profile", target)
    if target and made.profile.column(target) is None:
        raise _unknown(made.profile, target)
    return made


def _as_frame(table: object) -> "pl.LazyFrame":
    if isinstance(table, pl.LazyFrame):
        return table
    if isinstance(table, pl.DataFrame):
        return table.lazy()
    kind = type(table)
    if kind.__module__.startswith("pandas"):
        frame: pl.DataFrame = pl.from_pandas(table, nan_to_null=True)
        return frame.lazy()
    if hasattr(table, "__arrow_c_stream__"):
        return pl.DataFrame(table).lazy()
    raise UnsupportedSource(
        f"{kind.__name__} is no table", hint="Give a Polars or pandas frame, an Arrow table, or the path of a file."
    )


def _unknown(found: Profile, name: str) -> UnknownColumn:
    names = [column.name for column in found.columns]
    return UnknownColumn(f"There is no column {shown(name)}", hint=did_you_mean(name, names))
