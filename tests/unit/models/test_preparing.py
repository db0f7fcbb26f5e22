"""A version that MLflow's client logged is made ready once, on record; what gates judge is what endpoints serve."""

import io
import json

import numpy as np
import pytest
import skops.io
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tidemill.core.access import OWNER, Actor, Role
from tidemill.core.refs import Ref
from tidemill.governance.service import GovernanceService
from tidemill.ledger import Ledger
from tidemill.ledger.lineage import trace
from tidemill.models.adopting import CannotPrepare
from tidemill.models.manifest import MANIFEST, UntrustedTypes
from tidemill.models.ports import Found
from tidemill.models.saving import save_model
from tidemill.models.service import ModelService
from tidemill.objects import ObjectStore
from tidemill.objects.trees import TreeEntry

ANN = Actor("ann", Role.EDITOR)


def fitted():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(100, 2))
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(rows, rows[:, 0] > 0), rows


def folder_of(model, rows):
    about = {
        "flavors": {
            "python_function": {"loader_module": "mlflow.sklearn"},
            "sklearn": {"pickled_model": "model.skops", "serialization_format": "skops"},
        },
        "saved_input_example_info": {"artifact_path": "input_example.json", "type": "ndarray"},
    }
    return {
        "MLmodel": json.dumps(about).encode(),
        "model.skops": skops.io.dumps(model),
        "input_example.json": json.dumps(rows[:5].tolist()).encode(),
        "requirements.txt": b"scikit-learn==1.9.1\n",
    }


class Logged:
    """What runs logged, for a test."""

    def __init__(self, objects):
        self.objects = objects
        self.files = folder_of(*fitted())

    def find(self, actor, source):
        if not source.startswith("runs:/"):
            return None
        entries = [TreeEntry(path, len(text), self.objects.put_bytes(text)) for path, text in self.files.items()]
        return Found(entries=entries, run_id="r1")


@pytest.fixture
def ledger(tmp_path):
    opened = Ledger.open(tmp_path / "ledger.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def models(ledger, tmp_path):
    objects = ObjectStore(tmp_path / "objects")
    return ModelService(ledger, objects, tmp_path / "work", Logged(objects))


def add(models, source="runs:/r1/model"):
    return models.create_version(ANN, name="delay", source=source)


def test_the_first_use_prepares_and_the_next_finds_it(models):
    version = add(models)
    model, rows = fitted()
    assert (version.is_ready, version.bundle) == (False, version.digest)

    answers = models.load(version).predict_columns({"x0": rows[:9, 0].tolist(), "x1": rows[:9, 1].tolist()}, 9)
    made = models.get(ANN, ref="delay@1")

    assert answers["probability"] == pytest.approx([two for _, two in model.predict_proba(rows[:9])], abs=1e-12)
    assert made.is_ready
    assert made.bundle != made.digest == version.digest
    assert made.preparation.requirements == ["scikit-learn==1.9.1"]
    assert [field.name for field in made.preparation.signature.outputs] == ["probability", "label"]
    assert models.prepare(ANN, ref="delay@1") == made


def test_lineage_and_audit_know_of_it(models, ledger):
    version = models.prepare(ANN, ref=add(models).id)

    with ledger.read() as connection:
        edges = [edge.target for edge in trace(connection, Ref("artifact", version.digest), "down").edges]
    assert edges == [f"model_version:{version.id}", f"artifact:{version.bundle}"]
    (event,) = [event for event in GovernanceService(ledger).audit(OWNER) if event.action == "model.prepare"]
    assert (event.actor, event.detail["digest"], event.detail["trusted"]) == ("ann", version.bundle, [])


def test_two_at_once_end_with_one(models, monkeypatch):
    one, two = add(models), models.get(ANN, ref="delay@1")
    first = models.prepare(ANN, ref=one.id)
    slow = ModelService(models._ledger, models._objects, models._work, models._sources)
    monkeypatch.setattr(slow, "_version", lambda _ref: two)  # it read the version before the other wrote

    assert slow.prepare(OWNER, ref=two.id) == first


def test_a_version_that_came_as_a_tree_is_ready(models, tmp_path):
    model, rows = fitted()
    save_model(model, tmp_path / "own", example=rows, tolerance=1e-9)
    version = models.register(ANN, name="delay", tree=models._objects.put_tree(tmp_path / "own"))

    assert models.prepare(ANN, ref="delay@1") == version


def test_a_folder_of_our_own_that_was_logged_stays_as_it_is_and_its_trust_is_asked_for_again(models, tmp_path):
    model, rows = fitted()
    save_model(model, tmp_path / "own", example=rows, tolerance=1e-9)
    about = json.loads((tmp_path / "own" / MANIFEST).read_text())
    (tmp_path / "own" / MANIFEST).write_text(json.dumps({**about, "trusted": ["my.Kind"]}))
    models._sources.files = {path.name: path.read_bytes() for path in (tmp_path / "own").iterdir()}
    version = add(models)

    with pytest.raises(UntrustedTypes, match="delay@1 cannot be prepared") as refused:
        models.load(version)
    assert "tidemill models prepare delay@1 --trust my.Kind" in refused.value.hint
    made = models.prepare(ANN, ref="delay@1", trusted=["my.Kind"])

    assert made.bundle == version.digest


def test_what_is_kept_elsewhere_is_not_fetched(models):
    add(models, source="s3://bucket/model")

    with pytest.raises(CannotPrepare, match="not on this server"):
        models.prepare(ANN, ref="delay@1")


def test_a_failed_preparation_leaves_nothing(models):
    models._sources.files["model.skops"] = io.BytesIO(b"PK").getvalue()
    version = add(models)

    with pytest.raises(Exception, match="cannot be prepared"):
        models.load(version)
    assert not models.get(ANN, ref="delay@1").is_ready
    assert list(models._work.iterdir()) == []
