"""How many runs there are, in which groups, and by which keys they are known."""

from tidemill.core.access import Actor
from tidemill.core.errors import InvalidInput
from tidemill.tracking import store
from tidemill.tracking.records import RunCount, RunGroup, RunKeys, View
from tidemill.tracking.search import runs as search
from tidemill.tracking.service.place import Place, need_experiment

MOST_GROUPS = 10_000
MOST_KEYS = 2000


class CountingVerbs(Place):
    """The verbs that look at runs as a whole."""

    def count_runs(
        self,
        actor: Actor,
        *,
        experiments: list[str] | None = None,
        filter: str = "",  # noqa: A002 - the word of the API
        view: View = "active",
    ) -> RunCount:
        """Return how many runs a search finds.

        Args:
            actor: Who asks.
            experiments: Only runs of the experiments of these names or ids.
            filter: A text in the search language.
            view: Those in use (`active`), in the trash (`deleted`), or `all`.
        """
        del actor
        with self._ledger.read() as connection:
            ids = [need_experiment(connection, name).experiment_id for name in experiments or []]
            return RunCount(
                count=search.count_runs(connection, filter, experiment_ids=ids, view=view, vocabulary=self.words)
            )

    def group_runs(
        self,
        actor: Actor,
        *,
        by: str,
        experiments: list[str] | None = None,
        filter: str = "",  # noqa: A002 - the word of the API
        view: View = "active",
        max_results: int = 1000,
    ) -> list[RunGroup]:
        """Return the values of a tag or param among the runs that a search finds, those of most runs first.

        Args:
            actor: Who asks.
            by: The tag or param, such as `tags.team`; runs without it are in no group.
            experiments: Only runs of the experiments of these names or ids.
            filter: A text in the search language.
            view: Those in use (`active`), in the trash (`deleted`), or `all`.
            max_results: The most values to return; 1 to 10,000.
        """
        del actor
        if not 1 <= max_results <= MOST_GROUPS:
            raise InvalidInput(f"max_results is {max_results}", hint=f"Ask for 1 to {MOST_GROUPS:,} groups.")
        with self._ledger.read() as connection:
            ids = [need_experiment(connection, name).experiment_id for name in experiments or []]
            found = search.group_runs(
                connection, by, filter, experiment_ids=ids, view=view, limit=max_results, vocabulary=self.words
            )
        return [RunGroup(value=value, count=count) for value, count in found]

    def list_run_keys(self, actor: Actor, *, max_results: int = 200) -> RunKeys:
        """Return the keys of the metrics, params and tags that runs have, in order.

        Args:
            actor: Who asks.
            max_results: The most keys of each kind; 1 to 2,000.
        """
        del actor
        if not 1 <= max_results <= MOST_KEYS:
            raise InvalidInput(f"max_results is {max_results}", hint=f"Ask for 1 to {MOST_KEYS:,} keys.")
        with self._ledger.read() as connection:
            metrics, params, tags = store.find_keys(connection, most=max_results)
        return RunKeys(metrics=metrics, params=params, tags=tags)
