"""How many threads native libraries may use in a worker, so that parallel workers do not fight for the cores."""

import os
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec

VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "POLARS_MAX_THREADS",
    "RAYON_NUM_THREADS",
)


@lru_cache(maxsize=1)
def limit_threads(most: int) -> None:
    """Let libraries that are loaded later, and those that can still be told, use so many threads.

    BLAS and OpenMP can be told through `threadpoolctl` where that is installed, as scikit-learn does; Polars keeps
    the number that it started with.
    """
    os.environ.update(dict.fromkeys(VARIABLES, str(most)))
    if find_spec("threadpoolctl") is not None:
        import_module("threadpoolctl").threadpool_limits(most)
