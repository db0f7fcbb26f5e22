"""Reads a project file: every complaint names file, line, column and the nearest valid key."""

from pathlib import Path
from typing import Any, NoReturn

from msgspec import inspect as shapes
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from tidemill.core.errors import InvalidInput, NotFound, TidemillError
from tidemill.core.names import shown
from tidemill.core.nearest import did_you_mean
from tidemill.projects.spec import ProjectSpec

FILE_NAME = "tidemill.yaml"
_MOST_BYTES = 1 << 20
_MOST_NODES = 100_000


class InvalidProjectFile(InvalidInput):
    """The project file says what it cannot say."""

    code = "invalid_project_file"


class ProjectFileMissing(NotFound):
    """There is no project file in the folder."""

    code = "project_file_missing"


def read_project(path: Path) -> ProjectSpec:
    """Return what a project file says.

    Raises:
        ProjectFileMissing: If there is none.
        InvalidProjectFile: If it is not YAML, has an unknown key, or a value of another type.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise ProjectFileMissing(
            f"There is no {path.name} here", where=str(path.parent), hint="Make one with `tidemill init`."
        ) from None
    return parse_project(content, name=path.name)


def parse_project(content: bytes, *, name: str = FILE_NAME) -> ProjectSpec:
    """Return what the bytes of a project file say; `name` stands in the messages.

    Raises:
        InvalidProjectFile: If it is not YAML, has an unknown key, or a value of another type.
    """
    reader = _Reader(name)
    if len(content) > _MOST_BYTES:
        reader.complain(None, f"The file has {len(content)} bytes", f"Keep it below {_MOST_BYTES} bytes.")
    try:
        tree = YAML(typ="rt", pure=True).load(content.decode())
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (mark.line, mark.column) if mark else None
        reader.complain(place, error.problem or error.context or "This is not YAML", "Look at the indentation.")
    except (YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        reader.complain(None, f"This is not YAML: {error}".partition("\n")[0], "Write it in UTF-8.")
    if not isinstance(tree, CommentedMap):
        reader.complain((0, 0), "The file holds no keys", "Begin with `project: NAME`.")
    spec = reader.build(tree, shapes.type_info(ProjectSpec), (0, 0), "")
    assert isinstance(spec, ProjectSpec)  # noqa: S101 - built from its own shape
    return spec


Place = tuple[int, int] | None


class _Reader:
    """Builds typed records from a YAML tree that knows its places."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._nodes = 0

    def complain(self, place: Place, message: str, hint: str) -> NoReturn:
        """Raise the complaint at a place, given as line and column from zero."""
        where = f"{self._name}:{place[0] + 1}:{place[1] + 1}" if place else self._name
        raise InvalidProjectFile(message, where=where, hint=hint)

    def build(self, node: Any, shape: shapes.Type, place: Place, path: str) -> Any:  # noqa: ANN401 - YAML holds anything
        """Return what a node says, as the shape asks for it."""
        self._nodes += 1
        if self._nodes > _MOST_NODES:
            self.complain(place, "The file unfolds to too much", "Remove repeated aliases.")
        if isinstance(shape, shapes.UnionType):
            return self._union(node, shape, place, path)
        if isinstance(shape, shapes.StructType):
            return self._struct(node, shape, place, path)
        if isinstance(shape, shapes.DictType):
            mapping = self._mapping(node, place, path)
            return {
                self._text(key, _key_place(node, key), path): self.build(
                    value, shape.value_type, _value_place(node, key), f"{path}.{key}"
                )
                for key, value in mapping.items()
            }
        if isinstance(shape, shapes.ListType):
            if not isinstance(node, CommentedSeq):
                self.complain(place, f"{_called(path)} is {_kind(node)}, and must be a list", "Write [a, b] or dashes.")
            return [
                self.build(value, shape.item_type, _item_place(node, at), f"{path}[{at}]")
                for at, value in enumerate(node)
            ]
        if isinstance(shape, shapes.AnyType | shapes.CustomType):
            return self._plain(node, place, path)
        return self._scalar(node, shape, place, path)

    def _struct(self, node: Any, shape: shapes.StructType, place: Place, path: str) -> object:  # noqa: ANN401 - YAML holds anything
        mapping = self._mapping(node, place, path)
        fields = {field.encode_name: field for field in shape.fields}
        values = {}
        for key, value in mapping.items():
            name = self._text(key, _key_place(node, key), path)
            if name not in fields:
                within = f" in {path.lstrip('.')}" if path else ""
                hint = did_you_mean(name, fields)
                self.complain(_key_place(node, key), f"There is no key {shown(name)}{within}", hint)
            values[name] = self.build(value, fields[name].type, _value_place(node, key), f"{path}.{name}")
        missing = [name for name, field in fields.items() if field.required and name not in values]
        if missing:
            self.complain(place, f"{_called(path)} lacks {', '.join(missing)}", f"Add `{missing[0]}: …` here.")
        try:
            return shape.cls(**values)
        except TidemillError as error:
            return self.complain(_place_within(mapping, error, place), error.message, error.hint)
        except ValueError as error:
            return self.complain(place, str(error), "Change the value.")

    def _union(self, node: Any, shape: shapes.UnionType, place: Place, path: str) -> Any:  # noqa: ANN401 - YAML holds anything
        for part in shape.types:
            fits = {
                shapes.StructType: CommentedMap,
                shapes.DictType: CommentedMap,
                shapes.ListType: CommentedSeq,
            }.get(type(part))
            if fits and isinstance(node, fits):
                return self.build(node, part, place, path)
        if isinstance(node, CommentedMap | CommentedSeq):
            words = " or ".join(sorted({_word(part) for part in shape.types}))
            self.complain(place, f"{_called(path)} is {_kind(node)}, and must be {words}", "Change the value.")
        scalars = tuple(
            part for part in shape.types if not isinstance(part, shapes.StructType | shapes.DictType | shapes.ListType)
        )
        return self._scalar(node, shapes.UnionType(scalars), place, path)

    def _scalar(self, node: Any, shape: shapes.Type, place: Place, path: str) -> Any:  # noqa: ANN401 - YAML holds anything
        kinds = shape.types if isinstance(shape, shapes.UnionType) else (shape,)
        value = self._plain(node, place, path)
        wanted = {_python(kind) for kind in kinds}
        if type(value) in wanted:
            return value
        if float in wanted and type(value) is int:
            return float(value)
        words = " or ".join(sorted({_word(kind) for kind in kinds}))
        return self.complain(place, f"{_called(path)} is {_kind(value)}, and must be {words}", "Change the value.")

    def _plain(self, node: Any, place: Place, path: str) -> Any:  # noqa: ANN401 - YAML holds anything
        """Return a node without its YAML clothes: plain text, numbers, lists and dictionaries."""
        self._nodes += 1
        if self._nodes > _MOST_NODES:
            self.complain(place, "The file unfolds to too much", "Remove repeated aliases.")
        if isinstance(node, CommentedMap):
            return {
                self._text(key, _key_place(node, key), path): self._plain(value, _value_place(node, key), path)
                for key, value in node.items()
            }
        if isinstance(node, CommentedSeq):
            return [self._plain(value, _item_place(node, at), path) for at, value in enumerate(node)]
        if isinstance(node, bool) or node is None:
            return node
        for kind in (int, float, str):
            if isinstance(node, kind):
                return kind(node)
        isoformat = getattr(node, "isoformat", None)
        if isoformat:
            return str(isoformat())
        return self.complain(
            place, f"{_called(path)} has a tag, {type(node).__name__}", "Write plain YAML without tags."
        )

    def _mapping(self, node: Any, place: Place, path: str) -> CommentedMap:  # noqa: ANN401 - YAML holds anything
        if not isinstance(node, CommentedMap):
            self.complain(
                place, f"{_called(path)} is {_kind(node)}, and must have keys", "Write `key: value` below it."
            )
        return node

    def _text(self, key: Any, place: Place, path: str) -> str:  # noqa: ANN401 - YAML holds anything
        if not isinstance(key, str):
            self.complain(place, f"A key in {_called(path)} is {_kind(key)}", "Keys are texts: put it in quotes.")
        return str(key)


def _called(path: str) -> str:
    return path.lstrip(".") or "the file"


def _place_within(node: CommentedMap, error: TidemillError, place: Place) -> Place:
    """Return the place of the value that an error is about, as far as it says which."""
    found: Place = place
    within: Any = node
    steps = error.details.get("place")
    for step in steps if isinstance(steps, tuple) else ():
        inner = _item_place(within, step) if isinstance(within, CommentedSeq) else _value_place(within, step)
        found, within = inner or found, within[step]
    return found


def _key_place(node: CommentedMap, key: object) -> Place:
    try:
        line, column = node.lc.key(key)
    except (KeyError, TypeError, AttributeError):
        return None
    return line, column


def _value_place(node: CommentedMap, key: object) -> Place:
    try:
        line, column = node.lc.value(key)
    except (KeyError, TypeError, AttributeError):
        return None
    return line, column


def _item_place(node: CommentedSeq, at: int) -> Place:
    try:
        line, column = node.lc.item(at)
    except (KeyError, TypeError, AttributeError):
        return None
    return line, column


_WORDS: dict[type, str] = {
    shapes.StrType: "text",
    shapes.IntType: "a whole number",
    shapes.FloatType: "a number",
    shapes.BoolType: "true or false",
    shapes.NoneType: "nothing",
    shapes.ListType: "a list",
    shapes.DictType: "a mapping",
    shapes.StructType: "a mapping",
}
_PYTHON: dict[type, type] = {
    shapes.StrType: str,
    shapes.IntType: int,
    shapes.FloatType: float,
    shapes.BoolType: bool,
    shapes.NoneType: type(None),
}


def _word(shape: shapes.Type) -> str:
    return _WORDS.get(type(shape), "something else")


def _python(shape: shapes.Type) -> type:
    return _PYTHON.get(type(shape), object)


def _kind(value: object) -> str:
    if isinstance(value, CommentedMap | dict):
        return "a mapping"
    if isinstance(value, CommentedSeq | list):
        return "a list"
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return "empty"
    if isinstance(value, str):
        return f"the text {shown(str(value))}"
    return f"the value {shown(str(value))}"
