"""A repeated import takes over what was deleted at the source, and keeps what was set here."""

import pytest
from tests.mlflow.stores import BORN, NET, ONE, TWO, Store

from tidemill.core.access import OWNER
from tidemill.core.errors import NotFound
from tidemill.tracking.importing import RunImporter
from tidemill.tracking.rules import RunNotFound

CHURN: dict[str, object] = {"experiment_id": 5}
DELAY: dict[str, object] = {"name": "delay"}
TABLES: dict[str, tuple[str, dict[str, object]]] = {
    "experiment": ("experiment_tags", CHURN),
    "run": ("tags", {"run_uuid": ONE}),
    "model": ("registered_model_tags", DELAY),
    "version": ("model_version_tags", DELAY | {"version": 1}),
}
PLACES = list(TABLES)


def put(store: Store, place: str, **tags: str) -> None:
    table, owner = TABLES[place]
    for key, value in tags.items():
        store.put(table, key=key, value=value, **owner)


def drop(store: Store, place: str, key: str) -> None:
    store.connection.execute(f"DELETE FROM {TABLES[place][0]} WHERE key = ?", (key,))


def change(store: Store, place: str, key: str, value: str) -> None:
    store.connection.execute(f"UPDATE {TABLES[place][0]} SET value = ? WHERE key = ?", (value, key))


def tags(workspace, place: str) -> dict[str, str]:
    if place == "experiment":
        found = workspace.tracking.get_experiment(OWNER, name="churn").tags
    elif place == "run":
        found = workspace.tracking.get_run(OWNER, run_id=ONE).tags
    elif place == "model":
        found = workspace.models.get_model(OWNER, name="delay").tags
    else:
        found = workspace.models.get(OWNER, ref="delay@1").tags
    return {key: value for key, value in found.items() if key.startswith("mine")}


def set_here(workspace, place: str, key: str, value: str) -> None:
    if place == "experiment":
        workspace.tracking.update_experiment(OWNER, experiment="churn", tags={key: value})
    elif place == "run":
        workspace.tracking.log_batch(OWNER, run_id=ONE, tags={key: value})
    elif place == "model":
        workspace.models.set_tag(OWNER, name="delay", key=key, value=value)
    else:
        workspace.models.describe(OWNER, ref="delay@1", tags={key: value})


@pytest.mark.parametrize("place", PLACES)
def test_a_tag_that_was_deleted_there_goes_here_unless_somebody_changed_it(store, workspace, take, place):
    put(store, place, mine="a", mine_changed="b", mine_stays="c")
    take(store.url)
    set_here(workspace, place, "mine_changed", "of ours")
    set_here(workspace, place, "mine_here", "d")
    for key in ("mine", "mine_changed"):
        drop(store, place, key)
    counts = take(store.url).report.counts

    assert tags(workspace, place) == {"mine_changed": "of ours", "mine_here": "d", "mine_stays": "c"}
    assert counts["tags deleted"] == 1
    assert "tags deleted" not in take(store.url).report.counts


@pytest.mark.parametrize("place", PLACES)
def test_a_tag_is_changed_by_who_changed_it_and_by_the_source_where_both_did(store, workspace, take, place):
    put(store, place, mine="a", mine_theirs="b", mine_both="c")
    take(store.url)
    for key in ("mine", "mine_both"):
        set_here(workspace, place, key, "of ours")
    for key in ("mine_theirs", "mine_both"):
        change(store, place, key, "of theirs")
    take(store.url)

    assert tags(workspace, place) == {"mine": "of ours", "mine_theirs": "of theirs", "mine_both": "of theirs"}


@pytest.mark.parametrize("place", ["experiment", "model"])
def test_a_tag_that_was_here_before_the_import_stays(store, workspace, take, place):
    if place == "experiment":
        workspace.tracking.create_experiment(OWNER, name="churn")
    else:
        workspace.models.create(OWNER, name="delay")
    set_here(workspace, place, "mine", "a")
    put(store, place, mine="a", mine_too="b")
    take(store.url)
    for key in ("mine", "mine_too"):
        drop(store, place, key)
    take(store.url)

    assert tags(workspace, place) == {"mine": "a"}


def test_a_tag_of_a_logged_model_goes_too(store, workspace, take):
    if not store.is_new:
        return
    store.put("logged_model_tags", model_id=NET, experiment_id=5, tag_key="mine", tag_value="a")
    take(store.url)
    assert workspace.logged_models.get(OWNER, model_id=NET).tags == {"mine": "a"}
    store.connection.execute("DELETE FROM logged_model_tags")
    take(store.url)

    assert workspace.logged_models.get(OWNER, model_id=NET).tags == {}


def test_aliases_are_merged_as_tags_are(store, workspace, take):
    def alias(name: str, number: int) -> None:
        store.put("registered_model_aliases", name="delay", alias=name, version=number)

    def aliases() -> dict[str, int]:
        return dict(workspace.models.get_model(OWNER, name="delay").aliases)

    for name in ("old", "moved", "taken", "away"):
        alias(name, 1)
    take(store.url)
    workspace.models.set_alias(OWNER, name="delay", alias="taken", version=3)
    workspace.models.set_alias(OWNER, name="delay", alias="here", version=3)
    workspace.models.delete_alias(OWNER, name="delay", alias="away")
    store.connection.execute("DELETE FROM registered_model_aliases WHERE alias IN ('old', 'taken')")
    store.connection.execute("UPDATE registered_model_aliases SET version = 3 WHERE alias = 'moved'")
    counts = take(store.url).report.counts

    assert aliases() == {"champion": 1, "moved": 3, "taken": 3, "here": 3}
    assert (counts["aliases"], counts["aliases deleted"]) == (1, 1)
    again = take(store.url).report.counts
    assert "aliases" not in again
    assert again["aliases unchanged"] == 3


def test_what_a_killed_import_brought_is_known_as_its_own(store, workspace, take, monkeypatch):
    put(store, "run", mine="a")

    def killed(self, runs):
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(RunImporter, "finish", killed)
        take(store.url)
    take(store.url)
    drop(store, "run", "mine")
    take(store.url)

    assert tags(workspace, "run") == {}


def test_what_was_removed_for_good_here_comes_back_only_with_what_is_new_there(store, workspace, take):
    put(store, "run", mine="a")
    put(store, "model", mine="b")
    take(store.url)
    workspace.tracking.delete_experiment(OWNER, experiment="churn")
    workspace.models.delete(OWNER, name="delay")
    workspace.maintenance.gc(OWNER, older_than="0s")
    again = take(store.url)
    assert again.report.error == ""
    with pytest.raises(NotFound):
        workspace.models.get_model(OWNER, name="delay")

    store.run("9" * 32, 5)
    store.connection.execute("UPDATE runs SET name = 'bush' WHERE run_uuid = ?", (ONE,))
    store.connection.execute("UPDATE registered_models SET last_updated_time = ?", (BORN + 99,))
    store.put("model_versions", name="delay", version=4, creation_time=BORN, run_id=ONE, last_updated_time=BORN,
              current_stage="None", source="s3://b/m", status="READY")  # fmt: skip
    done = take(store.url)

    assert done.report.error == ""
    assert workspace.tracking.get_run(OWNER, run_id="9" * 32).experiment_id == "5"
    assert workspace.tracking.get_experiment(OWNER, name="churn").experiment_id == "5"
    assert tags(workspace, "run") == {"mine": "a"}, "it changed there: it comes back whole"
    with pytest.raises(RunNotFound):
        workspace.tracking.get_run(OWNER, run_id=TWO)
    assert tags(workspace, "model") == {"mine": "b"}
    assert [each.number for each in workspace.models.versions(OWNER, name="delay")] == [4]
    assert done.report.skipped["versions that were removed for good here"] == 3
    assert workspace.maintenance.fsck(OWNER).is_clean
