"""What the app knows: the engine, the world, the selection; and how it says that something is wrong."""

from __future__ import annotations

from textual import on
from textual.app import App
from textual.notifications import SeverityLevel
from textual.reactive import reactive
from textual.worker import Worker, WorkerState

from tui.core.world import Node, Route, World
from tui.engines.base import Engine, Run
from tui.panels.verdict import Answer


class State(App[None]):
    """The reactives that panels are bound to, and what every walk needs. `simulated`: no kernel stands behind it."""

    world: reactive[World | None] = reactive(None, init=False, repaint=False)
    selected: reactive[str | None] = reactive(None, init=False, repaint=False)
    node: reactive[Node | None] = reactive(None, init=False, repaint=False)
    family: reactive[int] = reactive(4, init=False, repaint=False)
    table: reactive[str] = reactive("main", init=False, repaint=False)
    classic: reactive[bool] = reactive(False, init=False, repaint=False)
    candidate: reactive[Route | None] = reactive(None, init=False, repaint=False)
    answer: reactive[Answer | None] = reactive(None, init=False, repaint=False)
    trouble: reactive[str] = reactive("", init=False, repaint=False)

    def __init__(self, engine: Engine, simulated: bool) -> None:
        super().__init__()
        self.engine = engine
        self.simulated = simulated
        self.runs: set[Run] = set()
        """What runs now; it is ended when the app is left."""

    def say(self, text: str, severity: SeverityLevel = "information") -> None:
        """A notice; the text may hold anything."""
        self.notify(text, severity=severity, markup=False)

    @on(Worker.StateChanged)
    def _worker(self, event: Worker.StateChanged) -> None:
        """A worker that fails without an EngineError has a bug, which is shown as one and ends nothing."""
        if event.state is WorkerState.ERROR:
            self.log.error(event.worker.error)
            self.say(f"A fault in routetui ({event.worker.description}): {event.worker.error!r}", "error")
