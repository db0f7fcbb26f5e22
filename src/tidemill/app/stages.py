"""A stage of a workspace is built when somebody asks for it: a command that lists datasets needs no pipelines."""

from collections.abc import Callable
from threading import RLock
from typing import Any, Generic, Protocol, Self, TypeVar, overload

T = TypeVar("T")


class Built(Protocol):
    """What has stages."""

    building: RLock
    """Held while one is built, so that two threads do not build two."""


class Stage(Generic[T]):
    """An attribute that a method builds at its first use.

    Args:
        build: Returns the stage; it may ask for others, as long as none of these asks for this one meanwhile.
    """

    def __init__(self, build: Callable[[Any], T]) -> None:
        self._build = build
        self._name = build.__name__
        self.__doc__ = build.__doc__

    @overload
    def __get__(self, workspace: None, owner: type) -> Self: ...

    @overload
    def __get__(self, workspace: Built, owner: type) -> T: ...

    def __get__(self, workspace: Built | None, owner: type) -> "T | Self":
        """Return the stage; the next time it is an attribute like any other."""
        if workspace is None:
            return self
        with workspace.building:
            held = vars(workspace)
            if self._name not in held:
                held[self._name] = self._build(workspace)
            made: T = held[self._name]
            return made
