"""What the app knows: the engine, the world, the selection; and how it says that something is wrong."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from textual import on
from textual.app import App
from textual.notifications import SeverityLevel
from textual.reactive import reactive
from textual.worker import Worker, WorkerState

from tui.core.entry import Entry, Kind
from tui.core.query import Query
from tui.core.world import Node, Route, World
from tui.engines.base import Engine, Run
from tui.panels.verdict import SIMULATED, Answer

if TYPE_CHECKING:
    from tui.core.changes import Change  # what they do is needed only once something is changed
    from tui.core.changes.deed import Trial

KEPT_ENTRIES = 1000
"""So many entries of the command log are kept; what was changed is also in the history, which forgets nothing."""


class State(App[None]):
    """The reactives that panels are bound to, and what every walk needs.

    `real` is the World that the engine has read; `world` is the one that is shown: the same, or with `what_if` the one
    after those changes, none of which was made. `simulated`: no kernel stands behind the engine. `unasked` says why no
    kernel is asked, "" where one is. `changing` is what is being changed right now, "" when nothing is; `alarm` is a
    sentence that stays until it is put away.
    """

    world: reactive[World | None] = reactive(None, init=False, repaint=False)
    selected: reactive[str | None] = reactive(None, init=False, repaint=False)
    node: reactive[Node | None] = reactive(None, init=False, repaint=False)
    family: reactive[int] = reactive(4, init=False, repaint=False)
    table: reactive[str] = reactive("main", init=False, repaint=False)
    classic: reactive[bool] = reactive(False, init=False, repaint=False)
    candidate: reactive[Route | None] = reactive(None, init=False, repaint=False)
    question: reactive[Query | None] = reactive(None, init=False, repaint=False)
    answer: reactive[Answer | None] = reactive(None, init=False, repaint=False)
    trouble: reactive[str] = reactive("", init=False, repaint=False)
    simulated: reactive[bool] = reactive(False, init=False, repaint=False)
    unasked: reactive[str] = reactive("", init=False, repaint=False)
    what_if: reactive[tuple[Change, ...]] = reactive((), init=False, repaint=False)
    trial: reactive[Trial | None] = reactive(None, init=False, repaint=False)
    changing: reactive[str] = reactive("", init=False, repaint=False)
    alarm: reactive[str] = reactive("", init=False, repaint=False)
    entries: reactive[tuple[Entry, ...]] = reactive((), init=False, repaint=False)

    clock: Callable[[], float] = staticmethod(time.monotonic)
    """Seconds, for what takes itself back after a while."""

    def __init__(self, engine: Engine, simulated: bool) -> None:
        super().__init__()
        self.engine = engine
        self.real: World | None = None
        self.set_reactive(State.simulated, simulated)
        self.set_reactive(State.unasked, SIMULATED if simulated else "")
        self.runs: set[Run] = set()
        """What runs now; it is ended when the app is left."""
        self._numbered = 0

    @property
    def read_only(self) -> bool:
        """Whether the engine refuses every change."""
        return bool(getattr(self.engine, "read_only", False))

    def say(self, text: str, severity: SeverityLevel = "information", timeout: float | None = None) -> None:
        """A notice; the text may hold anything."""
        self.notify(text, severity=severity, timeout=timeout, markup=False)

    def record(self, kind: Kind, what: str, commands: tuple[tuple[str | None, tuple[str, ...]], ...]) -> Entry:
        """Begin an entry of the command log."""
        self._numbered += 1
        entry = Entry(self._numbered, time.strftime("%H:%M:%S"), kind, what, commands)
        self.entries = (*self.entries, entry)[-KEPT_ENTRIES:]
        return entry

    def amend(self, entry: Entry) -> Entry:
        """Put an entry in the place of the one with its number."""
        self.entries = tuple(entry if each.number == entry.number else each for each in self.entries)
        return entry

    def leave_engine(self) -> None:
        """The engine is about to be closed for another one: each walk ends what it runs there."""

    @on(Worker.StateChanged)
    def _worker(self, event: Worker.StateChanged) -> None:
        """A worker that fails without an EngineError has a bug, which is shown as one and ends nothing."""
        if event.state is WorkerState.ERROR:
            self.log.error(event.worker.error)
            self.say(f"A fault in routetui ({event.worker.description}): {event.worker.error!r}", "error")
