"""Taking back and making again: the last change, and a try that takes itself back unless it is kept."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from math import ceil
from typing import TYPE_CHECKING

from textual.timer import Timer

from tui.background import start
from tui.core.world import World
from tui.walks.change import PATIENCE, Deeds, Job, Made, made_of

if TYPE_CHECKING:
    from tui.core.changes import Change
    from tui.core.changes.deed import Deed
    from tui.core.changes.history import History
    from tui.engines.base import Engine

TICK = 0.2
"""Seconds between looks at the clock while a try runs."""


class Undo(Deeds):
    """Undo, redo and try."""

    def __init__(self, engine: Engine, simulated: bool, node: str | None) -> None:
        super().__init__(engine, simulated, node)
        self.parting = ""
        self._deadline = 0.0
        self._ticker: Timer | None = None

    def action_undo(self) -> None:
        """Take the last change back; a try that runs, now."""
        if self.trial is not None:
            self._take_back()
        else:
            self.enqueue([self._undoing()])

    def _undoing(self, failed: Callable[[str], None] | None = None) -> Job:
        """The last change, to be taken back."""

        def decide(world: World) -> Change:
            from tui.core.changes.history import undo

            return undo(self.history, world)

        def then(history: History, change: Change, world: World) -> History:  # noqa: ARG001
            from tui.core.changes.history import undid

            return undid(history)

        return Job("undo", decide, then, failed=failed)

    def action_redo(self) -> None:
        """Make the change again that was taken back last."""

        def decide(world: World) -> Change:
            from tui.core.changes.history import redo

            return redo(self.history, world)

        def then(history: History, change: Change, world: World) -> History:  # noqa: ARG001
            from tui.core.changes.history import redid

            return redid(history)

        self.enqueue([Job("redo", decide, then)])

    # --- a try ---

    def _begin_try(self, deed: Deed) -> None:
        from tui.core.changes import Several

        change = Several((*self.what_if, deed.change)) if self.what_if else deed.change

        def done(made: Change) -> None:
            self.suppose(())
            self._start_clock(made, deed.seconds)

        self.enqueue([replace(made_of(change, deed.prefer), done=done)])

    def _start_clock(self, change: Change, seconds: float) -> None:
        from tui.core.changes.deed import Trial
        from tui.core.changes.sentence import sentence

        self._deadline = self.clock() + seconds
        self.trial = Trial(sentence(change), ceil(seconds))
        self._ticker = self.set_interval(TICK, self._tick)
        self.refresh_bindings()

    def _tick(self) -> None:
        if self.trial is None:
            return
        left = ceil(self._deadline - self.clock())
        if left > 0:
            self.trial = replace(self.trial, left=left)
        else:
            self._take_back()

    def _end_clock(self) -> None:
        self.trial = None
        if self._ticker is not None:
            self._ticker.stop()
            self._ticker = None
        self.refresh_bindings()

    def action_keep(self) -> None:
        """Keep what is being tried."""
        if self.trial is not None:
            self._end_clock()
            self.say("Kept. z takes it back.")

    def _take_back(self) -> None:
        """The try ends: what it made is undone. Where that fails it is said loudly, and stays said."""
        self._end_clock()
        last = self.history.done[-1] if self.history.done else None
        by_hand = "; ".join(shlex.join(words) for _, words in last.back_commands) if last is not None else ""

        def failed(why: str) -> None:
            hint = f" By hand: {by_hand}" if by_hand else ""
            self.alarm = f"The try was NOT taken back: {' '.join(why.split())} z tries again.{hint}"
            self.bell()
            self.say(self.alarm, "error", 60.0)

        self.enqueue([self._undoing(failed)])

    # --- leaving ---

    async def action_quit(self) -> None:
        """Leave; what is being changed ends cleanly first, and a try is taken back. A second time: at once."""
        if self.leaving or not (self._busy or self.trial or self.what_if or self._jobs):
            self.exit()
        elif self.what_if and not (self._busy or self.trial):
            self._ask_to_forget(self._leave, "Quit")
        else:
            self._leave()

    def _ask_to_forget(self, then: Callable[[], None], verb: str) -> None:
        from tui.panels.asking import Question

        count = len(self.what_if)
        them = "1 what-if change is" if count == 1 else f"{count} what-if changes are"

        def answered(yes: bool | None) -> None:
            if yes:
                then()

        self.push_screen(Question(f"{verb}?", f"{them} not applied and will be forgotten."), answered)

    def _leave(self) -> None:
        self.leaving = True
        self.say("Leaving once everything has ended cleanly; q again leaves at once.", timeout=60.0)
        self.run_worker(self._end_changes(), description="leave", group="leave", exit_on_error=False)

    async def _end_changes(self) -> None:
        """End the change that is being made, take a try back, then leave; where that fails, ask."""
        await self.settle_changes()
        if self.trial is not None:
            self.leaving = False
            self._take_back()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._idle.wait(), 2 * PATIENCE)
            if self.alarm or self._busy or self._asking:
                self._ask_to_leave()
                return
        self.exit()

    def _ask_to_leave(self) -> None:
        from tui.panels.asking import Question

        def answered(yes: bool | None) -> None:
            if yes:
                self.exit()

        told = self.alarm or "The try is not taken back yet."
        self.push_screen(Question("Quit all the same?", told), answered)

    async def end_at_last(self) -> None:
        """The app ends, however: a change that is being made ends first, what is tried is taken back.

        It takes no longer than is bearable; what is left then is in `parting`.
        """
        self.leaving = True
        if self._under_way is not None and not self._under_way.done():
            await _bounded(self._under_way)
        if self.trial is None or not self.history.done or self.real is None:
            return
        last = self.history.done[-1]
        self.trial, self.leaving = None, False
        if last.back is not None:
            made = await _bounded(start(self._make, last.back, self.real, frozenset(), 0))
            if made is not None and made.code == 0:
                return
        by_hand = "; ".join(shlex.join(words) for _, words in last.back_commands)
        self.parting = f"routetui: the try was not taken back. By hand: {by_hand}"


async def _bounded(making: Future[Made]) -> Made | None:
    """What came of it, None where that takes too long."""
    try:
        return await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(making)), PATIENCE)
    except (TimeoutError, asyncio.CancelledError):
        return None
