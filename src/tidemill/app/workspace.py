"""A workspace: one folder or database, with every stage on it."""

from pathlib import Path
from threading import Lock, RLock
from types import TracebackType
from typing import TYPE_CHECKING, Self

from tidemill.app.leftovers import clear_work
from tidemill.app.placing import settle
from tidemill.app.roots import data_roots
from tidemill.app.stages import Stage
from tidemill.core.access import SYSTEM
from tidemill.core.lazy import lazy, load
from tidemill.core.settings import Settings
from tidemill.ledger.ledger import Ledger
from tidemill.ledger.lock import FolderLock
from tidemill.objects.store import ObjectStore, plain_errors
from tidemill.objects.unsynced import Unsynced

if TYPE_CHECKING:
    from tidemill.app import inputs, logged, naming, registry, standing, tables
    from tidemill.app import maintenance as maintenance_stage
    from tidemill.app.stores import service as stores_stage
    from tidemill.app.trackers import importing
    from tidemill.app.trackers import service as trackers_stage
    from tidemill.core.refs import Ref
    from tidemill.data import service as data_stage
    from tidemill.data.checking import service as checking
    from tidemill.data.deleting import service as deleting_stage
    from tidemill.data.judging import service as judging
    from tidemill.data.labels import service as labels_stage
    from tidemill.data.service import folders as folders_stage
    from tidemill.data.service import splitting
    from tidemill.delivery import gates, routing
    from tidemill.delivery import service as delivery_stage
    from tidemill.delivery.records import GateReport
    from tidemill.governance import service as governance_stage
    from tidemill.ledger.records import Edge
    from tidemill.models import search
    from tidemill.models import service as models_stage
    from tidemill.monitoring import service as monitoring_stage
    from tidemill.monitoring.profiling import service as profiling_stage
    from tidemill.monitoring.records import Trigger
    from tidemill.pipelines import service as pipelines_stage
    from tidemill.projects import loop, settling, watching
    from tidemill.projects import service as projects_stage
    from tidemill.tracking import service as tracking_stage
    from tidemill.workflows import durable
    from tidemill.workflows.ports import Workflows
else:
    # A command uses one or two stages; loading all of them would take longer than what most commands do.
    inputs = lazy("tidemill.app.inputs")
    logged = lazy("tidemill.app.logged")
    naming = lazy("tidemill.app.naming")
    standing = lazy("tidemill.app.standing")
    maintenance_stage = lazy("tidemill.app.maintenance")
    registry = lazy("tidemill.app.registry")
    tables = lazy("tidemill.app.tables")
    stores_stage = lazy("tidemill.app.stores.service")
    importing = lazy("tidemill.app.trackers.importing")
    trackers_stage = lazy("tidemill.app.trackers.service")
    data_stage = lazy("tidemill.data.service")
    checking = lazy("tidemill.data.checking.service")
    deleting_stage = lazy("tidemill.data.deleting.service")
    judging = lazy("tidemill.data.judging.service")
    labels_stage = lazy("tidemill.data.labels.service")
    folders_stage = lazy("tidemill.data.service.folders")
    splitting = lazy("tidemill.data.service.splitting")
    gates = lazy("tidemill.delivery.gates")
    routing = lazy("tidemill.delivery.routing")
    delivery_stage = lazy("tidemill.delivery.service")
    governance_stage = lazy("tidemill.governance.service")
    search = lazy("tidemill.models.search")
    models_stage = lazy("tidemill.models.service")
    monitoring_stage = lazy("tidemill.monitoring.service")
    profiling_stage = lazy("tidemill.monitoring.profiling.service")
    pipelines_stage = lazy("tidemill.pipelines.service")
    loop = lazy("tidemill.projects.loop")
    projects_stage = lazy("tidemill.projects.service")
    settling = lazy("tidemill.projects.settling")
    watching = lazy("tidemill.projects.watching")
    tracking_stage = lazy("tidemill.tracking.service")
    durable = lazy("tidemill.workflows.durable")

_SERVICES: dict[str, str] = {
    "data": "tidemill.data.service:DataService",
    "folders": "tidemill.data.service.folders:FolderService",
    "splits": "tidemill.data.service.splitting:SplitService",
    "deleting": "tidemill.data.deleting.service:DeletingService",
    "labels": "tidemill.data.labels.service:LabelService",
    "checks": "tidemill.data.checking.service:ChecksService",
    "rules": "tidemill.data.judging.service:RulesService",
    "stores": "tidemill.app.stores.service:StoreService",
    "tracking": "tidemill.tracking.service:TrackingService",
    "logged_models": "tidemill.tracking.service:LoggedModelService",
    "pipelines": "tidemill.pipelines.service:PipelineService",
    "models": "tidemill.models.service:ModelService",
    "delivery": "tidemill.delivery.service:DeliveryService",
    "monitoring": "tidemill.monitoring.service:MonitoringService",
    "window_profiles": "tidemill.monitoring.profiling.service:WindowProfileService",
    "governance": "tidemill.governance.service:GovernanceService",
    "projects": "tidemill.projects.service:ProjectService",
    "maintenance": "tidemill.app.maintenance:MaintenanceService",
    "trackers": "tidemill.app.trackers.service:TrackerService",
}
_CLOSED = ("trackers", "stores", "pipelines", "tracking")
"""The stages that have something to finish, in the order in which they do."""


class Workspace:
    """Every stage's service, on one ledger and one object store; each is built when it is first asked for.

    Args:
        settings: Where the workspace is.
        lock_wait_s: How long to wait for another process that works in the folder.

    Raises:
        WorkspaceInUse: If another process works in the folder after that time.
    """

    def __init__(self, settings: Settings, *, lock_wait_s: float = 0.0) -> None:
        self.settings = settings
        with plain_errors(settings.home):
            settle(settings.home.absolute())
            settings.home.mkdir(parents=True, exist_ok=True)
        self.lock = FolderLock(settings.home, wait_s=lock_wait_s)
        try:
            self.objects = ObjectStore(settings.home)
            self.objects.clear_incoming()
            self.objects.leaving.put_all_back()
            self.ledger = Ledger.open(settings.database or settings.home / "ledger.sqlite")
            Unsynced(self.ledger, self.objects).recover()
        except BaseException:
            self.lock.release()
            raise
        clear_work(self._work)
        self.building = RLock()
        self.serving_url = ""
        self._workflows: durable.DurableWorkflows | None = None
        self._launching = Lock()

    # The stages; one that needs a later one is given it through a port, and that one is built at the first call

    @Stage
    def data(self) -> "data_stage.DataService":
        """Datasets."""
        roots, barred = data_roots(self.settings), [self.settings.home]
        return data_stage.DataService(
            self.ledger, self.objects, roots=roots, barred=barred, hosts=self.settings.source_hosts
        )

    @Stage
    def folders(self) -> "folders_stage.FolderService":
        """Files of versions on disk."""
        return folders_stage.FolderService(self.data.place)

    @Stage
    def splits(self) -> "splitting.SplitService":
        """Versions split into others."""
        return splitting.SplitService(self.data.place)

    @Stage
    def deleting(self) -> "deleting_stage.DeletingService":
        """Datasets and versions put into the trash."""
        made = deleting_stage.DeletingService(self.data.place)
        made.named_by = standing.named_by_project
        return made

    @Stage
    def labels(self) -> "labels_stage.LabelService":
        """Labelling tasks."""
        load("tidemill.app.schema")  # it removes rows, and with them what belongs to them in whatever table
        return labels_stage.LabelService(self.ledger, self.objects, self.data)

    @Stage
    def checks(self) -> "checking.ChecksService":
        """Suites over datasets."""
        return checking.ChecksService(self.ledger, self.objects, self.data)

    @Stage
    def rules(self) -> "judging.RulesService":
        """Rules held against data that is there."""
        return judging.RulesService(self.data)

    @Stage
    def stores(self) -> "stores_stage.StoreService":
        """Remotes of datasets."""
        return stores_stage.StoreService(self.data.place)

    @Stage
    def tracking(self) -> "tracking_stage.TrackingService":
        """Experiments and runs."""
        made = tracking_stage.TrackingService(self.ledger, self.objects)
        made.words = search.RUNS_AND_MODELS
        return made

    @Stage
    def logged_models(self) -> "tracking_stage.LoggedModelService":
        """Models that runs kept."""
        return tracking_stage.LoggedModelService(self.ledger, self.objects)

    @Stage
    def pipelines(self) -> "pipelines_stage.PipelineService":
        """Pipelines and their runs."""
        datasets = inputs.Datasets(self.data, self.objects)
        cores = self.settings.workers
        return pipelines_stage.PipelineService(
            self.ledger, self.objects, self.tracking, datasets, work=self._work, cores=cores
        )

    @Stage
    def models(self) -> "models_stage.ModelService":
        """Registered models."""
        made = models_stage.ModelService(self.ledger, self.objects, self._work / "models", self._logged)
        made.serving = self._serving
        return made

    @Stage
    def delivery(self) -> "delivery_stage.DeliveryService":
        """Gates, endpoints and rollouts."""
        places = routing.Routing(self.settings.home / "serving", self.objects)
        places.clear_leftovers()
        judge = gates.Judge(self.models.load, self._tables.rows)
        made = delivery_stage.DeliveryService(self.ledger, self.models, judge, places, self.workflows, self.monitoring)
        made.on_decision = self._on_decision
        return made

    @Stage
    def monitoring(self) -> "monitoring_stage.MonitoringService":
        """What endpoints answered, and what became true."""
        return monitoring_stage.MonitoringService(
            self.ledger,
            self.objects,
            self.settings.home / "serving" / "capture",
            training=self._tables,
            registry=registry.ModelRegistry(self.models),
            on_trigger=self._on_trigger,
        )

    @Stage
    def window_profiles(self) -> "profiling_stage.WindowProfileService":
        """What endpoints saw, window by window."""
        capture = self.settings.home / "serving" / "capture"
        return profiling_stage.WindowProfileService(self.ledger, self.objects, capture, self.data)

    @Stage
    def projects(self) -> "projects_stage.ProjectService":
        """Project files, and the loop that they order."""
        settled = settling.Settling(self.delivery, self.monitoring)
        watch = watching.Watch(self.ledger, self.data, self.monitoring)
        around = loop.Loop(
            self.ledger,
            self.data,
            self.pipelines,
            self.models,
            self.delivery,
            settled,
            watch,
            checks=self.checks,
        )
        return projects_stage.ProjectService(self.ledger, self.objects, settled, around, watch, self.workflows)

    @Stage
    def governance(self) -> "governance_stage.GovernanceService":
        """Tokens, the audit and the lineage."""
        origins = {"prediction": self._edges_of_prediction}
        names = naming.Naming(self.data, self.models, self.tracking, self.logged_models, self.labels)
        return governance_stage.GovernanceService(self.ledger, origins, names)

    @Stage
    def maintenance(self) -> "maintenance_stage.MaintenanceService":
        """The care of the folder."""
        return maintenance_stage.MaintenanceService(self.settings.home, self.ledger, self.objects)

    @Stage
    def trackers(self) -> "trackers_stage.TrackerService":
        """Imports from other trackers, and exports to them."""
        here = importing.Here(self.ledger, self.objects, self._logged, self.models, self.data)
        return trackers_stage.TrackerService(here)

    @Stage
    def _logged(self) -> "logged.LoggedFiles":
        return logged.LoggedFiles(self.tracking, self.logged_models)

    @Stage
    def _tables(self) -> "tables.Tables":
        return tables.Tables(self.objects, self.data)

    # What an earlier stage asks of a later one, which is built by then

    def _serving(self, model: str, number: int) -> str:
        return self.delivery.serving(model, number)

    def _on_decision(self, report: "GateReport") -> None:
        self.projects.on_decision(report)

    def _on_trigger(self, trigger: "Trigger") -> None:
        self.projects.on_trigger(trigger)

    def _edges_of_prediction(self, ref: "Ref") -> "list[Edge]":
        return self.monitoring.prediction_ref_edges(ref)

    @property
    def _work(self) -> Path:
        return self.settings.home / "work"

    @staticmethod
    def services() -> dict[str, type]:
        """Return the service class of each stage, by the stage's name."""
        return {name: Workspace.service_class(name) for name in _SERVICES}

    @staticmethod
    def service_class(name: str) -> type:
        """Return the service class of a stage."""
        module, _, kind = _SERVICES[name].partition(":")
        found: type = getattr(load(module), kind)
        return found

    def service(self, name: str) -> object:
        """Return a stage's service."""
        return getattr(self, name)

    def start(self, serving_url: str) -> None:
        """Begin what runs by itself: durable workflows, timers, the watch over the data plane.

        Args:
            serving_url: Where the data plane answers.
        """
        self.serving_url = serving_url
        workflows = self.workflows()
        self.delivery.start()
        self.monitoring.schedule(workflows)
        self.pipelines.recover(SYSTEM)

    def workflows(self) -> "Workflows":
        """Return the durable workflows; the first call of a process starts them."""
        with self._launching:
            if self._workflows is None:
                place = self.settings.database or self.settings.home / "workflows.sqlite"
                workflows = durable.DurableWorkflows(place)
                for stage in (self.delivery, self.monitoring, self.projects):
                    stage.define(workflows)
                workflows.launch()
                self._workflows = workflows
                for stage in (self.delivery, self.monitoring, self.projects):
                    stage.take_up(workflows)
            return self._workflows

    def close(self) -> None:
        """Finish what is under way and let go of the folder."""
        for name in _CLOSED:
            if name in vars(self):  # was built
                getattr(self, name).close()
        if self._workflows is not None:
            self._workflows.close()
        self.ledger.close()
        self.lock.release()

    def __enter__(self) -> Self:
        """Return the workspace itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the workspace."""
        self.close()
