"""Objects in another place: a bucket of S3, Google Cloud or Azure, or a folder that others reach too.

What is kept there is what is kept here, under the same digests, so that a transfer moves what one side lacks and a
reader verifies every byte that it takes.
"""

from tidemill.objects.remote.address import Address, parse_address
from tidemill.objects.remote.bucket import Bucket
from tidemill.objects.remote.connect import Patience, connect
from tidemill.objects.remote.probe import Conditions, probe
from tidemill.objects.remote.store import RemoteStore

__all__ = ["Address", "Bucket", "Conditions", "Patience", "RemoteStore", "connect", "parse_address", "probe"]
