"""A workspace: one folder or database, with every stage on it."""

import threading
from types import TracebackType
from typing import Self

from tidemill.app.inputs import Datasets
from tidemill.app.leftovers import clear_work
from tidemill.app.logged import LoggedFiles
from tidemill.app.maintenance import MaintenanceService
from tidemill.app.naming import Naming
from tidemill.app.placing import settle
from tidemill.app.registry import ModelRegistry
from tidemill.app.roots import data_roots
from tidemill.app.standing import named_by_project
from tidemill.app.stores.service import StoreService
from tidemill.app.tables import Tables
from tidemill.app.trackers.importing import Here
from tidemill.app.trackers.service import TrackerService
from tidemill.core.access import SYSTEM
from tidemill.core.settings import Settings
from tidemill.data.checking.service import ChecksService
from tidemill.data.deleting.service import DeletingService
from tidemill.data.judging.service import RulesService
from tidemill.data.labels.service import LabelService
from tidemill.data.service import DataService
from tidemill.data.service.folders import FolderService
from tidemill.data.service.splitting import SplitService
from tidemill.delivery.gates import Judge
from tidemill.delivery.routing import Routing
from tidemill.delivery.service import DeliveryService
from tidemill.governance.service import GovernanceService
from tidemill.ledger import FolderLock, Ledger
from tidemill.models.search import RUNS_AND_MODELS
from tidemill.models.service import ModelService
from tidemill.monitoring.service import MonitoringService
from tidemill.objects import ObjectStore
from tidemill.objects.store import plain_errors
from tidemill.objects.unsynced import Unsynced
from tidemill.pipelines.service import PipelineService
from tidemill.projects.loop import Loop
from tidemill.projects.service import ProjectService
from tidemill.projects.settling import Settling
from tidemill.projects.watching import Watch
from tidemill.tracking.service import LoggedModelService, TrackingService
from tidemill.workflows.durable import DurableWorkflows
from tidemill.workflows.ports import Workflows

_SERVICES: dict[str, type] = {
    "data": DataService,
    "folders": FolderService,
    "splits": SplitService,
    "deleting": DeletingService,
    "labels": LabelService,
    "checks": ChecksService,
    "rules": RulesService,
    "stores": StoreService,
    "tracking": TrackingService,
    "logged_models": LoggedModelService,
    "pipelines": PipelineService,
    "models": ModelService,
    "delivery": DeliveryService,
    "monitoring": MonitoringService,
    "governance": GovernanceService,
    "projects": ProjectService,
    "maintenance": MaintenanceService,
    "trackers": TrackerService,
}


class Workspace:
    """Every stage's service, on one ledger and one object store.

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
        self.serving_url = ""
        self._workflows: DurableWorkflows | None = None
        self._launching = threading.Lock()
        self._join()

    def _join(self) -> None:
        """Build the stages in their order; one that needs a later one is given it through a port."""
        home, ledger, objects = self.settings.home, self.ledger, self.objects
        roots, hosts = data_roots(self.settings), self.settings.source_hosts
        self.data = DataService(ledger, objects, roots=roots, barred=[home], hosts=hosts)
        self.folders = FolderService(self.data.place)
        self.splits = SplitService(self.data.place)
        self.deleting = DeletingService(self.data.place)
        self.deleting.named_by = named_by_project
        self.stores = StoreService(self.data.place)
        self.labels = LabelService(ledger, objects, self.data)
        self.checks = ChecksService(ledger, objects, self.data)
        self.rules = RulesService(self.data)
        self.tracking = TrackingService(ledger, objects)
        self.logged_models = LoggedModelService(ledger, objects)
        datasets = Datasets(self.data, objects)
        work, cores = home / "work", self.settings.workers
        clear_work(work)
        self.pipelines = PipelineService(ledger, objects, self.tracking, datasets, work=work, cores=cores)
        logged = LoggedFiles(self.tracking, self.logged_models)
        self.models = ModelService(ledger, objects, work / "models", logged)
        self.tracking.words = RUNS_AND_MODELS
        tables = Tables(objects, self.data)
        self.monitoring = MonitoringService(
            ledger,
            objects,
            home / "serving" / "capture",
            training=tables,
            registry=ModelRegistry(self.models),
        )
        routing = Routing(home / "serving", objects)
        routing.clear_leftovers()
        self.delivery = DeliveryService(
            ledger,
            self.models,
            Judge(self.models.load, tables.rows),
            routing,
            self.workflows,
            self.monitoring,
        )
        self.models.serving = self.delivery.serving
        settling = Settling(self.delivery, self.monitoring)
        watch = Watch(ledger, self.data, self.monitoring)
        loop = Loop(ledger, self.data, self.pipelines, self.models, self.delivery, settling, watch, checks=self.checks)
        self.projects = ProjectService(ledger, objects, settling, loop, watch, self.workflows)
        self.monitoring.on_trigger = self.projects.on_trigger
        self.delivery.on_decision = self.projects.on_decision
        self.governance = GovernanceService(
            ledger,
            {"prediction": self.monitoring.prediction_ref_edges},
            Naming(self.data, self.models, self.tracking, self.logged_models, self.labels),
        )
        self.maintenance = MaintenanceService(home, ledger, objects)
        self.trackers = TrackerService(Here(ledger, objects, logged, self.models, self.data))

    @staticmethod
    def services() -> dict[str, type]:
        """Return the service class of each stage, by the stage's name."""
        return _SERVICES

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

    def workflows(self) -> Workflows:
        """Return the durable workflows; the first call of a process starts them."""
        with self._launching:
            if self._workflows is None:
                place = self.settings.database or self.settings.home / "workflows.sqlite"
                workflows = DurableWorkflows(place)
                for stage in (self.delivery, self.monitoring, self.projects):
                    stage.define(workflows)
                workflows.launch()
                self._workflows = workflows
                for stage in (self.delivery, self.monitoring, self.projects):
                    stage.take_up(workflows)
            return self._workflows

    def close(self) -> None:
        """Finish what is under way and let go of the folder."""
        self.trackers.close()
        self.stores.close()
        self.pipelines.close()
        self.tracking.close()
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
