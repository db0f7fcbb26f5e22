"""How files are read: the options that `add` and `watch` share."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path

import click

from tidemill.cli.data.rules_file import placed, read_rules
from tidemill.cli.runs import pairs

_OPTIONS = (
    click.option("--key", "-k", multiple=True, metavar="COLUMN", help="A column that names a row (repeat it)."),
    click.option("--time", metavar="COLUMN", help="The column that says when a row happened."),
    click.option(
        "--on-bad-rows",
        type=click.Choice(["reject", "quarantine"]),
        default="reject",
        show_default=True,
        help="What becomes of rows that break a rule: none is taken, or those are put aside.",
    ),
    click.option(
        "--rule", "rules", multiple=True, metavar="COLUMN=RULES", help="Such as 'distance={between: [1, 6000]}'."
    ),
    click.option(
        "--rules-file",
        type=click.Path(path_type=Path, exists=True, dir_okay=False),
        help="A YAML or JSON file with rules by column.",
    ),
    click.option("--type", "types", multiple=True, metavar="COLUMN=TYPE", help="Read a column of texts as this type."),
    click.option("--missing", multiple=True, metavar="WORD", help="A word of CSV that stands for a missing value."),
    click.option("--delimiter", help="What stands between fields of CSV; found when left out."),
    click.option("--encoding", help="How text is encoded, such as cp1252; UTF-8 or UTF-16 when left out."),
    click.option("--sheet", metavar="NAME", help="The sheet of a workbook, by name or number."),
)


def reading(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of reading; it gets them as `order`, in the words of the API."""

    @wraps(command)
    def with_order(  # noqa: PLR0913 - the options of the command line
        *words: object,
        key: tuple[str, ...],
        time: str | None,
        on_bad_rows: str,
        rules: tuple[str, ...],
        rules_file: Path | None,
        types: tuple[str, ...],
        missing: tuple[str, ...],
        delimiter: str | None,
        encoding: str | None,
        sheet: str | None,
        **others: object,
    ) -> None:
        order = {
            "key": key,
            "time": time,
            "on_bad_rows": on_bad_rows,
            "rules": read_rules(rules_file, rules),
            "types": pairs(types),
            "missing": missing or None,
            "delimiter": delimiter,
            "encoding": encoding,
            "sheet": sheet,
        }
        with placed(rules_file, rules):
            command(*words, order=order, **others)

    for option in reversed(_OPTIONS):
        with_order = option(with_order)
    return with_order
