"""`tidemill data …`, a module a group of verbs."""

import click

from tidemill.cli.data import folders, labelling, labels, looking, personal, profiling, rules, sources, stores, versions, watch


@click.group()
def data() -> None:
    """Work with datasets and their versions."""


for _command in (
    versions.add,
    watch.watch,
    sources.sources,
    versions.list_,
    versions.log,
    versions.show_,
    profiling.profile,
    looking.report,
    looking.sample,
    looking.diff,
    personal.personal,
    folders.status,
    folders.checkout,
    folders.verify,
    rules.check,
    rules.suggest_rules,
    rules.bad_rows,
    stores.push,
    stores.pull,
    stores.remote,
    stores.transfers,
    versions.tag_,
    versions.untag,
    labelling.label,
    labels.labels,
):
    data.add_command(_command)
