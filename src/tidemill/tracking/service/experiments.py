"""What one can do with experiments."""

import sqlalchemy as sa

from tidemill.core.access import Actor
from tidemill.core.names import shown
from tidemill.core.refs import Ref
from tidemill.ledger import Transaction
from tidemill.tracking import rules, store
from tidemill.tracking.paging import page_of
from tidemill.tracking.records import Experiment, ExperimentPage, View
from tidemill.tracking.search.subjects import find_experiment_ids
from tidemill.tracking.service.place import Place, check_active, drop_tag, need_experiment, no_experiment

MOST_EXPERIMENTS = 50_000


class ExperimentVerbs(Place):
    """The verbs of experiments."""

    def create_experiment(
        self, actor: Actor, *, name: str, tags: dict[str, str] | None = None, artifact_location: str = ""
    ) -> Experiment:
        """Create an experiment.

        Args:
            actor: Who creates it.
            name: What to call it.
            tags: What else to know of it.
            artifact_location: Where MLflow's clients are told to keep files; the server keeps them when left out.

        Raises:
            ExperimentExists: If one of that name is there, in the trash also.
            InvalidLocation: If the location could be on this server's own disk.
        """
        rules.check_experiment_name(name)
        rules.check_tags(tags or {}, rules.LONGEST_EXPERIMENT_TAG)
        rules.check_location(artifact_location)

        def work(tx: Transaction) -> Experiment:
            there = store.find_experiment(tx.connection, name=name)
            made = None if there else insert_experiment(tx, name, tags or {}, artifact_location)
            if made is None:
                raise _exists(name, there)
            return made

        return self._ledger.write(actor, work)

    def get_experiment(self, actor: Actor, *, name: str) -> Experiment:
        """Return an experiment by its name or its id.

        Raises:
            ExperimentNotFound: If there is none.
        """
        del actor
        with self._ledger.read() as connection:
            return need_experiment(connection, name)

    def find_experiment(self, actor: Actor, *, experiment_id: str = "", name: str = "") -> Experiment:
        """Return the experiment of exactly that id, or of exactly that name.

        Raises:
            ExperimentNotFound: If there is none.
        """
        del actor
        with self._ledger.read() as connection:
            found = store.find_experiment(connection, experiment_id=experiment_id, name=name)
        if found is None:
            raise no_experiment(experiment_id or name)
        return found

    def search_experiments(
        self,
        actor: Actor,
        *,
        filter: str = "",  # noqa: A002 - the word of the API
        order_by: list[str] | None = None,
        view: View = "active",
        max_results: int = 1000,
        page_token: str = "",
    ) -> ExperimentPage:
        """Return experiments, newest first where no order is given.

        Args:
            actor: Who asks.
            filter: A text in the search language, such as `name LIKE 'delay%' AND tags.team = 'ops'`.
            order_by: Such as `name ASC`.
            view: Those in use (`active`), in the trash (`deleted`), or `all`.
            max_results: The most to return; 1 to 50,000.
            page_token: The token of the page before.
        """
        del actor
        with self._ledger.read() as connection:

            def find(limit: int, offset: int) -> list[str]:
                return find_experiment_ids(connection, filter, order_by or [], view=view, limit=limit, offset=offset)

            ids, token = page_of(find, max_results=max_results, most=MOST_EXPERIMENTS, page_token=page_token)
            return ExperimentPage(experiments=store.find_experiments(connection, ids), next_page_token=token)

    def update_experiment(
        self, actor: Actor, *, experiment: str, name: str | None = None, tags: dict[str, str] | None = None
    ) -> Experiment:
        """Rename an experiment, or set tags of it.

        Args:
            actor: Who does it.
            experiment: Its id or name.
            name: Its new name; as it is when left out.
            tags: Tags on top of those that it has.

        Raises:
            ExperimentNotFound: If there is none.
            ExperimentNotActive: If it is deleted.
            ExperimentExists: If another one has the new name.
        """
        if name is not None:
            rules.check_experiment_name(name)
        rules.check_tags(tags or {}, rules.LONGEST_EXPERIMENT_TAG)

        def work(tx: Transaction) -> Experiment:
            found = check_active(need_experiment(tx.connection, experiment))
            values: dict[str, object] = {"updated_at": tx.now}
            if name is not None and name != found.name:
                there = store.find_experiment(tx.connection, name=name)
                if there is not None:
                    raise _exists(name, there)
                values["name"] = name
                tx.audit("experiment.rename", Ref("experiment", found.experiment_id))
            _change(tx, found.experiment_id, values)
            rows = [{"experiment_id": found.experiment_id, "key": key, "value": text} for key, text in _items(tags)]
            tx.upsert(store.experiment_tags, rows)
            return need_experiment(tx.connection, found.experiment_id)

        try:
            return self._ledger.write(actor, work)
        except sa.exc.IntegrityError:  # another server gave the name away meanwhile
            raise _exists(name or "", None) from None

    def delete_experiment(self, actor: Actor, *, experiment: str) -> None:
        """Put an experiment and its runs in the trash.

        Raises:
            ExperimentNotFound: If there is none, or it is in the trash already.
        """

        def work(tx: Transaction) -> None:
            found = need_experiment(tx.connection, experiment)
            if found.lifecycle_stage != "active":
                raise rules.ExperimentNotFound(
                    f"Experiment {shown(found.name)} is in the trash already", hint="`tidemill gc` empties the trash."
                )
            _change(tx, found.experiment_id, {"lifecycle_stage": "deleted", "deleted_at": tx.now, "updated_at": tx.now})
            table = store.runs.c
            own = sa.and_(table.experiment_id == found.experiment_id, table.lifecycle_stage == "active")
            tx.execute(sa.update(store.runs).where(own).values(lifecycle_stage="deleted", deleted_at=tx.now))
            tx.audit("experiment.delete", Ref("experiment", found.experiment_id))

        self._ledger.write(actor, work)

    def restore_experiment(self, actor: Actor, *, experiment: str) -> Experiment:
        """Take an experiment out of the trash, with the runs that went there with it.

        Raises:
            ExperimentNotFound: If none of that id or name is there.
        """

        def work(tx: Transaction) -> Experiment:
            found = need_experiment(tx.connection, experiment)
            if found.lifecycle_stage == "active":
                raise rules.ExperimentNotFound(
                    f"Experiment {shown(found.name)} is not in the trash", hint="It is in use; there is nothing to do."
                )
            _change(tx, found.experiment_id, {"lifecycle_stage": "active", "deleted_at": None, "updated_at": tx.now})
            table = store.runs.c
            own = sa.and_(table.experiment_id == found.experiment_id, table.deleted_at == found.deleted_at)
            tx.execute(sa.update(store.runs).where(own).values(lifecycle_stage="active", deleted_at=None))
            tx.audit("experiment.restore", Ref("experiment", found.experiment_id))
            return need_experiment(tx.connection, found.experiment_id)

        return self._ledger.write(actor, work)

    def delete_experiment_tag(self, actor: Actor, *, experiment: str, key: str) -> None:
        """Delete a tag of an experiment.

        Raises:
            TagNotFound: If it has none of that key.
        """

        def work(tx: Transaction) -> None:
            found = check_active(need_experiment(tx.connection, experiment))
            drop_tag(tx, store.experiment_tags, found.experiment_id, key, "Experiment")
            _change(tx, found.experiment_id, {"updated_at": tx.now})

        self._ledger.write(actor, work)


def insert_experiment(tx: Transaction, name: str, tags: dict[str, str], location: str = "") -> Experiment | None:
    """Make an experiment; None when another server made one of that name meanwhile."""
    row: dict[str, object] = {
        "name": name,
        "artifact_location": location,
        "lifecycle_stage": "active",
        "created_at": tx.now,
        "updated_at": tx.now,
    }
    while True:
        identifier = store.next_experiment_id(tx.connection)
        if tx.insert_new(store.experiments, {"experiment_id": identifier, **row}):
            break
        if store.find_experiment(tx.connection, name=name) is not None:
            return None
    tx.upsert(
        store.experiment_tags,
        [{"experiment_id": identifier, "key": key, "value": value} for key, value in tags.items()],
    )
    tx.audit("experiment.create", Ref("experiment", identifier))
    return Experiment(
        experiment_id=identifier,
        name=name,
        artifact_location=location,
        lifecycle_stage="active",
        created_at=tx.now,
        updated_at=tx.now,
        tags=tags,
    )


def _items(tags: dict[str, str] | None) -> list[tuple[str, str]]:
    return list((tags or {}).items())


def _change(tx: Transaction, experiment_id: str, values: dict[str, object]) -> None:
    tx.execute(sa.update(store.experiments).where(store.experiments.c.experiment_id == experiment_id).values(values))


def _exists(name: str, there: Experiment | None) -> rules.ExperimentExists:
    is_deleted = there is not None and there.lifecycle_stage != "active"
    hint = "Restore it with `tidemill experiments restore`, or use another name." if is_deleted else ""
    found = f"Experiment {shown(name)} exists" + (" in the trash" if is_deleted else "")
    return rules.ExperimentExists(found, hint=hint or "Use it, or another name.")
