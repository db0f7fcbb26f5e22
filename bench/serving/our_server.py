"""The data plane with the bench's own LightGBM predictor."""

import sys

from local_lightgbm import Lightgbm

from tidemill.serving.process import main

if __name__ == "__main__":
    sys.exit(main(load=Lightgbm))
