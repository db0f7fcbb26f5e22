"""Writing values out of a step, and reading them into one."""

import shutil
from dataclasses import dataclass, field
from pathlib import Path

from tidemill.core.digests import Digest
from tidemill.core.errors import TidemillError
from tidemill.core.ids import new_id
from tidemill.objects import ObjectStore
from tidemill.objects.digest import digest_bytes
from tidemill.pipelines.errors import UnknownResult, UnreadableValue
from tidemill.pipelines.ports import ValueCodec
from tidemill.pipelines.records import StoredValue
from tidemill.pipelines.values.codecs import FILE_CODECS
from tidemill.pipelines.values.frameworks import framework_codecs
from tidemill.pipelines.values.plain import NotPlain, decode_plain, encode_plain, show, type_name

LARGEST_INLINE = 4096
ACCEPTED = (
    "None, bool, int, float, str, bytes, date, datetime, timedelta; list, tuple, set and dict of them; "
    "Polars and pandas frames, NumPy arrays, paths of files and folders, and models of installed frameworks"
)
_FILES = {codec.name: codec for codec in FILE_CODECS}
_CONTAINERS: dict[type, str] = {tuple: "tuple", list: "list", dict: "dict"}


def plain_value(value: object) -> StoredValue:
    """Return a plain value in its stored form, inline whatever its size.

    Raises:
        NotPlain: If it is not plain.
    """
    content = encode_plain(value)
    return StoredValue(
        codec="value", digest=_digest("value", content), size=len(content), inline=content, text=show(value)
    )


@dataclass(slots=True)
class ValueStore:
    """Writes and reads values in one workspace.

    Args:
        objects: Where large values go.
        scratch: A folder for files on their way, and for exported ones.
        frameworks: Codecs beside those of installed packages, as `module:object`.
    """

    objects: ObjectStore
    scratch: Path
    frameworks: tuple[str, ...] = ()
    _exported: dict[Digest, Path] = field(default_factory=dict)

    def write(self, value: object, *, example: object | None = None) -> StoredValue:
        """Return a value in its stored form.

        Args:
            value: What a step returned.
            example: The table that a model was trained on, for its signature.

        Raises:
            UnknownResult: If it, or a part of it, has no safe form.
        """
        try:
            stored = plain_value(value)
        except NotPlain as odd:
            return self._write_other(value, odd, example)
        except RecursionError:
            raise _refused("a value that contains itself") from None
        if stored.size > LARGEST_INLINE and stored.inline is not None:
            return _without_inline(stored, self.objects.put_bytes(stored.inline))
        return stored

    def read(self, stored: StoredValue) -> object:
        """Return a value from its stored form.

        Raises:
            UnreadableValue: If no installed codec reads it.
            ObjectMissing: If its bytes are gone.
            DamagedObject: If its bytes are not what was written.
        """
        if stored.items is not None:
            parts = {key: self.read(item) for key, item in stored.items.items()}
            if stored.codec == "dict":
                return parts
            return tuple(parts.values()) if stored.codec == "tuple" else list(parts.values())
        if stored.codec == "value":
            if stored.inline is not None:
                return decode_plain(stored.inline)
            return decode_plain(self.objects.read(_object(stored)))
        if codec := _FILES.get(stored.codec):
            return codec.read(self._file(stored))
        folder = self._folder(_object(stored))
        return folder if stored.codec == "folder" else self._framework(stored.codec).read(folder)

    def is_there(self, stored: StoredValue) -> bool:
        """Return whether all bytes of a value are stored."""
        if stored.items is not None:
            return all(self.is_there(item) for item in stored.items.values())
        return stored.object is None or self.objects.has(stored.object)

    def _write_other(self, value: object, odd: NotPlain, example: object | None) -> StoredValue:
        kind = _CONTAINERS.get(type(value))
        if kind is not None:
            return self._write_parts(value, kind, odd, example)
        for codec in FILE_CODECS:
            if codec.can_write(value):
                path = self.scratch / f"{new_id()}.{codec.name}"
                text = codec.write(value, path)
                digest, size = self.objects.adopt(path)
                return _stored(codec.name, digest, size, text)
        if isinstance(value, Path):
            return self._write_folder(value)
        for framework in framework_codecs(self.frameworks):
            if framework.can_write(value):
                return self._write_framework(framework, value, example)
        raise _refused(odd.kind)

    def _write_parts(self, value: object, kind: str, odd: NotPlain, example: object | None) -> StoredValue:
        pairs = value.items() if isinstance(value, dict) else enumerate(value)  # type: ignore[arg-type]  # a list or tuple
        items: dict[str, StoredValue] = {}
        for key, item in pairs:
            if isinstance(value, dict) and not isinstance(key, str):
                raise _refused(odd.kind)
            items[str(key)] = self.write(item, example=example)
        names = ", ".join(items) if kind == "dict" else f"{len(items)} values"
        content = "\n".join(f"{key!r} {item.digest}" for key, item in items.items()).encode()
        size = sum(item.size for item in items.values())
        return StoredValue(codec=kind, digest=_digest(kind, content), size=size, items=items, text=f"{kind} of {names}")

    def _write_folder(self, folder: Path) -> StoredValue:
        if not folder.is_dir():
            raise UnknownResult(
                f"The step returned the path {folder}, where there is nothing",
                hint="Return a path after writing the file or the folder.",
            )
        digest = self.objects.put_tree(folder)
        entries = self.objects.list_tree(digest)
        return _stored("folder", digest, sum(entry.size for entry in entries), f"{len(entries)} files")

    def _write_framework(self, framework: ValueCodec, value: object, example: object | None) -> StoredValue:
        folder = self.scratch / new_id()
        folder.mkdir(parents=True)
        try:
            framework.write(value, folder, example=example)
            digest = self.objects.put_tree(folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        size = sum(entry.size for entry in self.objects.list_tree(digest))
        return _stored(framework.name, digest, size, type_name(type(value)))

    def _framework(self, name: str) -> ValueCodec:
        for framework in framework_codecs(self.frameworks):
            if framework.name == name:
                return framework
        raise UnreadableValue(
            f"A value was written by {name!r}, which is not installed here",
            hint=f"Install the extra that brings {name}, or run the step that made the value again.",
        )

    def _file(self, stored: StoredValue) -> Path:
        if stored.codec != "file":
            return self.objects.verify(_object(stored))
        target = self._place(_object(stored)) / Path(stored.text).name
        if not target.exists():
            self.objects.export(_object(stored), target)
        return target

    def _folder(self, digest: Digest) -> Path:
        folder = self._place(digest)
        if not folder.exists():
            self.objects.export_tree(digest, folder)
        return folder

    def _place(self, digest: Digest) -> Path:
        return self._exported.setdefault(digest, self.scratch / new_id())


def part_of(value: StoredValue, path: tuple[str | int, ...], objects: ObjectStore) -> StoredValue:
    """Return a part of a stored value.

    Raises:
        UnreadableValue: If there is no such part.
    """
    for depth, key in enumerate(path):
        if value.items is not None and str(key) in value.items:
            value = value.items[str(key)]
            continue
        whole = None
        if value.codec == "value":
            whole = decode_plain(value.inline if value.inline is not None else objects.read(_object(value)))
        try:
            part = whole[key]  # type: ignore[index]  # what cannot be indexed raises
        except (KeyError, IndexError, TypeError):
            raise UnreadableValue(
                f"It has no part {'.'.join(map(str, path[: depth + 1]))!r}: it is {value.text}",
                hint="Return a dict with that key, or a tuple that is long enough.",
            ) from None
        value = plain_value(part)
    return value


def objects_of(value: StoredValue) -> list[Digest]:
    """Return the objects and trees that hold a value's bytes."""
    if value.items is not None:
        return [digest for item in value.items.values() for digest in objects_of(item)]
    return [value.object] if value.object is not None else []


def _stored(codec: str, digest: Digest, size: int, text: str) -> StoredValue:
    return StoredValue(codec=codec, digest=_digest(codec, digest.encode()), size=size, object=digest, text=text)


def _without_inline(stored: StoredValue, digest: Digest) -> StoredValue:
    return StoredValue(codec=stored.codec, digest=stored.digest, size=stored.size, object=digest, text=stored.text)


def _digest(codec: str, content: bytes) -> Digest:
    return digest_bytes(codec.encode() + b"\0" + content)


def _object(stored: StoredValue) -> Digest:
    if stored.object is None:
        raise UnreadableValue(f"A value of codec {stored.codec!r} has no bytes", hint="Run its step again.")
    return stored.object


def _refused(kind: str) -> TidemillError:
    return UnknownResult(
        f"The step returned {kind}, which has no safe form outside its process",
        hint=f"Accepted are {ACCEPTED}. Write anything else to a file and return its path.",
        details={"type": kind},
    )
