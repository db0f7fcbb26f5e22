"""The options that all commands share; they may stand before the verb or after it."""

from collections.abc import Callable
from pathlib import Path

import click


def _keep(name: str) -> Callable[[click.Context, click.Parameter, object], object]:
    def keep(context: click.Context, parameter: click.Parameter, value: object) -> object:
        del parameter
        if value:  # what stands nearer to the verb is read later, and says nothing where it is left out
            context.ensure_object(dict)[name] = value
        return value

    return keep


home_option = click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    help="The workspace folder.",
    expose_value=False,
    callback=_keep("home"),
)
json_option = click.option(
    "--json", "as_json", is_flag=True, help="Write JSON.", expose_value=False, callback=_keep("json")
)
