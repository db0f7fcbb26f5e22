"""Measures the sketches of profiles beside those of Apache DataSketches: error after many merges, bytes, seconds.

    python bench/data/sketches.py [--parts 64] [--rows 100000]

Values lie in several ways; each part is sketched on its own, as a segment of a version is, and the sketches are merged
one by one, which is the worst order. The error of ranks is the largest over 999 quantiles. DataSketches goes into a
throw-away virtual environment; it takes a whole array for quantiles, and one value a call for distinct values.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

KINDS = ("normal", "in order", "in turn", "long tail")


def make_part(kind: str, at: int, parts: int, rows: int) -> "np.ndarray":
    """Return the values of one part."""
    import numpy as np  # noqa: PLC0415 - both environments have it, the script that starts them need not

    rng = np.random.default_rng(at)
    if kind == "in order":
        return np.arange(rows) + at * float(rows)
    if kind == "in turn":
        return np.arange(rows) * float(parts) + at
    values = rng.normal(size=rows)
    return values if kind == "normal" else np.exp(4 * values)


class Pair:
    """A sketch of ranks and one of distinct values."""

    def __init__(self, ranks: object, distinct: object) -> None:
        self.ranks: Any = ranks
        self.distinct: Any = distinct


@dataclass
class Sketches:
    """How a tool sketches values: their ranks, their distinct values, and both in bytes of text."""

    make: "Callable[[np.ndarray], Pair]"
    merge: Callable[[Pair, Pair], Pair]
    shares: "Callable[[Pair, np.ndarray], np.ndarray]"
    distinct: Callable[[Pair], float]
    size: Callable[[Pair], tuple[int, int]]


def ours() -> Sketches:
    """Return how Tidemill does it, as it measures a column."""
    import numpy as np  # noqa: PLC0415
    import polars as pl  # noqa: PLC0415

    from tidemill.data.profile import sketch  # noqa: PLC0415
    from tidemill.data.profile.gauge import Spread  # noqa: PLC0415
    from tidemill.data.profile.kll import merge_ranks, pack_ranks, share_below  # noqa: PLC0415
    from tidemill.data.profile.measure import measure, spread  # noqa: PLC0415

    def make(values: "np.ndarray") -> Pair:
        held = spread(measure(pl.Series("x", values), 256), 256).held
        assert isinstance(held, Spread)
        return Pair(held.ranks, held.registers)

    return Sketches(
        make=make,
        merge=lambda one, two: Pair(merge_ranks([one.ranks, two.ranks]), np.maximum(one.distinct, two.distinct)),
        shares=lambda held, asked: share_below(held.ranks, asked),
        distinct=lambda held: sketch.estimate(held.distinct),
        size=lambda held: (len(pack_ranks(held.ranks)), len(sketch.pack(held.distinct, ""))),
    )


def theirs() -> Sketches:
    """Return how DataSketches does it, with sketches of about the same bytes."""
    import numpy as np  # noqa: PLC0415

    ds: Any = import_module("datasketches")  # of an environment of its own

    def make(values: "np.ndarray") -> Pair:
        pair = Pair(ds.kll_doubles_sketch(256), ds.hll_sketch(12))
        pair.ranks.update(values)
        for value in values:
            pair.distinct.update(value)
        return pair

    def merge(one: Pair, two: Pair) -> Pair:
        one.ranks.merge(two.ranks)
        union = ds.hll_union(12)
        union.update(one.distinct)
        union.update(two.distinct)
        return Pair(one.ranks, union.get_result())

    return Sketches(
        make=make,
        merge=merge,
        shares=lambda held, asked: np.array([held.ranks.get_rank(value) for value in asked]),
        distinct=lambda held: held.distinct.get_estimate(),
        size=lambda held: (len(held.ranks.serialize()) * 4 // 3, len(held.distinct.serialize_compact()) * 4 // 3),
    )


def measure_tool(tool: str, parts: int, rows: int) -> list[dict[str, Any]]:
    """Return what a tool gives for each kind of values."""
    import numpy as np  # noqa: PLC0415

    sketches_of = ours() if tool == "tidemill" else theirs()
    sketches_of.make(make_part("normal", 0, 1, 1000))
    found = []
    for kind in KINDS:
        values = [make_part(kind, at, parts, rows) for at in range(parts)]
        clock = time.process_time()
        sketches = [sketches_of.make(part) for part in values]
        seconds = time.process_time() - clock
        whole = sketches[0]
        for each in sketches[1:]:
            whole = sketches_of.merge(whole, each)
        ordered = np.sort(np.concatenate(values))
        asked = ordered[(np.linspace(0.001, 0.999, 999) * len(ordered)).astype(int)]
        true = np.searchsorted(ordered, asked, side="right") / len(ordered)
        found.append(
            {
                "tool": tool,
                "kind": kind,
                "rank_error": float(np.abs(sketches_of.shares(whole, asked) - true).max()),
                "distinct_error": sketches_of.distinct(whole) / len(np.unique(ordered)) - 1,
                "bytes": sketches_of.size(whole),
                "ns_a_row": seconds / len(ordered) * 1e9,
            }
        )
    return found


def main() -> None:
    """Measure both and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", type=int, default=64)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--tool", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.tool:
        sys.stdout.write(json.dumps(measure_tool(asked.tool, asked.parts, asked.rows)) + "\n")
        return
    with tempfile.TemporaryDirectory() as folder:
        peer = Path(folder) / "peer"
        subprocess.run(["uv", "venv", "-q", "--python", "3.11", str(peer)], check=True)
        python = str(peer / "bin" / "python")
        subprocess.run(["uv", "pip", "install", "-q", "--python", python, "datasketches", "numpy"], check=True)
        lines = []
        for tool, interpreter in (("tidemill", sys.executable), ("datasketches", python)):
            command = [interpreter, __file__, "--tool", tool, "--parts", str(asked.parts), "--rows", str(asked.rows)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            lines += json.loads(done.stdout.splitlines()[-1])
    sys.stdout.write("| values | tool | rank error | distinct error | bytes as text | ns a row |\n")
    sys.stdout.write("| --- | --- | ---: | ---: | ---: | ---: |\n")
    for each in sorted(lines, key=lambda line: KINDS.index(line["kind"])):
        sys.stdout.write(
            f"| {each['kind']} | {each['tool']} | {each['rank_error']:.2%} | {each['distinct_error']:+.1%} "
            f"| {each['bytes'][0]} + {each['bytes'][1]} | {each['ns_a_row']:.0f} |\n"
        )


if __name__ == "__main__":
    main()
