"""What the ledger acknowledged is there, whatever dies, fills up or breaks; and it works again afterwards."""

import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from tidemill.app.fsck import check_folder
from tidemill.core.access import OWNER
from tidemill.core.errors import OutOfSpace, TidemillError, Unavailable
from tidemill.core.refs import Ref
from tidemill.ledger import FolderLock, Ledger, Transaction, WorkspaceInUse, holder_of
from tidemill.ledger.faults import LedgerBusy, LedgerDamaged
from tidemill.ledger.schema import lineage_edges

WaitFor = Callable[..., object]
Fill = Callable[[Path], None]

CHILD = """
import sys, threading
from pathlib import Path
from tidemill.core.access import OWNER
from tidemill.core.refs import Ref
from tidemill.ledger import Ledger

home, callers, units = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
ledger = Ledger.open(home / "ledger.sqlite")
acknowledged = open(home / "acknowledged", "a", buffering=1)
guard = threading.Lock()

def call(name):
    for number in range(units):
        def work(tx):
            tx.link(Ref("source", "r"), "made", Ref("artifact", f"{name}-{number}" + "x" * 300))
            tx.audit("bench.write", Ref("artifact", f"{name}-{number}"), number=number)
        try:
            ledger.write(OWNER, work)
        except Exception as error:
            sys.stderr.write(f"{getattr(error, 'code', type(error).__name__)} {error!r}\\n")
            continue
        with guard:
            acknowledged.write(f"{name}-{number}\\n")

threads = [threading.Thread(target=call, args=(f"{sys.argv[4]}{number}",)) for number in range(callers)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
ledger.close()
print("done")
"""


def child(
    home: Path, name: str, *, units: int = 10, callers: int = 3, under: tuple[str, ...] = ()
) -> subprocess.Popen[str]:
    command = [*under, sys.executable, "-c", CHILD, str(home), str(callers), str(units), name]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def strace(home: Path, *inject: str) -> tuple[str, ...]:
    """Return the beginning of a command whose system calls on the ledger's files fail as told."""
    program = shutil.which("strace")
    if program is None:
        pytest.fail("no strace found; run `.ci/prepare system`, or install it")
    paths = [f"--trace-path={home / name}" for name in ("ledger.sqlite", "ledger.sqlite-wal", "ledger.sqlite-shm")]
    return (program, "--follow-forks", "--output=/dev/null", *paths, *(f"--inject={each}" for each in inject))


def recorded(home: Path) -> set[str]:
    ledger = Ledger.open(home / "ledger.sqlite")
    with ledger.read() as connection:
        found = connection.execute(sa.select(lineage_edges.c.target_id)).scalars()
        names = {name.rstrip("x") for name in found}
    ledger.close()
    return names


def assert_sound(home: Path) -> set[str]:
    """Check that everything acknowledged is there and nothing is damaged; return what is there."""
    (home / "objects").mkdir(exist_ok=True)
    report = check_folder(home)
    assert report.is_clean, report.findings[:5]
    acknowledged = set((home / "acknowledged").read_text().split()) if (home / "acknowledged").exists() else set()
    found = recorded(home)
    assert acknowledged <= found
    return found


# ------------------------------------------------------------------------------------------- kill -9


@pytest.mark.parametrize(
    ("call", "when"),
    [("fdatasync", each) for each in (1, 4, 8)]
    + [("pwrite64", each) for each in (2, 60, 61, 90)]
    + [("ftruncate", 1), ("unlink", 1)],
)
def test_a_kill_at_a_system_call_loses_nothing_acknowledged(tmp_path: Path, call: str, when: int) -> None:
    process = child(tmp_path, "a", under=strace(tmp_path, f"{call}:signal=SIGKILL:when={when}"))
    out, err = process.communicate(timeout=60)

    assert process.returncode != 0 or out == "done\n", err
    assert_sound(tmp_path)
    again = child(tmp_path, "b")
    assert again.communicate(timeout=60)[0] == "done\n"
    assert len([name for name in assert_sound(tmp_path) if name.startswith("b")]) == 30


def test_kills_at_random_lose_nothing_acknowledged(tmp_path: Path, wait_for: WaitFor) -> None:
    chance = random.Random(11)
    log = tmp_path / "acknowledged"
    for number in range(5):
        before = log.stat().st_size if log.exists() else 0
        process = child(tmp_path, f"k{number}-", units=100_000, callers=8)
        until = before + chance.randrange(200, 3000)
        wait_for(lambda until=until: log.exists() and log.stat().st_size >= until, within_s=30)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
        # A line that the kill cut short was never told to anybody.
        text = log.read_text()
        log.write_text(text[: text.rfind("\n") + 1])
        assert_sound(tmp_path)


# ------------------------------------------------------------------------------------------- the disk says no


FAILURES = [
    ("pwrite64:error=ENOSPC:when=20+", "out_of_space"),
    ("pwrite64:error=EIO:when=20+", "ledger_io"),
    ("fdatasync:error=EIO:when=4+", "ledger_io"),
    ("fdatasync:error=ENOSPC:when=4+", "ledger_io"),
    ("pwrite64:error=ENOSPC:when=40..60", "out_of_space"),
    ("pwrite64:error=EIO:when=40..60", "ledger_io"),
    ("fdatasync:error=EIO:when=6..8", "ledger_io"),
]


@pytest.mark.parametrize(("inject", "code"), FAILURES)
def test_a_disk_that_refuses_is_said_and_loses_nothing_acknowledged(tmp_path: Path, inject: str, code: str) -> None:
    Ledger.open(tmp_path / "ledger.sqlite").close()
    process = child(tmp_path, "a", units=20, under=strace(tmp_path, inject))
    out, err = process.communicate(timeout=60)

    codes = set(re.findall(r"^([a-z_]+) ", err, flags=re.MULTILINE))
    assert codes <= {code}, err[:2000]
    assert code in codes
    found = assert_sound(tmp_path)
    if ".." in inject:  # the disk came back: the same process went on
        assert out == "done\n"
        assert found >= {f"a{caller}-19" for caller in range(3)}


def edge(name: str) -> Callable[[Transaction], None]:
    def work(tx: Transaction) -> None:
        tx.link(Ref("source", "r"), "made", Ref("artifact", name + "x" * 300))
        tx.audit("bench.write", Ref("artifact", name))

    return work


def test_a_full_disk_is_said_and_the_ledger_works_again_once_there_is_space(small_disk: Path, fill: Fill) -> None:
    ledger = Ledger.open(small_disk / "ledger.sqlite")
    acknowledged = []
    for round_ in range(3):
        fill(small_disk / "ballast")
        with pytest.raises(OutOfSpace) as caught:  # noqa: PT012 - which of the writes fails is the disk's choice
            for number in range(2000):
                ledger.write(OWNER, edge(f"full{round_}-{number}"))
                acknowledged.append(f"full{round_}-{number}")
        assert caught.value.code == "out_of_space"
        assert "space" in caught.value.hint
        (small_disk / "ballast").unlink()
        ledger.write(OWNER, edge(f"after{round_}"))
        acknowledged.append(f"after{round_}")
    ledger.close()
    (small_disk / "acknowledged").write_text("\n".join(acknowledged))

    assert_sound(small_disk)


def test_many_callers_on_a_full_disk_all_hear_of_it(small_disk: Path, fill: Fill) -> None:
    ledger = Ledger.open(small_disk / "ledger.sqlite")
    fill(small_disk / "ballast")
    futures = [ledger.submit(OWNER, edge(f"u{number}")) for number in range(3000)]
    outcomes = {type(future.exception()) for future in futures}
    (small_disk / "ballast").unlink()
    kept = {f"u{number}" for number, future in enumerate(futures) if not future.exception()}
    ledger.close()

    assert outcomes <= {type(None), OutOfSpace}
    assert OutOfSpace in outcomes
    assert recorded(small_disk) == kept
    assert_sound(small_disk)


def test_a_limit_on_the_size_of_files_is_said(tmp_path: Path) -> None:
    Ledger.open(tmp_path / "ledger.sqlite").close()
    shell = ("bash", "-c", 'trap "" XFSZ; ulimit -f 700; exec "$@"', "-")
    _, err = child(tmp_path, "a", units=400, under=shell).communicate(timeout=60)

    assert re.findall(r"^(out_of_space|ledger_io) ", err, flags=re.MULTILINE), err[:1000]
    assert_sound(tmp_path)


# ------------------------------------------------------------------------------------------- who else is there


@pytest.mark.parametrize("what", ["folder", "file"])
def test_what_cannot_be_written_is_said(tmp_path: Path, what: str) -> None:
    home = tmp_path / "home"
    home.mkdir()
    Ledger.open(home / "ledger.sqlite").close()
    program = f"""
import os, sys
from pathlib import Path
from tidemill.app import Workspace
from tidemill.core.errors import TidemillError
from tidemill.core.settings import Settings
os.setgid(65534); os.setuid(65534)
try:
    Workspace(Settings(home=Path({str(home)!r})))
except TidemillError as error:
    print(error.code, bool(error.hint))
"""
    tmp_path.chmod(0o755)
    for parent in [tmp_path, *tmp_path.parents][:3]:
        parent.chmod(parent.stat().st_mode | 0o055) if parent.owner() == "root" else None
    if what == "file":
        home.chmod(0o777)
        (home / "lock").touch()
        (home / "lock").chmod(0o666)
        (home / "ledger.sqlite").chmod(0o444)
    else:
        home.chmod(0o555)
    ran = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True)

    assert ran.stdout.split() in (["ledger_read_only", "True"], ["store_read_only", "True"]), ran.stderr


def test_a_second_opener_hears_who_is_there_and_where(tmp_path: Path) -> None:
    lock = FolderLock(tmp_path)
    lock.describe(url="http://127.0.0.1:8765")

    with pytest.raises(WorkspaceInUse) as caught:
        FolderLock(tmp_path)
    assert str(os.getpid()) in caught.value.message
    assert "http://127.0.0.1:8765" in caught.value.hint
    assert holder_of(tmp_path) == {"pid": os.getpid(), "url": "http://127.0.0.1:8765"}

    lock.release()
    assert holder_of(tmp_path) == {}
    FolderLock(tmp_path).release()


def test_a_lock_is_free_when_its_holder_was_killed(tmp_path: Path) -> None:
    program = "import sys, time; from pathlib import Path; from tidemill.ledger import FolderLock\n"
    program += "lock = FolderLock(Path(sys.argv[1])); print('held', flush=True); time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "held\n"
    assert holder_of(tmp_path)["pid"] == process.pid

    process.kill()
    process.wait()
    process.stdout.close()

    FolderLock(tmp_path, wait_s=5).release()


def test_a_holder_that_ends_soon_is_waited_for(tmp_path: Path) -> None:
    lock = FolderLock(tmp_path)
    timer = threading.Timer(0.2, lock.release)
    timer.start()

    FolderLock(tmp_path, wait_s=20).release()
    timer.join()


def test_a_foreign_program_that_holds_the_file_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger.open(tmp_path / "ledger.sqlite")
    ledger.write(OWNER, lambda tx: tx.connection.exec_driver_sql("PRAGMA busy_timeout=50"))
    with closing(sqlite3.connect(tmp_path / "ledger.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerBusy):
            ledger.write(OWNER, edge("a"))
        other.execute("ROLLBACK")
    ledger.write(OWNER, edge("b"))
    ledger.close()

    assert recorded(tmp_path) == {"b"}


# ------------------------------------------------------------------------------------------- damage


@pytest.mark.parametrize("content", [b"x" * 8192, b"SQLite format 3\0" + b"\xff" * 8176], ids=["other", "broken"])
def test_a_file_that_is_no_sound_database_is_said(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "ledger.sqlite").write_bytes(content)

    with pytest.raises((LedgerDamaged, Unavailable)) as caught:
        Ledger.open(tmp_path / "ledger.sqlite")
    assert caught.value.hint
    assert (tmp_path / "ledger.sqlite").read_bytes() == content


def test_damage_under_a_running_ledger_is_said_and_ends_nothing(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path / "ledger.sqlite")
    for number in range(2000):
        ledger.write(OWNER, edge(f"t{number}"))
    ledger.close()
    content = bytearray((tmp_path / "ledger.sqlite").read_bytes())
    for page in range(len(content) // 8192, len(content) // 4096):  # behind the schema, which comes first
        content[page * 4096 : page * 4096 + 100] = os.urandom(100)
    (tmp_path / "ledger.sqlite").write_bytes(content)

    ledger = Ledger.open(tmp_path / "ledger.sqlite")
    with pytest.raises(LedgerDamaged), ledger.read() as connection:
        connection.execute(sa.select(lineage_edges)).all()
    with pytest.raises(TidemillError):  # noqa: PT012 - which of the writes meets the damage is the tree's choice
        for number in range(500):
            ledger.write(OWNER, edge(f"u{number}"))
    with ledger.read() as connection:
        assert connection.execute(sa.text("SELECT 1")).scalar_one() == 1
    assert list(ledger.damage())
    ledger.close()
