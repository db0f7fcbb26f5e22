"""`tidemill data …`: versions, and the tags on them."""

import os
import re
import shlex
from itertools import islice
from pathlib import Path

import click

from tidemill.cli.data.reading import reading
from tidemill.cli.data.underway import underway
from tidemill.cli.drawing import Bar
from tidemill.cli.output import client, common, counted, done, show, size, talk, wants_json
from tidemill.cli.runs import pairs
from tidemill.cli.waiting import waited
from tidemill.client.client import part
from tidemill.data.records import Dataset, DatasetKind, DatasetVersion
from tidemill.data.sources.uri import from_folder, join_options

_VERSIONS = "/api/v1/dataset-versions"
_LISTED = ["number", "kind", "rows", "files", "quarantined", "size", "tags", "created_at", "created_by"]
_MOST_FILES = 50
_MOST_COLUMNS = 100
_OF_TABLES = {".csv", ".tsv", ".jsonl", ".ndjson", ".parquet", ".arrow", ".feather", ".avro", ".xlsx"}
_SHOWN = ["id", "dataset", "number", "kind", "digest"]
_COUNTED = {DatasetKind.TABLE: ["rows", "rows_read", "quarantined"], DatasetKind.TREE: ["files"]}


@click.command("add")
@click.argument("name")
@click.argument("sources", metavar="SOURCE...", nargs=-1, required=True)
@reading
@click.option("--append", is_flag=True, help="Keep the rows of the latest version, and add those of new files.")
@click.option(
    "--new-by",
    default="",
    metavar="COLUMN",
    help="Append only rows beyond this column's highest value in the latest version; of the key, only absent ones.",
)
@click.option("--option", "-o", "given", multiple=True, metavar="NAME=VALUE", help="An option of the source's address.")
@click.option("--as-files", is_flag=True, help="Keep files as they are, byte for byte, as a folder always is.")
@click.option("--description", default="", help="What the dataset is.")
@common
def add(
    name: str,
    sources: tuple[str, ...],
    *,
    order: dict[str, object],
    append: bool,
    new_by: str,
    given: tuple[str, ...],
    as_files: bool,
    description: str,
) -> None:
    """Make a version of NAME from files, a quoted pattern such as 'flights-*.csv', a folder, or an address.

    \b
    tidemill data add orders orders.csv --key order_id
    tidemill data add orders 'orders-*.csv' --rules-file rules.yaml
    tidemill data add orders october.csv --append
    tidemill data add images images/
    tidemill data add orders 'postgresql://db.example.com/shop#table=orders'
    """  # noqa: D301 - the sign of Click for lines that stay as they are
    places = [join_options(absolute(source), pairs(given)) for source in sources]
    body = order | {
        "source": places[0] if len(places) == 1 else places,
        "append": append,
        "new_by": new_by,
        "as_files": as_files,
        "description": description,
    }
    with client() as api:
        path = f"/api/v1/datasets/{part(name)}/versions"
        made = waited(Bar({}), lambda: api.post(path, DatasetVersion, body, is_long=True), lambda: underway(api, name))
    if wants_json():
        show(made)
        return
    held = counted(made.files or 0, "file")
    if made.rows is not None:
        held = f"{counted(made.rows, 'row')}, {made.quarantined:,} put aside"
    click.echo(made.ref)
    new = f" ({made.source.new.rows:,} new)" if made.source.new and made.created else ""
    talk(f"{made.ref}: {held}{new}." if made.created else f"{made.ref} holds this already: {held}.")
    if made.kind is DatasetKind.TREE and not as_files and (pattern := _of_tables(Path(places[0]))):
        talk(f"Kept as files. For one table of them: tidemill data add {name}-table {shlex.quote(str(pattern))}")


def _of_tables(folder: Path) -> Path | None:
    """Return a pattern for the files of a folder where all of them are tables of one kind."""
    endings = {Path(each.name).suffix for each in islice(os.scandir(folder), _MOST_FILES)} if folder.is_dir() else set()
    return folder / f"*{ending}" if len(endings) == 1 and (ending := endings.pop()) in _OF_TABLES else None


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
        found = api.get(f"/api/v1/datasets/{part(name)}/versions", list[DatasetVersion])
    rows = [{"number": each.number, "kind": each.kind, "tags": each.tags} | _counts(each) | _by(each) for each in found]
    show(found if wants_json() else rows, columns=_LISTED)


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
    card: dict[str, object] = {name: getattr(found, name) for name in _SHOWN} | _counts(found)
    card |= {"key": found.key, "time": found.time} if found.kind is DatasetKind.TABLE else {}
    show(card | {"tags": found.tags, "source": found.source.uri} | _by(found))
    if found.columns:
        click.echo()
        show(list(found.columns), most=_MOST_COLUMNS, rest="columns; all of them with --json, or into a file")
    elsewhere = [each.source for each in found.parts if each.source.version]
    if elsewhere:
        click.echo()
        show([{"read_from": file.name, **file.version} for file in elsewhere[:_MOST_FILES]])


def _counts(version: DatasetVersion) -> dict[str, object]:
    """Return how much a version holds, as people write it."""
    counts = {name: getattr(version, name) for name in _COUNTED[version.kind]}
    said = {name: None if count is None else f"{count:,}" for name, count in counts.items()}
    return {**said, "size": size(version.size_bytes)}


def _by(version: DatasetVersion) -> dict[str, object]:
    return {"created_at": version.created_at, "created_by": version.created_by}


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
    if address := from_folder(source, Path.cwd()):
        return re.sub(r"\s*\n\s*", "%0A", address)  # a query may be written on several lines
    place = Path(source).expanduser().absolute()
    return str(place) if place.exists() else os.path.normpath(place)
