"""A complaint about the project file names the place and the way out."""

from pathlib import Path

import pytest

from tidemill.projects.reading import InvalidProjectFile, ProjectFileMissing, parse_project, read_project
from tidemill.projects.spec import PipelineSpec

WHOLE = b"""\
project: flight-delays
datasets:
  flights:
    source: data/flights-*.parquet
    key: [flight_id]
    time: departed_at
    rules: {dep_delay: {nulls: "< 5%"}, carrier: {in: [UA, AA]}, distance: {between: [1, 6000]}}
    on_bad_rows: quarantine
pipeline: pipeline.py:delays
model: {name: delay, label: late}
gate:
  - metric: roc_auc >= champion - 0.005
  - check: leakage
  - check: {slices: {by: [carrier], metric: roc_auc, worst: ">= 0.60"}}
  - approval: reviewers
deploy:
  endpoint: delay
  rollout: {canary: [1%, 10%, 50%], watch: [error_rate], false_rollback: 5%}
monitor:
  drift: {reference: training, false_alarms: 1 per 90d}
  performance: {metric: roc_auc, label_delay: 2d}
retrain:
  on: [drift, performance, new_data, "cron: 0 3 * * *"]
  cooldown: 12h
  budget: 20 runs per 30d
notify: [{webhook: "https://example.org/hook"}]
"""


def test_the_whole_file_of_the_design_is_read() -> None:
    spec = parse_project(WHOLE)
    assert spec.datasets["flights"].rules["distance"] == {"between": [1, 6000]}
    assert spec.pipeline_spec() == PipelineSpec(run="pipeline.py:delays")
    assert spec.deploy is not None
    assert spec.deploy.rollout is not None
    assert spec.deploy.rollout.canary == ["1%", "10%", "50%"]
    assert spec.gate[2] == {"check": {"slices": {"by": ["carrier"], "metric": "roc_auc", "worst": ">= 0.60"}}}


def test_a_cron_line_is_written_as_a_text_or_as_a_key() -> None:
    spec = parse_project(
        b"project: a\nretrain:\n  on:\n    - new_data\n    - cron: 0 3 * * *\n    - 'cron: 30 4 * * 1'\n"
    )
    assert spec.retrain is not None
    assert spec.retrain.causes() == ["new_data", "cron: 0 3 * * *", "cron: 30 4 * * 1"]


@pytest.mark.parametrize(
    ("content", "where", "said", "hint"),
    [
        (b"project: a\ndatasts:\n  x: {source: a.csv}\n", ":2:1", "no key 'datasts'", "datasets"),
        (b"project: a\nmonitor:\n  drift:\n    referense: x\n", ":4:5", "'referense' in monitor.drift", "reference"),
        (b"project: a\ndatasets:\n  x:\n    source: 5\n", ":4:13", "datasets.x.source is the value '5'", ""),
        (b"project: a\ndatasets:\n  x: {key: [a]}\n", ":3:6", "lacks source", ""),
        (b"project: a\nretrain:\n  on: [drift, 'cron: 0 3 * *']\n", ":3:15", "not a cron line", "Five fields"),
        (b"project: a\nretrain:\n  on:\n    - cron: 0 99 * * *\n", ":4:7", "not a cron line", "Five fields"),
        (b"project: a\nretrain:\n  on:\n    - cron: 0 3 31 2 *\n", ":4:7", "never comes", "day"),
        (b"project: a\nretrain: {on: [drift, new_date]}\n", ":2:23", "names 'new_date'", "new_data"),
        (b"project: a\nretrain: {cooldown: soon}\n", ":2:21", "soon", ""),
        (b"project: a\nretrain:\n  budget: a lot\n", ":3:11", "not a budget", "20 runs per 30d"),
        (b"project: a\ngate: 5\n", ":2:7", "must be a list", ""),
        (b"project: [a]\n", ":1:10", "must be text", ""),
        (b"project: a b\n", ":1:1", "not a name", "a-z"),
        (b"project: a\nproject: b\n", ":2:1", "duplicate", ""),
        (b"project: a\n  x: [\n", ":2", "", ""),
        (b"- a\n", ":1:1", "holds no keys", "project"),
        (b"", ":1:1", "holds no keys", "project"),
        (b"\xff\xfe", "tidemill.yaml", "not YAML", ""),
        (b"project: !!python/object:os.system x\n", ":1:10", "", ""),
        (b"project: a\ndatasets: {x: {source: a, on_bad_rows: ignore}}\n", ":2:15", "'reject' or 'quarantine'", ""),
        (b"project: a\ndatasets: {x: {source: 'https://h/a?sig=hunter2'}}\n", ":2:15", "holds a credential", ""),
        (b"project: a\nmonitor: {drift: {tolerance: lots}}\n", ":2:30", "must be a number", ""),
    ],
)
def test_a_complaint_names_place_and_way_out(content: bytes, where: str, said: str, hint: str) -> None:
    with pytest.raises(InvalidProjectFile) as caught:
        parse_project(content)
    assert where in caught.value.where
    assert said in caught.value.message
    assert hint in caught.value.hint


def test_aliases_cannot_unfold_without_end() -> None:
    lines = ["project: a", "notify:", "  - &a0 {x: 1}"]
    lines += [f"  - &a{n} {{x: [{', '.join([f'*a{n - 1}'] * 10)}]}}" for n in range(1, 8)]
    with pytest.raises(InvalidProjectFile, match="unfolds"):
        parse_project("\n".join(lines).encode())


def test_a_folder_without_the_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ProjectFileMissing, match="tidemill init"):
        read_project(tmp_path / "tidemill.yaml")


@pytest.mark.parametrize(
    ("rules", "place", "said"),
    [
        ("{distance: {betwen: [1, 2]}}", ":5:32", "betwen"),
        ("{distance: {between: [2, 1]}}", ":5:33", "between"),
        ("{table: {expect: 'a >='}}", ":5:29", "at character 5"),
        ("{table: {rows: {change: 5}}}", ":5:27", "rows"),
    ],
)
def test_a_rule_that_is_none_is_refused_at_its_place(rules, place, said):
    text = f"project: p\ndatasets:\n  flights:\n    source: a.csv\n    rules: {rules}\n"

    with pytest.raises(InvalidProjectFile) as raised:
        parse_project(text.encode())

    assert said in raised.value.message
    assert raised.value.hint
    assert raised.value.where == f"tidemill.yaml{place}"
