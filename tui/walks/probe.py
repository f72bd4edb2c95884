"""Walk 4: a form asks for a probe, a thread reads what it finds, and the result stands beside the prediction.

Threads only post messages. What they find is taken at most ten times a second, of all probes at once: a flood costs no
more, and the last of it is never left behind.
"""

from __future__ import annotations

import asyncio
import contextlib
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual import on
from textual.message import Message
from textual.reactive import reactive

from tui.background import start
from tui.core.entry import Entry, Kind
from tui.engines.base import Engine, EngineError
from tui.walks.state import State

if TYPE_CHECKING:
    from tui.core.probes.watched import Watched
    from tui.panels.probe import ProbeScreen
    from tui.probing import Probes
    from tui.walks.running import Fields, Running

MOST = 8
"""So many probes run at once: each takes a thread here and a process there."""

KEPT = 30
"""So many probes are remembered; those that ended first are forgotten first."""

PACE = 0.1
"""Seconds between two looks at what was found: no eye needs more."""

PARTING = 1.5
"""Seconds that leaving waits for probes to be ended."""

LONG = 12.0
"""Seconds that a notice with a verdict stays."""


class Probed(State):
    """Starts probes, listens to them, ends them."""

    probes: reactive[tuple[Watched, ...]] = reactive((), init=False, repaint=False)
    probing: reactive[int] = reactive(0, init=False, repaint=False)
    """How many run."""

    class Found(Message):
        """It has begun, or ended: fields of a Watched and their new values."""

        def __init__(self, number: int, code: int | None = None, **fields: Any) -> None:
            super().__init__()
            self.number, self.code, self.fields = number, code, fields

    class News(Message):
        """Some probe has found something."""

        def can_replace(self, message: Message) -> bool:
            """All of them are looked at."""
            return isinstance(message, Probed.News)

    def __init__(self, engine: Engine, simulated: bool) -> None:
        super().__init__(engine, simulated)
        self._afoot: dict[int, Running] = {}
        self._threads: dict[int, Future[None]] = {}
        self._stopped: set[int] = set()
        self._logged: dict[int, Entry] = {}
        self._probe_number = 0
        self._looking = False
        self._tools: tuple[Engine, Probes] | None = None

    def action_probe(self) -> None:
        """Probe from the chosen node to where the lookup asks."""
        if self.world is None or self.node is None:
            self.say("Choose a node first.", "warning")
            return
        target = str(self.question.dst) if self.question is not None else ""
        self.clear_notifications()
        from tui.panels.probe import ProbeScreen  # not before somebody asks: the first screen is up sooner

        screen = ProbeScreen(self.node.name, target)
        self.push_screen(screen.data_bind(Probed.world, Probed.probes))

    def on_probe_screen_asked(self, event: ProbeScreen.Asked) -> None:
        """One is to be begun."""
        event.stop()
        if self.what_if:
            self.say("A what-if is on the screen, which no packet can cross: apply or drop it first (w).", "warning")
        elif self.probing >= MOST:
            self.say(f"{MOST} probes run already: s stops one.", "warning")
        elif self.world is not None:
            from tui.core.probes.watched import Watched

            self._probe_number += 1
            watched = Watched(self._probe_number, event.node, event.probe, self.world)
            self.probes = (*_with_room(self.probes), watched)
            self._threads[watched.number] = start(self._watch_probe, watched, self.engine, self._probes_of_engine())

    def _probes_of_engine(self) -> Probes:
        """One for each engine: it remembers which tools the nodes have."""
        from tui.probing import Probes

        if self._tools is None or self._tools[0] is not self.engine:
            self._tools = self.engine, Probes(self.engine)
        return self._tools[1]

    # In a thread

    def _watch_probe(self, watched: Watched, engine: Engine, probes: Probes) -> None:
        """From its start to its end. A fault in here is shown as one, not left hanging."""
        from tui.core.probes.watched import Stage

        number, code = watched.number, None
        try:
            code, fields = self._probe_to_end(watched, engine, probes)
        except EngineError as error:
            fields = {"stage": Stage.FAILED, "trouble": f"{error} {error.hint}".strip()}
        except Exception as error:
            fields = {"stage": Stage.FAILED, "trouble": f"A fault in routetui: {error!r}"}
        running = self._afoot.pop(number, None)
        if running is not None:
            running.close()
            fields = {**running.found(), **fields}
        if number in self._stopped:
            fields |= {"stage": Stage.STOPPED, "trouble": "", "cut": "", "verdict": None}
        self.post_message(self.Found(number, code, **fields))

    def _probe_to_end(self, watched: Watched, engine: Engine, probes: Probes) -> tuple[int | None, Fields]:
        from tui.core.probes.watched import Stage
        from tui.walks.running import begin, foretold

        number = watched.number
        self.post_message(self.Found(number, **foretold(watched)))
        running = begin(engine, probes, watched)
        self._afoot[number] = running
        if number in self._stopped:
            running.close()
        self.post_message(self.Found(number, stage=Stage.RUNNING, argv=running.argv, how=running.how))
        running.listen(partial(self._tell, running))
        return running.code, running.ended()

    def _tell(self, running: Running) -> None:
        if not running.told:
            running.told = True
            self.post_message(self.News())

    # On the screen

    def watch_probes(self) -> None:
        """So many run."""
        self.probing = sum(each.alive for each in self.probes)

    @on(News)
    def _news(self, event: News) -> None:
        event.stop()
        if not self._looking:
            self._looking = True
            self.set_timer(PACE, self._look_at_news)

    def _look_at_news(self) -> None:
        self._looking = False
        found: dict[int, Fields] = {}
        for number, running in tuple(self._afoot.items()):
            if running.told:
                running.told = False  # first, so that what comes meanwhile is told of again
                found[number] = running.found()
        self._put(found)

    def _put(self, found: dict[int, Fields]) -> None:
        self.probes = tuple(
            replace(each, **found[each.number]) if each.number in found else each for each in self.probes
        )

    @on(Found)
    def _probe_found(self, event: Found) -> None:
        event.stop()
        before = self._watched(event.number)
        if before is None:
            return
        if not before.alive:  # it was stopped while it began
            event.fields.pop("stage", None)
        self._put({event.number: event.fields})
        after = self._watched(event.number)
        if after is not None:
            self._log_probe(after, event.code)
            if not after.alive:
                self._threads.pop(after.number, None)
                self._announce(after)

    def _watched(self, number: int) -> Watched | None:
        return next((each for each in self.probes if each.number == number), None)

    def _log_probe(self, watched: Watched, code: int | None) -> None:
        """Its entry in the command log: begun once the command is known, or it has failed before; then what it said."""
        from tui.core.probes import Capture

        entry = self._logged.get(watched.number)
        if entry is None and (watched.argv or not watched.alive):
            kind: Kind = "capture" if isinstance(watched.probe, Capture) else "probe"
            commands = ((watched.node, watched.argv),) if watched.argv else ()
            entry = self.record(kind, f"{watched.title[:1].upper()}{watched.title[1:]}", commands)
            self._logged[watched.number] = entry
        if entry is not None and not watched.alive:
            lines, ended = watched.outcome, replace(entry, how=watched.how, code=code, ended=True)
            self.amend(replace(ended, lines=lines))
            del self._logged[watched.number]

    def _announce(self, watched: Watched) -> None:
        """What came of it, where nobody is looking."""
        from tui.core.probes.watched import Stage
        from tui.panels.probe import ProbeScreen

        if watched.stage is Stage.STOPPED or any(isinstance(each, ProbeScreen) for each in self.screen_stack):
            return
        bad = watched.stage is Stage.FAILED or watched.agrees is False
        told = "\n".join((f"{watched.title}: {watched.progress}".rstrip(": "), *watched.outcome))
        self.say(told, "error" if bad else "information", LONG)

    def on_probe_screen_stopped(self, event: ProbeScreen.Stopped) -> None:
        """One is to end."""
        event.stop()
        from tui.core.probes.watched import Stage

        self._stopped.add(event.number)
        if (running := self._afoot.get(event.number)) is not None:
            start(running.close)
        else:  # it is not yet begun: what still comes is ended at once
            found = self._watched(event.number)
            if found is not None and found.alive:
                self._put({event.number: {"stage": Stage.STOPPED}})

    def on_probe_screen_removed(self, event: ProbeScreen.Removed) -> None:
        """One that has ended is to be forgotten."""
        event.stop()
        self.probes = tuple(each for each in self.probes if each.number != event.number or each.alive)

    def on_probe_screen_saved(self, event: ProbeScreen.Saved) -> None:
        """The packets as a file that Wireshark opens."""
        event.stop()
        from tui.engines.capture_files import write

        number = 1
        while (path := Path.cwd() / f"routetui-{number}.pcap").exists():
            number += 1
        try:
            with path.open("xb") as file:
                write(file, event.frames)
        except OSError as error:
            with contextlib.suppress(OSError):
                path.unlink()
            told = error.strerror or error
            self.say(f"Not saved: {told}. Start routetui in a folder that you may write to.", "error")
        else:
            self.say(f"Saved {len(event.frames):,} packets: {path}")

    # The end

    def leave_engine(self) -> None:
        """Another engine is opened: what runs in this one is ended."""
        super().leave_engine()
        self._stopped |= {each.number for each in self.probes if each.alive}
        for running in tuple(self._afoot.values()):
            start(running.close)

    async def end_probes(self) -> None:
        """End all of them; returns when they are gone, or after a while that nobody should have to wait longer."""
        self._stopped |= {each.number for each in self.probes}
        for running in tuple(self._afoot.values()):
            start(running.close)
        ending = [asyncio.wrap_future(each) for each in self._threads.values()]
        if ending:
            await asyncio.wait(ending, timeout=PARTING)


def _with_room(probes: tuple[Watched, ...]) -> tuple[Watched, ...]:
    """All of them, but for the oldest that has ended where there are as many as are kept."""
    if len(probes) < KEPT:
        return probes
    oldest = next((each for each in probes if not each.alive), None)
    return tuple(each for each in probes if each is not oldest)
