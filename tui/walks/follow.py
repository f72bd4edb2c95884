"""Walk 5: one ping followed over every interface of its way, beside what was predicted."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from tui.background import start
from tui.core.query import QueryError
from tui.core.world import World
from tui.engines.base import EngineError
from tui.walks.state import State

if TYPE_CHECKING:
    from tui.engines.capture_follow import Following
    from tui.panels.follow import FollowScreen


class Followed(State):
    """Opens the screen, follows the ping in a thread, and ends it when the screen is left."""

    following: Following | None = None
    """What runs, or ran last; None once it is not wanted any more."""

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
            from tui.panels.follow import FollowScreen  # not before somebody asks: the first screen is up sooner

            self.clear_notifications()
            self.push_screen(FollowScreen(node.name, str(question.dst)), lambda _: self.end_following())

    def on_follow_screen_wanted(self, event: FollowScreen.Wanted) -> None:
        """In the World of now: it may have changed since the screen was opened."""
        event.stop()
        if self.world is not None:
            self.end_following()
            self.run_worker(
                self._follow(event.screen, self.world, event.src, event.dst),
                description="follow",
                group="follow",
                exclusive=True,
                exit_on_error=False,
            )

    async def _follow(self, screen: FollowScreen, world: World, src: str, dst: str) -> None:
        """Have it followed. The screen hears of it, however it ends."""
        try:
            found = await asyncio.wrap_future(start(self._prepared(world, src, dst).run))
        except (EngineError, QueryError) as error:
            trouble = f"{error} {getattr(error, 'hint', '')}".strip()
        except Exception as error:
            trouble = f"A fault in routetui: {error!r}"
            self.log.error(error)
        else:
            self._log_follow(src, dst, found.verdict, 0 if found.reached else 1)
            if screen.is_attached:
                screen.show(found, world)
            return
        self._log_follow(src, dst, trouble, None)
        if screen.is_attached:
            screen.fail(trouble)

    def _prepared(self, world: World, src: str, dst: str) -> Following:
        from tui.engines.capture_follow import Following

        self.following = Following(self.engine, world, src, dst)
        return self.following

    def _log_follow(self, src: str, dst: str, came_of_it: str, code: int | None) -> None:
        commands = self.following.commands if self.following is not None else ()
        entry = self.record("probe", f"Follow a ping from {src} to {dst}.", commands)
        self.amend(replace(entry, how="captured and sent at once", code=code, lines=(came_of_it,), ended=True))

    def end_following(self) -> None:
        """Nothing of it is left running."""
        self.workers.cancel_group(self, "follow")
        if self.following is not None:
            start(self.following.close)
            self.following = None

    def leave_engine(self) -> None:
        """Another engine is opened: what runs in this one is ended."""
        super().leave_engine()
        self.end_following()
