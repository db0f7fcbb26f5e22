"""What one can do with logged models: models that a run's code kept, registered or not."""

from collections.abc import Sequence

import sqlalchemy as sa

from tidemill.core.access import Actor
from tidemill.core.errors import InvalidInput
from tidemill.core.ids import new_id
from tidemill.core.moments import Moment
from tidemill.core.names import check_text, shown
from tidemill.core.refs import Ref
from tidemill.ledger import Transaction
from tidemill.tracking import rules, store
from tidemill.tracking.paging import page_of
from tidemill.tracking.records import Artifact, InputDataset, LoggedModel, LoggedModelPage, LoggedModelStatus
from tidemill.tracking.search.subjects import find_logged_model_ids
from tidemill.tracking.search.syntax import Order
from tidemill.tracking.service.place import (
    Place,
    check_active,
    drop_tag,
    need_experiment,
    need_models,
    no_model,
)

MOST_MODELS = 50_000


class LoggedModelService(Place):
    """The verbs of logged models.

    Args:
        ledger: Where the rows are.
        objects: Where the files' bytes are.
    """

    local = frozenset({"find"})

    def create(  # noqa: PLR0913 - each is one thing that a caller may say about a logged model
        self,
        actor: Actor,
        *,
        experiment_id: str,
        name: str = "",
        source_run_id: str = "",
        model_type: str = "",
        params: dict[str, str] | None = None,
        tags: dict[str, str] | None = None,
        created_at: Moment | None = None,
        model_id: str = "",
    ) -> LoggedModel:
        """Begin a logged model; its files follow, then `finalize`.

        Args:
            actor: Who creates it.
            experiment_id: The experiment that it stands in, by id or name.
            name: What to call it; one is made up when left out.
            source_run_id: The run that made it.
            model_type: What the code calls its kind, such as `Agent`.
            params: What it was made with, as texts.
            tags: What else to know of it.
            created_at: When it was made; now when left out.
            model_id: Its id; made when left out. Beginning a model again whose id is there gives that model.
        """
        rules.check_logged_model_name(name)
        check_text(model_type, "the type of a logged model", rules.LONGEST_NAME)
        check_text(source_run_id, "the id of a run", rules.LONGEST_NAME)
        rules.check_params(params or {})
        rules.check_tags(tags or {})
        identifier = rules.check_logged_model_id(model_id) if model_id else f"m-{new_id()}"

        def work(tx: Transaction) -> LoggedModel:
            if there := store.find_logged_models(tx.connection, [identifier]):
                return there[0]
            home = check_active(need_experiment(tx.connection, experiment_id))
            made = LoggedModel(
                model_id=identifier,
                experiment_id=home.experiment_id,
                name=name or rules.make_name(identifier.removeprefix("m-")),
                status=LoggedModelStatus.PENDING,
                created_at=created_at or tx.now,
                updated_at=tx.now,
                source_run_id=source_run_id,
                model_type=model_type,
                params=params or {},
                tags=tags or {},
            )
            _insert(tx, made)
            return made

        return self._ledger.write(actor, work)

    def get(self, actor: Actor, *, model_id: str) -> LoggedModel:
        """Return a logged model with its params, tags and the latest point of each metric.

        Raises:
            LoggedModelNotFound: If there is none of that id, or it is deleted.
        """
        del actor
        with self._ledger.read() as connection:
            return _need(connection, model_id)

    def finalize(
        self, actor: Actor, *, model_id: str, status: LoggedModelStatus, status_message: str = ""
    ) -> LoggedModel:
        """Say that a logged model is whole (`READY`), or what became of it (`FAILED`)."""
        if status == LoggedModelStatus.PENDING:
            raise InvalidInput("A logged model cannot become pending", hint="Use READY or FAILED.")
        check_text(status_message, "the status message", rules.LONGEST_PARAM, lines=True)

        def work(tx: Transaction) -> LoggedModel:
            _need(tx.connection, model_id)
            said = LoggedModelStatus(status).value
            _change(tx, model_id, {"status": said, "status_message": status_message})
            tx.audit("logged_model.finalize", Ref("logged_model", model_id), status=said)
            return _need(tx.connection, model_id)

        return self._ledger.write(actor, work)

    def delete(self, actor: Actor, *, model_id: str) -> None:
        """Delete a logged model; what was registered from it stays."""

        def work(tx: Transaction) -> None:
            need_models(tx.connection, [model_id])
            _change(tx, model_id, {"deleted_at": tx.now})
            tx.audit("logged_model.delete", Ref("logged_model", model_id))

        self._ledger.write(actor, work)

    def restore(self, actor: Actor, *, model_id: str) -> LoggedModel:
        """Take a logged model out of the trash; one that is not there stays as it is.

        Raises:
            LoggedModelNotFound: If there is none of that id.
        """

        def work(tx: Transaction) -> LoggedModel:
            found = store.find_logged_models(tx.connection, [model_id])
            if not found:
                raise no_model(model_id)
            if found[0].deleted_at is not None:
                _change(tx, model_id, {"deleted_at": None})
                tx.audit("logged_model.restore", Ref("logged_model", model_id))
            return _need(tx.connection, model_id)

        return self._ledger.write(actor, work)

    def set_tags(self, actor: Actor, *, model_id: str, tags: dict[str, str]) -> LoggedModel:
        """Set tags of a logged model, on top of those that it has."""
        rules.check_tags(tags)

        def work(tx: Transaction) -> LoggedModel:
            need_models(tx.connection, [model_id])
            tx.upsert(store.logged_model_tags, _texts(model_id, tags))
            _change(tx, model_id, {})
            return _need(tx.connection, model_id)

        return self._ledger.write(actor, work)

    def delete_tag(self, actor: Actor, *, model_id: str, key: str) -> None:
        """Delete a tag of a logged model.

        Raises:
            TagNotFound: If it has none of that key.
        """

        def work(tx: Transaction) -> None:
            need_models(tx.connection, [model_id])
            drop_tag(tx, store.logged_model_tags, model_id, key, "Logged model")
            _change(tx, model_id, {})

        self._ledger.write(actor, work)

    def log_params(self, actor: Actor, *, model_id: str, params: dict[str, str]) -> None:
        """Say what a logged model was made with.

        Raises:
            ParamChanged: If a param was logged before with another value.
        """
        rules.check_params(params)

        def work(tx: Transaction) -> None:
            there = _need(tx.connection, model_id).params
            for key, value in params.items():
                if there.get(key, value) != value:
                    raise rules.ParamChanged(
                        f"Changing param values is not allowed. Param {shown(key)} is {shown(there[key])} already",
                        hint="Log what changes as a tag.",
                    )
            tx.insert_new(store.logged_model_params, _texts(model_id, params))
            _change(tx, model_id, {})

        self._ledger.write(actor, work)

    def search(
        self,
        actor: Actor,
        *,
        experiment_ids: list[str] | None = None,
        filter: str = "",  # noqa: A002 - the word of the API
        order_by: list[str] | None = None,
        datasets: list[InputDataset] | None = None,
        max_results: int = 100,
        page_token: str = "",
    ) -> LoggedModelPage:
        """Return logged models, newest first where no order is given.

        Args:
            actor: Who asks.
            experiment_ids: Only models of the experiments of these ids or names.
            filter: A text in the search language, such as `name = 'delay' AND metrics.auc > 0.9`.
            order_by: Such as `metrics.auc DESC`.
            datasets: Metrics in the filter and the order are those measured on one of these (name and digest).
            max_results: The most to return; 1 to 50,000.
            page_token: The token of the page before.
        """
        return self.find(
            actor,
            experiment_ids=experiment_ids,
            filter=filter,
            order_by=order_by,
            datasets=datasets,
            max_results=max_results,
            page_token=page_token,
        )

    def find(
        self,
        actor: Actor,
        *,
        experiment_ids: Sequence[str] | None = None,
        filter: str = "",  # noqa: A002 - as above
        order_by: Sequence[str | Order] | None = None,
        datasets: Sequence[InputDataset] | None = None,
        max_results: int = 100,
        page_token: str = "",
    ) -> LoggedModelPage:
        """Return what `search` does; an order may also be of the values that were measured on one dataset."""
        del actor
        with self._ledger.read() as connection:
            ids = [need_experiment(connection, one).experiment_id for one in experiment_ids or []]

            def find(limit: int, offset: int) -> list[str]:
                return find_logged_model_ids(
                    connection,
                    filter,
                    order_by or [],
                    experiment_ids=ids,
                    datasets=[(each.name, each.digest) for each in datasets or []],
                    limit=limit,
                    offset=offset,
                )

            asked = repr((ids, filter, order_by, datasets))
            found, token = page_of(find, max_results=max_results, most=MOST_MODELS, page_token=page_token, search=asked)
            return LoggedModelPage(models=store.find_logged_models(connection, found), next_page_token=token)

    def list_artifacts(self, actor: Actor, *, model_id: str, path: str = "") -> list[Artifact]:
        """Return the files of a logged model, at or below a path when one is given."""
        del actor
        with self._ledger.read() as connection:
            need_models(connection, [model_id])
            below = rules.check_artifact_path(path) if path else ""
            return store.list_artifacts(connection, Ref("logged_model", model_id), below)


def _insert(tx: Transaction, made: LoggedModel) -> None:
    row = {
        "model_id": made.model_id,
        "experiment_id": made.experiment_id,
        "name": made.name,
        "source_run_id": made.source_run_id or None,
        "status": made.status.value,
        "status_message": "",
        "model_type": made.model_type,
        "created_at": made.created_at,
        "updated_at": made.updated_at,
    }
    if not tx.insert_new(store.logged_models, row):
        raise rules.LoggedModelLeaving(
            f"Logged model {shown(made.model_id)} is being removed for good, or made by somebody else at this moment",
            hint="Try again in a while, or use another id.",
        )
    tx.upsert(store.logged_model_params, _texts(made.model_id, made.params))
    tx.upsert(store.logged_model_tags, _texts(made.model_id, made.tags))
    ref = Ref("logged_model", made.model_id)
    if made.source_run_id and store.find_stages(tx.connection, [made.source_run_id]):
        tx.link(Ref("run", made.source_run_id), "made", ref)
    tx.audit("logged_model.create", ref, experiment=made.experiment_id)


def _texts(model_id: str, texts: dict[str, str]) -> list[dict[str, str]]:
    return [{"model_id": model_id, "key": key, "value": value} for key, value in texts.items()]


def _change(tx: Transaction, model_id: str, values: dict[str, object]) -> None:
    change = sa.update(store.logged_models).where(store.logged_models.c.model_id == model_id)
    tx.execute(change.values(updated_at=tx.now, **values))


def _need(connection: sa.Connection, model_id: str) -> LoggedModel:
    found = store.find_logged_models(connection, [model_id])
    if not found or found[0].deleted_at is not None:
        raise no_model(model_id)
    return found[0]
