"""The same trivial work in a peer; run by that peer's interpreter, prints one line of JSON."""

import json
import logging
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path


def median(rounds: int, work: Callable[[], object]) -> float:
    """Return the median seconds of some work."""
    times = []
    for _ in range(rounds):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def luigi(folder: Path) -> dict[str, float]:
    """Luigi with its local scheduler: one file a task, in process."""
    import luigi as library  # type: ignore[import-not-found]  # noqa: PLC0415 - a peer's interpreter has it

    logging.disable(logging.CRITICAL)

    class Add(library.Task):  # type: ignore[misc]  # untyped
        seed = library.IntParameter()
        number = library.IntParameter()

        def requires(self):  # type: ignore[no-untyped-def]  # noqa: ANN202
            return Add(seed=self.seed, number=self.number - 1) if self.number else []

        def output(self):  # type: ignore[no-untyped-def]  # noqa: ANN202
            return library.LocalTarget(str(folder / f"{self.seed}-{self.number}"))

        def run(self) -> None:
            value = int((folder / f"{self.seed}-{self.number - 1}").read_text()) if self.number else 0
            (folder / f"{self.seed}-{self.number}").write_text(str(value + 1))

    def chain(seed: int, steps: int) -> float:
        begun = time.perf_counter()
        assert library.build([Add(seed=seed, number=steps)], local_scheduler=True, log_level="CRITICAL")
        return time.perf_counter() - begun

    costs = [(chain(2 * number, 200) - chain(2 * number + 1, 10)) / 190 * 1000 for number in range(5)]
    chain(1000, 99)
    return {
        "a step of a chain, in process, ms": statistics.median(costs),
        "run again, 100 steps cached: execute, s": median(5, lambda: chain(1000, 99)),
    }


def hamilton(folder: Path) -> dict[str, float]:
    """Hamilton's driver, plain and with its cache, in process."""
    from types import ModuleType  # noqa: PLC0415 - only this peer needs it

    from hamilton import driver  # type: ignore[import-not-found]  # noqa: PLC0415 - a peer's interpreter has it

    logging.disable(logging.CRITICAL)

    def module(steps: int) -> ModuleType:
        lines = ["def step_0(seed: int) -> int:\n    return seed\n"]
        lines += [
            f"def step_{n}(step_{n - 1}: int) -> int:\n    return step_{n - 1} + 1\n" for n in range(1, steps + 1)
        ]
        path = folder / f"chain_{steps}.py"
        path.write_text("\n".join(lines))
        sys.path.insert(0, str(folder))
        return __import__(path.stem)

    def chain(seed: int, steps: int, *, cached: bool) -> float:
        builder = driver.Builder().with_modules(module(steps))
        built = (builder.with_cache(path=str(folder / "cache")) if cached else builder).build()
        begun = time.perf_counter()
        built.execute([f"step_{steps}"], inputs={"seed": seed})
        return time.perf_counter() - begun

    def per_step(*, cached: bool) -> float:
        return statistics.median(
            (chain(2 * n, 200, cached=cached) - chain(2 * n + 1, 10, cached=cached)) / 190 * 1000 for n in range(5)
        )

    numbers = {
        "a step of a chain, no cache, in process, ms": per_step(cached=False),
        "a step of a chain, in process, ms": per_step(cached=True),
    }
    chain(1000, 99, cached=True)
    numbers["run again, 100 steps cached: execute, s"] = statistics.median(
        chain(1000, 99, cached=True) for _ in range(5)
    )
    return numbers


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        print(json.dumps({"luigi": luigi, "hamilton": hamilton}[sys.argv[1]](Path(temporary))))
