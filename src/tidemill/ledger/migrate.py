"""Bring a database to the shape that this version writes."""

from typing import TYPE_CHECKING

import sqlalchemy as sa

from tidemill.core.errors import Conflict
from tidemill.core.lazy import lazy

if TYPE_CHECKING:
    import alembic.command as commands
    from alembic import config
else:
    commands = lazy("alembic.command")
    config = lazy("alembic.config")

HEAD = "0009"
_LOCK = 7_316_553


class LedgerNewer(Conflict):
    """The database was written by a later version of Tidemill."""

    code = "ledger_newer"


def migrate(engine: sa.Engine) -> None:
    """Run the migrations that the database lacks, all or none.

    Raises:
        LedgerNewer: If it has one that this version does not know.
    """
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
        found = _version(connection)
        if found == HEAD:
            return
        if found and found > HEAD:
            raise LedgerNewer(
                f"The ledger has version {found}, and this Tidemill knows up to {HEAD}",
                hint="Upgrade Tidemill: pip install -U tidemill.",
            )
        settings = config.Config()
        settings.set_main_option("script_location", "tidemill.ledger:migrations")
        settings.set_main_option("path_separator", "os")
        settings.attributes["connection"] = connection
        commands.upgrade(settings, "head")


def _version(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    row = connection.exec_driver_sql("SELECT version_num FROM alembic_version").one_or_none()
    return row[0] if row else None
