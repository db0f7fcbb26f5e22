"""A model in plain Python, and the data plane with it; run as a program it is a serving process for the fault tests."""

import json
import sys
import threading
from pathlib import Path

from tidemill.models.signatures import Field, Signature


class Tiny:
    """Adds `x` and `y`; the words in `carrier` make it misbehave."""

    def __init__(self, folder: Path) -> None:
        about = json.loads((folder / "tiny.json").read_text())
        self.cost_hint_us = float(about.get("cost_hint_us", 1.0))
        self.add = float(about.get("add", 0))
        extra = [Field(name=name, type="double") for name in about.get("extra", [])]
        self.signature = Signature(
            inputs=(
                Field(name="x", type="double"),
                Field(name="y", type="double", required=False),
                Field(name="carrier", type="string", required=False),
                *extra,
            ),
            outputs=(Field(name="score", type="double"),),
        )
        self.calls: list[int] = []
        self.until = Path(about["until"]) if "until" in about else None
        self.gate = threading.Event()
        if not about.get("gated"):
            self.gate.set()

    def predict_row(self, row):
        self.calls.append(1)
        return (self._score(row[0], row[1], row[2]),)

    def predict_columns(self, columns, count):
        self.gate.wait(20)
        while self.until and not self.until.exists():
            threading.Event().wait(0.002)
        self.calls.append(count)
        rows = zip(columns["x"], columns["y"], columns["carrier"], strict=True)
        return {"score": [self._score(*row) for row in rows]}

    def _score(self, x, y, carrier):
        if carrier == "crash":
            raise RuntimeError("no such carrier")
        if carrier == "nan":
            return float("nan")
        return x + (y or 0) + self.add


if __name__ == "__main__":
    from tidemill.serving.process import main

    sys.exit(main(load=Tiny))
