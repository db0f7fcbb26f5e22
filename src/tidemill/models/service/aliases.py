"""Aliases: names that point at a version, and move."""

import sqlalchemy as sa

from tidemill.core.access import Actor
from tidemill.core.refs import Ref
from tidemill.ledger import Transaction
from tidemill.models import rules, store
from tidemill.models.records import ModelVersion
from tidemill.models.service.place import Registry, need_version, touch


class AliasVerbs(Registry):
    """The verbs of aliases."""

    def set_alias(self, actor: Actor, *, name: str, alias: str, version: int) -> ModelVersion:
        """Let an alias point at a version; it moves when it pointed at another."""
        rules.check_alias(alias)

        def work(tx: Transaction) -> ModelVersion:
            found = need_version(tx.connection, rules.ModelRef(name, version, None))
            if alias not in found.aliases:
                before = store.find_version(tx.connection, rules.ModelRef(name, None, alias))
                tx.upsert(store.model_aliases, {"model": name, "alias": alias, "number": version})
                touch(tx, name)
                was = before.number if before else None
                tx.audit("model.alias", Ref("model_version", found.id), alias=alias, before=was, after=version)
            return need_version(tx.connection, rules.ModelRef(name, version, None))

        return self._ledger.write(actor, work)

    def delete_alias(self, actor: Actor, *, name: str, alias: str) -> None:
        """Remove an alias; the version stays.

        Raises:
            AliasNotFound: If there is no such alias.
        """

        def work(tx: Transaction) -> None:
            found = need_version(tx.connection, rules.ModelRef(name, None, rules.check_alias(alias)))
            table = store.model_aliases.c
            tx.execute(sa.delete(store.model_aliases).where(table.model == name, table.alias == alias))
            touch(tx, name)
            tx.audit("model.delete_alias", Ref("model_version", found.id), alias=alias)

        self._ledger.write(actor, work)
