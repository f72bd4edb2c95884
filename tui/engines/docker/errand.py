"""An errand into a node's network: the command, the place, what came of it, and that a way may not lead there."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tui.engines.base import clean
from tui.engines.docker import beside
from tui.engines.docker.exec import Lines

if TYPE_CHECKING:
    import docker

SECONDS = 20
"""How long a command may be silent."""


class Unfit(Exception):
    """This way does not lead there; str() says why, as half a sentence that follows a colon."""


@dataclass(frozen=True, slots=True)
class Place:
    """Whose network it is: a container, or the engine's host where `container` is "".

    `pid` is a process that lives in it, where this machine has one. `admin` tells whether the container's own
    processes have NET_ADMIN, `paused` whether none of them can run now.
    """

    name: str
    container: str = ""
    pid: int | None = None
    admin: bool = False
    paused: bool = False


@dataclass(frozen=True, slots=True)
class Errand:
    """One command: as it is shown, in the classic form where there is one; for a switch its name and value."""

    argv: tuple[str, ...]
    classic: tuple[str, ...] | None = None
    switch: tuple[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """What came of it: exit code 0 where it was done; the lines that were printed; by which way, in words."""

    code: int
    lines: tuple[str, ...]
    how: str


class Ground:
    """What the ways of one change have in common: a client of the engine, and the image of a container beside."""

    def __init__(self, api: docker.APIClient, program: str) -> None:
        """`program` is the command by which people use the engine: docker or podman."""
        self.api = api
        self.program = program

    @functools.cached_property
    def image(self) -> str | None:
        """The image, or None; asked for only where no better way is left. Raises EngineError."""
        return beside.image(self.api, self.program)


def lines_of(said: bytes) -> tuple[str, ...]:
    """The lines of an output, clean, without empty ones."""
    lines = Lines()
    return tuple(each for each in map(clean, [*lines.feed(said), *lines.end()]) if each.strip())
