"""Which columns hold personal data, on a sample of rows, with the share of rows and masked examples."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

import msgspec

from tidemill.checks.integrity.texts import is_text
from tidemill.checks.personal.detector import Detector
from tidemill.checks.personal.kinds import Kind
from tidemill.checks.personal.masking import ALL_KINDS, found_in, mask, masked
from tidemill.checks.personal.names import kind_of_name, names_like
from tidemill.checks.proportions import wilson
from tidemill.checks.sampling import count_rows, sample_rows
from tidemill.core.lazy import lazy

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

SAMPLE = 5000
CONFIDENCE = 0.9999
"""So sure must it be that chance alone did not pass a kind's proof so often."""

FEWEST_DIGITS = 9
"""No kind that whole numbers can be has fewer digits; a wide table of small numbers need not be looked through."""

MOST_CELLS = 2_000_000
FEWEST_ROWS = 100
"""So many values of a table are looked at, unless that leaves fewer rows than these."""

_NEEDED = r"@|:[0-9A-Fa-f]{0,4}:|(?:[0-9][^0-9]{0,3}){4}"
"""What every kind has: an @, two colons, or four digits close to each other."""

_WORD = r"(?:^|[^0-9A-Za-z_@])(?:{})(?:[^0-9A-Za-z_@]|$)"
"""A shape as a word of its own, as far as an expression that cannot look around says it."""

_CELLS_AT_ONCE = 500_000
_ENOUGH = 0.2
_EXAMPLES = 3
_LONGEST = 4000
_MOST_ASKED = 300


class PersonalColumn(msgspec.Struct, frozen=True, kw_only=True):
    """A column that holds personal data, or whose name says so.

    Args:
        column: The column.
        kind: What it holds, such as `email`, `card` or `nl_bsn`.
        found_by: `values`, `name`, `both`, or the detector that was asked.
        rows: Sampled rows that hold it; 0 when only the name says so.
        known: Sampled rows with a value.
        low: Lower end of the share of such rows in the table, at 95 percent.
        high: Upper end.
        examples: Some of the values, masked.
    """

    column: str
    kind: str
    found_by: str
    rows: int
    known: int
    low: float
    high: float
    examples: tuple[str, ...] = ()

    @property
    def share(self) -> float:
        """The share of sampled values that hold it."""
        return self.rows / self.known if self.known else 0.0


class PersonalReport(msgspec.Struct, frozen=True, kw_only=True):
    """What personal data a table holds, as far as a sample shows.

    Args:
        rows: Rows of the table.
        sampled: Rows that were looked at.
        columns: Columns that hold some, in the table's order; one may hold several kinds.
        looked_at: How many columns were looked at.
        error_rate: How often a column of made-up values is taken for personal.
    """

    rows: int
    sampled: int
    columns: tuple[PersonalColumn, ...]
    looked_at: int
    error_rate: str = f"a column of other values is taken for personal at most once in {2 / (1 - CONFIDENCE):,.0f}"

    def kinds_by_column(self) -> dict[str, tuple[str, ...]]:
        """Return the kinds of each column that holds any."""
        found: dict[str, tuple[str, ...]] = {}
        for each in self.columns:
            found[each.column] = (*found.get(each.column, ()), each.kind)
        return found


def scan_personal(
    frame: "pl.DataFrame | pl.LazyFrame", *, sample: int = SAMPLE, detectors: Sequence[Detector] = ()
) -> PersonalReport:
    """Return what personal data a table holds, as far as a sample of its rows shows.

    A value counts when it has the shape of a kind and passes its proof. A column holds a kind when that happens
    surely more often than chance passes the proof: every tenth made-up card number fits its check digit, and so a
    column of 16-digit identifiers is not one of cards.

    Args:
        frame: The table.
        sample: About how many rows are looked at; fewer where a table is wider than 400 columns of texts and numbers.
        detectors: Finders beside our own, asked for the most frequent texts of each column.
    """
    schema = frame.collect_schema()
    names = list(schema)
    held = [name for name in names if is_text(schema[name]) or schema[name].is_integer()]
    part = sample_rows(frame, held or names, rows_looked_at(len(held), sample))
    return look_through(part, names, count_rows(frame), detectors)


def look_through(
    part: "pl.DataFrame", names: Sequence[str], rows: int, detectors: Sequence[Detector] = ()
) -> PersonalReport:
    """Return what personal data rows of a table hold.

    Args:
        part: The rows, with at least the columns of texts and whole numbers.
        names: The columns of the table, whose names may say that they hold some.
        rows: Rows of the table.
        detectors: Finders beside our own.
    """
    texts = [name for name, dtype in part.schema.items() if is_text(dtype)]
    held = [name for name, dtype in part.schema.items() if is_text(dtype) or dtype.is_integer()]
    known = dict(zip(held, part[held].count().row(0), strict=True)) if held else {}
    found = _shown(part, texts, known, ALL_KINDS.values())
    found += _shown(
        part, _long_numbers(part, held, texts), known, [kind for kind in ALL_KINDS.values() if kind.is_number]
    )
    for detector in detectors:
        found += [one for name in texts for one in _asked(name, part[name], detector)]
    seen: dict[str, list[PersonalColumn]] = {}
    for one in found:
        seen.setdefault(one.column, []).append(one)
    ordered = [one for name in names for one in (*seen.get(name, ()), *_spoken(name, part, known, seen.get(name, ())))]
    return PersonalReport(rows=rows, sampled=part.height, columns=tuple(ordered), looked_at=len(names))


def rows_looked_at(width: int, sample: int = SAMPLE) -> int:
    """Return how many rows of a table are looked at: fewer of a wide one, so that what is read stays bounded."""
    return min(sample, max(FEWEST_ROWS, MOST_CELLS // max(1, width)))


def _long_numbers(part: "pl.DataFrame", held: Sequence[str], texts: Sequence[str]) -> list[str]:
    """Return the columns of whole numbers that have digits enough for a kind."""
    numbers = list(set(held).difference(texts))
    if not numbers:
        return []
    longest = part[numbers].select(pl.all().cast(pl.String).str.len_bytes().max()).row(0, named=True)
    return [name for name in held if (longest.get(name) or 0) >= FEWEST_DIGITS]


def _shown(
    part: "pl.DataFrame", names: Sequence[str], known: Mapping[str, int], kinds: Iterable[Kind]
) -> list[PersonalColumn]:
    """Return what the values of columns show; many columns at once, since a query costs more than a column."""
    step = max(1, _CELLS_AT_ONCE // max(1, part.height))
    found = []
    for start in range(0, len(names), step):
        texts = part[names[start : start + step]].select(pl.all().cast(pl.String).str.slice(0, _LONGEST))
        long = texts.unpivot(variable_name="column").filter(pl.col("value").str.contains(_NEEDED))
        counted = long.group_by("column", "value").len("count")
        for kind in kinds:
            shaped = counted.filter(pl.col("value").str.contains(_WORD.format(kind.pattern)))
            ordered = shaped.sort(["column", "count", "value"], descending=[False, True, False])
            for name, values in groupby(ordered.iter_rows(), key=itemgetter(0)):
                found += _kind(name, kind, values, known[name])
    return found


def _spoken(
    name: str, part: "pl.DataFrame", known: Mapping[str, int], found: Sequence[PersonalColumn]
) -> list[PersonalColumn]:
    """Return what a column's name says that its values did not show."""
    spoken = kind_of_name(name)
    if not spoken or any(names_like(name, one.kind) for one in found):
        return []
    texts = part[name].drop_nulls().head(_EXAMPLES).cast(pl.String).to_list() if name in known else []
    examples = tuple(each for each in mask(texts, (spoken,)) if each and spoken not in ALL_KINDS)
    return [
        PersonalColumn(
            column=name,
            kind=spoken,
            found_by="name",
            rows=0,
            known=known.get(name, 0),
            low=0.0,
            high=1.0,
            examples=examples,
        )
    ]


def _kind(name: str, kind: Kind, shaped: Iterable[tuple[str, str, int]], known: int) -> list[PersonalColumn]:
    tried = proven = rows = 0
    examples: list[str] = []
    for _, value, count in shaped:
        pieces = [each[0] for each in found_in(value, kind)]
        good = [piece for piece in pieces if kind.proves(piece)]
        tried += len(pieces)
        proven += len(good)
        rows += count if good else 0
        examples += [masked(piece, kind) for piece in good[:1]] if len(examples) < _EXAMPLES else []
    if not proven or not _is_sure(proven, tried, kind.chance):
        return []
    is_named = names_like(name, kind.name)
    if not kind.alone and not is_named and rows < _ENOUGH * known:
        return []
    share = wilson(rows, known)
    return [
        PersonalColumn(
            column=name,
            kind=kind.name,
            found_by="both" if is_named else "values",
            rows=rows,
            known=known,
            low=share.low or 0.0,
            high=1.0 if share.high is None else share.high,
            examples=tuple(examples),
        )
    ]


def _asked(name: str, values: "pl.Series", detector: Detector) -> list[PersonalColumn]:
    """Return the kinds that a detector finds in at least a fifth of the rows that hold a column's frequent texts."""
    counted = values.cast(pl.String).drop_nulls().rename("value").value_counts(name="count")
    frequent = counted.sort(["count", "value"], descending=[True, False]).head(_MOST_ASKED)
    texts, counts = frequent["value"].to_list(), frequent["count"].to_list()
    known = sum(counts)
    rows: dict[str, int] = {}
    for kinds, count in zip(detector.find(texts), counts, strict=True):
        for kind in kinds:
            rows[kind] = rows.get(kind, 0) + count
    found = []
    for kind, count in sorted(rows.items()):
        share = wilson(count, known)
        if count >= _ENOUGH * known:
            found.append(
                PersonalColumn(
                    column=name,
                    kind=kind,
                    found_by=detector.name,
                    rows=count,
                    known=known,
                    low=share.low or 0.0,
                    high=1.0 if share.high is None else share.high,
                    examples=tuple(each for each in mask(texts[:_EXAMPLES], (kind,)) if each),
                )
            )
    return found


def _is_sure(proven: int, tried: int, chance: float) -> bool:
    """Return whether different values pass a proof surely more often than made-up ones would."""
    return chance == 0 or (wilson(proven, tried, CONFIDENCE).low or 0.0) > chance
