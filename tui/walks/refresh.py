"""Walk 1: the engine changes, a snapshot is taken, the panels draw."""

from __future__ import annotations

import asyncio
import gc
from concurrent.futures import Future

from textual import on
from textual.message import Message

from tui.background import start
from tui.core.destination import nearest
from tui.core.world import Node, World
from tui.engines.base import Engine, EngineError
from tui.panels.layout import first_choice
from tui.walks.state import State

RETRY = (0.5, 1.0, 2.0, 5.0, 10.0)
"""Seconds before each try to reach an engine that went away; the last one from then on."""

PATIENCE = 1.0
"""Seconds that a snapshot waits for the tables of nodes: what has not come by then comes with the next one."""


class Refresh(State):
    """At most one snapshot runs and at most one waits; threads only post messages."""

    class Changed(Message):
        """That engine says that something changed."""

        def __init__(self, engine: Engine) -> None:
            super().__init__()
            self.engine = engine

    class Lost(Message):
        """That engine went away, or the watch of it ended with an error."""

        def __init__(self, engine: Engine, error: EngineError) -> None:
            super().__init__()
            self.engine, self.error = engine, error

    def __init__(self, engine: Engine, simulated: bool, node: str | None) -> None:
        super().__init__(engine, simulated)
        self._wanted_node = node
        self._reading = self._again = self._fresh = self._watching = False
        self._tries = 0
        self._by_name: dict[str, Node] = {}
        self._waiting: list[asyncio.Future[None]] = []
        """Who waits for the next reading that is begun."""

    def take_snapshot(self, fresh: bool = False) -> None:
        """Read the engine again: now, or once more after the reading that is under way.

        With `fresh` it reads all of it, also what it would know of had it changed.
        """
        if self._reading:
            self._again, self._fresh = True, self._fresh or fresh
        else:
            # Who waits for a reading wants to know what it says of every node.
            self.read(start(self.engine.snapshot, None if self._waiting else PATIENCE, fresh))

    async def read_again(self) -> None:
        """Read the engine again, whole, and come back once a reading begun after this call is shown, or has failed."""
        shown: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(shown)
        self.take_snapshot()
        await shown

    def read(self, reading: Future[World]) -> None:
        """Wait for a snapshot that was begun, and show it."""
        self._reading, self._again, self._fresh = True, False, False
        waiting, self._waiting = self._waiting, []
        work = self._finish(reading, self.engine, waiting)
        self.run_worker(work, description="snapshot", group="snapshot", exit_on_error=False)

    async def _finish(self, reading: Future[World], engine: Engine, waiting: list[asyncio.Future[None]]) -> None:
        try:
            world = await asyncio.wrap_future(reading)
        except EngineError as error:
            self._again = False
            waiting += self._waiting
            self._waiting = []
            self.post_message(self.Lost(engine, error))
        else:
            if engine is self.engine:
                self._take(world)
        finally:
            for each in waiting:
                if not each.done():
                    each.set_result(None)
        if engine is self.engine:
            self._reading = False
            if self._again or self._waiting:
                self.take_snapshot(self._fresh)

    def _take(self, world: World) -> None:
        self._tries, self.trouble = 0, ""
        if not self._watching:
            self.listen()
        self.show(world)
        # What is shown is no garbage: a full collection that walks ten thousand nodes is felt under a key.
        gc.freeze()

    def show(self, world: World) -> None:
        """A World that the engine has read."""
        self.real = self.world = world

    def listen(self) -> None:
        """Listen in a thread for as long as the app runs: it only posts messages."""
        self._watching = True
        start(self._listen, self.engine)

    def _listen(self, engine: Engine) -> None:
        try:
            for _ in engine.watch():
                self.post_message(self.Changed(engine))
        except EngineError as error:
            self.post_message(self.Lost(engine, error))

    @on(Changed)
    def _changed(self, event: Changed) -> None:
        if event.engine is self.engine:
            self.take_snapshot()

    @on(Lost)
    def _lost(self, event: Lost) -> None:
        """Say so, keep what is on the screen, and try again a little later each time."""
        if event.engine is not self.engine:
            return
        self._watching = False
        self.trouble = f"{event.error} {event.error.hint}".strip()
        delay = RETRY[min(self._tries, len(RETRY) - 1)]
        self._tries += 1
        self.set_timer(delay, self.take_snapshot, name="retry")

    def watch_world(self, world: World | None) -> None:
        """Choose a node when none is chosen, or the chosen one is gone."""
        if world is None:
            return
        self._by_name = {each.name: each for each in world.nodes}
        if self._wanted_node and self._wanted_node not in self._by_name:
            near = nearest(self._wanted_node, world)
            offer = f" Did you mean {' or '.join(near)}?" if near else ""
            self.say(f"Nothing here is named {self._wanted_node!r}.{offer}", "warning")
            self._wanted_node = None
        if self._wanted_node:
            self.selected, self._wanted_node = self._wanted_node, None
        elif self.selected not in self._by_name:
            if self.selected is not None:
                self.say(f"{self.selected} is gone.", "warning")
            self.selected = first_choice(world)
        self.watch_selected()

    def watch_selected(self) -> None:
        """The chosen node as it is in this world."""
        self.node = self._by_name.get(self.selected) if self.selected else None
