"""Who reaches whom, worked out beside the screen while the map or the matrix is open, for the World that it shows."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from textual.reactive import reactive

from tui.background import start
from tui.core.world import World
from tui.panels.lookup import LookupPanel
from tui.walks.state import State

if TYPE_CHECKING:
    from tui.core.matrix import Matrix
    from tui.panels.matrix import Opened, ReachScreen


def worked_out(world: World) -> Matrix:
    """The matrix of a World; what it needs is imported in the thread that works it out."""
    from tui.core.matrix import Matrix

    return Matrix(world)


class Reach(State):
    """The map and the matrix."""

    matrix: reactive[Matrix | None] = reactive(None, init=False, repaint=False)

    def action_map(self) -> None:
        """Every network and node, and whom the chosen one can talk to."""
        from tui.panels.map import Map  # not before somebody asks: the first screen is up sooner

        screen = Map(self.selected or "")
        self.push_screen(screen.data_bind(Reach.world, Reach.family, Reach.matrix))

    def action_matrix(self) -> None:
        """Every node to every other."""
        from tui.panels.matrix import MatrixScreen

        self.push_screen(MatrixScreen(self.selected or "").data_bind(Reach.world, Reach.matrix))

    def on_reach_screen_wanted(self, event: ReachScreen.Wanted) -> None:
        """At most one is worked out at a time, the last one that was asked for."""
        event.stop()
        if self.matrix is None or self.matrix.world is not event.world:
            self.run_worker(
                self._work_out(event.world), description="matrix", group="matrix", exclusive=True, exit_on_error=False
            )

    async def _work_out(self, world: World) -> None:
        self.matrix = await asyncio.wrap_future(start(worked_out, world))

    def on_opened(self, event: Opened) -> None:
        """A pair was chosen: look at its path."""
        event.stop()
        self.selected = event.src
        self.query_one(LookupPanel).ask(event.dst)
