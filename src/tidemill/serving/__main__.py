"""Run the data plane: `python -m tidemill.serving --home DIR --port N`."""

import sys

from tidemill.models.loading import load_predictor
from tidemill.serving.process import main

if __name__ == "__main__":
    sys.exit(main(load=load_predictor))
