"""The loop of a small project, gone round once: what the pages of these tests show."""

import csv
import io
import json
import random
import struct
import time
import warnings
import zlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
import sqlalchemy as sa
from sklearn.linear_model import LogisticRegression

from tidemill.app import Workspace
from tidemill.core.access import OWNER, Actor, Role
from tidemill.core.ids import new_id
from tidemill.core.moments import to_ms
from tidemill.core.refs import Ref
from tidemill.delivery import endpoints
from tidemill.delivery import store as delivery_store
from tidemill.delivery.records import RolloutPlan
from tidemill.ledger import Transaction
from tidemill.models.saving import save_model
from tidemill.monitoring.records import FeedbackRow
from tidemill.monitoring.settings import DriftSettings, MonitorSettings, PerformanceSettings, RetrainSettings
from tidemill.projects import store
from tidemill.tracking.records import Metric, RunStatus

ANN = Actor("ann", Role.EDITOR)
HOSTILE = '<script>alert("x")</script>\'"><img src=x onerror=alert(1)>'
TURNED = "safe\u202etxt.exe"
PROJECT = """project: flight-delays
datasets:
  flights: {source: "flights-*.csv", key: [flight_id], time: departed_at}
pipeline: pipeline.py:delays
model: {name: delay, label: late}
gate: [{metric: roc_auc >= 0.6}]
deploy: {endpoint: delay}
monitor: {performance: {metric: roc_auc}}
"""
CURIOUS = b"""<!doctype html><title>A drawing</title><body><script>
const tries = {
  cookie: () => document.cookie,
  storage: () => localStorage.length,
  parent: () => parent.document.title,
  top: () => { if (top === self) throw new Error("alone"); top.location = "https://evil.example/"; },
};
const say = (id, text) => document.body.append(Object.assign(document.createElement("p"), { id, textContent: text }));
say("ran", "ran");
say("origin", self.origin);
for (const [id, reach] of Object.entries(tries)) { try { reach(); say(id, "reached"); } catch { say(id, "refused"); } }
fetch("/api/v1/whoami").then(() => say("asked", "reached"), () => say("asked", "refused"));
</script>"""
NOTEBOOK = {
    "cells": [
        {"cell_type": "markdown", "source": "# Delays"},
        {"cell_type": "code", "execution_count": 1, "source": "1 + 1", "outputs": [{"data": {"text/plain": "2"}}]},
    ]
}
CARRIERS = ("UA", "AA", "B6", "DL")
START = datetime(2026, 3, 1, tzinfo=UTC)
DAYS = 36
A_DAY = 140
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108020000009077"
    "53de0000000c49444154789c63f8cfc0000003010100c9fe92ef0000000049454e44ae426082"
)


def flights(seed: int, count: int, *, shift: float = 0.0, start: datetime = START) -> pl.DataFrame:
    """Return flights whose delay depends on the wind, the hour and the carrier."""
    rng = np.random.default_rng(seed)
    wind = rng.gamma(2.0, 5.0, count) + shift
    hour = rng.integers(5, 23, count)
    distance = rng.choice([200, 733, 1089, 1400, 2475], count) + rng.integers(0, 90, count)
    carrier = rng.choice(CARRIERS, count, p=[0.4, 0.3, 0.2, 0.1])
    chance = 1 / (1 + np.exp(-(0.09 * wind + 0.12 * (hour - 14) - 1.6)))
    late = rng.random(count) < chance
    moments = [start + timedelta(minutes=int(at * 1440 * 30 / count)) for at in range(count)]
    return pl.DataFrame(
        {
            "flight_id": list(range(seed * 1_000_000, seed * 1_000_000 + count)),
            "departed_at": [each.strftime("%Y-%m-%dT%H:%M:%SZ") for each in moments],
            "carrier": carrier,
            "wind": wind,
            "hour": hour,
            "distance": distance,
            "late": late,
        }
    )


def _rows() -> bytes:
    buffer = io.BytesIO()
    pl.DataFrame({"carrier": CARRIERS, "late": [0.2, 0.3, 0.1, 0.4]}).write_parquet(buffer)
    return buffer.getvalue()


ROWS = _rows()


class Story:
    """Seeds a workspace, act by act.

    Args:
        workspace: The workspace.
        folder: A folder for files.
    """

    def __init__(self, workspace: Workspace, folder: Path) -> None:
        self.workspace = workspace
        self.folder = folder
        self.ids: list[str] = []

    def tell(self) -> None:
        """Tell the whole story."""
        self.tell_data()
        self.tell_runs()
        self.tell_models()
        self.tell_serving()
        self.tell_projects()

    def tell_data(self) -> None:
        january, february = flights(1, 4000), flights(2, 3600, shift=2.0)
        january.write_csv(self.folder / "flights-01.csv")
        rows = february.to_dicts()
        for at in range(0, 180, 3):
            rows[at]["distance"] = -5
        rows[7]["carrier"], rows[8]["carrier"] = HOSTILE, "a\u2066b"
        with self.folder.joinpath("flights-02.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        rules = {"distance": {"between": [1, 6000]}, "wind": {"nulls": "< 5%"}}
        for at, name in enumerate(("flights-01.csv", "flights-02.csv")):
            self.workspace.data.ingest(
                OWNER,
                "flights",
                str(self.folder / name),
                rules=rules,
                key=["flight_id"],
                time="departed_at",
                on_bad_rows="quarantine",
                append=at > 0,
                description="Departures of New York with the weather of the hour",
            )
        checks = self.workspace.checks
        self.checks = [
            checks.run(OWNER, "flights@2", label="late", against=against).head.id for against in (None, "flights@1")
        ]
        self.training = self.keep(january)
        self.holdout = self.keep(flights(3, 2500, shift=1.0))

    def keep(self, frame: pl.DataFrame) -> str:
        buffer = io.BytesIO()
        frame.write_parquet(buffer)
        return f"artifact:{self.workspace.objects.put_bytes(buffer.getvalue())}"

    def tell_runs(self) -> None:
        tracking, rng = self.workspace.tracking, random.Random(3)
        version = self.workspace.data.get(OWNER, ref="flights@2")
        self.runs = []
        for at, (rate, leaves) in enumerate([("0.1", "31"), ("0.05", "63"), ("0.1", "15"), ("0.3", "31")]):
            run = tracking.create_run(
                OWNER if at else ANN,
                experiment="flight-delays",
                params={"learning_rate": rate, "num_leaves": leaves, "seed": "7"},
                tags={"source": "pipeline.py", "note": HOSTILE},
            )
            points = []
            for step in range(60):
                loss = 0.66 - 0.12 * (1 - 0.94**step) * (1 + 0.1 * at) + rng.uniform(-0.004, 0.004)
                points += [Metric(key="log_loss", value=loss, step=step)]
                points += [Metric(key="roc_auc", value=0.8 - (loss - 0.5) * 0.6, step=step)]
            points.append(Metric(key="rows", value=7420))
            tracking.log_batch(OWNER, run_id=run.run_id, metrics=points)
            tracking.log_input(OWNER, run_id=run.run_id, ref=f"dataset_version:{version.id}", context="training")
            for path, content in {
                "importance.csv": b"feature,gain\nwind,0.61\nhour,0.29\ndistance,0.07\ncarrier,0.03\n",
                "report.json": json.dumps({"roc_auc": 0.731, "rows": 7420, "said": HOSTILE}).encode(),
                "notes/evil.html": HOSTILE.encode(),
                "page.html": CURIOUS,
                "study.ipynb": json.dumps(NOTEBOOK).encode(),
                "rows.parquet": ROWS,
                "plot.png": PNG,
                "model.bin": bytes(range(256)),
            }.items():
                tracking.log_artifact(OWNER, run_id=run.run_id, path=path, content=content)
            tracking.end_run(OWNER, run_id=run.run_id)
            self.runs.append(run.run_id)
        logged = self.workspace.logged_models.create(
            OWNER, experiment_id="flight-delays", name="tree", source_run_id=self.runs[-1], params={"note": HOSTILE}
        )
        measured = Metric(
            key="auc", value=0.87, model_id=logged.model_id, dataset_name="flights", dataset_digest="ab12"
        )
        tracking.log_batch(OWNER, run_id=self.runs[-1], metrics=[measured])
        root = f"logged_model:{logged.model_id}"
        tracking.put_artifact(OWNER, root=root, path="MLmodel", digest=self.workspace.objects.put_bytes(b"kind: tree"))
        self.logged_model = logged.model_id
        hostile = tracking.create_run(OWNER, experiment=HOSTILE[:60], name=HOSTILE, params={HOSTILE[:40]: HOSTILE})
        tracking.end_run(OWNER, run_id=hostile.run_id, status=RunStatus.FAILED)
        self.hostile_run = hostile.run_id

    def tell_models(self) -> None:
        self.versions = []
        inputs = ["wind", "hour", "distance"]
        for at, strength in enumerate((0.02, 1.0, 0.5, 0.0001)):
            table = flights(10 + at, 2500, shift=float(at))
            folder = self.folder / f"model-{at}"
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                used = table.select(inputs).to_numpy()
                truth = table["late"].to_numpy()
                if at == 3:
                    truth = np.random.default_rng(1).random(len(truth)) > 0.5
                model = LogisticRegression(C=strength, max_iter=500).fit(used, truth)
                save_model(model, folder, example=table.select(inputs).head(50), tolerance=1e-9)
            tree = self.workspace.objects.put_tree(folder)
            version = self.workspace.models.register(
                ANN, name="delay", tree=tree, run_id=self.runs[at], tags={"data": "flights@2"}
            )
            self.versions.append(version)

    def judge(self, at: int, rules: list[dict[str, object]]) -> str:
        report = self.workspace.delivery.evaluate_gate(
            ANN, model=self.versions[at].ref, rules=rules, holdout=self.holdout, label="late", time="departed_at"
        )
        return report.id

    def tell_serving(self) -> None:
        delivery = self.workspace.delivery
        rules: list[dict[str, object]] = [
            {"metric": "roc_auc >= champion - 0.02"},
            {"metric": "roc_auc >= 0.6"},
            {"check": {"slices": {"by": ["carrier"], "metric": "roc_auc", "worst": ">= 0.55"}}},
        ]
        delivery.create_endpoint(
            OWNER, name="delay", time="departed_at", passthrough=["flight_id", "departed_at", "carrier"]
        )
        settings = MonitorSettings(
            window="1d",
            label="late",
            drift=DriftSettings(tolerance=0.1),
            performance=PerformanceSettings(metric="roc_auc", worse_than_reference=0.02),
            retrain=RetrainSettings(cooldown="5d"),
        )
        self.workspace.monitoring.configure_monitor(OWNER, endpoint="delay", settings=settings)
        self.gates = []
        self.deployed = []
        for at, (first, last) in enumerate([(0, 24), (24, DAYS)]):
            self.gates.append(self.judge(at, rules))
            delivery.deploy(OWNER, endpoint="delay", model=self.versions[at].ref)
            self.wait_until_it_stands()
            self.workspace.monitoring.set_reference(
                OWNER, model=self.versions[at].ref, rows=self.training, time="departed_at"
            )
            deployment = delivery.list_deployments(OWNER, endpoint="delay")[0]
            self.deployed.append(deployment.id)
            for day in range(first, last):
                self.answer(deployment.id, at, day)
            self.workspace.monitoring.tick(OWNER)
        self.gates.append(self.judge(2, [*rules, {"approval": "reviewers"}]))
        self.gates.append(self.judge(3, rules))

    def wait_until_it_stands(self) -> None:
        deadline = time.monotonic() + 20
        while any(each.state == "running" for each in self.workspace.delivery.list_rollouts(OWNER, endpoint="delay")):
            assert time.monotonic() < deadline, "the rollout did not end"
            time.sleep(0.02)

    def answer(self, deployment: str, at: int, day: int) -> None:
        """Capture a day of predictions, and give their truths."""
        shift = 0.0 if day < 16 else (day - 15) * 0.9
        table = flights(100 + day, A_DAY, shift=shift, start=START + timedelta(days=day))
        event = START + timedelta(days=day)
        version = self.versions[at]
        predictor = self.workspace.models.load(version)
        columns = {name: table[name].to_list() for name in ("wind", "hour", "distance")}
        outputs = predictor.predict_columns(columns, table.height)
        ids = [new_id(at_ms=to_ms(event) + row) for row in range(table.height)]
        captured = {
            **columns,
            "flight_id": table["flight_id"].to_list(),
            "departed_at": [event.strftime("%Y-%m-%dT%H:%M:%SZ")] * table.height,
            "carrier": [HOSTILE if row == 3 else name for row, name in enumerate(table["carrier"].to_list())],
        }
        frame = {
            "t": to_ms(event),
            "endpoint": "delay",
            "status": 200,
            "ms": 0.8 + (day % 7) * 0.1,
            "deployment": deployment,
            "model": "delay",
            "version": version.number,
            "route": "stable",
            "ids": ids,
            "columns": captured,
            "outputs": outputs,
        }
        failed = {"t": to_ms(event), "endpoint": "delay", "status": 422, "ms": 0.2, "code": "invalid_rows"}
        payloads = [msgspec.msgpack.encode(each) for each in (frame, failed)]
        place = self.workspace.settings.home / "serving" / "capture"
        place.mkdir(parents=True, exist_ok=True)
        content = b"".join(struct.pack("<II", len(each), zlib.crc32(each)) + each for each in payloads)
        place.joinpath(f"1-{to_ms(event)}.seg.done").write_bytes(content)
        truths = [bool(value) for value in table["late"].to_list()]
        if day >= 16:
            truths = [not value if row % 4 == 0 else value for row, value in enumerate(truths)]
        rows = [FeedbackRow(id=one, truth=truth, at=event) for one, truth in zip(ids[:-9], truths, strict=False)]
        self.workspace.monitoring.add_feedback(OWNER, endpoint="delay", rows=rows)
        self.ids += ids

    def tell_projects(self) -> None:
        """Record a project, and deliveries as the loop records them."""
        row = {
            "name": "flight-delays",
            "revision": 3,
            "text": PROJECT,
            "source": self.workspace.objects.put_bytes(PROJECT.encode()),
            "folder": str(self.folder),
            "applied_by": "ann",
        }
        version = self.workspace.data.get(OWNER, ref="flights@2")
        ends = ["deployed", "deployed", "waiting", "refused"]
        reasons = [
            "delay@1 is on its way to delay",
            "delay@2 is on its way to delay",
            "delay@3 waits for approval",
            "roc_auc is 0.4821 (0.4630 to 0.5011) on 2500 rows and surely misses >= 0.6",
        ]
        trigger = self.workspace.monitoring.list_triggers(OWNER, endpoint="delay")[-1].id

        def work(tx: Transaction) -> None:
            tx.execute(sa.insert(store.projects), {**row, "applied_at": tx.now})
            tx.audit("project.apply", Ref("project", "flight-delays"), revision=3)
            for at, (state, reason) in enumerate(zip(ends, reasons, strict=True)):
                identifier = new_id()
                found = {
                    "id": identifier,
                    "project": "flight-delays",
                    "revision": 3,
                    "cause": "drift" if at else "apply",
                    "trigger": trigger if at == 2 else None,
                    "state": state,
                    "reason": reason,
                    "params": {"months": at} if at else {},
                    "run_id": self.runs[at],
                    "model": self.versions[at].ref,
                    "gate_report": self.gates[at],
                    "rollout": None,
                    "started_at": tx.now - timedelta(minutes=40 - at * 10),
                    "started_by": "ann",
                    "role": int(Role.EDITOR),
                    "ended_at": None if state == "waiting" else tx.now - timedelta(minutes=38 - at * 10),
                }
                tx.execute(sa.insert(store.deliveries), found)
                for act, message, ref in [
                    ("data", "flights@2: 7,540 rows, 60 put aside", f"dataset_version:{version.id}"),
                    ("run", "the pipeline ran", f"run:{self.runs[at]}"),
                    ("model", f"registered {self.versions[at].ref}", f"model_version:{self.versions[at].id}"),
                    ("gate", "the gate was judged", f"gate_report:{self.gates[at]}"),
                    (state, reason, ""),
                ]:
                    store.add_event(tx, identifier, act, act, message, [ref] if ref else [])
                    if ref:
                        tx.link(Ref("delivery", identifier), act, Ref.parse(ref))
                tx.audit(f"delivery.{state}", Ref("delivery", identifier), reason=reason)

        self.workspace.ledger.write(OWNER, work)

    def begin_rollout(self) -> None:
        """Put the endpoint in the middle of a rollout, with what was seen so far."""
        deployment = self.workspace.delivery.list_deployments(OWNER, endpoint="delay")[1]

        def work(tx: Transaction) -> None:
            plan = RolloutPlan(shares=[0.01, 0.1, 0.5], watch=["error_rate", "latency", "log_loss"])
            rollout = endpoints.start_rollout(tx, deployment=deployment, plan=plan)
            for share in (0.01, 0.1):
                endpoints.set_share(tx, rollout, share)
                message = f"{share:.0%} of the traffic goes to the new deployment"
                delivery_store.add_event(tx, rollout.id, f"share-{share}", "share", message, {"share": share})
                facts: dict[str, object] = {
                    name: {
                        "stable": value, "canary": value + apart, "stable_count": 4100.0, "canary_count": 410.0,
                        "difference": apart, "low": apart - 0.02, "high": apart + 0.02, "confidence": 0.98,
                        "evidence_worse": 0.8, "needed": 60.0,
                    }
                    for name, value, apart in [("error_rate", 0.004, 0.001), ("log_loss", 0.51, -0.03)]
                }  # fmt: skip
                told = "412 requests, and no measure is surely worse"
                delivery_store.add_event(tx, rollout.id, f"judge-{share}", "judged", told, facts)

        self.workspace.ledger.write(OWNER, work)
