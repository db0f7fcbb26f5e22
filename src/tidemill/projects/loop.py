"""One way round the loop, as a durable workflow: data, run, model, gate, deployment.

Each act is a step whose effect is keyed by the delivery, so a killed delivery goes on where it was and does nothing
twice: a dataset with the same content is the same version, a run is found by its key, a model by its bytes and run,
a report and a deployment by the delivery's id.
"""

from pathlib import Path

import msgspec
import sqlalchemy as sa

from tidemill.core.access import SYSTEM, Actor, Role
from tidemill.core.digests import parse_digest
from tidemill.core.errors import NotFound, TidemillError
from tidemill.core.refs import Ref
from tidemill.data.checking.service import ChecksService
from tidemill.data.records import DatasetVersion
from tidemill.data.service import DataService
from tidemill.delivery.records import GateStatus
from tidemill.delivery.service import DeliveryService
from tidemill.ledger import Ledger, Transaction
from tidemill.models.service import ModelService
from tidemill.pipelines.service import PipelineService
from tidemill.projects import rules, store
from tidemill.projects.reading import parse_project
from tidemill.projects.records import Delivery, DeliveryState, Project
from tidemill.projects.settling import Settling
from tidemill.projects.spec import DatasetSpec, ModelSpec
from tidemill.projects.suites import refuse_failed, run_orders
from tidemill.projects.waking import APPROVAL
from tidemill.projects.watching import Watch, absolute, reader_of
from tidemill.workflows.ports import Flow

DELIVER = "projects.deliver"
_ENDED = {DeliveryState.DEPLOYED, DeliveryState.REFUSED, DeliveryState.FAILED, DeliveryState.DONE}


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What the workflow is given."""

    delivery: str
    actor: str
    role: int


class Outputs(msgspec.Struct, frozen=True, kw_only=True):
    """What a run left that later acts need, as references."""

    run_id: str
    model: str = ""
    holdout: str = ""
    training: str = ""


class Loop:
    """Carries deliveries out.

    Args:
        ledger: Where they are recorded.
        data: Ingests datasets.
        pipelines: Runs pipelines.
        models: Registers models.
        delivery: Judges and deploys.
        settling: Sets the watch over what is deployed, and tells triggers what came of them.
        watch: Remembers what sources were like when they were ingested.
        checks: Runs suites over what was ingested.
    """

    def __init__(
        self,
        ledger: Ledger,
        data: DataService,
        pipelines: PipelineService,
        models: ModelService,
        delivery: DeliveryService,
        settling: Settling,
        watch: Watch,
        *,
        checks: ChecksService,
    ) -> None:
        self._ledger = ledger
        self._data = data
        self._pipelines = pipelines
        self._models = models
        self._delivery = delivery
        self._settling = settling
        self._watch = watch
        self._checks = checks

    def run(self, flow: Flow, order: Order) -> str:
        """Carry out a delivery and return the state in which it ended."""
        try:
            return self._acts(flow, order)
        except TidemillError as error:
            reason = error.message + (f" ({error.where})" if error.where else "")
            flow.step("fail", self._end, order.delivery, DeliveryState.FAILED, reason)
            return DeliveryState.FAILED.value

    def give_up(self, delivery: str, reason: str) -> None:
        """Fail a delivery that nothing carries out any more; one that has ended stays as it is."""
        self._end(delivery, DeliveryState.FAILED, reason)

    def _acts(self, flow: Flow, order: Order) -> str:
        delivery = flow.step("read", self._read, order.delivery)
        project = flow.step("project", self._project, delivery.project)
        spec = parse_project(project.text.encode())
        flow.step("check", self._check, order, project)
        for name in spec.datasets:
            ref = flow.step(f"ingest {name}", self._ingest, order, project, name)
            if spec.datasets[name].checks:
                flow.step(f"check {name}", self._check_rows, order, project, name, ref)
        outputs = flow.step("run", self._run, order, project)
        if spec.model is None:
            return self._ended(flow, order, DeliveryState.DONE, "the pipeline ran; the project names no model")
        if flow.step("same", self._is_champion, order, outputs, spec.model):
            return self._ended(flow, order, DeliveryState.DONE, "nothing changed: this model serves already")
        version = flow.step("register", self._register, order, outputs, spec.model)
        if not spec.gate:  # a project that deploys has one
            return self._ended(flow, order, DeliveryState.DONE, f"{version} is registered; the project names no gate")
        status, report = flow.step("judge", self._judge, order, project.text, outputs, version)
        if status == GateStatus.WAITING.value:
            flow.step("wait", self._set_state, order.delivery, DeliveryState.WAITING, f"{version} waits for approval")
            status = flow.step("decided before", self._status, order, report)
            while status == GateStatus.WAITING.value:
                flow.receive(APPROVAL)
                status = flow.step("decided", self._status, order, report)
            flow.step("go on", self._set_state, order.delivery, DeliveryState.RUNNING, f"the gate is {status}")
        if status != GateStatus.OPEN.value:
            return self._ended(flow, order, DeliveryState.REFUSED, flow.step("why", self._why, order, report))
        if spec.deploy is None:
            return self._ended(
                flow, order, DeliveryState.DONE, f"{version} passed its gate; nothing says where it goes"
            )
        flow.step("deploy", self._deploy, order, project.text, version, report, outputs)
        return self._ended(flow, order, DeliveryState.DEPLOYED, f"{version} is on its way to {spec.deploy.endpoint}")

    def _ended(self, flow: Flow, order: Order, state: DeliveryState, reason: str) -> str:
        flow.step("end", self._end, order.delivery, state, reason)
        return state.value

    # The acts

    def _read(self, identifier: str) -> Delivery:
        with self._ledger.read() as connection:
            found = store.find_delivery(connection, identifier)
        if found is None:
            raise rules.DeliveryNotFound(
                f"There is no delivery {identifier}", hint="Start one with `tidemill deliver`."
            )
        return msgspec.structs.replace(found, events=[])

    def _project(self, name: str) -> Project:
        with self._ledger.read() as connection:
            found = store.find_project(connection, name)
        if found is None:
            raise rules.ProjectNotFound(f"There is no project {name}", hint="Apply it with `tidemill apply`.")
        return found

    def _check(self, order: Order, project: Project) -> None:
        """Refuse code that cannot be read and params that it does not have, before hours go into reading data."""
        pipeline = parse_project(project.text.encode()).pipeline_spec()
        if pipeline is None:
            raise rules.NothingToDeliver("The project file names no pipeline", hint="Add `pipeline: pipeline.py:NAME`.")
        params = {**pipeline.params, **self._read(order.delivery).params}
        self._pipelines.check(source=project.source, pipeline=pipeline.run, params=params)

    def _ingest(self, order: Order, project: Project, name: str) -> str:
        spec = parse_project(project.text.encode()).datasets[name]
        # Before the rows are read, so that what changes meanwhile is new.
        state = self._watch.state_of(reader_of(_actor(order), project), project, name, spec)
        version = self._read_in(order, project, name, spec)
        self._watch.remember(project.name, name, state)
        aside = f", {version.quarantined:,} put aside" if version.quarantined else ""
        rows = f"{version.rows:,} rows{aside}" if version.rows is not None else "a folder"
        self._note(order, f"ingest {name}", "data", f"{version.ref}: {rows}", [f"dataset_version:{version.id}"])
        return version.ref

    def _check_rows(self, order: Order, project: Project, name: str, ref: str) -> None:
        """Run the suites of a dataset over the version that was ingested; one that fails ends the delivery."""
        spec = parse_project(project.text.encode())
        version = self._data.get(_actor(order), ref)
        label = spec.model.label if spec.model else None
        label = label if label in {column.name for column in version.columns} else None
        reports = run_orders(self._checks, _actor(order), ref, spec.datasets[name].checks, label=label)
        told = "; ".join(f"{each.head.suite} {each.head.verdict.value}" for each in reports)
        self._note(
            order, f"check {name}", "checks", f"{ref}: {told}", [f"check_report:{each.head.id}" for each in reports]
        )
        refuse_failed(reports)

    def _read_in(self, order: Order, project: Project, name: str, spec: DatasetSpec) -> DatasetVersion:
        """Return the version that a dataset's source makes now; without a source, the latest that others made."""
        version = None
        for at, source in enumerate(spec.sources()):
            version = self._data.ingest(
                reader_of(_actor(order), project),
                name,
                absolute(source, Path(project.folder)),
                rules=dict(spec.rules),
                key=spec.key,
                time=spec.time,
                on_bad_rows=spec.on_bad_rows,
                append=spec.append or at > 0,
                new_by=spec.new_by,
                description=spec.description,
                types=spec.types,
                missing=spec.missing,
                delimiter=spec.delimiter,
                encoding=spec.encoding,
                sheet=spec.sheet,
            )
        return version or self._data.get(_actor(order), name)

    def _run(self, order: Order, project: Project) -> Outputs:
        spec = parse_project(project.text.encode())
        pipeline = spec.pipeline_spec()
        if pipeline is None:
            raise rules.NothingToDeliver("The project file names no pipeline", hint="Add `pipeline: pipeline.py:NAME`.")
        delivery = self._read(order.delivery)
        prepared = self._pipelines.prepare(
            _actor(order),
            source=project.source,
            pipeline=pipeline.run,
            params={**pipeline.params, **delivery.params},
            experiment=pipeline.experiment or project.name,
            key=order.delivery,
            by_itself=False,
        )
        self._change(order.delivery, run_id=prepared.run_id)
        done = self._pipelines.execute(_actor(order), prepared.run_id)
        model = spec.model
        found = Outputs(
            run_id=done.run_id,
            model=self._output(order, done.run_id, model.output) if model else "",
            holdout=self._output(order, done.run_id, model.holdout) if model and spec.gate else "",
            training=self._output(order, done.run_id, model.training) if model and model.training else "",
        )
        self._note(order, "run", "run", f"run {done.run_id}", [f"run:{done.run_id}"])
        return found

    def _output(self, order: Order, run_id: str, name: str) -> str:
        value = self._pipelines.output(_actor(order), run_id=run_id, name=name)
        if value.object is None:
            raise rules.OutputUnfit(
                f"The pipeline's output {name} is {value.text or 'a plain value'}, not a model or a table",
                hint="Return a model, or a Polars or pandas frame, under that name.",
            )
        return str(value.object)

    def _is_champion(self, order: Order, outputs: Outputs, model: ModelSpec) -> bool:
        try:
            champion = self._models.get(_actor(order), ref=f"{model.name}@champion")
        except NotFound:
            return False
        return champion.digest == outputs.model

    def _register(self, order: Order, outputs: Outputs, model: ModelSpec) -> str:
        tree = parse_digest(outputs.model)
        version = self._models.register(_actor(order), name=model.name, tree=tree, run_id=outputs.run_id)
        named = f"{version.model}@{version.number}"
        self._change(order.delivery, model=named)
        self._note(order, "register", "model", f"registered {named}", [f"model_version:{version.id}"])
        return named

    def _judge(self, order: Order, text: str, outputs: Outputs, version: str) -> tuple[str, str]:
        spec = parse_project(text.encode())
        assert spec.model is not None  # noqa: S101 - a project without a model ends before
        report = self._delivery.evaluate_gate(
            _actor(order),
            model=version,
            rules=spec.gate,
            holdout=f"artifact:{outputs.holdout}",
            training=f"artifact:{outputs.training}" if outputs.training else "",
            label=spec.model.label,
            positive=spec.model.positive,
            score=spec.model.score,
            time=spec.deploy.time if spec.deploy else None,
            key=order.delivery,
        )
        self._change(order.delivery, gate_report=report.id)
        self._note(order, "judge", "gate", f"the gate is {report.status.value}", [f"gate_report:{report.id}"])
        return report.status.value, report.id

    def _status(self, order: Order, report: str) -> str:
        return self._delivery.get_gate_report(_actor(order), id=report).status.value

    def _why(self, order: Order, report: str) -> str:
        found = self._delivery.get_gate_report(_actor(order), id=report)
        if found.approvals and not found.approvals[-1].approved:
            said = found.approvals[-1]
            return f"{said.actor} said no: {said.comment}" if said.comment else f"{said.actor} said no"
        return "; ".join(each.reason for each in found.results if each.verdict in {"fail", "inconclusive"})

    def _deploy(self, order: Order, text: str, version: str, report: str, outputs: Outputs) -> str:
        spec = parse_project(text.encode())
        assert spec.deploy is not None  # noqa: S101 - a project without an endpoint ends before
        self._settling.watch(_actor(order), spec, version, training=outputs.training, holdout=outputs.holdout)
        rollout = self._delivery.deploy(
            _actor(order),
            endpoint=spec.deploy.endpoint,
            model=version,
            gate_report=report,
            plan=rules.rollout_plan(spec.deploy.rollout),
            supersede=True,
            key=order.delivery,
        )
        self._change(order.delivery, rollout=rollout.id)
        self._note(order, "deploy", "deployment", f"rollout {rollout.id} began", [f"rollout:{rollout.id}"])
        return rollout.id

    # What is recorded

    def _note(self, order: Order, key: str, act: str, message: str, refs: list[str]) -> None:
        def work(tx: Transaction) -> None:
            store.add_event(tx, order.delivery, key, act, message, refs)
            for ref in refs:
                tx.link(Ref("delivery", order.delivery), act, Ref.parse(ref))

        self._ledger.write(_actor(order), work)

    def _change(self, delivery: str, **values: str) -> None:
        change = sa.update(store.deliveries).where(store.deliveries.c.id == delivery).values(**values)
        self._ledger.write(SYSTEM, lambda tx: tx.execute(change).rowcount)

    def _set_state(self, delivery: str, state: DeliveryState, reason: str) -> None:
        def work(tx: Transaction) -> None:
            table = store.deliveries.c
            ended = {"ended_at": tx.now} if state in _ENDED else {}
            open_ones = sa.and_(table.id == delivery, table.ended_at.is_(None))
            change = sa.update(store.deliveries).where(open_ones).values(state=state.value, reason=reason, **ended)
            if tx.execute(change).rowcount:
                store.add_event(tx, delivery, f"state {state.value}", state.value, reason, [])
                tx.audit(f"delivery.{state.value}", Ref("delivery", delivery), reason=reason)

        self._ledger.write(SYSTEM, work)

    def _end(self, delivery: str, state: DeliveryState, reason: str) -> None:
        self._set_state(delivery, DeliveryState(state), reason)
        found = self._read(delivery)  # it may have ended in another way, and that is what came of the trigger
        if found.trigger is not None:
            self._settling.answer(found.trigger, found.state, found.reason)


def _actor(order: Order) -> Actor:
    return Actor(order.actor, Role(order.role))
