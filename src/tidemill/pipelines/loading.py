"""Importing a project's code. Only workers do this, and the in-process mode that a person asks for."""

import sys
from importlib import import_module, invalidate_caches
from pathlib import Path
from types import ModuleType

from tidemill.core.names import shown
from tidemill.core.nearest import did_you_mean
from tidemill.objects.trees import UnsafePath, check_relative
from tidemill.pipelines.define import Pipeline, Step
from tidemill.pipelines.errors import InvalidReference, InvalidStep, PipelineNotFound, ProjectFault


def split_reference(reference: str) -> tuple[str, str]:
    """Return the file and the name that `pipeline.py:delays` holds.

    Raises:
        InvalidReference: If it is anything else, or leaves the project's folder.
    """
    file, _, name = reference.partition(":")
    try:
        file = check_relative(file)
    except UnsafePath:
        file = ""
    if not file.endswith(".py") or not name.isidentifier() or not module_name(file):
        raise InvalidReference(
            f"{shown(reference)} does not name a pipeline", hint="Write FILE.py:FUNCTION, such as pipeline.py:delays."
        )
    return file, name


def module_name(file: str) -> str:
    """Return the dotted name of a file of the project; empty when it has none."""
    parts = list(Path(file).with_suffix("").parts)
    if parts[0] == "src" and len(parts) > 1:
        parts = parts[1:]
    if parts[-1] == "__init__":
        parts = parts[:-1]
    return ".".join(parts) if all(part.isidentifier() for part in parts) else ""


def enter_project(root: Path) -> None:
    """Let imports find a project's modules, and no older copies of them."""
    leave_project()
    for folder in (root / "src", root):
        if folder.is_dir():
            sys.path.insert(0, str(folder))
            _ENTERED.append(str(folder))
    sys.dont_write_bytecode = True
    invalidate_caches()


def leave_project() -> None:
    """Forget the project that was entered, with its modules."""
    for folder in _ENTERED:
        if folder in sys.path:
            sys.path.remove(folder)
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file and any(Path(file).is_relative_to(folder) for folder in _ENTERED):
            del sys.modules[name]
    _ENTERED.clear()


def load_pipeline(root: Path, reference: str) -> Pipeline[..., object]:
    """Return the pipeline of a project that was entered.

    Raises:
        InvalidReference: If the reference is not of the form.
        PipelineNotFound: If the file, or the pipeline in it, does not exist.
    """
    file, name = split_reference(reference)
    if not (root / file).is_file():
        here = [path.relative_to(root).as_posix() for path in root.rglob("*.py")]
        raise PipelineNotFound(f"The project has no file {shown(file)}", hint=did_you_mean(file, here))
    module = _import(root, module_name(file), file)
    found = getattr(module, name, None)
    if isinstance(found, Pipeline):
        return found
    pipelines = [key for key, value in vars(module).items() if isinstance(value, Pipeline)]
    if found is not None:
        raise PipelineNotFound(f"{name} in {file} is no pipeline", hint="Put @pipeline above its def.", where=file)
    raise PipelineNotFound(f"{file} has no pipeline {name}", hint=did_you_mean(name, pipelines), where=file)


def load_step(function: str) -> Step[..., object]:
    """Return the step that `module:qualified.name` names.

    Raises:
        InvalidStep: If a worker cannot find it there.
    """
    module, _, path = function.partition(":")
    found: object = None
    if "<" not in path:
        found = import_module(module)
        for part in path.split("."):
            found = getattr(found, part, None)
    if not isinstance(found, Step):
        raise InvalidStep(
            f"{path} of module {module} cannot be found again by a worker",
            hint="Define steps at the top of a module, and do not rebind their name.",
        )
    return found


def _import(root: Path, name: str, file: str) -> ModuleType:
    module = import_module(name)
    where = getattr(module, "__file__", None)
    if where is None or not Path(where).is_relative_to(root):
        raise ProjectFault(
            f"{file} has the name of the module {name}, which is loaded already", hint="Rename the file.", where=file
        )
    return module


_ENTERED: list[str] = []
