"""The registry numbers versions, points aliases, and takes in nothing that it cannot vouch for."""

import json
import shutil
import threading

import msgspec
import pytest

from tidemill.core.access import OWNER
from tidemill.core.names import InvalidName, InvalidText
from tidemill.core.refs import Ref
from tidemill.ledger import Ledger
from tidemill.ledger.lineage import trace
from tidemill.ledger.schema import audit_events
from tidemill.models.manifest import DamagedModel, NotAModel, UnsafeModel, UntrustedTypes
from tidemill.models.rules import InvalidAlias, ModelNotFound, ModelVersionNotFound, check_alias, parse_ref
from tidemill.models.service import ModelService
from tidemill.objects import ObjectMissing, ObjectStore


@pytest.fixture
def ledger(tmp_path):
    opened = Ledger.open(tmp_path / "ledger.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def objects(tmp_path):
    return ObjectStore(tmp_path / "objects")


@pytest.fixture
def models(ledger, objects, tmp_path):
    return ModelService(ledger, objects, tmp_path / "work")


@pytest.fixture
def tree(objects, made):
    return objects.put_tree(made[0])


def another(objects, folder, note):
    """Store the model once more with another digest."""
    path = folder / "tidemill.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "settings": {"category_columns": ["kind"], "n": note}}))
    return objects.put_tree(folder)


def actions(ledger):
    with ledger.read() as connection:
        return [row.action for row in connection.execute(audit_events.select().order_by(audit_events.c.seq))]


def test_a_version_is_numbered_described_and_traced(models, ledger, tree):
    one = models.register(OWNER, name="delay", tree=tree, run_id="r1", description="first", tags={"by": "ann"})
    two = models.register(OWNER, name="delay", tree=tree, run_id="r2")
    assert (one.number, two.number, one.ref) == (1, 2, "delay@1")
    assert (one.framework, one.kind, one.digest, one.tags) == ("lightgbm", "classifier", tree, {"by": "ann"})
    assert [field.name for field in one.signature.inputs] == ["x", "kind"]
    assert one.size > 0
    with ledger.read() as connection:
        edges = {(edge.source, edge.relation) for edge in trace(connection, Ref("model_version", one.id)).edges}
    assert edges == {(f"artifact:{tree}", "registered_as"), ("run:r1", "made")}
    assert actions(ledger) == ["model.create", "model.register", "model.register"]


def test_the_same_files_of_the_same_run_are_the_same_version(models, ledger, tree):
    for run in (None, "r1"):
        first = models.register(OWNER, name="delay", tree=tree, run_id=run)
        assert models.register(OWNER, name="delay", tree=tree, run_id=run) == first
    assert len(models.versions(OWNER, name="delay")) == 2
    assert len(actions(ledger)) == 3


def test_versions_registered_at_once_get_numbers_of_their_own(models, tree):
    numbers = []

    def register(run):
        numbers.append(models.register(OWNER, name="delay", tree=tree, run_id=f"r{run}").number)

    threads = [threading.Thread(target=register, args=(run,)) for run in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers) == list(range(1, 13))


def test_a_version_is_found_by_number_alias_newest_and_id(models, objects, tree, folder):
    one = models.register(OWNER, name="delay", tree=tree)
    two = models.register(OWNER, name="delay", tree=another(objects, folder, 2))
    models.set_alias(OWNER, name="delay", alias="champion", version=1)
    assert models.get(OWNER, ref="delay@1").id == one.id
    assert models.get(OWNER, ref="delay@champion").id == one.id
    assert models.get(OWNER, ref="delay").id == models.get(OWNER, ref="delay@latest").id == two.id
    assert models.get(OWNER, ref=two.id).id == two.id
    assert [version.number for version in models.versions(OWNER, name="delay")] == [2, 1]


def test_an_alias_moves_and_its_history_is_in_the_audit(models, ledger, objects, tree, folder):
    models.register(OWNER, name="delay", tree=tree)
    models.register(OWNER, name="delay", tree=another(objects, folder, 2))
    models.set_alias(OWNER, name="delay", alias="champion", version=1)
    models.set_alias(OWNER, name="delay", alias="champion", version=1)
    assert models.set_alias(OWNER, name="delay", alias="champion", version=2).aliases == ["champion"]
    assert models.get(OWNER, ref="delay@1").aliases == []
    assert models.list(OWNER)[0].aliases == {"champion": 2}
    models.delete_alias(OWNER, name="delay", alias="champion")
    with pytest.raises(ModelVersionNotFound, match="champion"):
        models.get(OWNER, ref="delay@champion")
    with pytest.raises(ModelVersionNotFound):
        models.delete_alias(OWNER, name="delay", alias="champion")
    with ledger.read() as connection:
        query = audit_events.select().where(audit_events.c.action == "model.alias").order_by(audit_events.c.seq)
        moves = [json.loads(row.detail) for row in connection.execute(query)]
    assert [(move["before"], move["after"]) for move in moves] == [(None, 1), (1, 2)]


@pytest.mark.parametrize("alias", ["latest", "v1", "V22", "3", "", "a b", "-x", "a@b", "x" * 256, "é"])
def test_an_alias_that_would_be_taken_for_a_version_is_refused(alias):
    with pytest.raises(InvalidAlias):
        check_alias(alias)


@pytest.mark.parametrize("ref", ["", "@", "a/b", "../x", "delay@@", "delay@1.5", "\ud800", "delay@\0", "delay@²"])
def test_a_reference_that_names_nothing_is_refused(ref):
    with pytest.raises((InvalidName, InvalidAlias)):
        parse_ref(ref)


def test_an_unknown_name_gets_the_nearest(models, tree):
    with pytest.raises(ModelNotFound):
        models.get(OWNER, ref="delay")
    models.register(OWNER, name="delay", tree=tree)
    with pytest.raises(ModelNotFound) as error:
        models.get(OWNER, ref="dealy")
    assert "'delay'" in error.value.hint
    for ref in ("delay@2", "delay@champion", "delay@999999999999999999999999"):
        with pytest.raises(ModelVersionNotFound):
            models.get(OWNER, ref=ref)
    with pytest.raises(ModelNotFound):
        models.versions(OWNER, name="dealy")


def test_models_are_searched_by_a_part_of_their_name(models, tree):
    for name in ("delay", "price", "price_2"):
        models.register(OWNER, name=name, tree=tree)
    assert [model.name for model in models.list(OWNER, search="RICE")] == ["price", "price_2"]
    assert [model.name for model in models.list(OWNER, search="_")] == ["price_2"]
    assert models.list(OWNER, search="%") == []


def test_a_description_and_tags_change_and_the_rest_does_not(models, tree):
    one = models.register(OWNER, name="delay", tree=tree, tags={"a": "1"})
    two = models.describe(OWNER, ref="delay@1", description="better", tags={"b": "2"})
    changed = {"description": "better", "tags": {"a": "1", "b": "2"}, "updated_at": two.updated_at}
    assert two == msgspec.structs.replace(one, **changed)
    assert two.updated_at > one.updated_at


@pytest.mark.parametrize("more", [{"description": "a\0"}, {"tags": {"k\n": "v"}}, {"tags": {"k": "x" * 100_001}}])
def test_texts_that_are_unfit_are_refused(models, tree, more):
    with pytest.raises(InvalidText):
        models.register(OWNER, name="delay", tree=tree, **more)
    with pytest.raises(InvalidName):
        models.register(OWNER, name="../delay", tree=tree)
    assert models.list(OWNER) == []


def test_a_version_predicts_from_verified_files(models, tree):
    predictor = models.load(models.register(OWNER, name="delay", tree=tree))
    assert predictor.predict_row([2.0, "a"])[1] == 1
    assert models.export(tree) == models.export(tree)


def test_what_is_no_model_or_damaged_is_not_registered(models, objects, folder, tmp_path):
    with pytest.raises(ObjectMissing):
        models.register(OWNER, name="delay", tree="0" * 64)
    empty = tmp_path / "empty"
    empty.mkdir()
    empty.joinpath("x").write_text("x")
    with pytest.raises(NotAModel):
        models.register(OWNER, name="delay", tree=objects.put_tree(empty))
    bad = shutil.copytree(folder, tmp_path / "bad")
    bad.joinpath("model.lgb").write_text("tree\n")
    with pytest.raises(DamagedModel):
        models.register(OWNER, name="delay", tree=objects.put_tree(bad))
    folder.joinpath("model.pkl").write_bytes(b"\x80")
    with pytest.raises(UnsafeModel):
        models.register(OWNER, name="delay", tree=objects.put_tree(folder))
    assert models.list(OWNER) == []


def test_types_vouched_for_in_the_folder_need_the_registrar_s_word(models, objects, folder, ledger):
    path = folder / "tidemill.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "trusted": ["mine.Type"]}))
    tree = objects.put_tree(folder)
    with pytest.raises(UntrustedTypes, match=r"mine\.Type"):
        models.register(OWNER, name="delay", tree=tree)
    models.register(OWNER, name="delay", tree=tree, trusted=["mine.Type"])
    with ledger.read() as connection:
        rows = connection.execute(audit_events.select().where(audit_events.c.action == "model.register")).all()
    assert json.loads(rows[0].detail)["trusted"] == ["mine.Type"]
