"""`tidemill data …`: versions, and the tags on them."""

import os
from pathlib import Path

import click
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from tidemill.cli.data.rules_file import read_rules
from tidemill.cli.output import client, common, done, show, talk, wants_json
from tidemill.cli.runs import pairs
from tidemill.client.client import part
from tidemill.data.records import Dataset, DatasetVersion
from tidemill.data.sources.uri import join_options

_VERSIONS = "/api/v1/dataset-versions"
_LISTED = ["number", "kind", "rows", "files", "quarantined", "size_bytes", "tags", "created_at", "created_by"]
_SHOWN = ["id", "dataset", "number", "kind", "digest", "rows", "rows_read", "quarantined", "size_bytes"]


@click.command("add")
@click.argument("name")
@click.argument("source")
@click.option("--key", "-k", multiple=True, metavar="COLUMN", help="A column that names a row (repeat it).")
@click.option("--time", metavar="COLUMN", help="The column that says when a row happened.")
@click.option(
    "--on-bad-rows",
    type=click.Choice(["reject", "quarantine"]),
    default="reject",
    show_default=True,
    help="What becomes of rows that break a rule: none is taken, or those are put aside.",
)
@click.option("--append", is_flag=True, help="Keep the rows of the latest version, and add those of new files.")
@click.option("--rule", "rules", multiple=True, metavar="COLUMN=RULES", help="Such as 'distance={between: [1, 6000]}'.")
@click.option(
    "--rules-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A YAML or JSON file with rules by column.",
)
@click.option("--type", "types", multiple=True, metavar="COLUMN=TYPE", help="Read a CSV column as this type.")
@click.option("--missing", multiple=True, metavar="WORD", help="A word of CSV that stands for a missing value.")
@click.option("--delimiter", help="What stands between fields of CSV; found when left out.")
@click.option("--encoding", help="How text is encoded, such as cp1252; UTF-8 or UTF-16 when left out.")
@click.option("--sheet", metavar="NAME", help="The sheet of a workbook, by name or number.")
@click.option("--option", "-o", "given", multiple=True, metavar="NAME=VALUE", help="An option of the source's address.")
@click.option("--as-files", is_flag=True, help="Keep files as they are, byte for byte, as a folder always is.")
@click.option("--description", default="", help="What the dataset is.")
@common
def add(  # noqa: PLR0913 - the options of the command line
    name: str,
    source: str,
    *,
    key: tuple[str, ...],
    time: str | None,
    on_bad_rows: str,
    append: bool,
    rules: tuple[str, ...],
    rules_file: Path | None,
    types: tuple[str, ...],
    missing: tuple[str, ...],
    delimiter: str | None,
    encoding: str | None,
    sheet: str | None,
    given: tuple[str, ...],
    as_files: bool,
    description: str,
) -> None:
    """Make a version of NAME from a file, a quoted pattern such as 'flights-*.csv', a folder, or an address."""
    body = {
        "source": join_options(absolute(source), pairs(given)),
        "rules": read_rules(rules_file, rules),
        "key": key,
        "time": time,
        "on_bad_rows": on_bad_rows,
        "append": append,
        "types": pairs(types),
        "missing": missing or None,
        "delimiter": delimiter,
        "as_files": as_files,
        "encoding": encoding,
        "sheet": sheet,
        "description": description,
    }
    with client() as api:
        made = api.post(f"/api/v1/datasets/{part(name)}/versions", DatasetVersion, body)
    if wants_json():
        show(made)
        return
    files = "1 file" if made.files == 1 else f"{made.files or 0:,} files"
    counted = files if made.rows is None else f"{made.rows} rows, {made.quarantined} put aside"
    click.echo(made.ref)
    talk(f"{made.ref}: {counted}." if made.created else f"{made.ref} holds this already: {counted}.")


@click.command("list")
@common
def list_() -> None:
    """List the datasets."""
    with client() as api:
        found = api.get("/api/v1/datasets", list[Dataset])
    columns = ["name", "latest", "created_at", "created_by", "description"]
    show(found, columns=columns, empty="No datasets yet. Add one with `tidemill data add`.")


@click.command("log")
@click.argument("name")
@common
def log(name: str) -> None:
    """List the versions of a dataset, newest first."""
    with client() as api:
        show(api.get(f"/api/v1/datasets/{part(name)}/versions", list[DatasetVersion]), columns=_LISTED)


@click.command("show")
@click.argument("ref")
@common
def show_(ref: str) -> None:
    """Show a version, such as flights, flights@3, flights@gold or flights@2026-01-31."""
    with client() as api:
        found = api.get(f"{_VERSIONS}/{part(ref)}", DatasetVersion)
    if wants_json():
        show(found)
        return
    card: dict[str, object] = {name: getattr(found, name) for name in _SHOWN}
    card |= {"key": list(found.key), "time": found.time, "tags": list(found.tags), "source": found.source.uri}
    show(card | {"created_at": found.created_at, "created_by": found.created_by})
    if found.columns:
        click.echo()
        show(list(found.columns))


@click.command("tag")
@click.argument("ref")
@click.argument("tag")
@common
def tag_(ref: str, tag: str) -> None:
    """Let TAG point to a version; it moves when it pointed to another one."""
    with client() as api:
        found = api.post(f"{_VERSIONS}/{part(ref)}/tags/{part(tag)}", DatasetVersion)
    show(found, columns=["dataset", "number", "tags"])


@click.command("untag")
@click.argument("name")
@click.argument("tag")
@common
def untag(name: str, tag: str) -> None:
    """Remove a tag of a dataset; the version stays."""
    with client() as api:
        api.delete(f"/api/v1/datasets/{part(name)}/tags/{part(tag)}", type(None))
    done(f"Removed {name}@{tag}.", dataset=name, tag=tag)


def absolute(source: str) -> str:
    """Return a path or pattern as it is named from anywhere, read from the current folder; an address as it is."""
    if "://" in source:
        return source
    scheme, colon, rest = source.partition(":")
    if colon and scheme == "python":
        return source if "folder=" in source else join_options(source, {"folder": str(Path.cwd())})
    if colon and scheme == "hf":
        path, sign, options = rest.partition("#")
        return f"hf:{Path(path).expanduser().absolute()}{sign}{options}"
    place = Path(source).expanduser().absolute()
    return str(place) if place.exists() else os.path.normpath(place)


def read_rules(file: Path | None, texts: tuple[str, ...]) -> dict[str, object]:
    """Return the rules of a file, and on top of them those of the command line."""
    found: dict[str, object] = {}
    if file is not None:
        held = _yaml(file.read_text(), str(file))
        if not isinstance(held, dict):
            raise click.BadParameter(f"{file} holds no rules by column, such as `distance: {{between: [1, 6000]}}`")
        found.update({str(column): rules for column, rules in held.items()})
    for column, text in pairs(texts).items():
        found[column] = _yaml(text, f"the rule of {column}")
    return found


def _yaml(text: str, what: str) -> object:
    try:
        value: object = YAML(typ="safe", pure=True).load(text)
    except YAMLError as error:
        raise click.BadParameter(f"{what} is not YAML: {error}".partition("\n")[0]) from None
    return value
