"""What one can do with projects: plan, apply, deliver."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import sqlalchemy as sa

from tidemill.core.access import SYSTEM, Actor
from tidemill.core.digests import Digest
from tidemill.core.ids import new_id
from tidemill.core.names import shown
from tidemill.core.nearest import did_you_mean
from tidemill.core.refs import Ref
from tidemill.delivery.gate_rules import parse_gate
from tidemill.delivery.records import GateReport
from tidemill.ledger import Ledger, Transaction
from tidemill.monitoring.records import Trigger
from tidemill.objects import ObjectStore
from tidemill.pipelines.source import take_snapshot
from tidemill.projects import rules, store
from tidemill.projects.carrying import Carrying
from tidemill.projects.loop import DELIVER, Loop
from tidemill.projects.reading import parse_project
from tidemill.projects.records import Delivery, DeliveryState, Plan, Project
from tidemill.projects.settling import Settling
from tidemill.projects.spec import ProjectSpec, Scalar
from tidemill.projects.waking import APPROVAL, Waking, workflow_id
from tidemill.projects.watching import Watch
from tidemill.workflows.errors import WorkflowEnded
from tidemill.workflows.ports import Flow, Workflows

LOOK = "projects.look"
_LOOK_EVERY_S = 30.0
_OPEN = (DeliveryState.RUNNING.value, DeliveryState.WAITING.value)


class ProjectService:
    """The verbs of projects.

    Args:
        ledger: Where the rows are.
        objects: Where the code snapshots are.
        settling: Makes what the project file says of the endpoint and its watch so.
        loop: Carries deliveries out.
        watch: Sees new data.
        workflows: Gives the durable workflows, starting them when they are first needed.
    """

    def __init__(
        self,
        ledger: Ledger,
        objects: ObjectStore,
        settling: Settling,
        loop: Loop,
        watch: Watch,
        workflows: Callable[[], Workflows],
    ) -> None:
        self._ledger = ledger
        self._objects = objects
        self._settling = settling
        self._loop = loop
        self._watch = watch
        self._workflows = workflows
        self._waking = Waking(ledger)
        self._carrying = Carrying(ledger, loop)

    local = frozenset({"define", "take_up", "look", "on_trigger", "on_decision"})

    def define(self, workflows: Workflows) -> None:
        """Name the workflows of projects, before they are launched."""
        workflows.define(DELIVER, self._loop.run)
        workflows.define(LOOK, self._look_flow)
        workflows.schedule(LOOK, every_s=_LOOK_EVERY_S)

    def take_up(self, workflows: Workflows) -> None:
        """Let go on what a death of the process has kept from it; after the workflows are launched."""
        self._carrying.take_up(workflows)
        self._waking.wake_decided(workflows)

    def look(self) -> None:
        """Look once for new data in the sources of projects, and see that deliveries go on."""
        self.take_up(self._workflows())
        self._watch.look()

    def _look_flow(self, flow: Flow) -> None:
        flow.step("look", self.look)

    def on_decision(self, report: GateReport) -> None:
        """Let the deliveries go on that waited for what a person has said now; see `delivery.ports.OnDecision`."""
        for delivery in self._waking.waits_for(report):
            self._waking.wake(self._workflows(), delivery)

    def on_trigger(self, trigger: Trigger) -> None:
        """Start the retraining that a trigger asks for, once.

        Raises:
            DeliveryUnderway: If the project is in the middle of a delivery.
            ProjectNotFound: If no project delivers to the trigger's endpoint.
        """
        for project in self.list(SYSTEM):
            spec = parse_project(project.text.encode())
            if spec.deploy and spec.deploy.endpoint == trigger.endpoint:
                params = spec.retrain.params if spec.retrain else {}
                self.deliver(
                    SYSTEM,
                    project=project.name,
                    params=params,
                    cause=trigger.cause,
                    trigger=trigger.id,
                    key=trigger.id,
                )
                return
        raise rules.ProjectNotFound(
            f"No project delivers to endpoint {shown(trigger.endpoint)}", hint="Apply one with `tidemill apply`."
        )

    def plan(self, actor: Actor, *, text: str, folder: str = "") -> Plan:
        """Return what applying a project file would change, without changing anything.

        Args:
            actor: Who asks.
            text: The project file.
            folder: The project's folder on the server's machine, to see whether code changed.

        Raises:
            InvalidProjectFile: If the file says what it cannot say.
        """
        del actor
        spec = _checked(text)
        with self._ledger.read() as connection:
            found = store.find_project(connection, spec.project)
        before = parse_project(found.text.encode()) if found else None
        code = take_snapshot(Path(folder), self._objects).digest if folder else None
        return Plan(
            project=spec.project,
            revision=found.revision if found else 0,
            changes=rules.compare(before, spec),
            source_changed=bool(code and (found is None or found.source != code)),
        )

    def apply(self, actor: Actor, *, text: str, folder: str, source: Digest | None = None) -> Project:
        """Make a project file the one in force; applying it again unchanged changes nothing.

        Args:
            actor: Who applies it.
            text: The project file.
            folder: The folder that relative sources start from, on the server's machine.
            source: The digest of the code snapshot, a tree in the object store; taken of `folder` when left out.

        Raises:
            InvalidProjectFile: If the file says what it cannot say.
            SourceMissing: If there is no such folder.
        """
        spec = _checked(text)
        place = Path(folder).absolute()
        code = source or take_snapshot(place, self._objects).digest
        self._objects.list_tree(code)

        def work(tx: Transaction) -> Project:
            found = store.find_project(tx.connection, spec.project)
            if found and (found.text, found.source, found.folder) == (text, code, str(place)):
                return found
            row = {
                "name": spec.project,
                "revision": found.revision + 1 if found else 1,
                "text": text,
                "source": code,
                "folder": str(place),
                "applied_at": tx.now,
                "applied_by": actor.name,
            }
            tx.upsert(store.projects, row)
            tx.link(Ref("source", code), "applied_as", Ref("project", spec.project))
            tx.audit("project.apply", Ref("project", spec.project), revision=row["revision"], source=code)
            return _need(tx.connection, spec.project)

        applied = self._ledger.write(actor, work)
        self._settling.settle(actor, spec)
        return applied

    def get(self, actor: Actor, *, name: str) -> Project:
        """Return a project as it was applied last.

        Raises:
            ProjectNotFound: If none of that name was applied.
        """
        del actor
        with self._ledger.read() as connection:
            return _need(connection, name)

    def list(self, actor: Actor) -> "Sequence[Project]":
        """Return the projects by name."""
        del actor
        with self._ledger.read() as connection:
            return store.list_projects(connection)

    def deliver(
        self,
        actor: Actor,
        *,
        project: str,
        params: dict[str, Scalar] | None = None,
        cause: str = "hand",
        trigger: str | None = None,
        key: str = "",
    ) -> Delivery:
        """Start one way round the loop: ingest, run, register, judge, deploy.

        Args:
            actor: Who asks.
            project: The project's name.
            params: Params of the pipeline on top of the project's.
            cause: What started it.
            trigger: The trigger's id, when one started it.
            key: Starting again with the same key returns the same delivery.

        Raises:
            ProjectNotFound: If none of that name was applied.
            DeliveryUnderway: If the project is in the middle of a delivery.
        """
        identifier = key or new_id()

        def work(tx: Transaction) -> Delivery:
            found = _need(tx.connection, project)
            there = store.find_delivery(tx.connection, identifier)
            if there is not None:
                return there
            _refuse_second(tx.connection, project)
            row = {
                "id": identifier,
                "project": project,
                "revision": found.revision,
                "cause": cause,
                "trigger": trigger,
                "state": DeliveryState.RUNNING.value,
                "reason": "",
                "params": params or {},
                "started_by": actor.name,
                "role": int(actor.role),
                "started_at": tx.now,
            }
            tx.execute(sa.insert(store.deliveries), row)
            tx.link(Ref("project", project), "delivers", Ref("delivery", identifier))
            if trigger:
                tx.link(Ref("trigger", trigger), "starts", Ref("delivery", identifier))
            tx.audit("delivery.start", Ref("delivery", identifier), project=project, cause=cause)
            return _need_delivery(tx.connection, identifier)

        started = self._ledger.write(actor, work)
        self._carrying.begin(self._workflows(), identifier)
        return started

    def get_delivery(self, actor: Actor, *, id: str) -> Delivery:  # noqa: A002 - the word of the API
        """Return a delivery with all that happened in it.

        Raises:
            DeliveryNotFound: If there is none of that id.
        """
        del actor
        with self._ledger.read() as connection:
            return _need_delivery(connection, id)

    def list_deliveries(self, actor: Actor, *, project: str = "", limit: int = 100) -> "Sequence[Delivery]":
        """Return deliveries, newest first."""
        del actor
        with self._ledger.read() as connection:
            return store.list_deliveries(connection, project, limit=min(max(limit, 1), 1000))

    def resume_delivery(self, actor: Actor, *, id: str) -> Delivery:  # noqa: A002 - the word of the API
        """Let a waiting delivery look at its gate report again; one whose report is undecided waits on.

        A yes or a no wakes it by itself. This is for a workspace without a server, whose deliveries go on only
        while a command works in it.
        """
        if self.get_delivery(actor, id=id).state is DeliveryState.WAITING:
            with suppress(WorkflowEnded):  # it went on by itself just now
                self._workflows().send(workflow_id(id), APPROVAL, "decided")
        return self.get_delivery(actor, id=id)


def _checked(text: str) -> ProjectSpec:
    spec = parse_project(text.encode())
    rules.check_spec(spec)
    if spec.gate:
        parse_gate(spec.gate)
    return spec


def _need(connection: sa.Connection, name: str) -> Project:
    found = store.find_project(connection, name)
    if found is None:
        known = [each.name for each in store.list_projects(connection)]
        hint = did_you_mean(name, known) if known else "Apply one with `tidemill apply`."
        raise rules.ProjectNotFound(f"There is no project {shown(name)}", hint=hint)
    return found


def _need_delivery(connection: sa.Connection, identifier: str) -> Delivery:
    found = store.find_delivery(connection, identifier)
    if found is None:
        raise rules.DeliveryNotFound(
            f"There is no delivery {shown(identifier)}", hint="List them with `tidemill deliveries list`."
        )
    return found


def _refuse_second(connection: sa.Connection, project: str) -> None:
    table = store.deliveries.c
    query = sa.select(table.id).where(table.project == project, table.state.in_(_OPEN))
    underway = connection.execute(query).scalars().first()
    if underway:
        raise rules.DeliveryUnderway(
            f"Project {shown(project)} is in the middle of delivery {underway}",
            hint=f"Follow it with `tidemill deliveries show {underway}`.",
        )
