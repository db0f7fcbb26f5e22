"""An S3 server of this process that honours conditional writes, and a bucket in it for each test."""

import logging
import urllib.request
from itertools import count

from moto.server import ThreadedMotoServer

_NUMBERS = count(1)


class S3Server:
    """Runs until it is stopped, in memory."""

    def __init__(self) -> None:
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._server.start()
        self.port: int = self._server.get_host_and_port()[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def bucket(self) -> str:
        """Make a new bucket and return its name."""
        name = f"bucket-{next(_NUMBERS)}"
        urllib.request.urlopen(urllib.request.Request(f"{self.url}/{name}", method="PUT")).close()
        return name

    def stop(self) -> None:
        self._server.stop()
