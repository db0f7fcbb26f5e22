"""How the difference between two dataset versions looks to a person."""

from collections.abc import Iterable

import click

from tidemill.cli.output import cell, show, some, talk, tell_rest
from tidemill.data.records import ColumnChange, Diff, DistributionChange, RowChanges, RowSample

_COLOURS = {"+": "green", "-": "red", "~": "yellow"}
_SIGNS = {"added": "+", "removed": "-"}
_MOST_LINES, _MOST_FILES, _MOST_CELLS = 40, 200, 12
_ALL = "all of them with --json, or into a file"


def print_diff(diff: Diff) -> None:
    """Write what differs: columns, rows by key, files, and how far distributions moved."""
    if diff.is_same:
        talk(f"{diff.before} and {diff.after} hold the same.")
        return
    talk(f"{diff.before} -> {diff.after}", bold=True)
    if diff.rows_before is not None and diff.rows_after is not None:
        click.echo(f"rows  {diff.rows_before:,} -> {diff.rows_after:,}")
    for column in some(diff.columns, _MOST_LINES):
        _say(_SIGNS.get(column.change, "~"), f"column {column.name}: {_types(column)}")
    tell_rest(len(diff.columns), _MOST_LINES, f"columns that are not the same; {_ALL}")
    if diff.rows is not None:
        _print_rows(diff.rows)
    for file in some(diff.files, _MOST_FILES):
        _say(_SIGNS.get(file.change, "~"), f"{file.path}" + (f" (was {file.before})" if file.before else ""))
    tell_rest(len(diff.files), _MOST_FILES, f"files; {_ALL}")
    moved = [each for each in diff.distributions if each.distance > 0]
    if moved:
        click.echo()
        show([_moved(each) for each in moved], most=_MOST_LINES, rest=f"columns that moved less; {_ALL}")


def _moved(change: DistributionChange) -> dict[str, object]:
    """Return how far a column moved, as a table says it: digits beyond those that say something are left out."""
    has_nulls = change.nulls_before or change.nulls_after
    return {
        "column": change.column,
        "distance": f"{change.distance:.3f}",
        "psi": f"{change.psi:.3f}",
        "nulls": f"{change.nulls_before:.1%} -> {change.nulls_after:.1%}" if has_nulls else "none",
        "mean": "" if change.mean_before is None else f"{cell(change.mean_before)} -> {cell(change.mean_after)}",
    }


def _print_rows(rows: RowChanges) -> None:
    click.echo(
        f"by {', '.join(rows.key)}: {rows.added:,} added, {rows.removed:,} removed, "
        f"{rows.changed:,} changed, {rows.unchanged:,} unchanged"
    )
    _print_samples("+", rows.added_sample)
    _print_samples("-", rows.removed_sample)
    _print_samples("~", rows.changed_sample)


def _print_samples(sign: str, samples: Iterable[RowSample]) -> None:
    for row in samples:
        names = list(row.after or row.before) if sign == "~" else []
        told = some(names, _MOST_CELLS)
        changed = [f"{name}: {cell(row.before.get(name))} -> {cell(row.after.get(name))}" for name in told]
        changed += [f"and {len(names) - len(told):,} more columns"] if len(told) < len(names) else []
        _say(sign, cell(row.key) + ("  " + ", ".join(changed) if changed else ""))


def _types(change: ColumnChange) -> str:
    ends = [each.type + (", may be missing" if each.nullable else "") for each in (change.before, change.after) if each]
    return " -> ".join(ends)


def _say(sign: str, text: str) -> None:
    click.secho(f"  {sign} {text}", fg=_COLOURS[sign])
