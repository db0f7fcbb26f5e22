"""The rows of the table of runs: a stretch of them at a time, however many there are."""

from collections.abc import Sequence
from dataclasses import dataclass

from tidemill.app import Workspace
from tidemill.core.access import Actor
from tidemill.server.pages.run_query import PARENT, Asked, group_name, written
from tidemill.server.pages.tones import tone_of
from tidemill.tracking.paging import encode_token
from tidemill.tracking.records import Experiment, Run, RunStatus

A_PAGE = 100
MOST_GROUPS = 1000
MOST_EXPERIMENTS = 1000
_METRICS_SUGGESTED, _PARAMS_SUGGESTED = 4, 2
_MOST_REFRESHED = 200


@dataclass(frozen=True, slots=True)
class Row:
    """One run of the table.

    Args:
        run: The run.
        experiment: The name of its experiment.
        status: Where it stands, in small letters.
        tone: The colour of that.
        cells: The values of the chosen columns.
        nested: How many runs are nested in it.
    """

    run: Run
    experiment: str
    status: str
    tone: str
    cells: list[float | str | None]
    nested: int = 0

    @property
    def running(self) -> bool:
        """Return whether it goes on."""
        return self.run.status is RunStatus.RUNNING


@dataclass(frozen=True, slots=True)
class Group:
    """Runs that share a value.

    Args:
        within: How the table is asked for them.
        value: The value; None for the runs that have none.
        count: How many they are.
    """

    within: str
    value: str | None
    count: int


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some rows of the table, and how many there are of them and of runs in all."""

    rows: Sequence[Row]
    groups: Sequence[Group]
    start: int
    total: int


class Reader:
    """Reads rows for one caller.

    Args:
        workspace: Where they are.
        actor: Who reads.
    """

    def __init__(self, workspace: Workspace, actor: Actor) -> None:
        self._tracking = workspace.tracking
        self._actor = actor
        self._known: list[Experiment] | None = None
        self._names: dict[str, str] = {}

    def runs(self, asked: Asked, start: int, count: int = A_PAGE) -> list[Run]:
        """Return some runs of what is asked for, in its order."""
        return self._tracking.search_runs(
            self._actor,
            experiments=self._experiments(asked),
            filter=asked.conditions(),
            order_by=[asked.order] if asked.order else [],
            view=asked.view,
            max_results=count,
            page_token=encode_token(start),
        ).runs

    def count(self, asked: Asked) -> int:
        """Return how many runs are asked for."""
        found = self._tracking.count_runs(
            self._actor, experiments=self._experiments(asked), filter=asked.conditions(), view=asked.view
        )
        return found.count

    def groups(self, asked: Asked) -> list[Group]:
        """Return the values that runs are grouped by, and last the group of those that have none."""
        experiments, name, rest = self._experiments(asked), group_name(asked.group), asked.conditions()
        found = self._tracking.group_runs(
            self._actor, by=name, experiments=experiments, filter=rest, view=asked.view, max_results=MOST_GROUPS
        )
        lacking = f"({rest}) AND {name} IS NULL" if rest else f"{name} IS NULL"
        without = self._tracking.count_runs(self._actor, experiments=experiments, filter=lacking, view=asked.view)
        rows = [Group(f"={each.value}", each.value, each.count) for each in found]
        return [*rows, Group("-", None, without.count)] if without.count else rows

    def stretch(self, asked: Asked, columns: Sequence[str], start: int, found: Sequence[Run] | None = None) -> Stretch:
        """Return the rows from one on; `found` are its runs where they were read before."""
        if asked.groups_texts:
            groups = self.groups(asked)
            return Stretch([], groups[start : start + A_PAGE], start, len(groups))
        runs = self.runs(asked, start) if found is None else found
        return Stretch(self.rows(asked, columns, runs), [], start, self.count(asked))

    def refreshed(self, asked: Asked, columns: Sequence[str], ids: Sequence[str]) -> Stretch:
        """Return the rows of some runs as they are now."""
        wanted = [each for each in ids if each.replace("-", "").replace("_", "").isalnum()][:_MOST_REFRESHED]
        if not wanted:
            return Stretch([], [], 0, 0)
        listed = ", ".join(f"'{each}'" for each in wanted)
        found = self._tracking.search_runs(
            self._actor, filter=f"attributes.run_id IN ({listed})", view="all", max_results=_MOST_REFRESHED
        )
        return Stretch(self.rows(asked, columns, found.runs), [], 0, len(found.runs))

    def rows(self, asked: Asked, columns: Sequence[str], runs: Sequence[Run]) -> list[Row]:
        """Return runs as rows."""
        nested = self._nested(runs) if asked.group == "parent" else {}
        return [self._row(run, columns, nested.get(run.run_id, 0)) for run in runs]

    def experiments(self) -> list[Experiment]:
        """Return the experiments, newest first, where there are very many not all."""
        if self._known is None:
            self._known = self._tracking.search_experiments(self._actor, max_results=MOST_EXPERIMENTS).experiments
        return self._known

    def names(self) -> dict[str, str]:
        """Return the names of experiments by their ids."""
        if not self._names:
            self._names = {each.experiment_id: each.name for each in self.experiments()}
        return self._names

    def _experiments(self, asked: Asked) -> list[str] | None:
        return [asked.experiment] if asked.experiment else None

    def _nested(self, runs: Sequence[Run]) -> dict[str, int]:
        if not runs:
            return {}
        name = written(f"tags.{PARENT}")
        listed = ", ".join(f"'{run.run_id}'" for run in runs)
        found = self._tracking.group_runs(self._actor, by=name, filter=f"{name} IN ({listed})", max_results=len(runs))
        return {each.value: each.count for each in found}

    def _row(self, run: Run, columns: Sequence[str], nested: int) -> Row:
        status = run.status.value.lower()
        return Row(run, self._name(run.experiment_id), status, tone_of(status), cells_of(run, columns), nested)

    def _name(self, experiment_id: str) -> str:
        names = self.names()
        if experiment_id not in names:
            names[experiment_id] = self._tracking.find_experiment(self._actor, experiment_id=experiment_id).name
        return names[experiment_id]


def cells_of(run: Run, columns: Sequence[str]) -> list[float | str | None]:
    """Return what a run has in each of some columns."""
    found: list[float | str | None] = []
    for column in columns:
        kind, _, key = column.partition(".")
        texts = run.params if kind == "params" else run.tags
        found.append(run.metrics.get(key) if kind == "metrics" else texts.get(key))
    return found


def suggested(runs: Sequence[Run]) -> list[str]:
    """Return the columns to show when none are chosen: metrics and params that most of some runs have."""
    metrics = _by_use([list(run.metrics) for run in runs])[:_METRICS_SUGGESTED]
    params = _by_use([list(run.params) for run in runs])[:_PARAMS_SUGGESTED]
    return [*(f"metrics.{key}" for key in sorted(metrics)), *(f"params.{key}" for key in sorted(params))]


def _by_use(lists: Sequence[Sequence[str]]) -> list[str]:
    times: dict[str, int] = {}
    for keys in lists:
        for key in keys:
            times[key] = times.get(key, 0) + 1
    return sorted(times, key=lambda key: (-times[key], key))
