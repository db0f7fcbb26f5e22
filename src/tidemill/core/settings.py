"""What a process is told by its environment and its command line; nothing else is configurable there."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

from tidemill.core.errors import InvalidInput

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"", "0", "false", "no", "off"}


class InvalidSetting(InvalidInput):
    """An environment variable holds what its setting cannot be."""

    code = "invalid_setting"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of a process; each is the environment variable `TIDEMILL_` and its name in capitals.

    Args:
        home: The workspace folder.
        url: The server that clients talk to; empty for the one in `home`, or the embedded one.
        token: The token that clients show to that server.
        database: The URL of the ledger; empty for an SQLite file in `home`.
        host: The address that the server listens on.
        port: Its port; 0 for any free one.
        serving_port: The port of the data plane; 0 for any free one.
        serving_processes: How many processes the data plane has.
        allowed_hosts: Further names by which the server may be called, separated by commas.
        require_tokens: Whether callers on this machine need a token too.
        data_roots: The folders of which callers with a token may have files ingested, separated by commas; empty for
            the folder that the server was started in and `sources` in `home`.
        source_hosts: The places from which callers with a token may have data fetched, separated by commas.
        workers: How many processes run steps; 0 for one a core.
        spool: The folder in which tracked runs wait for the server; empty for `tidemill/spool` in the user's state
            folder.
    """

    home: Path = field(default_factory=lambda: Path(".tidemill"))
    url: str = ""
    token: str = field(default="", repr=False)
    database: str = field(default="", repr=False)
    host: str = "127.0.0.1"
    port: int = 8765
    serving_port: int = 8766
    serving_processes: int = 1
    allowed_hosts: str = ""
    require_tokens: bool = False
    data_roots: str = ""
    source_hosts: str = ""
    workers: int = 0
    spool: str = ""

    @classmethod
    def load(cls, environment: Mapping[str, str] | None = None, **given: object) -> "Settings":
        """Return the settings of an environment, with those that are given on top.

        Raises:
            InvalidSetting: If a variable's text does not fit its setting.
        """
        variables = os.environ if environment is None else environment
        values = {key: value for key, value in given.items() if value is not None}
        for setting in fields(cls):
            text = variables.get(f"TIDEMILL_{setting.name.upper()}")
            if text is not None and setting.name not in values:
                values[setting.name] = _convert(setting.name, setting.type, text)
        settings = replace(cls(), **values)  # type: ignore[arg-type]  # converted just above
        return replace(settings, home=Path(settings.home).absolute())


def _convert(name: str, kind: object, text: str) -> object:
    if kind is Path:
        return Path(text)
    if kind is int:
        if not text.isascii() or not text.isdigit():
            raise InvalidSetting(f"TIDEMILL_{name.upper()} is {text!r}, not a number", hint="Give a whole number.")
        return int(text)
    if kind is bool:
        if text.lower() not in _TRUE | _FALSE:
            raise InvalidSetting(f"TIDEMILL_{name.upper()} is {text!r}", hint="Give true or false.")
        return text.lower() in _TRUE
    return text
