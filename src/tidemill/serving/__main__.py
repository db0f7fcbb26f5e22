"""Run the data plane: `python -m tidemill.serving --home DIR --port N`."""

import sys

from tidemill.serving.process import main

if __name__ == "__main__":
    sys.exit(main())
