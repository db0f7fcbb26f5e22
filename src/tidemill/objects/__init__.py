"""Content-addressed bytes: stored once under the digest of their content, verified when read."""

from tidemill.objects.digest import digest_bytes, digest_file
from tidemill.objects.store import Damage, DamagedObject, ObjectMissing, ObjectStore
from tidemill.objects.trees import TreeEntry, UnsafePath

__all__ = [
    "Damage",
    "DamagedObject",
    "ObjectMissing",
    "ObjectStore",
    "TreeEntry",
    "UnsafePath",
    "digest_bytes",
    "digest_file",
]
