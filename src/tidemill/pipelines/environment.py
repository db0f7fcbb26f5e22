"""What is installed, as one digest: a graph that was read before is good only where nothing of that changed."""

import sys
from functools import cache
from importlib.metadata import distributions

from tidemill.core.digests import Digest
from tidemill.objects.digest import digest_bytes


@cache
def installed() -> Digest:
    """Return the digest of Python's version and of the name and version of every installed distribution."""
    found = sorted({f"{each.name} {each.version}" for each in distributions()})
    return digest_bytes("\n".join([sys.version, *found]).encode())
