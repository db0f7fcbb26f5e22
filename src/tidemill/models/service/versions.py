"""Versions that are registered: find them, describe them, put them into the trash."""

import sqlalchemy as sa

from tidemill.core.access import Actor
from tidemill.core.names import check_text
from tidemill.core.refs import Ref
from tidemill.ledger import Transaction
from tidemill.models import rules, search, store
from tidemill.models.records import ModelVersion, ModelVersionPage
from tidemill.models.service.place import Registry, need_model, need_version, touch
from tidemill.tracking.paging import page_of
from tidemill.tracking.records import View

MOST_VERSIONS = 200_000


class VersionVerbs(Registry):
    """The verbs of versions."""

    def get(self, actor: Actor, *, ref: str) -> ModelVersion:
        """Return a version.

        Args:
            actor: Who asks.
            ref: `delay` or `delay@latest` for the newest, `delay@3`, `delay@champion`, or a version's id.

        Raises:
            ModelNotFound: If there is no such model.
            ModelVersionNotFound: If it has no such version or alias.
        """
        del actor
        wanted = rules.parse_ref(ref)
        with self._ledger.read() as connection:
            by_id = store.versions_of(connection, [ref]) if "@" not in ref else []
            return by_id[0] if by_id else need_version(connection, wanted)

    def versions(self, actor: Actor, *, name: str) -> list[ModelVersion]:
        """Return a model's versions, newest first.

        Raises:
            ModelNotFound: If there is no such model.
        """
        del actor
        with self._ledger.read() as connection:
            need_model(connection, name)
            return store.find_versions(connection, store.model_versions.c.model == name)

    def latest_versions(self, actor: Actor, *, name: str, stages: list[str] | None = None) -> list[ModelVersion]:
        """Return the newest version of a model in each of MLflow's stages, or in those that are asked for."""
        del actor
        asked = [rules.check_stage(stage) for stage in stages or rules.STAGES]
        with self._ledger.read() as connection:
            need_model(connection, name)
            table = store.model_versions.c
            newest = (
                sa.select(sa.func.max(table.number))
                .where(table.model == name, table.stage.in_(asked), store.HERE)
                .group_by(table.stage)
            )
            return store.find_versions(connection, table.model == name, table.number.in_(newest))

    def of_run(self, actor: Actor, *, run_id: str) -> list[ModelVersion]:
        """Return the versions that a run made, newest first."""
        del actor
        with self._ledger.read() as connection:
            return store.find_versions(connection, store.model_versions.c.run_id == run_id)

    def search_versions(
        self,
        actor: Actor,
        *,
        filter: str = "",  # noqa: A002 - MLflow's word
        order_by: list[str] | None = None,
        view: View = "active",
        max_results: int = 10_000,
        page_token: str = "",
    ) -> ModelVersionPage:
        """Return versions of all models, changed last first, or as ordered.

        Args:
            actor: Who asks.
            filter: The search language; such as `name = 'delay' AND tags.checked = 'yes'` or `run_id = '…'`.
            order_by: Such as `version_number DESC` or `creation_timestamp`.
            view: Those in use (`active`), in the trash (`deleted`), or `all`.
            max_results: The most to return; 1 to 200,000.
            page_token: The token of the page before.
        """
        del actor
        with self._ledger.read() as connection:
            found, token = page_of(
                lambda limit, offset: search.find_version_ids(
                    connection, filter, order_by or [], view=view, limit=limit, offset=offset
                ),
                max_results=max_results,
                most=MOST_VERSIONS,
                page_token=page_token,
            )
            return ModelVersionPage(versions=store.versions_of(connection, found), next_page_token=token)

    def describe(
        self, actor: Actor, *, ref: str, description: str | None = None, tags: dict[str, str] | None = None
    ) -> ModelVersion:
        """Say what is to be known of a version: its description, and tags on top of those that it has."""
        check_text(description or "", "the description", rules.LONGEST_DESCRIPTION, lines=True)
        rules.check_tags(tags or {})
        wanted = rules.parse_ref(ref)

        def work(tx: Transaction) -> ModelVersion:
            found = need_version(tx.connection, wanted)
            if description is not None:
                change = sa.update(store.model_versions).where(store.model_versions.c.id == found.id)
                tx.execute(change.values(description=description))
            rows = [{"version_id": found.id, "key": key, "value": value} for key, value in (tags or {}).items()]
            tx.upsert(store.model_version_tags, rows)
            touch(tx, found.model, found.id)
            tx.audit("model.describe", Ref("model_version", found.id), tags=sorted(tags or {}))
            return need_version(tx.connection, rules.ModelRef(found.model, found.number, None))

        return self._ledger.write(actor, work)

    def delete_version_tag(self, actor: Actor, *, ref: str, key: str) -> None:
        """Remove a tag of a version; one that is not there is gone already."""
        wanted = rules.parse_ref(ref)

        def work(tx: Transaction) -> None:
            found = need_version(tx.connection, wanted)
            table = store.model_version_tags
            if tx.execute(sa.delete(table).where(table.c.version_id == found.id, table.c.key == key)).rowcount:
                touch(tx, found.model, found.id)
                tx.audit("model.untag_version", Ref("model_version", found.id), key=key)

        self._ledger.write(actor, work)

    def transition_stage(self, actor: Actor, *, ref: str, stage: str, archive_existing: bool = False) -> ModelVersion:
        """Move a version to one of MLflow's stages; aliases say the same better.

        Args:
            actor: Who does it.
            ref: The version.
            stage: None, Staging, Production or Archived.
            archive_existing: Whether the versions that are there now go to Archived.

        Raises:
            InvalidStage: If there is no such stage.
        """
        wanted, to = rules.parse_ref(ref), rules.check_stage(stage)
        if archive_existing and to not in {"Staging", "Production"}:
            raise rules.InvalidStage(
                f"Versions in {to} are not archived", hint="Ask for it with Staging or Production only."
            )

        def work(tx: Transaction) -> ModelVersion:
            found = need_version(tx.connection, wanted)
            table = store.model_versions
            if archive_existing:
                others = sa.and_(table.c.model == found.model, table.c.stage == to, table.c.id != found.id)
                tx.execute(sa.update(table).where(others).values(stage="Archived", updated_at=tx.now))
            tx.execute(sa.update(table).where(table.c.id == found.id).values(stage=to))
            touch(tx, found.model, found.id)
            tx.audit("model.stage", Ref("model_version", found.id), before=found.stage, after=to)
            return need_version(tx.connection, rules.ModelRef(found.model, found.number, None))

        return self._ledger.write(actor, work)

    def delete_version(self, actor: Actor, *, ref: str) -> None:
        """Put a version into the trash; aliases that point at it end, and its number is not given again.

        Raises:
            ModelServes: If an endpoint answers with it.
        """
        wanted = rules.parse_ref(ref)

        def work(tx: Transaction) -> None:
            found = need_version(tx.connection, wanted)
            self._may_go(found)
            table, aliases = store.model_versions, store.model_aliases
            tx.execute(sa.update(table).where(table.c.id == found.id).values(deleted_at=tx.now))
            pointing = sa.and_(aliases.c.model == found.model, aliases.c.number == found.number)
            tx.execute(sa.delete(aliases).where(pointing))
            touch(tx, found.model)
            tx.audit("model.delete_version", Ref("model_version", found.id))

        self._ledger.write(actor, work)

    def restore_version(self, actor: Actor, *, name: str, number: int) -> ModelVersion:
        """Take a version out of the trash.

        Raises:
            ModelVersionNotFound: If it is not there.
        """

        def work(tx: Transaction) -> ModelVersion:
            need_model(tx.connection, name)
            table = store.model_versions
            gone = sa.and_(table.c.model == name, table.c.number == number, table.c.deleted_at.is_not(None))
            if not tx.execute(sa.update(table).where(gone).values(deleted_at=None)).rowcount:
                raise rules.ModelVersionNotFound(
                    f"Version {number} of {name} is not in the trash", hint="See `tidemill models versions`."
                )
            found = need_version(tx.connection, rules.ModelRef(name, number, None))
            tx.audit("model.restore_version", Ref("model_version", found.id))
            return found

        return self._ledger.write(actor, work)
