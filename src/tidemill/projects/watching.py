"""New data starts a retraining by itself: the sources of projects are looked at now and then, by stat alone.

What a delivery has ingested is the state that later looks compare with. A change counts when two looks in a row see the
same, so that a file that is being written is left alone. Looking changes nothing but that memory; a trigger is fired
under the state's own name, so the same state fires once however often it is seen.
"""

import logging
from pathlib import Path

from tidemill.core.access import OWNER, SYSTEM, Actor, Role
from tidemill.core.errors import NotFound, TidemillError
from tidemill.core.names import shown
from tidemill.data.service import DataService
from tidemill.data.sources.uri import from_folder
from tidemill.ledger import Ledger
from tidemill.monitoring.service import MonitoringService
from tidemill.objects.digest import digest_bytes
from tidemill.projects import store
from tidemill.projects.reading import parse_project
from tidemill.projects.records import Project
from tidemill.projects.spec import DatasetSpec, ProjectSpec

NEW_DATA = "new_data"
_LOG = logging.getLogger("tidemill.projects")


class Watch:
    """Looks at the sources of projects.

    Args:
        ledger: Where is kept what was seen.
        data: Knows sources and versions.
        monitoring: Fires triggers, within their cool-down and budget.
    """

    def __init__(self, ledger: Ledger, data: DataService, monitoring: MonitoringService) -> None:
        self._ledger = ledger
        self._data = data
        self._monitoring = monitoring
        self._changed: dict[str, dict[str, str]] = {}
        self._told: dict[str, str] = {}

    def state_of(self, actor: Actor, project: Project, name: str, dataset: DatasetSpec) -> str:
        """Return a text that stays the same as long as a dataset's source does; without one, its latest version.

        Raises:
            SourceNotFound: If a source is not there.
            DatasetNotFound: If the dataset has no source and nobody has ingested it.
        """
        sources = dataset.sources()
        if not sources:
            return self._data.get(actor, name).id
        stamps = [self._data.stamp(actor, absolute(source, Path(project.folder))) for source in sources]
        return str(digest_bytes("\n".join(stamps).encode()))

    def remember(self, project: str, name: str, state: str) -> None:
        """Keep what a dataset's source was like when it was ingested."""
        self._ledger.write(SYSTEM, lambda tx: store.see(tx, project, name, state))

    def look(self) -> None:
        """Look at every project that is retrained on new data and is not in the middle of a delivery."""
        with self._ledger.read() as connection:
            projects = store.list_projects(connection)
            busy = store.projects_underway(connection)
        for project in projects:
            spec = parse_project(project.text.encode())
            if project.name in busy or spec.retrain is None or NEW_DATA not in spec.retrain.causes():
                self._changed.pop(project.name, None)
                continue
            try:
                self._look_at(project, spec)
            except TidemillError as error:
                if self._told.get(project.name) != error.message:
                    _LOG.warning("The data of project %s cannot be looked at: %s", project.name, error)
                self._told[project.name] = error.message
            else:
                self._told.pop(project.name, None)

    def _look_at(self, project: Project, spec: ProjectSpec) -> None:
        with self._ledger.read() as connection:
            seen = store.seen(connection, project.name)
        changed = {}
        for name, dataset in spec.datasets.items():
            try:
                state = self.state_of(reader_of(SYSTEM, project), project, name, dataset)
            except NotFound:
                continue  # taken away, perhaps to be replaced: what is gone trains nothing
            if name not in seen:
                self.remember(project.name, name, state)  # the project has not delivered yet: new is what comes now
            elif seen[name] != state:
                changed[name] = state
        before = self._changed.get(project.name)
        self._changed[project.name] = changed
        if not changed or before != changed or spec.deploy is None:
            return
        names = ", ".join(shown(name) for name in changed)
        states = "\n".join(f"{name}\0{state}" for name, state in changed.items())
        self._monitoring.offer(
            SYSTEM,
            endpoint=spec.deploy.endpoint,
            cause=NEW_DATA,
            reason=f"There is new data for {names}.",
            key=f"{NEW_DATA}/{project.name}/{digest_bytes(states.encode())}",
        )


def absolute(source: str, folder: Path) -> str:
    """Return a source whose relative path starts from the project's folder; others as they are."""
    return from_folder(source, folder) or str(folder / source)


def reader_of(actor: Actor, project: Project) -> Actor:
    """Return as whom sources are read: never as more than the one who wrote them into the project file."""
    trusted = {OWNER.name, SYSTEM.name}
    is_more = actor.name in trusted and project.applied_by not in trusted
    return Actor(project.applied_by, Role.EDITOR) if is_more else actor
