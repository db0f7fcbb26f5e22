"""Model folders that others wrote: what their MLmodel file says, without loading anything."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tidemill.core.errors import TidemillError
from tidemill.models.mlmodel import LARGEST_BYTES, MLMODEL, read_mlmodel
from tidemill.models.signatures import Signature
from tidemill.objects import ObjectStore
from tidemill.objects.trees import TreeEntry

_EVERYBODYS = "python_function"


class Described(NamedTuple):
    """What is known of a model folder."""

    framework: str
    kind: str
    signature: Signature


def describe_tree(objects: ObjectStore, entries: Sequence[TreeEntry]) -> Described:
    """Return what the MLmodel file among some stored files says; empty words where there is none, or none to read.

    A client may register whatever it logged, so nothing here refuses.
    """
    nothing = Described("", "", Signature(inputs=(), outputs=()))
    for entry in entries:
        if entry.path == MLMODEL and entry.size <= LARGEST_BYTES:
            with tempfile.TemporaryDirectory() as scratch:
                folder = Path(scratch)
                folder.joinpath(MLMODEL).write_bytes(objects.read(entry.digest))
                try:
                    found = read_mlmodel(folder, is_foreign=True)
                except TidemillError:
                    return nothing
            own = [name for name in found.flavors if name != _EVERYBODYS]
            framework = own[0] if own else _EVERYBODYS if found.flavors else ""
            return Described(framework, "", found.signature or nothing.signature)
    return nothing
