"""The app: it owns the world, the selection, the workers and the keys; panels draw what it holds."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import App, ComposeResult, SystemCommand
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.notifications import SeverityLevel
from textual.reactive import reactive
from textual.screen import Screen
from textual.worker import Worker, WorkerState

from tui.background import start
from tui.core.destination import nearest
from tui.core.query import Query
from tui.core.world import Node, Route, World
from tui.engines.base import Engine, EngineError, Run
from tui.panels.explorer import Explorer
from tui.panels.frame import Banner, KeyLine, TitleBar
from tui.panels.keys import APP_KEYS, SCREEN_KEYS
from tui.panels.layout import first_choice
from tui.panels.lookup import LookupPanel
from tui.panels.places import Places
from tui.panels.routes import Routes
from tui.panels.tables import tables
from tui.panels.verdict import Answer
from tui.themes import DARK, LIGHT

RETRY = (0.5, 1.0, 2.0, 5.0, 10.0)
"""Seconds before each try to reach an engine that went away; the last one from then on."""

PATIENCE = 10.0
"""Seconds that a kernel has to answer `ip route get`."""


class RoutetuiApp(App[None]):
    """The explorer of one engine.

    `first` is a snapshot that was begun before Textual was imported; `node` and `destination` what to open on;
    `simulated` says that no kernel stands behind the engine, and `notice` why, in one sentence.
    """

    TITLE = "routetui"
    CSS_PATH = "app.tcss"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide"), (150, "-broad")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-short"), (28, "-tall")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [*APP_KEYS]

    world: reactive[World | None] = reactive(None, init=False, repaint=False)
    selected: reactive[str | None] = reactive(None, init=False, repaint=False)
    node: reactive[Node | None] = reactive(None, init=False, repaint=False)
    family: reactive[int] = reactive(4, init=False, repaint=False)
    table: reactive[str] = reactive("main", init=False, repaint=False)
    classic: reactive[bool] = reactive(False, init=False, repaint=False)
    candidate: reactive[Route | None] = reactive(None, init=False, repaint=False)
    answer: reactive[Answer | None] = reactive(None, init=False, repaint=False)
    trouble: reactive[str] = reactive("", init=False, repaint=False)

    class Changed(Message):
        """The engine says that something changed."""

    class Lost(Message):
        """The engine went away, or the watch of it ended with an error."""

        def __init__(self, error: EngineError) -> None:
            super().__init__()
            self.error = error

    def __init__(
        self,
        engine: Engine,
        *,
        first: Future[World] | None = None,
        node: str | None = None,
        destination: str = "",
        simulated: bool = False,
        notice: str = "",
    ) -> None:
        super().__init__()
        self.engine = engine
        self.simulated, self.notice = simulated, notice
        self._first = first or start(engine.snapshot)
        self._wanted, self._destination = node, destination
        self._reading = self._again = self._watching = False
        self._tries = 0
        self._runs: set[Run] = set()
        self._by_name: dict[str, Node] = {}
        for theme in (DARK, LIGHT):
            self.register_theme(theme)
        self.theme = DARK.name

    def compose(self) -> ComposeResult:
        """One screen: who is there, what this one knows, where a packet would go."""
        yield TitleBar(self.engine.label, self.simulated).data_bind(RoutetuiApp.world, RoutetuiApp.trouble)
        yield Banner(self.notice).data_bind(RoutetuiApp.trouble)
        with Horizontal(id="body"):
            yield Places().data_bind(RoutetuiApp.world, RoutetuiApp.selected, RoutetuiApp.family)
            with Vertical(id="right"):
                yield Routes().data_bind(
                    RoutetuiApp.world,
                    RoutetuiApp.node,
                    RoutetuiApp.family,
                    RoutetuiApp.table,
                    RoutetuiApp.classic,
                    RoutetuiApp.candidate,
                )
                panel = LookupPanel(self._destination)
                panel.set_reactive(LookupPanel.kernel, not self.simulated)
                yield panel.data_bind(RoutetuiApp.world, RoutetuiApp.node, RoutetuiApp.family, RoutetuiApp.answer)
        yield KeyLine()

    def on_mount(self) -> None:
        """Show the first snapshot as soon as it is there."""
        self.query_one("#place-list").focus()
        self._read(self._first)
        self._watch()

    def on_unmount(self) -> None:
        """End every command and the engine's own threads; whatever hangs, hangs in a thread that nobody waits for."""
        for run in tuple(self._runs):
            run.close()
        start(self.engine.close)

    # Walk 1: the engine changes, a snapshot is taken, the panels draw

    def take_snapshot(self) -> None:
        """Read the engine again: now, or once more after the reading that is under way."""
        if self._reading:
            self._again = True
        else:
            self._read(start(self.engine.snapshot))

    def _read(self, reading: Future[World]) -> None:
        self._reading, self._again = True, False
        self.run_worker(self._finish(reading), description="snapshot", group="snapshot", exit_on_error=False)

    async def _finish(self, reading: Future[World]) -> None:
        try:
            world = await asyncio.wrap_future(reading)
        except EngineError as error:
            self._again = False
            self.post_message(self.Lost(error))
        else:
            self._take(world)
        finally:
            self._reading = False
        if self._again:
            self.take_snapshot()

    def _take(self, world: World) -> None:
        self._tries, self.trouble = 0, ""
        if not self._watching:
            self._watch()
        self.world = world
        # What is shown is no garbage: a full collection that walks ten thousand nodes is felt under a key.
        gc.freeze()

    def _watch(self) -> None:
        """Listen in a thread for as long as the app runs: it only posts messages."""
        self._watching = True
        start(self._listen)

    def _listen(self) -> None:
        try:
            for _ in self.engine.watch():
                self.post_message(self.Changed())
        except EngineError as error:
            self.post_message(self.Lost(error))

    @on(Changed)
    def _changed(self) -> None:
        self.take_snapshot()

    @on(Lost)
    def _lost(self, event: Lost) -> None:
        """Say so, keep what is on the screen, and try again a little later each time."""
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
        if self._wanted and self._wanted not in self._by_name:
            near = nearest(self._wanted, world)
            offer = f" Did you mean {' or '.join(near)}?" if near else ""
            self.say(f"Nothing here is named {self._wanted!r}.{offer}", "warning")
            self._wanted = None
        if self._wanted:
            self.selected, self._wanted = self._wanted, None
        elif self.selected not in self._by_name:
            if self.selected is not None:
                self.say(f"{self.selected} is gone.", "warning")
            self.selected = first_choice(world)
        self.watch_selected()

    def watch_selected(self) -> None:
        """The chosen node as it is in this world."""
        self.node = self._by_name.get(self.selected) if self.selected else None

    # Walk 2: a step of the lookup

    @on(Places.Selected)
    def _selected(self, event: Places.Selected) -> None:
        self.selected = event.node

    @on(Places.Entered)
    def _entered(self, event: Places.Entered) -> None:
        self.selected = event.node
        self.query_one(LookupPanel).ask()

    @on(LookupPanel.Stepped)
    def _stepped(self, event: LookupPanel.Stepped) -> None:
        """The table under the lookup's eyes is the one that is shown."""
        if event.route is not None:
            self.family = event.route.family
        if event.table is not None:
            self.table = event.table
        self.candidate = event.route

    @on(LookupPanel.Asked)
    def _asked(self, event: LookupPanel.Asked) -> None:
        self.answer = None
        self.run_worker(
            self._ask(event.node, event.query),
            description="ask the kernel",
            group="ask",
            exclusive=True,
            exit_on_error=False,
        )

    async def _ask(self, node: str, query: Query) -> None:
        """Let the node's kernel answer; bounded, and never more than one at a time."""
        asking = start(self._ip_route_get, node, query)
        try:
            self.answer = await asyncio.wait_for(asyncio.wrap_future(asking), PATIENCE)
        except TimeoutError:
            self.answer = Answer(node, query, trouble=f"no answer in {PATIENCE:g} seconds; r asks again")

    def _ip_route_get(self, node: str, query: Query) -> Answer:
        try:
            run = self.engine.run(node, query.command())
        except EngineError as error:
            return Answer(node, query, trouble=str(error))
        self._runs.add(run)
        try:
            lines = tuple(run)
            return Answer(node, query, lines, run.code or 0)
        except EngineError as error:
            return Answer(node, query, trouble=str(error))
        finally:
            run.close()
            self._runs.discard(run)

    @on(Worker.StateChanged)
    def _worker(self, event: Worker.StateChanged) -> None:
        """A worker that fails without an EngineError has a bug, which is shown as one and ends nothing."""
        if event.state is WorkerState.ERROR:
            self.log.error(event.worker.error)
            self.say(f"A fault in routetui ({event.worker.description}): {event.worker.error!r}", "error")

    def say(self, text: str, severity: SeverityLevel = "information") -> None:
        """A notice; the text may hold anything."""
        self.notify(text, severity=severity, markup=False)

    # Keys of the app (tui.panels.keys names them; those of the panels are the screen's)

    def action_classic(self) -> None:
        """The other hand of the table."""
        self.classic = not self.classic

    def get_default_screen(self) -> Explorer:
        """The screen that knows its way between the panels."""
        return Explorer(id="_default")

    def action_next_table(self) -> None:
        """The next table of the node."""
        if self.node is not None:
            names = tables(self.node, self.family)
            self.table = names[(names.index(self.table) + 1) % len(names)] if self.table in names else names[0]

    def action_family(self) -> None:
        """The other family."""
        self.family = 10 - self.family

    def action_refresh(self) -> None:
        """Read the engine again, and let the kernel answer again."""
        self.take_snapshot()
        self.query_one(LookupPanel).ask_again()

    def action_help(self) -> None:
        """The keys."""
        from tui.panels.help import Help

        self.push_screen(Help())

    def action_light(self) -> None:
        """Light or dark."""
        self.theme = DARK.name if self.theme == LIGHT.name else LIGHT.name

    def action_copy(self) -> None:
        """Put the command that asks the kernel the same on the clipboard."""
        query = self.query_one(LookupPanel).question
        command = " ".join(query.command()) if query else "ip route"
        self.copy_to_clipboard(command)
        self.say(f"Copied, to be run in {self.selected}: {command}")

    def action_picture(self) -> None:
        """Save the screen as a picture."""
        self._save("svg", self.export_screenshot)

    def action_export(self) -> None:
        """Save the table and the lookup as text."""
        self._save("txt", lambda: f"{self.query_one(Routes).text()}\n\n{self.query_one(LookupPanel).text()}\n")

    def _save(self, ending: str, make: Callable[[], str]) -> None:
        number = 1
        while (path := Path.cwd() / f"routetui-{number}.{ending}").exists():
            number += 1
        try:
            path.write_text(make(), encoding="utf-8")
        except OSError as error:
            self.say(
                f"Not saved: {error.strerror or error}. Start routetui in a folder that you may write to.", "error"
            )
        else:
            self.say(f"Saved {path}")

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Every action is in the palette."""
        for each in (*SCREEN_KEYS, *APP_KEYS):
            if each.action != "command_palette":
                title = each.tooltip or each.description
                act = partial(self.run_action, each.action, self if each in APP_KEYS else screen)
                yield SystemCommand(title[:1].upper() + title[1:], f"key: {self.get_key_display(each)}", act)
        yield SystemCommand("Choose a theme", "colours of every kind", self.action_change_theme)
