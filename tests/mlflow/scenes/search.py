"""Search of runs: the filter language, ordering, pages, and what is refused."""

from tests.mlflow.asking import Better, ask
from tests.mlflow.scenes.runs import WRONG

T = 1_700_000_000_000
FOUND = Better(status=200, body={"runs.0.info.run_name": "alpha"})  # our language is a superset
INFO = ("inputs", "outputs", "data")  # only who is found and in which order


def _run(name, at, metrics, params, tags, **more):
    return [
        ask(f"create {name}", "POST runs/create", {"experiment_id": "$exp", "run_name": name, "start_time": T + at, "user_id": "ann"},
            keep={f"run-{name}": "run.info.run_id"}),
        ask(f"write {name}", "POST runs/log-batch", {
            "run_id": f"$run-{name}",
            "metrics": [{"key": key, "value": value, "timestamp": T, "step": 0} for key, value in metrics.items()],
            "params": [{"key": key, "value": value} for key, value in params.items()],
            "tags": [{"key": key, "value": value} for key, value in tags.items()],
        }),
    ] + [ask(f"end {name}", "POST runs/update", {"run_id": f"$run-{name}", "end_time": T + 50, **more})] * bool(more)  # fmt: skip


def _find(filter_string, order=("run_name ASC",), better=None, **more):
    body = {"experiment_ids": ["$exp"], "filter": filter_string, "order_by": list(order), "max_results": 50, **more}
    label = f"{filter_string} | {', '.join(order)}" + (f" | {more}" if more else "")
    return ask(label, "POST runs/search", body, ignore=INFO, better=better)


def _setup(name):
    return [
        ask("create experiment", "POST experiments/create", {"name": name}, keep={"exp": "experiment_id"}),
        *_run("alpha", 1, {"loss": 0.1, "a b": 1}, {"model": "tree", "depth": "10"}, {"who": "it's me", "k": "x"}, status="FINISHED"),
        *_run("Beta", 2, {"loss": 0.2, "nan": "NaN"}, {"model": "Tree", "depth": "9"}, {"who": 'say "hi"'}, status="FAILED"),
        *_run("gamma", 3, {"loss": "NaN"}, {"model": "net", "path": "a%b_c"}, {"mlflow.loggedArtifacts": '[{"path": "tab.json", "type": "table"}]'}),
        *_run("delta", 4, {"acc": 0.5}, {"depth": "10"}, {"k": "y"}, status="FINISHED"),
        *_run("gone", 5, {"loss": 0.0}, {}, {}),
        ask("delete one", "POST runs/delete", {"run_id": "$run-gone"}),
    ]  # fmt: skip


GRAMMAR = [
    *_setup("searches"),
    *(_find(text) for text in (
        "", "metrics.loss < 0.15", "metric.loss <= 0.1", "metrics.loss > 0.1 and metrics.loss < 5e-1", "metrics.loss = 0.2", "metrics.loss != 0.2",
        "metrics.`a b` = 1", 'metrics."a b" >= 1', "params.model = 'tree'", 'params.model = "tree"', "params.model != 'tree'",
        "params.model LIKE 't%'", "params.model like '%ree'", "params.model ILIKE 't%'", "parameters.depth = '10'", "param.path LIKE 'a%b_c'",
        "tags.k = 'x'", "tag.k != 'x'", 'tags.who = "it\'s me"', "tags.who = 'say \"hi\"'", "tags.`mlflow.runName` = 'alpha'",
        "tags.mlflow.runName LIKE '%a'", "tags.k IS NULL", "tags.k IS NOT NULL", "params.depth is null",
        "attributes.status = 'FINISHED'", "status != 'FINISHED'", "attribute.run_name LIKE '%lpha'", "run_name ILIKE 'b%'", "run_name = 'Beta'",
        "user_id = 'ann'", f"start_time >= {T + 3}", f"attr.end_time = {T + 50}", f"created > {T + 1}", "run_id = '$run-alpha'",
        "run_id IN ('$run-alpha', '$run-delta')", "run_id NOT IN ('$run-alpha')", "attributes.artifact_uri LIKE '%artifacts'",
        "metrics.loss < 1 AND params.model = 'tree' AND tags.k = 'x' AND status = 'FINISHED'",
        """tags.`mlflow.loggedArtifacts` LIKE '%"path"%:%"tab.json"%'""", "metrics.nothing > 0", "dataset.name = 'x'",
    )),
    _find("", order=("metrics.loss ASC",)),
    _find("", order=("metrics.loss DESC",)),
    _find("", order=("params.model", "run_name DESC")),
    _find("", order=("params.depth DESC", "attributes.start_time ASC")),
    _find("", order=("tags.k desc", "start_time desc")),
    _find("", order=("status ASC", "run_name ASC")),
    _find("", order=("end_time DESC", "run_name")),
    _find("", order=("metrics.`a b`", "run_name")),
    _find("", order=()),
    _find("", run_view_type="DELETED_ONLY"),
    _find("", run_view_type="ALL"),
]  # fmt: skip

REFUSED = [
    *_setup("refused searches")[:3],
    *(_find(text) for text in (
        "nonsense", "metrics.loss", "metrics.loss <", "metrics.loss < 'low'", "metrics.loss LIKE 1", "params.model = tree", "params.model > 'a'",
        "status > 'FINISHED'", "colour = 'red'", "attributes.colour = 'red'", "start_time = 'now'", "params.model = 'unclosed", "things.a = 'b'",
        "run_id IN ()", "run_id IN ('a', 3)", "params.model = 'a'; DROP TABLE runs", "metrics.loss = NULL",
    )),
    *(_find(text, better=FOUND) for text in (
        "metrics.loss < 1 OR metrics.loss > 2", "NOT metrics.loss > 1", "(metrics.loss < 1)", "params.model IN ('tree')")),
    *(_find(text, better=WRONG) for text in ("metrics.loss < 1 AND", "tags. = 'x'")),
    _find("", order=("colour",)),
    _find("", order=("metrics.loss SIDEWAYS",)),
    _find("", order=("metrics.",), better=WRONG),
    ask("too many", "POST runs/search", {"experiment_ids": ["$exp"], "max_results": 50001}),
    ask("none", "POST runs/search", {"experiment_ids": ["$exp"], "max_results": 0}),
    ask("negative", "POST runs/search", {"experiment_ids": ["$exp"], "max_results": -1}),
    ask("a forged token", "POST runs/search", {"experiment_ids": ["$exp"], "page_token": "no token"}),
    ask("a token of a list", "POST runs/search", {"experiment_ids": ["$exp"], "page_token": "WzFd"}),
    ask("unknown view", "POST runs/search", {"experiment_ids": ["$exp"], "run_view_type": "SOME"}, better=WRONG),
    ask("ids that are no list", "POST runs/search", {"experiment_ids": "0"}),
    ask("unknown experiment", "POST runs/search", {"experiment_ids": ["987654"]}),
    ask("no experiment", "POST runs/search", {"filter": "metrics.loss < 1"}),
]  # fmt: skip

PAGES = [
    *_setup("pages"),
    ask("whole", "POST runs/search", {"experiment_ids": ["$exp"], "order_by": ["start_time ASC"]}, ignore=("inputs", "outputs")),
    ask("first", "POST runs/search", {"experiment_ids": ["$exp"], "max_results": 2}, keep={"page-token": "next_page_token"}, ignore=INFO),
    ask("second", "POST runs/search", {"experiment_ids": ["$exp"], "max_results": 2, "page_token": "$page-token"}, ignore=INFO,
        keep={}),
    ask("browser's prefix", "POST /ajax-api/2.0/mlflow/runs/search", {"experiment_ids": ["$exp"], "max_results": 1, "filter": "run_name = 'alpha'"},
        ignore=INFO),
]  # fmt: skip
