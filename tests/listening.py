"""Listening to an engine from a test: what an iterator gives, in a thread, and what the World then shows."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator

from tui.core.world import Node, World
from tui.engines.base import Engine

SOON = 20.0
"""Seconds after which a test gives up waiting for what should come at once."""


class Listener:
    """Iterates in a thread and tells what came."""

    END = object()

    def __init__(self, iterator: Iterator[object]) -> None:
        self.heard: queue.Queue[object] = queue.Queue()
        self._thread = threading.Thread(target=self._listen, args=(iterator,), daemon=True)
        self._thread.start()

    def _listen(self, iterator: Iterator[object]) -> None:
        try:
            for each in iterator:
                self.heard.put(each)
            self.heard.put(self.END)
        except BaseException as error:
            self.heard.put(error)

    def next(self) -> object:
        """What comes next; the test fails where nothing does."""
        return self.heard.get(timeout=SOON)


def named(world: World, name: str) -> Node:
    node = world.node(name)
    assert node is not None, f"{name} is not among {[each.name for each in world.nodes]}"
    return node


def seen_until(engine: Engine, listener: Listener, done: Callable[[World], bool]) -> World:
    """Take a snapshot whenever the watch says so, until it shows what it should; fails when no news comes."""
    while True:
        assert listener.next() is None
        world = engine.snapshot()
        if done(world):
            return world
