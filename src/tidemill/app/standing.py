"""What stands on a dataset version, so that its bytes must not go."""

import re
from collections.abc import Collection, Iterator
from functools import lru_cache

import sqlalchemy as sa

from tidemill.app.references import lives
from tidemill.checks.quality.language import parse_rules
from tidemill.core.errors import TidemillError
from tidemill.core.refs import Ref
from tidemill.data.labels.store import THERE, label_tasks
from tidemill.data.records import DatasetVersion
from tidemill.data.store import dataset_tags
from tidemill.data.trash import InTrash
from tidemill.ledger.removal import targets_of
from tidemill.models.store import model_versions
from tidemill.projects.reading import parse_project
from tidemill.projects.store import list_projects
from tidemill.projects.suite_orders import each_order

_WORD = re.compile(r"[\w.-]+(?:@[\w-]+)?")
_WORDS = {
    "deployment": "deployment {} stands on it",
    "gate_report": "gate report {} judged on it",
    "logged_model": "logged model {} came of it",
    "model": "model {} came of it",
    "run": "run {} used it",
}
"""Kinds of things that keep what they came from, and how that is told.

Other dataset versions do not: they name every object that they share. Nor do reports of checks: they hold what they
found.
"""


def standing_on(connection: sa.Connection, version: InTrash, gone: Collection[str] = ()) -> str:
    """Return for what a version in the trash must stay; empty when nothing stands on it.

    Args:
        connection: The ledger.
        version: The version.
        gone: Ids of what goes with it, or did before it.
    """
    found = list(_reasons(connection, version, gone))
    if len(found) < 2:
        return "".join(found)
    return f"{found[0]}, and {len(found) - 1} more {'things stand' if len(found) > 2 else 'thing stands'} on it"


def named_by_project(connection: sa.Connection, name: str, version: DatasetVersion | None = None) -> str:
    """Return which project names a dataset, or one version of it by its number; empty when none does."""
    return _naming(connection, name, version.number if version else None)


def _naming(connection: sa.Connection, name: str, number: int | None) -> str:
    for project in list_projects(connection):
        named = _named_in(project.text)
        if f"{name}@{number}" in named if number else name in {each.partition("@")[0] for each in named}:
            return f"project {project.name}"
    return ""


def _reasons(connection: sa.Connection, version: InTrash, gone: Collection[str]) -> Iterator[str]:
    ref = Ref("dataset_version", version.id)
    for target in targets_of(connection, ref):
        # Of a run that was removed, what came from it counts.
        ends = [target] if lives(connection, target) else targets_of(connection, target)
        for end in ends:
            if end.id not in gone and lives(connection, end):
                yield from _told(connection, end)
    tasks = sa.select(label_tasks.c.name).where(label_tasks.c.version_id == version.id, THERE)
    yield from (f"labelling task {task} asks about it" for task in connection.scalars(tasks))
    if not version.with_dataset:
        table = dataset_tags.c
        tags = sa.select(table.tag).where(table.dataset == version.dataset, table.number == version.number)
        yield from (f"it has the tag {tag}" for tag in connection.scalars(tags))
    number = None if version.with_dataset else version.number
    if project := _naming(connection, version.dataset, number):
        yield f"{project} names {'the dataset' if version.with_dataset else 'it'}"


def _told(connection: sa.Connection, ref: Ref) -> Iterator[str]:
    if ref.kind == "model_version":
        table = model_versions.c
        found = connection.execute(sa.select(table.model, table.number).where(table.id == ref.id)).first()
        yield f"model version {found.model}@{found.number} came of it" if found else ""
    elif ref.kind in _WORDS:
        yield _WORDS[ref.kind].format(ref.id)


@lru_cache(maxsize=64)
def _named_in(text: str) -> frozenset[str]:
    """Return the datasets, and versions of them, that a project file names."""
    try:
        spec = parse_project(text.encode())
    except TidemillError:
        # Applied when other words were in use: what it may name stays.
        return frozenset(_WORD.findall(text))
    found: set[str] = set()
    for name, dataset in spec.datasets.items():
        found |= {name, *parse_rules(dataset.rules).named()}
        found |= {suite.against for _, suite in each_order(dataset.checks) if suite.against}
    return frozenset(found)
