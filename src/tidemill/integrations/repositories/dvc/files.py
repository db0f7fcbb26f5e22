"""What `.dvc` files and `dvc.lock` say is tracked."""

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

_LONGEST = 64 << 20


class Tracked(NamedTuple):
    """An output that a file of DVC's names.

    Args:
        path: Its path in the repository.
        content: Its MD5, with `.dir` at its end for a folder.
        is_dos: Whether the MD5 is one of before DVC 3, for which line ends of texts were changed.
        command: What made it.
        made_from: Paths and MD5s of what it was made from.
    """

    path: str
    content: str
    is_dos: bool
    command: str = ""
    made_from: tuple[tuple[str, str], ...] = ()


class Unread(NamedTuple):
    """Something that is tracked and cannot be taken over, and why."""

    path: str
    problem: str


def read(path: str, content: bytes) -> Iterator[Tracked | Unread]:
    """Yield what a file of DVC's tracks.

    Args:
        path: Its path in the repository.
        content: What it holds.
    """
    try:
        if len(content) > _LONGEST:
            raise ValueError("it is too large")
        document = YAML(typ="safe", pure=True).load(content.decode())
        if not isinstance(document, dict):
            raise ValueError("it holds no keys")  # noqa: TRY004 - told below
    except (YAMLError, ValueError, RecursionError) as error:
        yield Unread(path, f"it cannot be read: {error}".partition("\n")[0][:200])
        return
    folder = PurePosixPath(path).parent
    if path.endswith(".dvc"):
        where = folder / str(document.get("wdir") or ".")
        yield from _outputs(document.get("outs"), where, "", ())
        return
    stages = document.get("stages", document if "schema" not in document else {})
    for stage in stages.values() if isinstance(stages, dict) else ():
        if isinstance(stage, dict):
            made_from = tuple(_sources(stage.get("deps"), folder))
            yield from _outputs(stage.get("outs"), folder, str(stage.get("cmd") or ""), made_from)


def _outputs(
    outs: object, folder: PurePosixPath, command: str, made_from: tuple[tuple[str, str], ...]
) -> Iterator[Tracked | Unread]:
    for out in outs if isinstance(outs, list) else ():
        if not isinstance(out, dict) or not isinstance(name := out.get("path"), str):
            continue
        path = _joined(folder, name)
        content = out.get("md5")
        if path is None:
            yield Unread(name, "it lies outside of the repository")
        elif not isinstance(content, str) or not is_md5(content):
            yield Unread(path, "it has no MD5: what a cloud versions by itself is not read")
        else:
            yield Tracked(path, content, out.get("hash") != "md5", command, made_from)


def _sources(deps: object, folder: PurePosixPath) -> Iterator[tuple[str, str]]:
    for dep in deps if isinstance(deps, list) else ():
        if isinstance(dep, dict) and isinstance(name := dep.get("path"), str) and isinstance(dep.get("md5"), str):
            path = _joined(folder, name)
            if path is not None:
                yield path, dep["md5"]


def _joined(folder: PurePosixPath, name: str) -> str | None:
    """Return a path in the repository; None when it leaves it."""
    if "://" in name or name.startswith("/"):
        return None
    parts: list[str] = []
    for part in (folder / name).parts:
        if part == "..":
            if not parts:
                return None
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts) or None


def is_md5(text: str) -> bool:
    """Return whether a text is an MD5, or one of the list of a folder."""
    core = text.removesuffix(".dir")
    return len(core) == 32 and set(core) <= set("0123456789abcdef")
