"""Walk 4: a form asks for a probe, a thread reads what it finds, and the result stands beside the prediction.

Threads only post messages, at most ten a second for each probe, each with all that was found so far.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from textual import on
from textual.message import Message
from textual.reactive import reactive

from tui.background import start
from tui.core.query import QueryError
from tui.engines.base import Engine, EngineError
from tui.panels.probe import ProbeScreen
from tui.walks.state import State

if TYPE_CHECKING:
    from tui.core.probes.watched import Watched

MOST = 8
"""So many probes run at once: each takes a thread here and a process there."""

KEPT = 30
"""So many probes are remembered; those that ended first are forgotten first."""

PACE = 0.1
"""Seconds between two messages of a probe: no terminal needs more, and a flood costs no more."""

PARTING = 1.5
"""Seconds that leaving waits for probes to be ended."""


class Ends(Protocol):
    """What runs and can be ended from any thread."""

    def close(self) -> None:
        """End it."""
        ...


class Probed(State):
    """Starts probes, listens to them, ends them."""

    probes: reactive[tuple[Watched, ...]] = reactive((), init=False, repaint=False)

    class Found(Message):
        """Something was found, or the end was reached: fields of a Watched and their new values."""

        def __init__(self, number: int, **fields: Any) -> None:
            super().__init__()
            self.number, self.fields = number, fields

    def __init__(self, engine: Engine, simulated: bool) -> None:
        super().__init__(engine, simulated)
        self._probing: dict[int, Ends] = {}
        self._stopped: set[int] = set()
        self._probe_number = 0

    def action_probe(self) -> None:
        """Probe from the chosen node to where the lookup asks."""
        if self.world is None or self.node is None:
            self.say("Choose a node first.", "warning")
            return
        target = str(self.question.dst) if self.question is not None else ""
        screen = ProbeScreen(self.node.name, target)
        self.push_screen(screen.data_bind(Probed.world, Probed.probes))

    @on(ProbeScreen.Asked)
    def _probe_asked(self, event: ProbeScreen.Asked) -> None:
        event.stop()
        if self.what_if:
            self.say("A what-if is on the screen, which no packet can cross: apply or drop it first (w).", "warning")
        elif sum(each.alive for each in self.probes) >= MOST:
            self.say(f"{MOST} probes run already: s stops one.", "warning")
        elif self.world is not None:
            from tui.core.probes.watched import Watched

            self._probe_number += 1
            watched = Watched(self._probe_number, event.node, event.probe, self.world)
            self.probes = (*_forget(self.probes), watched)
            start(self._watch_probe, watched)

    def _watch_probe(self, watched: Watched) -> None:
        """In a thread: from its start to its end. A fault in here is shown as one, not left hanging."""
        from tui.core.probes.watched import Stage

        fields: dict[str, Any]
        try:
            fields = self._probe_to_end(watched)
        except EngineError as error:
            fields = {"stage": Stage.FAILED, "trouble": f"{error} {error.hint}".strip()}
        except Exception as error:
            fields = {"stage": Stage.FAILED, "trouble": f"A fault in routetui: {error!r}"}
        self._probing.pop(watched.number, None)
        self.post_message(self.Found(watched.number, **fields))

    def _probe_to_end(self, watched: Watched) -> dict[str, Any]:
        from tui.core.probes import Capture

        run = self._capture if isinstance(watched.probe, Capture) else self._probe
        return run(watched)

    def _begun(self, number: int, running: Ends, argv: tuple[str, ...], how: str) -> Callable[..., None]:
        """It runs: it can be stopped from now on. What is returned posts news, not more often than is of use."""
        from tui.core.probes.watched import Stage

        self._probing[number] = running
        if number in self._stopped:
            running.close()
        self.post_message(self.Found(number, stage=Stage.RUNNING, argv=argv, how=how))
        last = 0.0

        def news(make: Callable[[], dict[str, Any]]) -> None:
            nonlocal last
            if (now := time.monotonic()) - last >= PACE:
                last = now
                self.post_message(self.Found(number, **make()))

        return news

    def _probe(self, watched: Watched) -> dict[str, Any]:
        """A ping, a traceroute, a connect."""
        from tui.core.probes import Capture
        from tui.core.probes.verdict import against
        from tui.core.probes.watched import Stage
        from tui.probing import Probes

        assert not isinstance(watched.probe, Capture)
        running = Probes(self.engine).start(watched.world, watched.node, watched.probe)
        news = self._begun(watched.number, running, running.argv, running.how)
        for _ in running:
            news(lambda: {"result": running.result})
        verdict = None
        with contextlib.suppress(QueryError):
            verdict = against(watched.world, watched.node, watched.probe, running.result)
        stopped = watched.number in self._stopped
        return {
            "result": running.result,
            "stage": Stage.STOPPED if stopped else Stage.ENDED,
            "cut": "" if stopped else running.cut,
            "verdict": verdict,
        }

    def _capture(self, watched: Watched) -> dict[str, Any]:
        """Packets as they are seen."""
        from tui.core.packets import Frame
        from tui.core.packets.filter import FilterError
        from tui.core.probes import Capture
        from tui.core.probes.watched import KEPT_FRAMES, Stage
        from tui.engines import capture

        assert isinstance(watched.probe, Capture)
        try:
            running = capture.start(self.engine, watched.node, watched.probe, watched.world)
        except FilterError as error:
            raise EngineError(str(error)) from None
        news = self._begun(watched.number, running, running.argv, running.how)
        kept: deque[Frame] = deque(maxlen=KEPT_FRAMES)
        seen = 0

        def found() -> dict[str, Any]:
            return {"frames": tuple(kept), "seen": seen}

        for frame in running:
            kept.append(frame)
            seen += 1
            news(found)
        running.close()
        stopped = watched.number in self._stopped
        lost = f"{running.lost} packets came too fast and were lost." if running.lost else ""
        failed = bool(running.problem) and not stopped
        return {
            **found(),
            "stage": Stage.FAILED if failed else Stage.STOPPED if stopped else Stage.ENDED,
            "trouble": running.problem if failed else "",
            "cut": lost,
        }

    @on(Found)
    def _probe_found(self, event: Found) -> None:
        event.stop()
        self.probes = tuple(
            replace(each, **event.fields) if each.number == event.number else each for each in self.probes
        )

    @on(ProbeScreen.Stopped)
    def _probe_stopped(self, event: ProbeScreen.Stopped) -> None:
        event.stop()
        self._stopped.add(event.number)
        if (running := self._probing.get(event.number)) is not None:
            start(running.close)

    @on(ProbeScreen.Removed)
    def _probe_removed(self, event: ProbeScreen.Removed) -> None:
        event.stop()
        self.probes = tuple(each for each in self.probes if each.number != event.number or each.alive)

    @on(ProbeScreen.Saved)
    def _probe_saved(self, event: ProbeScreen.Saved) -> None:
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
            told = error.strerror or error
            self.say(f"Not saved: {told}. Start routetui in a folder that you may write to.", "error")
        else:
            self.say(f"Saved {len(event.frames):,} packets: {path}")

    async def end_probes(self) -> None:
        """End all of them; returns when they are gone, or after a while that nobody should have to wait longer."""
        running = dict(self._probing)
        self._stopped |= {each.number for each in self.probes}
        closing = [asyncio.wrap_future(start(each.close)) for each in running.values()]
        if closing:
            await asyncio.wait(closing, timeout=PARTING)


def _forget(probes: tuple[Watched, ...]) -> tuple[Watched, ...]:
    """Make room for one more."""
    while len(probes) >= KEPT:
        oldest = next((each for each in probes if not each.alive), probes[0])
        probes = tuple(each for each in probes if each is not oldest)
    return probes
