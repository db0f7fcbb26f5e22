"""Quality rules as they are given on the command line."""

from collections.abc import Container, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from tidemill.cli.runs import pairs
from tidemill.core.errors import TidemillError
from tidemill.core.lazy import lazy

if TYPE_CHECKING:
    from ruamel import yaml

    from tidemill.checks.quality import language
else:
    # Every `add` passes here, and few bring rules.
    yaml = lazy("ruamel.yaml")
    language = lazy("tidemill.checks.quality.language")

_MOST_BYTES = 1 << 20


def read_rules(file: Path | None, texts: tuple[str, ...]) -> dict[str, object]:
    """Return the rules of a file, and on top of them those of the command line.

    Raises:
        BadParameter: If one is not YAML or JSON, or is too large.
        InvalidRule: If they are nested too deep, or far larger than they were written.
    """
    found: dict[str, object] = {}
    if file is not None:
        held = _load(_text_of(file), str(file), is_json=file.suffix == ".json")
        if not isinstance(held, dict):
            raise click.BadParameter(f"{file} holds no rules by column, such as `distance: {{between: [1, 6000]}}`")
        found.update({str(column): rules for column, rules in held.items()})
    for column, text in pairs(texts).items():
        found[column] = _load(text, f"the rule of {column}", is_json=False)
    if found:
        language.check_size(found)
    return found


@contextmanager
def placed(file: Path | None, texts: tuple[str, ...]) -> Iterator[None]:
    """Let an error of a rule say the line of the file that the rule stands in."""
    try:
        yield
    except TidemillError as error:
        if file and file.suffix != ".json" and (line := _line_of(error.where, _text_of(file), pairs(texts))):
            error.where = f"{file}, line {line}"
        raise


def _line_of(where: str, text: str, others: Container[str]) -> int | None:
    """Return the line of what `rules.COLUMN.RULE` names, or of the column alone; a name may hold dots itself."""
    tree = yaml.YAML(typ="rt", pure=True).load(text)
    for column, rules in tree.items() if where.startswith("rules.") else ():
        name, _, rule = where.removeprefix(f"rules.{column}").partition(".")
        if name or str(column) in others:
            continue
        place = rules if rule in rules else tree
        return int(place.lc.key(rule if rule in rules else column)[0]) + 1
    return None


def _text_of(file: Path) -> str:
    with file.open("rb") as opened:
        content = opened.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise click.BadParameter(
            f"{file} has more than {_MOST_BYTES:,} bytes; long lists of values belong in a dataset"
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise click.BadParameter(f"{file} is not UTF-8: byte {error.start} is 0x{content[error.start]:02x}") from None


def _load(text: str, what: str, *, is_json: bool) -> object:
    try:
        value: object = msgspec.json.decode(text) if is_json else yaml.YAML(typ="safe", pure=True).load(text)
    except msgspec.DecodeError as error:
        raise click.BadParameter(f"{what} is not JSON: {error}") from None
    except yaml.error.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        told = getattr(error, "problem", None) or str(error).partition("\n")[0]
        place = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise click.BadParameter(f"{what}{place} is not YAML: {told}") from None
    except RecursionError:
        raise click.BadParameter(f"{what} is nested too deep") from None
    return value
