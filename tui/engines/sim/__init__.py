"""The simulator: an engine that is a World in memory. It works everywhere, and answers what can be told from tables."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

from tui.core.world import Node, World
from tui.engines.base import EngineError, Making, no_such_node

if TYPE_CHECKING:
    from tui.core.changes import Change
    from tui.core.follow import Asked
    from tui.core.packets.filter import Filter
    from tui.core.path.hops import Path
    from tui.core.probes import Capture
    from tui.engines.sim.wire import SimulatedCapture, Wire


class Printed:
    """A Run, or a Making, that ended before it was read: its lines and its exit code are known."""

    def __init__(self, argv: Sequence[str], lines: Sequence[str], code: int, how: str = "") -> None:
        self.argv = tuple(argv)
        self.code: int | None = None
        self.how = how
        self._lines = lines
        self._code = code
        self._closed = False

    def __iter__(self) -> Iterator[str]:
        """The lines, in order; `code` is set when they have been read or the run was closed."""
        for line in self._lines:
            if self._closed:
                break
            yield line
        self.close()

    def close(self) -> None:
        """End the run: no further line comes."""
        self._closed = True
        self.code = self._code


class Simulator:
    """An Engine over one World, which `replace` swaps for another. Every method may be called from any thread."""

    def __init__(self, world: World, label: str = "simulated") -> None:
        self.label = label
        self._world = world
        self._changed = threading.Condition()
        self._generation = 0
        self._closed = False
        self._wire: Wire | None = None

    def snapshot(self, patience: float | None = None, fresh: bool = False) -> World:  # noqa: ARG002  # all is at hand
        """The World as it is now."""
        return self._world

    def replace(self, world: World) -> None:
        """Put another World in place; every watcher is told."""
        with self._changed:
            self._world = world
            self._generation += 1
            self._changed.notify_all()

    def watch(self) -> Iterator[None]:
        """Yield once for the replacements since this call or the last yield, however many; end on close."""
        with self._changed:
            seen = self._generation
        return self._watch_from(seen)

    def _watch_from(self, seen: int) -> Iterator[None]:
        while True:
            with self._changed:
                while not self._closed and self._generation == seen:
                    self._changed.wait()
                if self._closed:
                    return
                seen = self._generation
            yield None

    def run(self, node: str, argv: Sequence[str]) -> Printed:
        """Answer a command from the World of now, as the real one would print it.

        A command that only a real system can run ends with code 127 and one sentence that says so.
        Raises EngineError for an unknown or stopped node.
        """
        from tui.core.follow import Asked
        from tui.engines.sim.answers import answer  # late: reading and writing tables is not needed to look at a World
        from tui.engines.sim.probing import path_of_ping, probed

        world = self._world
        there = self._running(world, node)
        lines, code = answer(there, argv) or probed(world, there, argv) or (_cannot(argv), 127)
        if self._wire is not None and (pinged := path_of_ping(world, there, tuple(argv))) is not None:
            self.carry(pinged[0], Asked(pinged[1]))
        return Printed(argv, lines, code, "in the simulator")

    def change(self, change: Change, world: World, agreed: Collection[str] = ()) -> Making:  # noqa: ARG002
        """Make a change in the World of now; see Engine.change. What would be refused is refused in the same words."""
        from tui.engines.making import InOrder  # late: what changes do is needed only once something is changed

        return InOrder(change, world, self._make)

    def _make(self, change: Change, _: World) -> Making:
        from tui.core.changes import ChangeRefused, apply, placed

        argv = placed(change, self._world)[0][1]
        try:
            self.replace(apply(change, self._world))
        except ChangeRefused as refused:
            return Printed(argv, (refused.words or str(refused),), 2, _HOW)
        return Printed(argv, (), 0, _HOW)

    def capture(self, node: str, asked: Capture, wanted: Filter) -> SimulatedCapture:
        """Begin to listen for what probes in this simulator send; see tui.engines.capture.Captures."""
        self._running(self._world, node)
        return self._air().capture(node, asked, wanted)

    def carry(self, path: Path, asked: Asked) -> None:
        """Let the packets of a ping pass, for the captures to see."""
        self._air().carry(self._world, path, asked)

    def _air(self) -> Wire:
        from tui.engines.sim.wire import Wire  # late: nobody needs it to look at a World

        with self._changed:
            if self._wire is None:
                self._wire = Wire()
            return self._wire

    def _running(self, world: World, name: str) -> Node:
        node = world.node(name)
        if node is None:
            raise no_such_node(name, [each.name for each in world.nodes])
        if node.state != "running":
            raise EngineError(f"{name} is {node.state}: nothing can run in it. Start it first.")
        return node

    def close(self) -> None:
        """End every watch and capture."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._wire is not None:
            self._wire.close()


_HOW = "in the simulator"


def _cannot(argv: Sequence[str]) -> tuple[str, ...]:
    name = argv[0] if argv else "an empty command"
    from tui.engines.sim.answers import KNOWN

    return (f"The simulator cannot run {name} as asked; it knows {KNOWN}.",)
