"""Where a lab can be up: on this machine's kernel, on a Docker Engine, or nowhere (simulated); with the same verbs."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

from tui.cli.arguments import UsageError
from tui.cli.choose import ENGINE_VARIABLE, LAB_VARIABLE
from tui.cli.lab.files import Found
from tui.cli.lab.guard import guarded
from tui.core.text import clean

if TYPE_CHECKING:
    from tui.engines.docker.connect import Connection

Say = Callable[[str], None]


class Place(Protocol):
    """An engine, as far as labs are concerned. Raises UsageError for what is taken or not there, else EngineError.

    `name` is the word of --engine, `where` what is said in a sentence.
    """

    name: str
    where: str

    def up(self, found: Found, say: Say) -> tuple[str, ...]:
        """Bring it up to stay; sentences on what was done otherwise than the file says."""
        ...

    def down(self, name: str, say: Say) -> None:
        """End the lab of that name."""
        ...

    def running(self) -> list[str]:
        """The names of the labs that are up there."""
        ...

    def holding(self, found: Found, say: Say) -> AbstractContextManager[dict[str, str]]:
        """Bring it up while the block runs, which gets the variables that name it; it is gone however that ends."""
        ...


def place(options: argparse.Namespace) -> Place:
    """The place that the options name; Docker where they name an engine's address, else the kernel."""
    if options.engine == "sim":
        return Nowhere()
    if options.engine == "docker" or options.host is not None or options.context is not None:
        return OnDocker(options)
    return OnKernel()


class OnKernel:
    """Labs in network namespaces, each held by a process of this user's."""

    name = "kernel"
    where = "on this machine's kernel"

    def up(self, found: Found, say: Say) -> tuple[str, ...]:
        """A holder process stays."""
        from tui.engines.kernel import kept

        name = _short(found.lab.name)
        if name in kept.running():
            raise UsageError(f"The lab {name} is already up {self.where}: end it with routetui lab down {name}.")
        say(_told(found, self.where))
        engine = kept.up(found.lab, persist=True)
        engine.close()
        return engine.notes

    def down(self, name: str, say: Say) -> None:  # noqa: ARG002  # it takes no time
        """End the holder process; all else goes with it."""
        from tui.engines.kernel import kept

        if name not in (up := kept.running()):
            raise _not_up(name, self.where, up)
        kept.down(name)

    def running(self) -> list[str]:
        """Those that stay; the labs of `lab exec` belong to it."""
        from tui.engines.kernel import kept

        return kept.running()

    @contextlib.contextmanager
    def holding(self, found: Found, say: Say) -> Iterator[dict[str, str]]:
        """The kernel itself ends it with this process."""
        from tui.engines.kernel import kept

        _short(found.lab.name)
        say(_told(found, self.where))
        engine = kept.hold(found.lab)
        try:
            for each in engine.notes:
                say(each)
            yield {LAB_VARIABLE: kept.held_name(found.lab), ENGINE_VARIABLE: self.name}
        finally:
            engine.close()


class OnDocker:
    """Labs as labelled containers and networks of an engine."""

    name = "docker"

    def __init__(self, options: argparse.Namespace) -> None:
        self._host, self._context = options.host, options.context
        self._image = getattr(options, "image", None)
        self.where = "on Docker"

    @contextlib.contextmanager
    def _connection(self) -> Iterator[Connection]:
        from tui.engines.docker.connect import Connection
        from tui.engines.docker.endpoint import find

        connection = Connection(find(self._host, self._context))
        self.where = f"on {connection.program.title()}"
        try:
            yield connection
        finally:
            connection.close()

    def up(self, found: Found, say: Say) -> tuple[str, ...]:
        """Through the API; what fails is rolled back."""
        from tui.engines.docker import lab as docker_lab

        with self._connection() as connection, _refusals():
            say(_told(found, self.where))
            docker_lab.up(connection, found.lab, self._image, say, found.file)
        return ()

    def down(self, name: str, say: Say) -> None:
        """Remove what carries the lab's label."""
        from tui.engines.docker import lab as docker_lab

        with self._connection() as connection:
            try:
                docker_lab.down(connection, name, say)
            except docker_lab.NoSuchLab:
                raise _not_up(name, self.where, docker_lab.running(connection)) from None

    def running(self) -> list[str]:
        """By the label."""
        from tui.engines.docker import lab as docker_lab

        with self._connection() as connection:
            return docker_lab.running(connection)

    @contextlib.contextmanager
    def holding(self, found: Found, say: Say) -> Iterator[dict[str, str]]:
        """A process beside this one removes it when this one has ended, in whatever way."""
        from tui.engines.docker import lab as docker_lab

        with self._connection() as connection, _refusals():
            docker_lab.check(connection, found.lab)
        with guarded(lambda: self._gone(found.lab.name, say)):
            self.up(found, say)
            named = {"DOCKER_HOST": self._host, "DOCKER_CONTEXT": self._context}
            yield {
                LAB_VARIABLE: found.lab.name,
                ENGINE_VARIABLE: self.name,
                **{key: value for key, value in named.items() if value},
            }

    def _gone(self, name: str, say: Say) -> None:
        """Take it down until nothing of it is found: what was just being made when its maker was killed comes late."""
        with contextlib.suppress(UsageError):
            while True:
                self.down(name, say)


class Nowhere:
    """The simulator: a lab is a file, and every program that looks at it has a world of its own."""

    name = "sim"
    where = "in the simulator"

    def up(self, found: Found, say: Say) -> tuple[str, ...]:  # noqa: ARG002
        """Nothing is started."""
        return ()

    def down(self, name: str, say: Say) -> None:  # noqa: ARG002
        """There is nothing to end."""
        raise UsageError("A simulated lab is never up: there is nothing to end.")

    def running(self) -> list[str]:
        """None."""
        return []

    @contextlib.contextmanager
    def holding(self, found: Found, say: Say) -> Iterator[dict[str, str]]:
        """The variables name the file itself."""
        say(f"{found.lab.name} is simulated: nothing is started, and no command changes it for the next")
        yield {LAB_VARIABLE: found.file or found.lab.name, ENGINE_VARIABLE: self.name}


@contextlib.contextmanager
def _refusals() -> Iterator[None]:
    """A lab that cannot come up as it is, is a mistake in the input."""
    from tui.engines.docker.lab_bodies import LabRefused

    try:
        yield
    except LabRefused as error:
        raise UsageError(f"{error} {f'({error.hint})' if error.hint else ''}".strip()) from None


def _told(found: Found, where: str) -> str:
    lab = found.lab
    return f"{lab.name}: {len(lab.networks)} networks and {len(lab.services)} nodes {where}"


def _short(name: str) -> str:
    if len(name) > 41:
        raise UsageError(f"The lab's name {clean(name)!r} is too long: give it a `name` of 41 letters at most.")
    return name


def _not_up(name: str, where: str, up: list[str]) -> UsageError:
    known = f"there is {', '.join(up)}" if up else "none is"
    return UsageError(f"There is no lab named {clean(name)!r} up {where}: {known}.")
