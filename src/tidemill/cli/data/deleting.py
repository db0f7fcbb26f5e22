"""`tidemill data delete`, `restore` and `removed`: datasets and versions into the trash, out of it, gone for good."""

import click

from tidemill.cli.output import client, common, show, talk
from tidemill.client.client import part
from tidemill.data.records import Dataset, DatasetVersion, RemovedVersion
from tidemill.data.rules import parse_dataset_ref

_REMOVED = ["number", "kind", "rows", "files", "size_bytes", "digest", "created_by", "removed_at", "removed_by"]
_VERSION = ["dataset", "number", "kind", "rows", "files", "size_bytes", "tags"]


@click.command("delete")
@click.argument("ref")
@common
def delete(ref: str) -> None:
    """Put a version such as flights@3, or a whole dataset such as flights, into the trash."""
    kind = "dataset-versions" if "@" in ref else "datasets"
    with client() as api:
        api.delete(f"/api/v1/{kind}/{part(ref)}", type(None))
    talk(f"{ref} is in the trash. Take it out with `tidemill data restore {ref}`.")


@click.command("restore")
@click.argument("ref")
@common
def restore(ref: str) -> None:
    """Take a version such as flights@3, or a dataset with what went there with it, out of the trash."""
    wanted = parse_dataset_ref(ref)
    home = f"/api/v1/datasets/{part(wanted.dataset)}"
    with client() as api:
        if "@" not in ref:
            show(api.post(f"{home}/restore", Dataset, {}), columns=["name", "latest", "description"])
            return
        if wanted.number is None:
            raise click.UsageError("Say which version by its number, such as flights@3: tags end in the trash.")
        show(api.post(f"{home}/versions/{wanted.number}/restore", DatasetVersion, {}), columns=_VERSION)


@click.command("removed")
@click.argument("name")
@common
def removed(name: str) -> None:
    """List what is known of the versions of a dataset that were removed for good."""
    with client() as api:
        found = api.get(f"/api/v1/datasets/{part(name)}/removed", list[RemovedVersion])
    show(found, columns=_REMOVED, empty="No version was removed for good.")
