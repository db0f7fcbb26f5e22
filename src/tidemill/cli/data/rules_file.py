"""Quality rules as they are given on the command line."""

from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from tidemill.cli.runs import pairs
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
    except (yaml.error.YAMLError, msgspec.DecodeError) as error:
        told = str(error).partition("\n")[0]
        raise click.BadParameter(f"{what} is not {'JSON' if is_json else 'YAML'}: {told}") from None
    except RecursionError:
        raise click.BadParameter(f"{what} is nested too deep") from None
    return value
