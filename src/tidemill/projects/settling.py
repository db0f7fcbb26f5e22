"""What a project file says of an endpoint and its watch, made so."""

import msgspec

from tidemill.core.access import SYSTEM, Actor
from tidemill.core.errors import NotFound
from tidemill.delivery.service import DeliveryService
from tidemill.monitoring.rules import TriggerSettled
from tidemill.monitoring.service import MonitoringService
from tidemill.monitoring.settings import (
    DriftSettings,
    MonitorSettings,
    PerformanceSettings,
    RetrainSettings,
    recipient_of,
)
from tidemill.projects.records import DeliveryState
from tidemill.projects.spec import DeploySpec, ProjectSpec

_OUTCOMES = {
    DeliveryState.DEPLOYED: "helped",
    DeliveryState.REFUSED: "no_help",
    DeliveryState.DONE: "no_help",
    DeliveryState.FAILED: "failed",
}


class Settling:
    """Makes endpoints and monitors as project files say.

    Args:
        delivery: Has the endpoints.
        monitoring: Watches them.
    """

    def __init__(self, delivery: DeliveryService, monitoring: MonitoringService) -> None:
        self._delivery = delivery
        self._monitoring = monitoring

    def settle(self, actor: Actor, spec: ProjectSpec) -> None:
        """Make the endpoint and its monitor as the file says."""
        if spec.deploy is None:
            return
        self._endpoint(actor, spec.deploy)
        self._monitoring.configure_monitor(actor, endpoint=spec.deploy.endpoint, settings=monitor_settings(spec))

    def watch(self, actor: Actor, spec: ProjectSpec, version: str, *, training: str, holdout: str) -> None:
        """Keep what a version was trained on, so that live data is compared with it."""
        if spec.deploy is None or spec.monitor is None:
            return
        rows = f"artifact:{training or holdout}"
        unseen = f"artifact:{holdout}" if holdout and training else ""
        self._monitoring.set_reference(actor, model=version, rows=rows, holdout=unseen, time=spec.deploy.time)

    def answer(self, trigger: str, state: DeliveryState, reason: str) -> None:
        """Tell a trigger what came of the retraining that it started."""
        try:
            self._monitoring.settle_trigger(SYSTEM, id=trigger, outcome=_OUTCOMES[state], detail=reason)
        except (TriggerSettled, NotFound):
            return  # told before the process died, or started by hand with an id of its own

    def _endpoint(self, actor: Actor, deploy: DeploySpec) -> None:
        name, time, passthrough = deploy.endpoint, deploy.time, deploy.passthrough
        sticky = deploy.rollout.sticky if deploy.rollout else None
        try:
            self._delivery.get_endpoint(actor, name=name)
        except NotFound:
            self._delivery.create_endpoint(actor, name=name, time=time, passthrough=passthrough, sticky=sticky)
        else:
            self._delivery.configure_endpoint(actor, name=name, time=time, passthrough=passthrough, sticky=sticky)


def monitor_settings(spec: ProjectSpec) -> MonitorSettings:
    """Return what the monitor is told by a project file."""
    monitor, model, retrain = spec.monitor, spec.model, spec.retrain
    asked = None
    if retrain is not None:
        asked = RetrainSettings(on=retrain.causes(), cooldown=retrain.cooldown, budget=retrain.budget)
    if monitor is None:
        return MonitorSettings(retrain=asked)
    drift = DriftSettings(**msgspec.structs.asdict(monitor.drift)) if monitor.drift else None
    performance = PerformanceSettings(**msgspec.structs.asdict(monitor.performance)) if monitor.performance else None
    return MonitorSettings(
        window=monitor.window,
        lateness=monitor.lateness,
        label=model.label if model else "",
        positive=model.positive if model else None,
        score=model.score if model else "",
        drift=drift,
        performance=performance,
        retrain=asked,
        notify=[recipient_of({key: str(value) for key, value in each.items()}) for each in spec.notify],
    )
