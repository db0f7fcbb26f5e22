"""The command line: `tidemill STAGE VERB`. Data goes to stdout, talk to stderr."""

import gc
import signal
import sys
import traceback

import click

from tidemill.cli.groups import build
from tidemill.core.errors import TidemillError
from tidemill.core.lazy import load

# httpx looks for its own command line, and with it for rich, a sixth of what a command loads; nobody here calls that.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]  # as if it were not installed

_OUR_FAULT = 4
_STOPPED = 128 + signal.SIGINT


def main() -> None:
    """Run the command that the process was given, and exit with its code."""
    try:
        sys.exit(_run())
    finally:
        # The process ends, and its memory with it: looking for what to free takes a fifth of a short command.
        gc.freeze()


def _run() -> int:
    try:
        code = build().main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return _STOPPED  # Ctrl-C: whoever followed something has said what becomes of it
    except TidemillError as error:
        # Loaded here, because the client behind it would double the time of `--help`.
        return int(load("tidemill.cli.output").complain(error))
    except Exception as error:  # noqa: BLE001  # the last place that can turn it into the exit code that is promised
        traceback.print_exc()
        click.echo(f"error [internal]: {error!r}\n  hint: This is a fault of Tidemill; please report it.", err=True)
        return _OUR_FAULT
    return code if isinstance(code, int) else 0


if __name__ == "__main__":
    main()
