"""Changes in order, all of them or none: what engines have in common when they make one."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Generator, Iterator

from tui.core.changes import Change, ChangeRefused, Several, apply, placed
from tui.core.changes.inverse import inverse
from tui.core.changes.sentence import sentence
from tui.core.world import World
from tui.engines.base import EngineError, Making

STOPPED = 130
"""The code of a Making that was closed before all of it was made."""
REFUSED = 2
"""The code of a change that was not tried, as `ip` ends where the kernel refuses."""

One = Callable[[Change, World], Making]
"""How an engine begins one change that is not Several, in the World that the ones before it have left."""


class InOrder:
    """A Making (see tui.engines.base) of one change or Several. It works while it is iterated, in that thread.

    When one fails, or it is closed in between, what was made before is taken back, last first; so it is when whoever
    iterates it goes away in the middle.

    One change by itself is put to the system even where it would be refused: the refusal is then in its own words.
    What routetui itself does not allow is not tried, nor are Several that could not be taken back.
    """

    def __init__(self, change: Change, world: World, one: One) -> None:
        self._changes = tuple(flat(change))
        self.argv: tuple[str, ...] = placed(self._changes[0], world)[0][1] if self._changes else ()
        self.code: int | None = None
        self.how = ""
        self._world = world
        self._one = one
        self._now: Making | None = None
        self._lock = threading.Lock()
        self._started = self._closed = self._going_back = False

    def __iter__(self) -> Iterator[str]:
        """What the system says, line by line; `code` is set at the end. Only once."""
        with self._lock:
            if self._started or self.code is not None:
                return
            self._started = True
        made: list[tuple[Change, World]] = []  # each with what takes it back, and the World in which that is
        try:
            code = yield from self._all(made)
            if code != 0:
                yield from self._take_back(made)
            self.code = code
        finally:
            if self.code is None:
                self.code = STOPPED
                for _ in self._take_back(made):
                    pass

    def _all(self, made: list[tuple[Change, World]]) -> Generator[str, None, int]:
        """Make one after the other: the code of the last one that was tried."""
        world = self._world
        for change in self._changes:
            if self._closed:
                return STOPPED
            try:
                back, after = self._foreseen(change, world)
            except ChangeRefused as refused:
                yield refused.words or str(refused)
                return REFUSED
            code = yield from self._make(change, world)
            if code != 0:
                return code
            made.append((back, after))
            world = after
        return 0

    def _foreseen(self, change: Change, world: World) -> tuple[Change, World]:
        """What takes the change back, and the World after it; ChangeRefused where it is not even to be tried."""
        if len(self._changes) > 1:
            # Only the last one need not be taken back.
            last = change is self._changes[-1]
            return Several(()) if last else inverse(change, world), apply(change, world)
        try:
            return Several(()), apply(change, world)
        except ChangeRefused as refused:
            if not refused.words:
                raise
            return Several(()), world

    def _make(self, change: Change, world: World) -> Generator[str, None, int]:
        """Make one change: its lines, and its code in the end."""
        try:
            making = self._one(change, world)
            with self._lock:
                self._now = making
                if self._closed and not self._going_back:
                    making.close()
            yield from making
        except EngineError as error:
            yield str(error)
            return 1
        self.how = making.how or self.how
        return STOPPED if making.code is None else making.code

    def _take_back(self, made: list[tuple[Change, World]]) -> Iterator[str]:
        """Undo what was made. What cannot be undone is said; nobody can stop this."""
        with self._lock:
            self._going_back, self._now = True, None
        while made:
            back, world = made.pop()
            for each in flat(back):
                code = yield from self._make(each, world)
                if code != 0:
                    yield f"This could not be done to take it back: {sentence(each)}"
                    break
                with contextlib.suppress(ChangeRefused):
                    world = apply(each, world)
            else:
                yield f"Taken back: {sentence(back)}"

    def close(self) -> None:
        """End it: what it made is taken back by whoever iterates it."""
        with self._lock:
            if not self._started and self.code is None:
                self.code = STOPPED
            if self._closed or self._going_back:
                return
            self._closed = True
            now = self._now
        if now is not None:
            now.close()


def flat(change: Change) -> Iterator[Change]:
    """The changes of Several in order, however deep; any other change by itself."""
    if isinstance(change, Several):
        for each in change.changes:
            yield from flat(each)
    else:
        yield change
