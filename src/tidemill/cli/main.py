"""The command line: `tidemill STAGE VERB`. Data goes to stdout, talk to stderr."""

import sys

from tidemill.cli.groups import build
from tidemill.core.errors import TidemillError
from tidemill.core.lazy import load


def main() -> None:
    """Run the command that the process was given, and exit with its code."""
    try:
        build()(standalone_mode=True)
    except TidemillError as error:
        # Loaded here, because the client behind it would double the time of `--help`.
        sys.exit(load("tidemill.cli.output").complain(error))
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)


if __name__ == "__main__":
    main()
