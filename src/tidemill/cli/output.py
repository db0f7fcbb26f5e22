"""How the command line speaks: tables for people, JSON for programs, one exit code a kind of outcome."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import ParamSpec, TypeVar

import click
import msgspec

from tidemill.cli.shared import home_option, json_option
from tidemill.cli.tables import Table, laid_out, terminal_width, visible
from tidemill.client import Client, connect
from tidemill.core import errors
from tidemill.core.errors import TidemillError
from tidemill.core.settings import Settings
from tidemill.tracking.numbers import sayable

DONE, FAILED, WRONG_USE, NOT_FOUND, OUR_FAULT = 0, 1, 2, 3, 4
P = ParamSpec("P")
T = TypeVar("T")
_CODES = {
    **dict.fromkeys(
        (kind.code for kind in (errors.NotFound, errors.Refused, errors.Unauthenticated, errors.Conflict)), NOT_FOUND
    ),
    **dict.fromkeys((kind.code for kind in (errors.InvalidInput, errors.TooLarge, errors.MissingExtra)), WRONG_USE),
}


def exit_code(error: TidemillError) -> int:
    """Return the exit code of an error: 2 wrong use, 3 not found or refused, 4 our fault."""
    return code_of(errors.family_of(error))


def code_of(family: str) -> int:
    """Return the exit code of the large kind of an error, such as `not_found`."""
    return _CODES.get(family, OUR_FAULT)


def complain(error: TidemillError) -> int:
    """Write an error to stderr and return its exit code."""
    click.secho(f"error [{error.code}]: ", fg="red", bold=True, nl=False, err=True)
    place = f" ({error.where})" if error.where and error.where not in error.message else ""
    click.echo(error.message + place, err=True)
    details = error.details.get("details")
    for line in details[:20] if isinstance(details, list) else []:
        click.echo(f"  - {line}", err=True)
    if error.hint:
        click.secho("  hint: ", fg="cyan", nl=False, err=True)
        click.echo(error.hint, err=True)
    return exit_code(error)


def common(command: Callable[P, None]) -> Callable[P, None]:
    """Give a command the options that all have: `--home` and `--json`."""

    @home_option
    @json_option
    @wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> None:
        command(*args, **kwargs)

    return wrapped


def settings() -> Settings:
    """Return the settings of this command."""
    found = click.get_current_context().find_object(dict) or {}
    return Settings.load(home=found.get("home"))


@contextmanager
def client() -> Iterator[Client]:
    """Give the client that this command works with; a command that only reads makes no workspace."""
    with connect(settings(), only_writes_make=True) as connected:
        yield connected


def wants_json() -> bool:
    """Return whether the command was given `--json`."""
    found = click.get_current_context().find_object(dict) or {}
    return bool(found.get("json"))


def show(
    value: object, *, columns: Sequence[str] = (), empty: str = "Nothing here yet.", most: int = 0, rest: str = ""
) -> None:
    """Write a record or a list of records: as JSON when asked for, else as a table.

    Args:
        value: What the API gave.
        columns: Which fields to show, in order; all when left out.
        empty: What to say of an empty list.
        most: The most lines of a table on a terminal; 0 for all.
        rest: What those are called that are left out, and how to see them.
    """
    if wants_json():
        click.echo(msgspec.json.format(msgspec.json.encode(sayable(value), enc_hook=str), indent=2).decode())
    elif isinstance(value, list):
        if value:
            _table(some(value, most), columns)
            tell_rest(len(value), most, rest)
        else:
            talk(empty)
    elif value is not None:
        _card(value, columns)


def some(items: Sequence[T], most: int) -> Sequence[T]:
    """Return the first ones on a terminal; into a pipe or a file all, and all where `most` is 0."""
    return items[:most] if most and terminal_width() is not None else items


def tell_rest(count: int, most: int, rest: str) -> None:
    """Say how many were left out on a terminal, and how to see them."""
    left = count - len(some(range(count), most))
    if left:
        talk(f"and {left:,} more {rest}")


def done(text: str, **facts: object) -> None:
    """Say that something was done that has no record to show; as JSON, which thing it was done to."""
    if wants_json():
        show(facts)
    else:
        talk(text)


def talk(text: str, *, bold: bool = False) -> None:
    """Say something to the person, on stderr."""
    click.secho(text, bold=bold, err=True)


def write_file(target: Path, content: bytes) -> None:
    """Write a file that an option names.

    Raises:
        UsageError: If it cannot be written.
    """
    try:
        target.write_bytes(content)
    except OSError as error:
        raise click.UsageError(f"{target} cannot be written: {error.strerror}") from None


def counted(count: int, thing: str) -> str:
    """Return how many there are of a thing, such as `1 row` or `2,492 rows`."""
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def size(count: int) -> str:
    """Return a number of bytes in the unit that suits it."""
    left, units = float(count), ["bytes", "KiB", "MiB", "GiB", "TiB"]
    while left >= 1024 and len(units) > 1:
        left, units = left / 1024, units[1:]
    return f"{left:,.0f} {units[0]}" if units[0] == "bytes" else f"{left:,.1f} {units[0]}"


def fail_with(code: int) -> None:
    """End the command with an exit code."""
    sys.exit(code)


def _table(rows: Sequence[object], columns: Sequence[str]) -> None:
    fields = [_fields(row) for row in rows]
    names = list(columns) or list(fields[0])
    lines = [[cell(row.get(name)) for name in names] for row in fields]
    table = Table(head=[visible(name.upper()) for name in names], lines=lines)
    for number, (head, *below) in enumerate(laid_out(table, terminal_width())):
        if number:
            click.echo()
        click.secho(head, bold=True)
        for line in below:
            click.echo(line)


def _card(value: object, columns: Sequence[str]) -> None:
    fields = _fields(value)
    names = list(columns) or list(fields)
    width = max((len(name) for name in names), default=0)
    for name in names:
        found = fields.get(name)
        if isinstance(found, dict) and found:
            click.echo(f"{name}:")
            for key, inner in found.items():
                click.echo(f"  {key}: {cell(inner)}")
        else:
            click.echo(f"{name.ljust(width)}  {cell(found)}")


def _fields(value: object) -> dict[str, object]:
    if isinstance(value, msgspec.Struct):
        return msgspec.structs.asdict(value)
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return dict(value) if isinstance(value, dict) else {"value": value}


def cell(value: object) -> str:
    """Return a value as a person reads it in a table."""
    if value is None or value in ("", {}, [], ()):
        return "-"
    if isinstance(value, msgspec.Struct):
        value = msgspec.structs.asdict(value)
    match value:
        case bool():
            text = "true" if value else "false"
        case float():
            text = f"{value:.6g}"
        case datetime():
            text = value.astimezone().strftime("%Y-%m-%d %H:%M:%S")
        case dict():
            text = " ".join(f"{key}={cell(inner)}" for key, inner in value.items())
        case list() | tuple():
            text = ", ".join(cell(inner) for inner in value)
        case _:
            text = visible(str(value))
    return text
