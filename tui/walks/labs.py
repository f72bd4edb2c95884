"""From one lab to another: the engine of the one is closed, that of the other is opened, the screen stays."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from tui.background import start
from tui.core.world import World
from tui.engines.base import Engine, EngineError
from tui.walks.forms import Forms

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tui.cli.choose import Choice
    from tui.core.labs import Lab
    from tui.panels.labs import Labs, Shelf


_READ_ONLY = "This is read-only: no lab is brought up or taken down."


class LabPlaces(Protocol):
    """Where labs are opened and ended; every method blocks, and raises EngineError.

    `where` says it in words ("on the kernel"). `open` gives another engine, or None where the present one shows it.
    """

    where: str

    def up(self) -> Mapping[str, tuple[str, ...]]:
        """Which labs stay up, and where."""
        ...

    def open(self, name: str) -> Choice | None:
        """Bring it up, or attach to it where it is up."""
        ...

    def down(self, name: str) -> None:
        """End one that stays up."""
        ...


class LabWalk(Forms):
    """The labs panel, and what it leads to. `lab` is the name of the built-in lab that is on the screen, if one is."""

    def __init__(self, engine: Engine, simulated: bool, node: str | None) -> None:
        super().__init__(engine, simulated, node)
        self.lab: str | None = None
        self.places: LabPlaces | None = None
        self._labs: dict[str, Lab] = {}
        self._up: Mapping[str, tuple[str, ...]] = {}
        self._opening = False

    def action_labs(self) -> None:
        """Show the labs at once; which are up is asked meanwhile."""
        from tui import labs
        from tui.panels.labs import Labs  # not before somebody asks: the first screen is up sooner

        self._labs = self._labs or {name: labs.load(name) for name in labs.names()}
        self.clear_notifications()
        self.push_screen(Labs(self._shelf()))
        self._ask_what_is_up()

    def _shelf(self) -> Shelf:
        from tui.panels.labs import Shelf

        where = self.places.where if self.places is not None else "in the simulator"
        return Shelf(self._labs, self._up, self._open_lab(), self.world, where)

    def _open_lab(self) -> str | None:
        """The lab on the screen: the one that was opened, or one all of whose nodes are there."""
        if self.lab is not None or self.world is None:
            return self.lab
        there = {each.name for each in self.world.nodes}
        fitting = (name for name, lab in self._labs.items() if {each.name for each in lab.services} <= there)
        return next(fitting, None)

    def show(self, world: World) -> None:
        """A World that the engine has read: what of the story holds is told anew."""
        super().show(world)
        self._reshelve()

    def _reshelve(self) -> None:
        if self._labs and (panel := self._open_panel()) is not None:
            panel.show(self._shelf())

    def _open_panel(self) -> Labs | None:
        from tui.panels.labs import Labs

        return self.screen if isinstance(self.screen, Labs) else None

    def _ask_what_is_up(self) -> None:
        if self.places is not None:
            self.run_worker(self._what_is_up(), description="labs", group="up", exclusive=True, exit_on_error=False)

    async def _what_is_up(self) -> None:
        assert self.places is not None
        try:
            self._up = await asyncio.wrap_future(start(self.places.up))
        except EngineError as error:
            self.say(f"Which labs are up could not be asked: {error}", "warning")
        self._reshelve()

    def on_labs_ended(self, event: Labs.Ended) -> None:
        """One is to be taken down."""
        if self.read_only:
            self.say(_READ_ONLY, "warning")
        else:
            self._end_lab(event.name)

    def on_labs_picked(self, event: Labs.Picked) -> None:
        """One is to be opened."""
        if self.read_only:
            self.say(_READ_ONLY, "warning")
        elif self.trial is not None or self._busy:
            self.say(
                "Something is being changed or tried: K keeps a try, z takes it back. Then open another.", "warning"
            )
        elif self.what_if:
            self._ask_to_forget(lambda: self._open_lab_named(event.name), "Open another lab")
        else:
            self._open_lab_named(event.name)

    def _open_lab_named(self, name: str) -> None:
        if self.places is None:
            self.say("No lab can be opened from here. Start routetui --lab NAME.", "warning")
        elif not self._opening:
            self._opening = True
            self.say(f"Opening {name} {self.places.where} …")
            self.run_worker(self._switch(name), description="open a lab", group="labs", exit_on_error=False)

    async def _switch(self, name: str) -> None:
        assert self.places is not None
        try:
            opened = await asyncio.wrap_future(start(self.places.open, name))
        except EngineError as error:
            self.say(f"{name} was not opened: {error} {getattr(error, 'hint', '')}".strip(), "error", 12.0)
            return
        finally:
            self._opening = False
        self.suppose(())
        self.clear_notifications()
        if opened is not None:
            self._change_engine(opened)
        self.lab = name
        await self.read_again()
        if self._open_panel() is not None:
            self._ask_what_is_up()
        self.say(f"This is {name} now. l shows its story." + (f" {opened.note}" if opened and opened.note else ""))

    def _change_engine(self, opened: Choice) -> None:
        """Look through another engine: nothing of the old one is left, and what was changed in it is no history."""
        from tui.core.changes.history import History

        self.leave_engine()
        for run in tuple(self.runs):
            run.close()
        start(self.engine.close)
        self.engine, self.simulated = opened.engine, opened.simulated
        self.history, self.alarm, self.trouble, self.answer = History(), "", "", None
        self._reading = self._again = self._watching = False
        self.listen()

    def _end_lab(self, name: str) -> None:
        if self.places is None or name not in self._up:
            self.say(f"{name} does not stay up: it ends with routetui, or when another is opened.", "warning")
        elif name == self.lab and "Docker" not in self._up[name]:
            self.say(f"{name} is on the screen: open another first.", "warning")
        else:
            self.run_worker(self._down(name), description="end a lab", group="labs", exit_on_error=False)

    async def _down(self, name: str) -> None:
        assert self.places is not None
        try:
            await asyncio.wrap_future(start(self.places.down, name))
        except EngineError as error:
            self.say(f"{name} was not taken down: {error}", "error")
        else:
            self.say(f"{name} is down.")
        self.lab = None if self.lab == name else self.lab
        await self._what_is_up()
        await self.read_again()
