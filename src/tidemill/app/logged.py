"""Finds the files that a model version is said to be of: what runs and logged models logged."""

from tidemill.core.access import Actor
from tidemill.models.ports import Found
from tidemill.objects.trees import TreeEntry
from tidemill.tracking.places import ArtifactPlace, place_of_uri
from tidemill.tracking.records import Artifact
from tidemill.tracking.rules import LoggedModelNotFound
from tidemill.tracking.service import LoggedModelService, TrackingService


class LoggedFiles:
    """Fills `models.ports.SourceFiles`.

    Args:
        tracking: Knows the files of runs.
        logged_models: Knows those of logged models.
    """

    def __init__(self, tracking: TrackingService, logged_models: LoggedModelService) -> None:
        self._tracking = tracking
        self._logged_models = logged_models

    def find(self, actor: Actor, source: str) -> Found | None:
        """Return the files at a place; None if it is not on this server."""
        place = place_of_uri(source)
        if place is None or place.kind == "model_version":
            return None
        if place.kind == "logged_model":
            model = self._logged_models.get(actor, model_id=place.id)
            files = self._logged_models.list_artifacts(actor, model_id=place.id, path=place.path)
            return Found(entries=_below(files, place.path), run_id=model.source_run_id, logged_model_id=model.model_id)
        return self._of_run(actor, place)

    def _of_run(self, actor: Actor, place: ArtifactPlace) -> Found:
        files = self._tracking.list_artifacts(actor, run_id=place.id, path=place.path)
        if files:
            return Found(entries=_below(files, place.path), run_id=place.id)
        # Since MLflow 3 what a run logs as `model` is a logged model of that name, and the run's folder stays empty.
        for output in self._tracking.get_run(actor, run_id=place.id).outputs:
            try:
                model = self._logged_models.get(actor, model_id=output.model_id)
            except LoggedModelNotFound:
                continue  # it is in the trash, and another one may be meant
            name, _, path = place.path.partition("/")
            if model.name == name:
                return self.find(actor, f"models:/{model.model_id}/{path}".rstrip("/")) or Found(entries=[])
        return Found(entries=[], run_id=place.id)


def _below(files: list[Artifact], folder: str) -> list[TreeEntry]:
    cut = len(folder) + 1 if folder else 0
    return [TreeEntry(file.path[cut:] or file.path, file.size, file.digest) for file in files]
