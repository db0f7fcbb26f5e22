"""Folders and large files as chunks in packs, so that a new version costs what changed.

A version of files is two objects: a manifest (path, size and digest of each file), whose digest names the content, and
a layout, which says for every chunk of every file in which pack it lies. A pack is an object too: the chunks that one
addition brought, one after the other. A file that is stored for the first time therefore lies in one piece.
"""

from tidemill.objects.packs.adding import Added, Addition, FileChanged
from tidemill.objects.packs.folder import NotFiles, StoredFiles
from tidemill.objects.packs.layout import Layout
from tidemill.objects.packs.manifest import FileEntry, FileManifest

__all__ = [
    "Added",
    "Addition",
    "FileChanged",
    "FileEntry",
    "FileManifest",
    "Layout",
    "NotFiles",
    "StoredFiles",
]
