"""The command line: `tidemill STAGE VERB`. Data goes to stdout, talk to stderr."""

import sys

from tidemill.cli.groups import build
from tidemill.cli.output import complain
from tidemill.core.errors import TidemillError


def main() -> None:
    """Run the command that the process was given, and exit with its code."""
    try:
        build()(standalone_mode=True)
    except TidemillError as error:
        sys.exit(complain(error))
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)


if __name__ == "__main__":
    main()
