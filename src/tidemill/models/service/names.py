"""Registered names: what one can do with them."""

import sqlalchemy as sa

from tidemill.core.access import Actor
from tidemill.core.names import check_text
from tidemill.core.refs import Ref
from tidemill.ledger import Transaction
from tidemill.models import rules, search, store
from tidemill.models.records import Model, ModelPage
from tidemill.models.service.place import Registry, need_model, touch
from tidemill.tracking.paging import page_of
from tidemill.tracking.records import View

MOST_MODELS = 1000
_TABLES = (store.model_versions, store.model_aliases, store.model_tags)


class NameVerbs(Registry):
    """The verbs of names."""

    def create(self, actor: Actor, *, name: str, description: str = "", tags: dict[str, str] | None = None) -> Model:
        """Register a name that has no versions yet.

        Raises:
            ModelExists: If it is registered.
        """
        rules.check_model_name(name)
        check_text(description, "the description", rules.LONGEST_DESCRIPTION, lines=True)
        rules.check_tags(tags or {})

        def work(tx: Transaction) -> Model:
            there = store.find_models(tx.connection, [name])
            if there and there[0].deleted_at is None:
                raise rules.ModelExists(
                    f"Registered Model (name={name}) already exists", hint="Add a version to it, or use another name."
                )
            _insert(tx, name, description)
            rows = [{"model": name, "key": key, "value": value} for key, value in (tags or {}).items()]
            tx.upsert(store.model_tags, rows)
            return need_model(tx.connection, name)

        return self._ledger.write(actor, work)

    def get_model(self, actor: Actor, *, name: str) -> Model:
        """Return a registered name with its aliases and tags.

        Raises:
            ModelNotFound: If there is none.
        """
        del actor
        with self._ledger.read() as connection:
            return need_model(connection, name)

    def search(
        self,
        actor: Actor,
        *,
        filter: str = "",  # noqa: A002 - MLflow's word
        order_by: list[str] | None = None,
        view: View = "active",
        max_results: int = 100,
        page_token: str = "",
    ) -> ModelPage:
        """Return registered names by name, or as ordered.

        Args:
            actor: Who asks.
            filter: The search language; such as `name LIKE 'delay%'` or `tags.team = 'ops'`.
            order_by: Such as `name DESC` or `last_updated_timestamp`.
            view: Those in use (`active`), in the trash (`deleted`), or `all`.
            max_results: The most to return; 1 to 1,000.
            page_token: The token of the page before.
        """
        del actor
        with self._ledger.read() as connection:
            found, token = page_of(
                lambda limit, offset: search.find_model_names(
                    connection, filter, order_by or [], view=view, limit=limit, offset=offset
                ),
                max_results=max_results,
                most=MOST_MODELS,
                page_token=page_token,
            )
            return ModelPage(models=store.find_models(connection, found), next_page_token=token)

    def update(self, actor: Actor, *, name: str, description: str) -> Model:
        """Say what a model is for."""
        check_text(description, "the description", rules.LONGEST_DESCRIPTION, lines=True)

        def work(tx: Transaction) -> Model:
            need_model(tx.connection, name)
            tx.execute(sa.update(store.models).where(store.models.c.name == name).values(description=description))
            touch(tx, name)
            tx.audit("model.update", Ref("model", name))
            return need_model(tx.connection, name)

        return self._ledger.write(actor, work)

    def rename(self, actor: Actor, *, name: str, new_name: str) -> Model:
        """Give a model another name; its versions keep their ids, numbers and lineage.

        Raises:
            ModelExists: If the new name is taken, also by a model in the trash.
            ModelServes: If an endpoint answers with one of its versions.
        """
        rules.check_model_name(new_name)

        def work(tx: Transaction) -> Model:
            model = need_model(tx.connection, name)
            if store.find_models(tx.connection, [new_name]):
                raise rules.ModelExists(
                    f"Registered Model (name={new_name}) already exists", hint="Choose another name."
                )
            for version in store.find_versions(tx.connection, store.model_versions.c.model == name):
                self._may_go(version)
            row = {
                "name": new_name,
                "description": model.description,
                "created_at": model.created_at,
                "created_by": model.created_by,
                "updated_at": tx.now,
            }
            tx.execute(sa.insert(store.models), row)
            for table in _TABLES:
                tx.execute(sa.update(table).where(table.c.model == name).values(model=new_name))
            tx.execute(sa.delete(store.models).where(store.models.c.name == name))
            tx.audit("model.rename", Ref("model", new_name), before=name)
            return need_model(tx.connection, new_name)

        return self._ledger.write(actor, work)

    def delete(self, actor: Actor, *, name: str) -> None:
        """Put a model and its versions into the trash; its aliases end.

        Raises:
            ModelServes: If an endpoint answers with one of its versions.
        """

        def work(tx: Transaction) -> None:
            need_model(tx.connection, name)
            table = store.model_versions
            for version in store.find_versions(tx.connection, table.c.model == name):
                self._may_go(version)
            gone = sa.and_(table.c.model == name, store.HERE)
            tx.execute(sa.update(table).where(gone).values(deleted_at=tx.now))
            tx.execute(sa.update(store.models).where(store.models.c.name == name).values(deleted_at=tx.now))
            tx.execute(sa.delete(store.model_aliases).where(store.model_aliases.c.model == name))
            tx.audit("model.delete", Ref("model", name))

        self._ledger.write(actor, work)

    def restore(self, actor: Actor, *, name: str) -> Model:
        """Take a model out of the trash, with the versions that went there with it.

        Raises:
            ModelNotFound: If none of that name is in the trash.
        """

        def work(tx: Transaction) -> Model:
            model = need_model(tx.connection, name, is_deleted=True)
            table = store.model_versions
            together = sa.and_(table.c.model == name, table.c.deleted_at == model.deleted_at)
            tx.execute(sa.update(table).where(together).values(deleted_at=None))
            change = sa.update(store.models).where(store.models.c.name == name)
            tx.execute(change.values(deleted_at=None, updated_at=tx.now))
            tx.audit("model.restore", Ref("model", name))
            return need_model(tx.connection, name)

        return self._ledger.write(actor, work)

    def set_tag(self, actor: Actor, *, name: str, key: str, value: str) -> None:
        """Set a tag of a model."""
        rules.check_tags({key: value})

        def work(tx: Transaction) -> None:
            need_model(tx.connection, name)
            tx.upsert(store.model_tags, {"model": name, "key": key, "value": value})
            touch(tx, name)
            tx.audit("model.tag", Ref("model", name), key=key)

        self._ledger.write(actor, work)

    def delete_tag(self, actor: Actor, *, name: str, key: str) -> None:
        """Remove a tag of a model; one that is not there is gone already."""

        def work(tx: Transaction) -> None:
            need_model(tx.connection, name)
            table = store.model_tags
            if tx.execute(sa.delete(table).where(table.c.model == name, table.c.key == key)).rowcount:
                touch(tx, name)
                tx.audit("model.untag", Ref("model", name), key=key)

        self._ledger.write(actor, work)


def ensure_model(tx: Transaction, name: str) -> None:
    """Register a name if it is not, as the first version of a model does."""
    there = store.find_models(tx.connection, [name])
    if not there or there[0].deleted_at is not None:
        _insert(tx, name, "")


def _insert(tx: Transaction, name: str, description: str) -> None:
    row = {
        "name": name,
        "description": description,
        "created_at": tx.now,
        "created_by": tx.actor.name,
        "updated_at": tx.now,
        "deleted_at": None,
    }
    tx.upsert(store.models, row)
    # One of that name may be in the trash: the new one starts without its tags.
    tx.execute(sa.delete(store.model_tags).where(store.model_tags.c.model == name))
    tx.audit("model.create", Ref("model", name))
