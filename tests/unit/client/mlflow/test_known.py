"""What is known while the server is away is what it would say of what was logged here."""

from tidemill.client.mlflow import plain_uri
from tidemill.client.mlflow.known import KnownExperiments, KnownRuns, is_provisional

RUN = {"info": {"run_id": "r", "status": "RUNNING"}, "data": {"params": [{"key": "depth", "value": "4"}]}}


def test_a_run_is_told_with_all_that_was_logged():
    known = KnownRuns()
    known.put(RUN)
    known.note("r", [{"key": "loss", "value": 0.5, "step": 2, "timestamp": 1}], {"width": "2"}, {"team": "ops"})
    known.note("r", [{"key": "loss", "value": 0.9, "step": 1, "timestamp": 9}], {}, {"gone": "yes"})
    known.change("r", {"status": "FINISHED"}, without_tag="gone")

    told = known.get("r")

    assert told is not None
    assert told["info"]["status"] == "FINISHED"
    assert told["data"]["metrics"] == [{"key": "loss", "value": 0.5, "step": 2, "timestamp": 1}]
    assert told["data"]["params"] == [{"key": "depth", "value": "4"}, {"key": "width", "value": "2"}]
    assert told["data"]["tags"] == [{"key": "team", "value": "ops"}]


def test_a_param_that_changes_is_noticed():
    known = KnownRuns()
    known.put(RUN)

    assert known.changed_param("r", {"depth": "5"}) == ("depth", "4")
    assert known.changed_param("r", {"depth": "4", "new": "1"}) is None
    assert known.changed_param("other", {"depth": "5"}) is None


def test_a_run_of_others_is_not_made_up():
    known = KnownRuns()
    known.note("r", [], {"depth": "4"}, {})

    assert known.get("r") is None


def test_experiments_are_known_to_the_next_process_and_of_their_own_server(tmp_path):
    told = {"experiment_id": "7", "name": "delay", "artifact_location": "mlflow-artifacts:/7", "tags": []}
    KnownExperiments(tmp_path, "http://one").put(told)

    again = KnownExperiments(tmp_path, "http://one")
    assert again.by_name("delay") == again.by_id("7")
    assert KnownExperiments(tmp_path, "http://two").by_name("delay") is None


def test_a_provisional_id_stands_for_the_name_for_ever(tmp_path):
    known = KnownExperiments(tmp_path, "http://one")
    begun = known.begin("delay")
    assert is_provisional(begun["experiment_id"])

    known.put({"experiment_id": "7", "name": "delay"})

    found = known.by_id(begun["experiment_id"])
    assert found is not None
    assert found["experiment_id"] == "7"


def test_a_file_that_cannot_be_read_is_no_knowledge(tmp_path):
    (tmp_path / "experiments.json").write_text("{")

    assert KnownExperiments(tmp_path, "http://one").by_name("delay") is None
    assert KnownExperiments(None, "http://one").begin("delay")["name"] == "delay"


def test_mlflow_is_told_a_uri_that_it_knows():
    assert plain_uri("tidemill+http://host:1") == "http://host:1"
    assert plain_uri("http://host:1") == "http://host:1"
