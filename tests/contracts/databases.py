"""The databases that the contract of sources holds on: real ones, and emulators of services."""

import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Self
from urllib.parse import quote

import psycopg

ROOT = Path(__file__).resolve().parents[2]


class Database:
    """A database to fill in a test, and to read as a source."""

    integer: ClassVar[str] = "INTEGER"
    text: ClassVar[str] = "TEXT"
    money: ClassVar[str] = "NUMERIC(12, 2)"
    keeps_digits: ClassVar[bool] = True
    keeps_doubles: ClassVar[bool] = True
    quotes_freely: ClassVar[bool] = True
    has_batches: ClassVar[bool] = True
    has_snapshots: ClassVar[bool] = False
    has_password: ClassVar[bool] = True

    def begin(self) -> None:
        """Make an empty place."""

    def end(self) -> None:
        """Remove it."""

    def run(self, sql: str) -> Any:
        """Run a statement and return its rows, if any."""
        raise NotImplementedError

    def uri(self, options: str) -> str:
        """Return the address with options."""
        raise NotImplementedError

    def count(self, table: str) -> int:
        """Return how many rows a table has."""
        return int(self.run(f"SELECT count(*) FROM {table}")[0][0])

    def date(self, text: str) -> str:
        """Return the literal of a day."""
        return f"'{text}'"

    def many(self, count: int) -> str:
        """Return the statement that makes a table with many rows."""
        raise NotImplementedError


class Sqlite(Database):
    keeps_digits = False
    keeps_doubles = False
    has_snapshots = True
    has_password = False

    def __init__(self, path: Path) -> None:
        self.path = path

    def begin(self) -> None:
        self.run("PRAGMA journal_mode = WAL")

    def run(self, sql: str) -> Any:
        connection = sqlite3.connect(self.path)
        try:
            with connection:
                return connection.execute(sql).fetchall()
        finally:
            connection.close()

    def uri(self, options: str) -> str:
        return f"sqlite:///{quote(str(self.path))}#{options}"

    def many(self, count: int) -> str:
        return (
            f"CREATE TABLE many AS WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < {count})"
            " SELECT id, id * 0.5 AS half, 'row ' || id AS word FROM n"
        )


class Postgres(Database):
    has_snapshots = True
    has_password = False

    def __init__(self, url: str) -> None:
        self.server = url
        self.name = f"source_{uuid.uuid4().hex[:12]}"

    def begin(self) -> None:
        self._on_server(f"CREATE DATABASE {self.name}")

    def end(self) -> None:
        self._on_server(f"DROP DATABASE {self.name} WITH (FORCE)")

    def _on_server(self, sql: str) -> None:
        with psycopg.connect(self.server, autocommit=True) as connection:
            connection.execute(sql.encode())

    def run(self, sql: str) -> Any:
        with psycopg.connect(self.server, dbname=self.name, autocommit=True) as connection:
            cursor = connection.execute(sql.encode())
            return cursor.fetchall() if cursor.description else None

    def uri(self, options: str) -> str:
        return f"{self.server.replace('postgres:@', 'postgres@').replace('/postgres?', f'/{self.name}?')}#{options}"

    def many(self, count: int) -> str:
        return (
            "CREATE TABLE many AS SELECT i AS id, i * 0.5::float8 AS half, repeat('row ', 20) || i AS word"
            f" FROM generate_series(1, {count}) AS i"
        )


class SnowflakeEmulator(Database):
    money = "NUMBER(12, 2)"
    text = "VARCHAR"
    keeps_doubles = False

    def __init__(self, port: int) -> None:
        self.port = port
        self.schema = ""

    @classmethod
    @contextmanager
    def start(cls) -> Iterator[Self]:
        port = _free_port()
        program = f"import fakesnow, time\nwith fakesnow.server(port={port}):\n    time.sleep(3600)"
        with _served([sys.executable, "-W", "ignore", "-c", program], port, dict(os.environ)):
            yield cls(port)

    def begin(self) -> None:
        self.schema = f"S{uuid.uuid4().hex[:12]}".upper()

    def run(self, sql: str) -> Any:
        import snowflake.connector

        with snowflake.connector.connect(
            user="reader", password="correct horse", account="fakesnow", host="127.0.0.1", port=self.port,
            protocol="http", database="DB1", schema=self.schema,
            session_parameters={"CLIENT_OUT_OF_BAND_TELEMETRY_ENABLED": False},
        ) as connection:  # fmt: skip
            cursor = connection.cursor()
            cursor.execute(sql)
            return cursor.fetchall()

    def uri(self, options: str) -> str:
        address = f"snowflake://reader@fakesnow/DB1/{self.schema}?host=127.0.0.1&port={self.port}&protocol=http"
        return f"{address}#{options}{'&' if options else ''}password=env:DATABASE_PASSWORD"

    def many(self, count: int) -> str:
        return (
            f"CREATE TABLE many AS SELECT seq4() AS id, seq4() * 0.5 AS half FROM TABLE(GENERATOR(ROWCOUNT => {count}))"
        )


class BigQueryEmulator(Database):
    integer = "INT64"
    text = "STRING"
    money = "NUMERIC"
    keeps_doubles = False
    quotes_freely = False
    has_batches = False
    has_password = False

    def __init__(self, port: int) -> None:
        from google.auth.credentials import AnonymousCredentials
        from google.cloud import bigquery

        self.endpoint = f"http://127.0.0.1:{port}"
        self.client = bigquery.Client(
            "project", credentials=AnonymousCredentials(), client_options={"api_endpoint": self.endpoint}
        )
        self.dataset = ""

    @classmethod
    @contextmanager
    def start(cls, home: Path) -> Iterator[Self]:
        port = _free_port()
        python = _emulator_environment()
        variables = os.environ | {"HOME": str(home)}
        extensions = (
            "from duckdb_extensions import import_extension as get\nfor name in ('spatial', 'icu', 'json'): get(name)"
        )
        subprocess.run([python, "-c", extensions], check=True, env=variables)
        command = [python.with_name("bqemulator"), "start", "--rest-port", str(port), "--grpc-port", str(_free_port())]
        with _served([*map(str, command), "--project", "project", "--log-level", "error"], port, variables):
            yield cls(port)

    def begin(self) -> None:
        self.dataset = f"d{uuid.uuid4().hex[:12]}"
        self.client.create_dataset(self.dataset)

    def run(self, sql: str) -> Any:
        from google.cloud import bigquery

        config = bigquery.QueryJobConfig(default_dataset=f"project.{self.dataset}")
        return [row.values() for row in self.client.query(sql, job_config=config).result()]

    def uri(self, options: str) -> str:
        return f"bigquery://project/{self.dataset}#endpoint={self.endpoint}{'&' if options else ''}{options}"

    def date(self, text: str) -> str:
        return f"DATE '{text}'"

    def many(self, count: int) -> str:
        return f"CREATE TABLE many AS SELECT id, id * 0.5 AS half FROM UNNEST(GENERATE_ARRAY(1, {count})) AS id"


def _emulator_environment() -> Path:
    """Return the Python of an environment with the emulator: it needs an older DuckDB than the other one."""
    folder = ROOT / ".cache" / "bigquery-venv"
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        uv = shutil.which("uv") or str(Path(sys.executable).parent / "uv")
        subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)], check=True)
        wanted = ["bqemulator==1.3.0", "numpy", "pyarrow", "duckdb==1.5.5", "duckdb-extensions==1.5.5"]
        wanted += [f"duckdb-extension-{name}==1.5.5" for name in ("spatial", "icu", "json")]
        subprocess.run([uv, "pip", "install", "--quiet", "--python", str(python), *wanted], check=True)
        (folder / "ready").touch()
    return python


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def _served(command: list[str], port: int, variables: dict[str, str]) -> Iterator[None]:
    server = subprocess.Popen(command, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 60
        while True:
            if server.poll() is not None:
                raise RuntimeError(f"{command[0]} ended with {server.returncode}")
            with socket.socket() as knock:
                if knock.connect_ex(("127.0.0.1", port)) == 0:
                    break
            if time.monotonic() > until:
                raise TimeoutError(command[0])
            time.sleep(0.05)  # until the port answers, with a deadline
        yield
    finally:
        server.terminate()
        server.wait(20)
