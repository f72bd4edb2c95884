"""Walk 3: a form's deed becomes a change, the engine makes it, its lines go to the log, and what it left is read.

Nothing is drawn before the engine has been read again. One change is made at a time; others wait in order.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from textual import on
from textual.message import Message

from tui.background import start
from tui.core.entry import Entry, Kind
from tui.core.world import World
from tui.engines.base import Asks, Engine, EngineError, Making
from tui.walks.what_if import WhatIf

if TYPE_CHECKING:
    from tui.core.changes import Change
    from tui.core.changes.deed import Deed
    from tui.core.changes.history import History

LONG = 12.0
"""Seconds that a notice with a reason stays."""

PATIENCE = 5.0
"""Seconds that a change has to end cleanly once the person leaves."""


@dataclass
class Job:
    """A change that waits for its turn.

    `decide` gives it once the World is known in which it is made, or raises ChangeRefused; `then` is the history
    after it. `supposed` is the what-if change that it makes real. Jobs of one `group` belong together: when one
    fails, those after it are not begun. `failed` hears why it was not made, `done` that it was.
    """

    kind: Kind
    decide: Callable[[World], Change]
    then: Callable[[History, Change, World], History]
    supposed: Change | None = None
    group: object = None
    prefer: str = ""
    failed: Callable[[str], None] | None = None
    done: Callable[[Change], None] | None = None
    agreed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Made:
    """What came of a change: the exit code and lines of its Making, or why it could not be tried, or a question."""

    code: int | None = None
    how: str = ""
    lines: tuple[str, ...] = ()
    trouble: str = ""
    asks: Asks | None = None


class Deeds(WhatIf):
    """Makes changes for real, one after the other."""

    class Said(Message):
        """The system said something while a change was made."""

        def __init__(self, number: int, line: str) -> None:
            super().__init__()
            self.number, self.line = number, line

    def __init__(self, engine: Engine, simulated: bool, node: str | None) -> None:
        super().__init__(engine, simulated, node)
        self._jobs: deque[Job] = deque()
        self._busy = self._asking = self.leaving = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._under_way: Future[Made] | None = None
        self._agreed: set[tuple[str, str]] = set()
        self._history: History | None = None

    @property
    def history(self) -> History:
        """What was really changed since the engine was opened."""
        if self._history is None:
            from tui.core.changes.history import History

            self._history = History()
        return self._history

    @history.setter
    def history(self, history: History) -> None:
        self._history = history

    def perform(self, deed: Deed | None) -> None:
        """Do what a form decided. What is applied on top of what-if changes makes those real first, in order."""
        if deed is None:
            return
        if deed.way == "what-if":
            self.suppose((*self.what_if, deed.change))
            self._look(deed.prefer)
        elif self.trial is not None:
            self.say("A try is running: K keeps it, z takes it back. Then change more.", "warning")
        elif deed.way == "apply":
            self.enqueue([*self._supposed_jobs(), made_of(deed.change, deed.prefer)])
        else:
            self._begin_try(deed)

    def make_real(self) -> None:
        """Make every what-if change, in order."""
        if self.trial is not None:
            self.say("A try is running: K keeps it, z takes it back. Then change more.", "warning")
        else:
            self.enqueue(self._supposed_jobs())

    def _supposed_jobs(self) -> list[Job]:
        return [replace(made_of(each), supposed=each) for each in self.what_if]

    def _begin_try(self, deed: Deed) -> None:
        raise NotImplementedError

    def enqueue(self, jobs: Iterable[Job]) -> None:
        """Let them be done in order, after those that wait already."""
        group = object()
        self._jobs += [replace(each, group=group) for each in jobs]
        self._work_on()

    def _work_on(self) -> None:
        if not (self._busy or self._asking) and self._jobs:
            self._busy = True
            self._idle.clear()
            self.run_worker(self._work(), description="change", group="change", exit_on_error=False)

    async def _work(self) -> None:
        try:
            while self._jobs and not self._asking:
                job = self._jobs.popleft()
                if not await self._do(job):
                    self._give_up(job)
        finally:
            self._busy, self.changing = False, ""
            self._idle.set()

    def _give_up(self, job: Job) -> None:
        left = [each for each in self._jobs if each.group is not job.group]
        if len(left) < len(self._jobs):
            count = len(self._jobs) - len(left)
            self.say(f"Not begun: {count} more {'change' if count == 1 else 'changes'} after it.", "warning")
        self._jobs = deque(left)

    async def _do(self, job: Job) -> bool:
        """Do one; False where it was not made."""
        from tui.core.changes import ChangeRefused, placed

        try:
            world, change = await self._decided(job)
            commands = placed(change, world)
        except ChangeRefused as refused:
            self._failed(job, str(refused))
            return False
        if job.supposed is not None and job.supposed in self.what_if:
            self.set_aside(job.supposed)
        entry = self._begin(job, change, commands)
        agreed = job.agreed | {word for node, word in self._agreed if node in _nodes(change)}
        self._under_way = start(self._make, change, world, agreed, entry.number)
        made = await asyncio.wrap_future(self._under_way)
        if made.asks is not None:
            self._ask_first(job, made.asks, entry)
            return True
        lines = (*made.lines, *([made.trouble] if made.trouble else []))
        entry = self.amend(replace(entry, how=made.how, code=made.code, lines=lines, ended=True))
        self._agreed |= {(node, word) for node in _nodes(change) for word in job.agreed}
        if made.code != 0:
            self._put_back(job)
            await self.read_again()
            self._failed(job, _refusal(entry))
            return False
        await self._was_made(job, change, world, entry)
        return True

    async def _decided(self, job: Job) -> tuple[World, Change]:
        """The World in which it is made, and what is made; where a node is still unread, that is read first."""
        from tui.core.changes import ChangeRefused

        if self.real is None or any(each.problem and each.missing for each in self.real.nodes):
            await self.read_again()
        if self.real is None:
            raise ChangeRefused("Nothing has been read yet, so nothing can be changed.")
        return self.real, job.decide(self.real)

    def _begin(self, job: Job, change: Change, commands: tuple[tuple[str | None, tuple[str, ...]], ...]) -> Entry:
        from tui.core.changes.sentence import sentence

        what = {"undo": "Undo: ", "redo": "Redo: "}.get(job.kind, "") + sentence(change)
        self.changing = what
        return self.record(job.kind, what, commands)

    def _make(self, change: Change, world: World, agreed: frozenset[str], number: int) -> Made:
        """In a thread: have the engine make it, line by line."""
        from tui.core.changes import ChangeRefused

        try:
            making = self.engine.change(change, world, agreed)
        except Asks as asks:
            return Made(asks=asks)
        except (EngineError, ChangeRefused) as error:
            return Made(trouble=f"{error} {getattr(error, 'hint', '')}".strip())
        self.runs.add(making)
        try:
            if self.leaving:
                making.close()
            return self._listen_to(making, number)
        finally:
            self.runs.discard(making)

    def _listen_to(self, making: Making, number: int) -> Made:
        lines: list[str] = []
        try:
            for line in making:
                lines.append(line)
                self.post_message(self.Said(number, line))
        except EngineError as error:
            return Made(making.code, making.how, tuple(lines), str(error))
        return Made(making.code, making.how, tuple(lines))

    @on(Said)
    def _said(self, event: Said) -> None:
        entry = next((each for each in self.entries if each.number == event.number), None)
        if entry is not None and not entry.ended:
            self.amend(replace(entry, lines=(*entry.lines, event.line)))

    async def _was_made(self, job: Job, change: Change, world: World, entry: Entry) -> None:
        """Remember it, read what it left, and say how it was done."""
        from tui.core.changes import ChangeRefused

        told = ""
        try:
            self.history = job.then(self.history, change, world)
        except ChangeRefused as refused:
            told = f" It cannot be taken back from here: {refused}"
        await self.read_again()
        told = told or self._otherwise(job)
        if job.done is not None:
            job.done(change)
        self.say(f"{_commands(entry)}\n{_ended(entry, job.kind)}{told}", "warning" if told else "information", LONG)
        self._look(job.prefer)

    def _otherwise(self, job: Job) -> str:
        """What the system has made of it that was not foretold, as a sentence; "" where all is as foretold."""
        from tui.core.changes.traces import moved

        if self.real is None or self.trouble or not (self.history.done or self.history.undone):
            return ""
        traces = self.history.undone[-1].before if job.kind == "undo" else self.history.done[-1].after
        found = next(filter(None, (moved(each, self.real) for each in traces)), None)
        return f" But it is not as foretold: {found}." if found else ""

    def _failed(self, job: Job, why: str) -> None:
        if job.failed is not None:
            job.failed(why)
        else:
            self.say(why, "error", LONG)

    def _put_back(self, job: Job) -> None:
        if job.supposed is not None:
            self.suppose((job.supposed, *self.what_if))

    def _ask_first(self, job: Job, asks: Asks, entry: Entry) -> None:
        """Let the person decide about the way; the change is begun again with the word, or not at all."""
        from tui.panels.asking import Question

        self._asking = True

        def answered(yes: bool | None) -> None:
            self._asking = False
            if yes:
                self._jobs.appendleft(replace(job, agreed=job.agreed | {asks.word}))
            else:
                self._put_back(job)
                self._give_up(job)
                self._failed(job, "Nothing was changed.")
            self._work_on()

        self.amend(replace(entry, lines=(str(asks),), ended=True))
        self.push_screen(Question("To do it, something else is needed", f"{asks} {asks.hint}".strip()), answered)

    def _look(self, prefer: str) -> None:
        """A destination that is worth looking at now, where none is asked for yet."""
        from tui.panels.lookup import LookupPanel

        panel = self.screen_stack[0].query_one(LookupPanel)
        if prefer and panel.question is None:
            panel.ask(prefer)

    async def settle_changes(self) -> bool:
        """Begin no other change, end the one that is being made, and wait for that; False where it does not end."""
        self._jobs.clear()
        for run in tuple(self.runs):
            run.close()
        try:
            await asyncio.wait_for(self._idle.wait(), PATIENCE)
        except TimeoutError:
            return False
        return True


def made_of(change: Change, prefer: str = "") -> Job:
    """The job of making it, for the first time."""

    def then(history: History, made_change: Change, world: World) -> History:
        from tui.core.changes.history import made

        return made(history, made_change, world)

    return Job("change", lambda _: change, then, prefer=prefer)


def _nodes(change: Change) -> set[str]:
    """The nodes that it has to do with, "" for the engine's own part."""
    from tui.core.changes.preview import steps

    return {getattr(each, "node", getattr(each, "name", "")) or "" for each in steps(change)}


# --- sentences ---


def _commands(entry: Entry) -> str:
    """Each command on a line, after the node that it ran in."""
    return "\n".join(f"{node or 'engine'}: {' '.join(words)}" for node, words in entry.commands)


def _ended(entry: Entry, kind: Kind) -> str:
    way = f", {entry.how}" if entry.how else ""
    return {"undo": f"Taken back{way}. Z does it again.", "redo": f"Done again{way}. z takes it back."}.get(
        kind, f"Done{way}. z takes it back."
    )


def _refusal(entry: Entry) -> str:
    said = " ".join(entry.lines) or f"it ended with code {entry.code}"
    return f"{_commands(entry)}\nNot done: {said}"
