"""Changes in order, all of them or none: what engines have in common when they make one."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator

from tui.core.changes import Change, ChangeRefused, Several, apply, placed
from tui.core.changes.inverse import inverse
from tui.core.changes.sentence import sentence
from tui.core.world import World
from tui.engines.base import EngineError, Making

STOPPED = 130
"""The code of a Making that was closed before all of it was made."""

One = Callable[[Change, World], Making]
"""How an engine begins one change that is not Several, in the World that the ones before it have left."""


class InOrder:
    """A Making (see tui.engines.base) of one change or Several. It works while it is iterated, in that thread.

    When one fails, or it is closed in between, what was made before is taken back, last first.
    """

    def __init__(self, change: Change, world: World, one: One) -> None:
        commands = placed(change, world)
        self.argv: tuple[str, ...] = commands[0][1] if commands else ()
        self.code: int | None = None
        self.how = ""
        self._changes = tuple(flat(change))
        self._world = world
        self._one = one
        self._now: Making | None = None
        self._closed = False

    def __iter__(self) -> Iterator[str]:
        """What the system says, line by line."""
        if self.code is not None:
            return
        made: list[tuple[Change, World]] = []
        world = self._world
        for each in self._changes:
            code = STOPPED if self._closed else (yield from self._make(each, world))
            if code != 0:
                yield from self._take_back(made)
                self.code = code
                return
            made.append((each, world))
            world = apply(each, world)
        self.code = 0

    def _make(self, change: Change, world: World) -> Generator[str, None, int]:
        """Make one change: its lines, and its code in the end."""
        try:
            making = self._now = self._one(change, world)
            yield from making
        except EngineError as error:
            yield str(error)
            return 1
        self.how = making.how or self.how
        return STOPPED if making.code is None else making.code

    def _take_back(self, made: list[tuple[Change, World]]) -> Iterator[str]:
        """Undo what was made. What cannot be undone is said."""
        for change, before in reversed(made):
            try:
                back = inverse(change, before)
                code = yield from self._make(back, apply(change, before))
            except ChangeRefused as refused:
                yield f"Not taken back: {sentence(change)} {refused}"
            else:
                yield f"Taken back: {sentence(change)}" if code == 0 else f"Not taken back: {sentence(change)}"

    def close(self) -> None:
        """End it: what it made is taken back by whoever iterates it."""
        self._closed = True
        if self._now is not None:
            self._now.close()
        elif self.code is None:
            self.code = STOPPED


def flat(change: Change) -> Iterator[Change]:
    """The changes of Several in order, however deep; any other change by itself."""
    if isinstance(change, Several):
        for each in change.changes:
            yield from flat(each)
    else:
        yield change
