"""Registered names, MLflow's stages, the trash, and versions of what runs logged."""

import pytest

from tidemill.core.access import OWNER
from tidemill.core.names import InvalidName
from tidemill.core.refs import Ref
from tidemill.ledger import Ledger
from tidemill.ledger.lineage import trace
from tidemill.models.ports import Found
from tidemill.models.rules import (
    AliasNotFound,
    InvalidSource,
    InvalidStage,
    ModelExists,
    ModelNotFound,
    ModelServes,
    ModelVersionNotFound,
    check_model_name,
    check_source,
)
from tidemill.models.service import ModelService
from tidemill.objects import ObjectStore
from tidemill.objects.trees import TreeEntry

MLMODEL = b"""flavors:
  python_function: {loader_module: mlflow.sklearn}
  sklearn: {pickled_model: model.skops}
signature: {inputs: '[{"type":"double","name":"x"}]', outputs: '[{"type":"long"}]'}
"""


class Logged:
    """What runs logged, for a test."""

    def __init__(self, objects):
        self.objects = objects
        self.files = {"MLmodel": MLMODEL, "model.skops": b"bytes"}

    def find(self, actor, source):
        if not source.startswith("runs:/"):
            return None
        entries = [TreeEntry(path, len(text), self.objects.put_bytes(text)) for path, text in self.files.items()]
        return Found(entries=entries, run_id=source.split("/")[1])


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
    return ModelService(ledger, objects, tmp_path / "work", Logged(objects))


def add(models, name="delay", source="runs:/r1/model", **more):
    return models.create_version(OWNER, name=name, source=source, **more)


def names(models):
    return [each.name for each in models.search(OWNER).models]


def test_what_a_run_logged_becomes_a_version_with_its_files_and_lineage(models, ledger, objects):
    version = add(models, tags={"by": "ann"}, description="first")
    assert (version.ref, version.run_id, version.framework, version.tags) == ("delay@1", "r1", "sklearn", {"by": "ann"})
    assert [field.name for field in version.signature.inputs] == ["x"]
    assert {entry.path for entry in objects.list_tree(version.digest)} == {"MLmodel", "model.skops"}
    with ledger.read() as connection:
        upstream = {str(edge.source) for edge in trace(connection, Ref("model_version", version.id)).edges}
    assert {"run:r1", f"artifact:{version.digest}"} <= upstream


def test_the_version_keeps_its_files_when_the_run_logs_others(models, objects):
    one = add(models)
    models._sources.files["model.skops"] = b"others"
    two = add(models)
    assert (two.number, one.digest != two.digest) == (2, True)
    assert objects.list_tree(one.digest) != objects.list_tree(two.digest)


def test_a_place_elsewhere_is_kept_as_said_and_not_read(models):
    version = add(models, source="s3://bucket/model", run_id="r9")
    assert (version.source, version.size, version.framework, version.run_id) == ("s3://bucket/model", 0, "", "r9")


def test_a_version_is_copied_from_another_model(models):
    one = add(models)
    two = add(models, name="delay-live", source="models:/delay/1")
    assert (two.digest, two.run_id, two.ref) == (one.digest, "r1", "delay-live@1")
    with pytest.raises(ModelVersionNotFound):
        add(models, name="delay-live", source="models:/delay/7")


@pytest.mark.parametrize(
    "source",
    [
        "/etc/passwd",
        "etc",
        "file:///etc/passwd",
        "FILE:/etc",
        "runs:/r1/../../x",
        "s3://b/%2e%2e/x",
        "c:\\x",
        "",
        "ftp://x",
    ],
)
def test_a_source_on_the_server_s_own_disk_is_refused(source):
    with pytest.raises(InvalidSource):
        check_source(source)


@pytest.mark.parametrize("name", ["", " ", "a/b", "a:b", "a@b", "..", "a\0", "a\n", "x" * 257, "\ud800"])
def test_a_name_that_would_be_ambiguous_is_refused(name):
    with pytest.raises(InvalidName):
        check_model_name(name)


@pytest.mark.parametrize("name", ["delay", "Delay model v2", "modèle.prix", "delay_2-b", "a%b", 'a"b'])
def test_names_hold_what_people_write(name):
    assert check_model_name(name) == name


def test_a_name_is_registered_once_described_tagged_and_found(models):
    models.create(OWNER, name="delay", description="late?", tags={"team": "ops"})
    with pytest.raises(ModelExists):
        models.create(OWNER, name="delay")
    models.set_tag(OWNER, name="delay", key="tier", value="1")
    models.delete_tag(OWNER, name="delay", key="team")
    models.delete_tag(OWNER, name="delay", key="team")
    changed = models.update(OWNER, name="delay", description="how late?")
    assert (changed.tags, changed.description, changed.latest) == ({"tier": "1"}, "how late?", 0)
    assert models.get_model(OWNER, name="delay") == changed
    with pytest.raises(ModelNotFound):
        models.get_model(OWNER, name="dely")
    with pytest.raises(ModelVersionNotFound):
        models.get(OWNER, ref="delay")


def test_renaming_takes_versions_aliases_and_tags_along(models):
    one = add(models)
    models.set_tag(OWNER, name="delay", key="team", value="ops")
    models.set_alias(OWNER, name="delay", alias="champion", version=1)
    models.create(OWNER, name="taken")
    with pytest.raises(ModelExists):
        models.rename(OWNER, name="delay", new_name="taken")
    renamed = models.rename(OWNER, name="delay", new_name="late")
    assert (renamed.tags, renamed.aliases, renamed.latest) == ({"team": "ops"}, {"champion": 1}, 1)
    assert models.get(OWNER, ref="late@champion").id == one.id
    assert names(models) == ["late", "taken"]


def test_a_deleted_model_is_in_the_trash_until_it_is_restored(models):
    add(models)
    models.set_alias(OWNER, name="delay", alias="champion", version=1)
    models.delete(OWNER, name="delay")
    assert names(models) == []
    for gone in ("delay", "delay@1", "delay@champion"):
        with pytest.raises(ModelNotFound):
            models.get(OWNER, ref=gone)
    assert models.restore(OWNER, name="delay").latest == 1
    assert models.get(OWNER, ref="delay@1").deleted_at is None
    with pytest.raises(ModelNotFound):
        models.restore(OWNER, name="delay")


def test_a_number_is_never_given_again(models):
    add(models)
    add(models)
    models.delete_version(OWNER, ref="delay@2")
    assert add(models).number == 3
    models.delete(OWNER, name="delay")
    models.create(OWNER, name="delay")
    assert add(models).number == 4
    assert [each.number for each in models.versions(OWNER, name="delay")] == [4]


def test_a_deleted_version_ends_its_aliases_and_comes_back_without_them(models):
    one = add(models)
    models.set_alias(OWNER, name="delay", alias="champion", version=1)
    models.delete_version(OWNER, ref="delay@1")
    with pytest.raises(AliasNotFound):
        models.get(OWNER, ref="delay@champion")
    assert models.get(OWNER, ref=one.id).deleted_at is not None
    assert models.restore_version(OWNER, name="delay", number=1).aliases == []
    with pytest.raises(ModelVersionNotFound):
        models.restore_version(OWNER, name="delay", number=1)


def test_what_an_endpoint_answers_with_cannot_go(models):
    add(models)
    models.serving = lambda name, number: "live" if (name, number) == ("delay", 1) else ""
    for go in (
        lambda: models.delete_version(OWNER, ref="delay@1"),
        lambda: models.delete(OWNER, name="delay"),
        lambda: models.rename(OWNER, name="delay", new_name="late"),
    ):
        with pytest.raises(ModelServes, match="live"):
            go()


def test_stages_archive_what_was_there(models):
    add(models)
    add(models)
    assert models.transition_stage(OWNER, ref="delay@1", stage="production").stage == "Production"
    models.transition_stage(OWNER, ref="delay@2", stage="Production", archive_existing=True)
    latest = models.latest_versions(OWNER, name="delay")
    assert {(each.number, each.stage) for each in latest} == {(1, "Archived"), (2, "Production")}
    assert models.latest_versions(OWNER, name="delay", stages=["Staging"]) == []
    for stage, archive in (("live", False), ("None", True)):
        with pytest.raises(InvalidStage):
            models.transition_stage(OWNER, ref="delay@1", stage=stage, archive_existing=archive)


def test_a_tag_of_a_version_goes(models):
    add(models, tags={"a": "1", "b": "2"})
    models.delete_version_tag(OWNER, ref="delay@1", key="a")
    assert models.get(OWNER, ref="delay@1").tags == {"b": "2"}


def test_pages_of_versions_follow_one_another(models):
    for _ in range(5):
        add(models)
    page = models.search_versions(OWNER, max_results=3)
    rest = models.search_versions(OWNER, max_results=3, page_token=page.next_page_token)
    assert [each.number for each in (*page.versions, *rest.versions)] == [5, 4, 3, 2, 1]
    assert rest.next_page_token == ""


def test_the_trash_is_searched_as_what_is_in_use_is(models):
    for name in ("delay", "churn"):
        add(models, name=name)
    add(models)
    models.delete(OWNER, name="churn")
    models.delete_version(OWNER, ref="delay@1")

    def found(view, text=""):
        versions = models.search_versions(OWNER, filter=text, view=view).versions
        return [each.name for each in models.search(OWNER, view=view).models], sorted(each.ref for each in versions)

    assert found("active") == (["delay"], ["delay@2"])
    assert found("deleted") == (["churn"], ["churn@1", "delay@1"])
    assert found("all") == (["churn", "delay"], ["churn@1", "delay@1", "delay@2"])
    assert found("deleted", "name = 'delay'")[1] == ["delay@1"]
