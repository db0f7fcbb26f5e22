"""A registration that is killed at any sync, or finds the disk full, leaves a whole version or none."""

import errno
import os
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pytest

from tidemill.core.access import OWNER
from tidemill.core.errors import OutOfSpace
from tidemill.ledger import Ledger
from tidemill.ledger.audit import verify_chain
from tidemill.models.manifest import DamagedModel
from tidemill.models.saving import save_model
from tidemill.models.service import ModelService
from tidemill.objects import DamagedObject, ObjectStore

REGISTER = """
import os, sys
from pathlib import Path
from tidemill.core.access import OWNER
from tidemill.ledger import Ledger
from tidemill.models.service import ModelService
from tidemill.objects import ObjectStore

home, call, last = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
done = 0

def counted(real):
    def wrapped(*given, **more):
        global done
        done += 1
        if done == last:
            os.kill(os.getpid(), 9)
        return real(*given, **more)
    return wrapped

ledger = Ledger.open(home / "ledger.sqlite")
objects = ObjectStore(home)
if call == "fsync":
    os.fsync = counted(os.fsync)
if call == "commit":
    ledger.write = counted(ledger.write)
models = ModelService(ledger, objects, home / "work")
version = models.register(OWNER, name="delay", tree=objects.put_tree(home / "model"), run_id="r1")
models.set_alias(OWNER, name="delay", alias="champion", version=version.number)
ledger.close()
print(done)
"""


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Give the folder of a small model."""
    rows = np.random.default_rng(0).normal(size=(60, 2))
    folder = tmp_path_factory.mktemp("saved") / "model"
    save_model(lgb.LGBMRegressor(n_estimators=3, verbose=-1).fit(rows, rows[:, 0]), folder, example=rows)
    return folder


@pytest.fixture
def home(saved: Path, tmp_path: Path) -> Path:
    """Give a workspace with a model folder in it."""
    shutil.copytree(saved, tmp_path / "home" / "model")
    return tmp_path / "home"


def run(home: Path, call: str, last: int) -> "subprocess.CompletedProcess[str]":
    arguments = [sys.executable, "-c", REGISTER, str(home), call, str(last)]
    return subprocess.run(arguments, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("call", ["fsync", "commit"])
def test_killed_at_any_point_a_version_is_whole_or_absent_and_comes_once(home, call):
    whole = run(shutil.copytree(home, home.parent / "whole"), call, 0)
    assert whole.returncode == 0, whole.stderr
    points = range(1, int(whole.stdout) + 1)
    assert len(points) >= 2, "the kills would not reach the registration"

    def kill_at(last: int) -> None:
        place = shutil.copytree(home, home.parent / f"killed-{last}")
        assert run(place, call, last).returncode == -signal.SIGKILL
        ledger, objects = Ledger.open(place / "ledger.sqlite"), ObjectStore(place)
        models = ModelService(ledger, objects, place / "work")
        for version in models.versions(OWNER, name="delay") if models.list(OWNER) else []:
            assert len(models.load(version).predict_row([1.0, 2.0])) == 1
        assert list(objects.fsck()) == []
        register(models, objects, place)
        assert [version.number for version in models.versions(OWNER, name="delay")] == [1]
        assert models.get(OWNER, ref="delay@champion").number == 1
        with ledger.read() as connection:
            verify_chain(connection)
        ledger.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(kill_at, points))


def register(models: ModelService, objects: ObjectStore, home: Path) -> None:
    """Do again what was killed."""
    version = models.register(OWNER, name="delay", tree=objects.put_tree(home / "model"), run_id="r1")
    models.set_alias(OWNER, name="delay", alias="champion", version=version.number)


def test_a_full_disk_leaves_no_model_folder_and_no_version(saved, tmp_path, monkeypatch):
    ledger, objects = Ledger.open(tmp_path / "ledger.sqlite"), ObjectStore(tmp_path / "objects")
    tree = objects.put_tree(saved)
    models = ModelService(ledger, objects, tmp_path / "work")

    def full(*_given: object, **_more: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copyfile", full)
        with pytest.raises(OutOfSpace):
            models.register(OWNER, name="delay", tree=tree)
        with pytest.raises(OutOfSpace):
            models.export(tree)
    assert models.list(OWNER) == []
    assert list(tmp_path.joinpath("work").iterdir()) == []
    assert models.register(OWNER, name="delay", tree=tree).number == 1
    ledger.close()


def test_a_damaged_object_is_not_registered_and_not_served(saved, tmp_path):
    ledger, objects = Ledger.open(tmp_path / "ledger.sqlite"), ObjectStore(tmp_path / "objects")
    tree = objects.put_tree(saved)
    entry = next(entry for entry in objects.list_tree(tree) if entry.path == "model.lgb")
    models = ModelService(ledger, objects, tmp_path / "work")
    version = models.register(OWNER, name="delay", tree=tree)
    served = models.export(tree)
    path = objects.path(entry.digest)
    content = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(content.replace(b"leaf_value", b"leaf_valve", 1))
    with pytest.raises(DamagedObject):
        models.register(OWNER, name="other", tree=tree)
    assert models.load(version).predict_row([1.0, 2.0]), "what was exported before is still whole"
    served.joinpath("model.lgb").chmod(0o644)
    served.joinpath("model.lgb").write_bytes(b"x")
    with pytest.raises(DamagedModel):
        models.load(version)
    assert [damage.problem for damage in objects.fsck()] == ["the content does not match the digest"]
    ledger.close()


def test_a_save_that_is_killed_leaves_no_folder_of_that_name(tmp_path):
    program = (
        "import os, sys; from pathlib import Path; import numpy as np; import lightgbm as lgb\n"
        "from tidemill.models import saving\n"
        "saving.write_manifest = lambda *given: os.kill(os.getpid(), 9)\n"
        "rows = np.random.default_rng(0).normal(size=(60, 2))\n"
        "model = lgb.LGBMRegressor(n_estimators=3, verbose=-1).fit(rows, rows[:, 0])\n"
        "saving.save_model(model, Path(sys.argv[1]), example=rows)\n"
    )
    ran = subprocess.run([sys.executable, "-c", program, tmp_path / "m"], check=False)
    assert ran.returncode == -signal.SIGKILL
    assert not tmp_path.joinpath("m").exists()
