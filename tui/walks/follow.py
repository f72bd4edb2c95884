"""Walk 5: one ping followed over every interface of its way, beside what was predicted."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from textual import on

from tui.background import start
from tui.core.query import QueryError
from tui.core.world import World
from tui.engines.base import EngineError
from tui.panels.follow import FollowScreen
from tui.walks.state import State

if TYPE_CHECKING:
    from tui.core.follow import Follow
    from tui.engines.capture_follow import Following


class Followed(State):
    """Opens the screen, follows the ping in a thread, and ends it when the screen is left."""

    following: Following | None = None

    def action_follow(self) -> None:
        """Follow a ping from the chosen node to where the lookup asks."""
        question, node = self.question, self.node
        if node is None:
            self.say("Choose a node first.", "warning")
        elif question is None:
            self.say("Say where to first: d takes an address or a name.", "warning")
        elif self.what_if:
            self.say("A what-if is on the screen, which no packet can cross: apply or drop it first (w).", "warning")
        else:
            self.push_screen(FollowScreen(node.name, str(question.dst)), lambda _: self.end_following())

    @on(FollowScreen.Wanted)
    def _follow_wanted(self, event: FollowScreen.Wanted) -> None:
        event.stop()
        if self.world is not None:
            self.end_following()
            self.run_worker(
                self._follow(self.world, event.src, event.dst),
                description="follow",
                group="follow",
                exclusive=True,
                exit_on_error=False,
            )

    async def _follow(self, world: World, src: str, dst: str) -> None:
        try:
            found = await asyncio.wrap_future(start(self._followed, world, src, dst))
        except (EngineError, QueryError) as error:
            hint = getattr(error, "hint", "")
            if isinstance(self.screen, FollowScreen):
                self.screen.fail(f"{error} {hint}".strip())
            return
        if isinstance(self.screen, FollowScreen):
            self.screen.show(found, world)

    def _followed(self, world: World, src: str, dst: str) -> Follow:
        """In a thread: to its end, or until `end_following`."""
        from tui.engines.capture_follow import Following

        self.following = Following(self.engine, world, src, dst)
        return self.following.run()

    def end_following(self) -> None:
        """Nothing of it is left running."""
        if self.following is not None:
            start(self.following.close)
            self.following = None
