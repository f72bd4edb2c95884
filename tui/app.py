"""The app: the walks put together, one screen, and the keys; panels draw what it holds."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Iterable
from concurrent.futures import Future
from functools import partial
from typing import ClassVar

from textual.app import ComposeResult, SystemCommand
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import Screen

from tui.background import start
from tui.core.world import World
from tui.engines.base import Engine
from tui.panels.explorer import Explorer
from tui.panels.frame import Banner, KeyLine, TitleBar
from tui.panels.keys import APP_KEYS, SCREEN_KEYS
from tui.panels.lookup import LookupPanel
from tui.panels.path import PathPanel
from tui.panels.places import Places
from tui.panels.routes import Routes
from tui.panels.tables import tables
from tui.themes import DARK, LIGHT
from tui.walks.follow import Followed
from tui.walks.forms import CHANGING
from tui.walks.labs import LabPlaces, LabWalk
from tui.walks.probe import Probed
from tui.walks.reach import Reach
from tui.walks.step import Step


class RoutetuiApp(LabWalk, Step, Reach, Followed, Probed):
    """The explorer of one engine.

    `first` is a snapshot that was begun before Textual was imported; `node` and `destination` what to open on;
    `simulated` says that no kernel stands behind the engine, and `notice` why, in one sentence. `lab` is the built-in
    lab that the engine is, if it is one, and `places` where others are opened. `parting` is to be said once the app
    was left.
    """

    TITLE = "routetui"
    CSS_PATH = "app.tcss"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide"), (150, "-broad")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-short"), (28, "-tall")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [*APP_KEYS]

    def __init__(
        self,
        engine: Engine,
        *,
        first: Future[World] | None = None,
        node: str | None = None,
        destination: str = "",
        simulated: bool = False,
        notice: str = "",
        lab: str | None = None,
        places: LabPlaces | None = None,
    ) -> None:
        super().__init__(engine, simulated, node)
        self.notice = notice
        self.lab, self.places = lab, places
        self._first = first or start(engine.snapshot)
        self._destination = destination
        for theme in (DARK, LIGHT):
            self.register_theme(theme)
        # Assigned, it would have the whole stylesheet read and applied once more before the first paint.
        self.set_reactive(RoutetuiApp.theme, DARK.name)
        self.stylesheet.set_variables(self.get_css_variables())

    def compose(self) -> ComposeResult:
        """One screen: who is there, what this one knows, where a packet would go, and whether it gets there."""
        app = RoutetuiApp
        yield TitleBar(self.engine.label, self.read_only).data_bind(
            app.world, app.trouble, app.simulated, app.what_if, app.trial, app.changing, app.probing
        )
        yield Banner(self.notice).data_bind(app.trouble, app.alarm, app.what_if, app.trial)
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
                yield LookupPanel(self._destination).data_bind(app.world, app.node, app.family, app.answer, app.unasked)
                yield PathPanel().data_bind(app.world, app.node, app.question)
        yield KeyLine()

    def on_mount(self) -> None:
        """Show the first snapshot as soon as it is there."""
        self.query_one("#place-list").focus()
        self.read(self._first)
        self.listen()
        for number in (signal.SIGTERM, signal.SIGHUP):
            # A terminal that is closed ends the app as q does: nothing stays half done, and no try stays made.
            with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
                asyncio.get_running_loop().add_signal_handler(number, self.exit)

    async def on_unmount(self) -> None:
        """End every command and the engine's own threads; whatever hangs, hangs in a thread that nobody waits for."""
        for run in tuple(self.runs):
            run.close()
        self.end_following()
        await self.end_probes()
        await self.end_at_last()
        start(self.engine.close)

    def watch_what_if(self) -> None:
        """The frames say that this is not what is."""
        self.screen_stack[0].set_class(bool(self.what_if), "-what-if")

    def on_banner_dismissed(self) -> None:
        """What was said loudly was heard."""
        self.alarm = ""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What cannot be done now has no key."""
        if action in CHANGING and self.read_only:
            return False
        if action == "keep":
            return self.trial is not None
        return super().check_action(action, parameters)

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
        self.take_snapshot(fresh=True)
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
        self.save("svg", self.export_screenshot)

    def action_export(self) -> None:
        """Save the table and the lookup as text."""
        self.save("txt", lambda: f"{self.query_one(Routes).text()}\n\n{self.query_one(LookupPanel).text()}\n")

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Every action is in the palette."""
        for each in (*SCREEN_KEYS, *APP_KEYS):
            if each.action != "command_palette" and self.check_action(each.action, ()) is not False:
                title = each.tooltip or each.description
                act = partial(self.run_action, each.action, self if each in APP_KEYS else screen)
                yield SystemCommand(title[:1].upper() + title[1:], f"key: {self.get_key_display(each)}", act)
        yield SystemCommand("Choose a theme", "colours of every kind", self.action_change_theme)
