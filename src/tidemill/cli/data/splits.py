"""`tidemill data split`."""

import click

from tidemill.cli.output import client, common, show, talk, wants_json
from tidemill.client.client import part as quoted
from tidemill.data.records import DatasetVersion


@click.command("split")
@click.argument("ref")
@click.option("--part", "parts", multiple=True, required=True, metavar="NAME", help="A part, in order (repeat it).")
@click.option("--by", default="", help="time, key or random; time where there are cuts, else the key, else random.")
@click.option("--at", multiple=True, metavar="MOMENT", help="Where to cut the time, such as 2013-10-01 (repeat it).")
@click.option("--share", "shares", multiple=True, type=float, help="The share of each part, such as 0.8 (repeat it).")
@click.option("--column", default="", help="The column that says when; the version's own when left out.")
@click.option("--seed", default=0, show_default=True, help="Another one draws other rows.")
@common
def split(
    ref: str,
    *,
    parts: tuple[str, ...],
    by: str,
    at: tuple[str, ...],
    shares: tuple[float, ...],
    column: str,
    seed: int,
) -> None:
    """Split REF into versions of NAME-PART, such as flights-train and flights-test.

    By key, a row stays in its part in every later version: a test set stays a test set.
    """
    body = {"parts": parts, "by": by, "at": at, "shares": shares, "column": column, "seed": seed}
    with client() as api:
        made = api.post(f"/api/v1/dataset-versions/{quoted(ref)}/splits", list[DatasetVersion], body, is_long=True)
    if wants_json():
        show(made)
        return
    for each in made:
        click.echo(each.ref)
        talk(f"{each.ref}: {each.rows:,} rows" + ("." if each.created else ", as before."))
