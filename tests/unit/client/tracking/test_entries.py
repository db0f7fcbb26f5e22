"""What is logged goes in few requests, each of which the server takes, and each of which may come twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemill.client.tracking import entries
from tidemill.client.tracking.entries import call, kept_file, logged, merged, point
from tidemill.client.tracking.frames import Entry

ROUNDS = st.lists(
    st.tuples(st.sampled_from(["r1", "r2"]), st.integers(0, 1500), st.integers(0, 150), st.integers(0, 3)), max_size=12
)


@given(ROUNDS)
def test_merging_keeps_every_point_in_order_and_every_limit(rounds):
    waiting: list[Entry] = []
    for run, metrics, params, tags in rounds:
        points = [{"key": "loss", "value": 1.0, "step": step, "timestamp": 1} for step in range(metrics)]
        texts = {f"p{number}": "v" for number in range(params)}
        waiting += logged(run, points, texts, {f"t{number}": str(metrics) for number in range(tags)})
    sent = []
    left = waiting
    while left:
        whole, count = merged(left)
        assert count >= 1
        sizes = [len(whole.get(name, ())) for name in ("metrics", "params", "tags")]
        assert sizes[0] <= 1000
        assert max(sizes[1:]) <= 100
        assert sum(sizes) <= 1000
        sent.append(whole)
        left = left[count:]

    for run in ("r1", "r2"):
        before = [each for entry in waiting if entry["run"] == run for each in entry.get("metrics", ())]
        after = [each for entry in sent if entry["run"] == run for each in entry.get("metrics", ())]
        assert before == after
        texts = {key: each for entry in waiting if entry["run"] == run for key, each in entry.get("tags", {}).items()}
        last = {key: each for entry in sent if entry["run"] == run for key, each in entry.get("tags", {}).items()}
        assert texts == last


def test_a_param_that_changes_is_not_hidden_by_merging():
    waiting = [*logged("r", params={"depth": "4"}), *logged("r", params={"depth": "5"})]

    assert merged(waiting) == (waiting[0], 1)


def test_a_call_is_never_merged():
    waiting = [call("r", "POST", "/x", {}), call("r", "POST", "/x", {})]

    assert merged(waiting) == (waiting[0], 1)


@pytest.mark.parametrize(
    ("value", "written"), [(float("nan"), "NaN"), (float("inf"), "Infinity"), (float("-inf"), "-Infinity"), (1.5, 1.5)]
)
def test_a_point_has_its_time_and_a_number_that_json_can_say(value, written):
    made = point("loss", value, 3)

    assert made["value"] == written
    assert made["timestamp"] > 1_700_000_000_000


def test_a_file_is_copied_when_it_is_logged(tmp_path):
    file = tmp_path / "model"
    file.write_text("weights")
    entry = kept_file("r", "model", file, tmp_path)
    file.write_text("later")

    assert (tmp_path / "files" / entry["copy"]).read_text() == "weights"


def test_a_file_that_is_too_large_is_noted_as_it_is(tmp_path, monkeypatch):
    monkeypatch.setattr(entries, "MOST_COPIED", 3)
    file = tmp_path / "model"
    file.write_text("weights")
    entry = kept_file("r", "model", file, tmp_path)
    assert (entry["from"], entry["size"]) == (str(file), 7)

    file.write_text("changed")
    refusal = entries.send({**entry, "mtime_ns": 1}, None, tmp_path)  # type: ignore[arg-type]  # nothing is sent
    assert refusal is not None
    assert refusal.code == "file_changed"


def test_a_file_of_a_logged_model_is_copied_whatever_its_size(tmp_path, monkeypatch):
    monkeypatch.setattr(entries, "MOST_COPIED", 3)
    file = tmp_path / "weights ä"
    file.write_text("weights")
    entry = kept_file("", "deep/weights ä", file, tmp_path, model_id="m-1")
    file.unlink()  # as MLflow does after the call
    sent = []

    class Noting:
        def put_file(self, path, copied):
            sent.append((path, copied.read_text()))

    assert entry["run"] == "m-1"
    assert entries.send(entry, Noting(), tmp_path) is None  # type: ignore[arg-type]  # all that is asked of a link
    place = "/api/2.0/mlflow-artifacts/artifacts/0/models/m-1/artifacts"
    assert sent == [(f"{place}/deep/weights%20%C3%A4", "weights")]
