"""LightGBM through its C interface only: no numpy, no scikit-learn, one row a call."""

import ctypes
import importlib.util
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tidemill.models.signatures import Field, Signature


def _library() -> ctypes.CDLL:
    spec = importlib.util.find_spec("lightgbm")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("lightgbm")
    folder = Path(spec.submodule_search_locations[0])
    return ctypes.CDLL(str(next(folder.rglob("lib_lightgbm.so"))))


class Lightgbm:
    """A booster that reads `model.txt`; its columns stand in `columns.json`."""

    def __init__(self, folder: Path) -> None:
        names = json.loads((folder / "columns.json").read_text())
        self.signature = Signature(
            inputs=tuple(Field(name=name, type="double") for name in names),
            outputs=(Field(name="probability", type="double"),),
        )
        width = len(names)
        self._call = (library := _library()).LGBM_BoosterPredictForMatSingleRowFast
        booster, config, iterations = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_int()
        self._check(
            library.LGBM_BoosterCreateFromModelfile(
                str(folder / "model.txt").encode(), ctypes.byref(iterations), ctypes.byref(booster)
            )
        )
        start = library.LGBM_BoosterPredictForMatSingleRowFastInit
        self._check(start(booster, 0, 0, -1, 1, ctypes.c_int32(width), b"num_threads=1", ctypes.byref(config)))
        self._row = (ctypes.c_double * width)()
        self._out = ctypes.c_double()
        length = ctypes.c_int64()
        self._arguments = (config, self._row, ctypes.byref(length), ctypes.byref(self._out))
        self._keep = length
        self._batch = library.LGBM_BoosterPredictForMat
        self._booster = booster
        self._width = width
        row = [0.5] * width
        self.predict_row(row)
        started = time.perf_counter()
        for _ in range(200):
            self.predict_row(row)
        self.cost_hint_us = (time.perf_counter() - started) / 200 * 1e6

    @staticmethod
    def _check(code: int) -> None:
        if code:
            raise RuntimeError("LightGBM refused the model")

    def predict_row(self, row: Sequence[object]) -> tuple[object, ...]:
        """Return the probability of one row."""
        self._row[:] = row
        if self._call(*self._arguments):
            raise RuntimeError("LightGBM refused the row")
        return (self._out.value,)

    def predict_columns(self, columns: Mapping[str, Sequence[object]], count: int) -> dict[str, list[object]]:
        """Return the probabilities of many rows."""
        width = self._width
        data = (ctypes.c_double * (width * count))()
        for at, field in enumerate(self.signature.inputs):
            data[at * count : (at + 1) * count] = columns[field.name]  # column after column
        out = (ctypes.c_double * count)()
        length = ctypes.c_int64()
        self._check(
            self._batch(
                self._booster,
                data,
                1,
                ctypes.c_int32(count),
                ctypes.c_int32(width),
                0,
                0,
                0,
                -1,
                b"num_threads=1",
                ctypes.byref(length),
                out,
            )
        )
        return {"probability": list(out)}
