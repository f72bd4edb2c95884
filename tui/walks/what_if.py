"""What-if: the same screens on a World in which changes were made that nobody has made yet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tui.core.world import World
from tui.panels.verdict import SIMULATED, WHAT_IF
from tui.walks.refresh import Refresh

if TYPE_CHECKING:
    from tui.core.changes import Change


class WhatIf(Refresh):
    """Shows the engine's World with the what-if changes made in it; a new snapshot has them made in it again."""

    def show(self, world: World) -> None:
        """A World that the engine has read."""
        self.real = world
        self._draw()

    def suppose(self, changes: Sequence[Change]) -> None:
        """Let these be the what-if changes."""
        self.what_if = tuple(changes)
        self._draw()

    def drop(self, count: int) -> None:
        """Forget the last ones of them."""
        self.suppose(self.what_if[: len(self.what_if) - count])

    def set_aside(self, change: Change) -> None:
        """A what-if change that is being made: it is none any more. What is shown stays until the engine was read."""
        left = list(self.what_if)
        left.remove(change)
        self.what_if = tuple(left)

    def _draw(self) -> None:
        world = self.real
        if world is not None and self.what_if:
            world = self._supposed(world)
        # In this order no kernel is asked about what it does not know, and it is asked once when it does again.
        if self.what_if:
            self.unasked = WHAT_IF
        self.world = world
        if not self.what_if:
            self.unasked = SIMULATED if self.simulated else ""

    def _supposed(self, world: World) -> World:
        """The World after them. What is refused in it by now is dropped, with a sentence."""
        from tui.core.changes import ChangeRefused, apply
        from tui.core.changes.sentence import sentence

        kept = []
        for change in self.what_if:
            try:
                world = apply(change, world)
            except ChangeRefused as refused:
                if _unread(change, world):
                    kept.append(change)
                else:
                    self.say(f"No longer a what-if: {sentence(change)} {refused}", "warning")
            else:
                kept.append(change)
        self.what_if = tuple(kept)
        return world


def _unread(change: Change, world: World) -> bool:
    """Whether the change runs in a node whose tables are still to come, so that nobody can say what it does."""
    from tui.core.changes import place
    from tui.core.changes.preview import steps

    nodes = [world.node(name) for name in map(place, steps(change)) if name is not None]
    return any(each is not None and bool(each.missing) for each in nodes)
