"""LightGBM's C library, reached without its Python package.

Importing `lightgbm` brings pandas, scikit-learn, scipy and pyarrow along: 190 MB and three seconds, where serving
needs ten C functions. The shared library is the one that the package ships; it depends on none of those.

Source: LightGBM's `include/LightGBM/c_api.h`.
"""

import ctypes
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from tidemill.core.errors import MissingExtra, Unavailable
from tidemill.models.manifest import DamagedModel

FLOAT64 = 1
NORMAL = 0
_FOLDERS = ("lib", "bin", ".")
_NAMES = ("lib_lightgbm.so", "lib_lightgbm.dylib", "lib_lightgbm.dll")


class LibraryUnusable(Unavailable):
    """LightGBM's shared library is there and cannot be loaded."""

    code = "lightgbm_unusable"


class Library:
    """The two faces of the shared library.

    `threaded` lets other Python threads run during a call, which pays for batches. `brief` keeps them out: for one
    row that is cheaper than handing the interpreter over, and it makes the calls on one configuration serial.
    """

    def __init__(self, path: Path) -> None:
        self.threaded = ctypes.CDLL(str(path))
        self.brief = ctypes.PyDLL(str(path))
        self.threaded.LGBM_GetLastError.restype = ctypes.c_char_p

    def check(self, code: int) -> None:
        """Do nothing for success.

        Raises:
            DamagedModel: With what the library says, which at this point can only be about the model.
        """
        if code:
            said = self.threaded.LGBM_GetLastError().decode(errors="replace")[:300]
            raise DamagedModel(f"LightGBM cannot use this model: {said}", hint="Save the model again.")


@cache
def library() -> Library:
    """Return the shared library, loaded once.

    Raises:
        MissingExtra: If LightGBM is not installed.
        LibraryUnusable: If the system lacks what the library needs.
    """
    spec = find_spec("lightgbm")
    homes = [Path(place) for place in (spec.submodule_search_locations or ())] if spec else []
    found = [
        path for home in homes for folder in _FOLDERS for name in _NAMES if (path := home / folder / name).is_file()
    ]
    if not found:
        raise MissingExtra(
            "This needs the library lightgbm, which is not installed", hint="Run: pip install 'tidemill[lightgbm]'"
        )
    try:
        return Library(found[0])
    except OSError as error:
        raise LibraryUnusable(
            f"LightGBM's shared library cannot be loaded: {error}",
            hint="It needs OpenMP: install libgomp1 (Debian, Ubuntu), libgomp (Fedora, Alpine) or libomp (macOS).",
        ) from error


class Booster:
    """A model inside the C library; freed with this object.

    Args:
        text: The model as LightGBM writes it.
    """

    def __init__(self, text: str) -> None:
        self._library = library()
        self.handle = ctypes.c_void_p()
        iterations, width, classes = ctypes.c_int(), ctypes.c_int(), ctypes.c_int()
        code = self._library.threaded.LGBM_BoosterLoadModelFromString(
            ctypes.c_char_p(text.encode()), ctypes.byref(iterations), ctypes.byref(self.handle)
        )
        self._library.check(code)
        self._library.check(self._library.threaded.LGBM_BoosterGetNumFeature(self.handle, ctypes.byref(width)))
        self._library.check(self._library.threaded.LGBM_BoosterGetNumClasses(self.handle, ctypes.byref(classes)))
        self.width = width.value
        self.classes = classes.value

    def __del__(self) -> None:
        if getattr(self, "handle", None):
            self._library.threaded.LGBM_BoosterFree(self.handle)

    def predict(self, columns: bytes | ctypes.Array[ctypes.c_double], count: int, parameters: bytes) -> list[float]:
        """Return `count` times `classes` answers, row after row.

        Args:
            columns: The features as doubles, column after column.
            count: Rows.
            parameters: As LightGBM writes them: `name=value name=value`.
        """
        answers = (ctypes.c_double * (count * self.classes))()
        length = ctypes.c_int64()
        code = self._library.threaded.LGBM_BoosterPredictForMat(
            self.handle,
            columns,
            ctypes.c_int(FLOAT64),
            ctypes.c_int32(count),
            ctypes.c_int32(self.width),
            ctypes.c_int(0),  # column-major
            ctypes.c_int(NORMAL),
            ctypes.c_int(0),
            ctypes.c_int(-1),
            ctypes.c_char_p(parameters),
            ctypes.byref(length),
            answers,
        )
        self._library.check(code)
        if length.value != len(answers):
            raise DamagedModel("LightGBM gave another number of answers", hint="Save the model again.")
        return list(answers)


class SingleRow:
    """The single-row call with its configuration prepared once.

    Calls are serial because they hold the interpreter, so that one configuration serves every thread.
    """

    def __init__(self, booster: Booster, parameters: bytes) -> None:
        self._booster = booster  # keeps it alive
        self._library = library()
        self._config = ctypes.c_void_p()
        code = self._library.threaded.LGBM_BoosterPredictForMatSingleRowFastInit(
            booster.handle,
            ctypes.c_int(NORMAL),
            ctypes.c_int(0),
            ctypes.c_int(-1),
            ctypes.c_int(FLOAT64),
            ctypes.c_int32(booster.width),
            ctypes.c_char_p(parameters),
            ctypes.byref(self._config),
        )
        self._library.check(code)
        call = self._library.brief.LGBM_BoosterPredictForMatSingleRowFast
        call.argtypes = (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_void_p)
        self._call = call
        self._length = ctypes.c_int64()
        self._length_at = ctypes.addressof(self._length)
        self.answers = (ctypes.c_double * booster.classes)()
        self._answers_at = ctypes.addressof(self.answers)

    def __del__(self) -> None:
        if getattr(self, "_config", None):
            self._library.threaded.LGBM_FastConfigFree(self._config)

    def predict(self, row: bytes) -> "ctypes.Array[ctypes.c_double]":
        """Return the answers of one row of doubles, in a buffer that the next call overwrites."""
        code = self._call(self._config, row, self._length_at, self._answers_at)
        if code:
            self._library.check(code)
        return self.answers
