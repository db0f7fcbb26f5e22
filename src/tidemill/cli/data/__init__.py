"""`tidemill data …`, a module a group of verbs."""

import click

from tidemill.cli.data import looking, sources, versions


@click.group()
def data() -> None:
    """Work with datasets and their versions."""


for _command in (
    versions.add,
    sources.sources,
    versions.list_,
    versions.log,
    versions.show_,
    looking.profile,
    looking.report,
    looking.sample,
    looking.diff,
    versions.tag_,
    versions.untag,
):
    data.add_command(_command)
