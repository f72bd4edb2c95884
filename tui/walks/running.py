"""One probe or capture that runs in a thread: begun, listened to, and what was found so far as fields of a Watched."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tui.core.packets import Frame
from tui.core.packets.filter import FilterError
from tui.core.path.links_between import Links
from tui.core.probes import Capture, Probe, Traceroute
from tui.core.probes.prediction import hops_of, predict
from tui.core.probes.verdict import against
from tui.core.probes.watched import KEPT_FRAMES, Stage, Watched
from tui.core.query import QueryError
from tui.counted import Counters, phrase
from tui.engines import capture
from tui.engines.base import Engine, EngineError
from tui.probing import Probes

Fields = dict[str, Any]
"""Fields of a Watched by their names."""


def foretold(watched: Watched) -> Fields:
    """What the World of a probe predicts; nothing for a capture, and where the World does not know its source."""
    probe = watched.probe
    if isinstance(probe, Capture):
        return {}
    with contextlib.suppress(QueryError):
        links = Links(watched.world)
        prediction = predict(links, watched.node, probe)
        lines = hops_of(links, watched.node, probe, prediction) if isinstance(probe, Traceroute) else ()
        return {"predicted": str(prediction), "hops": lines}
    return {}


class Running:
    """A probe that runs: `listen` in a thread to its end; `found`, `close` and `told` are for any thread.

    `told`: the app knows that there is news, and has not yet taken it.
    """

    argv: tuple[str, ...]
    how: str
    told = False

    def listen(self, news: Callable[[], None]) -> None:
        """Take what comes, to the end; `news` is called after each. Raises EngineError where the engine goes away."""
        raise NotImplementedError

    def found(self) -> Fields:
        """What was found so far."""
        raise NotImplementedError

    def ended(self) -> Fields:
        """What it came to, after `listen`, unless a person stopped it."""
        raise NotImplementedError

    @property
    def code(self) -> int | None:
        """The exit code, None where there is none."""
        return None

    def close(self) -> None:
        """End it."""
        raise NotImplementedError


def begin(engine: Engine, probes: Probes, watched: Watched) -> Running:
    """Begin it. Blocks while the node is asked for its tools; raises EngineError with a sentence where it cannot be."""
    if isinstance(watched.probe, Capture):
        return _Capture(engine, watched, watched.probe)
    return _Probe(engine, probes, watched, watched.probe)


class _Probe(Running):
    """A ping, a traceroute, a connect."""

    def __init__(self, engine: Engine, probes: Probes, watched: Watched, probe: Probe) -> None:
        self._watched, self._asked = watched, probe
        self._counters = Counters(engine, watched.world)
        self._running = probes.start(watched.world, watched.node, probe)
        self.argv, self.how = self._running.argv, self._running.how

    def listen(self, news: Callable[[], None]) -> None:
        for _ in self._running:
            news()

    def found(self) -> Fields:
        return {"result": self._running.result}

    def ended(self) -> Fields:
        result, code = self._running.result, self._running.code
        if not self._running.cut and (code is None or code > 128):
            # A tool ends by itself, with a small code; a signal means that somebody else ended it.
            told = f" (exit code {code})" if code is not None else ""
            why = f"It was ended from outside, before its time{told}: the node or the engine may be gone."
            return {"result": result, "stage": Stage.FAILED, "trouble": why}
        verdict = None
        with contextlib.suppress(QueryError):
            verdict = against(self._watched.world, self._watched.node, self._asked, result)
            dropped = "; ".join(phrase(*each) for each in self._counters.drops())
            if dropped:
                verdict = replace(verdict, sentence=f"{verdict.sentence} Counters: {dropped}.")
        return {"result": result, "stage": Stage.ENDED, "cut": self._running.cut, "verdict": verdict}

    @property
    def code(self) -> int | None:
        return self._running.code

    def close(self) -> None:
        self._running.close()


class _Capture(Running):
    """Packets as they are seen; the latest are kept."""

    def __init__(self, engine: Engine, watched: Watched, asked: Capture) -> None:
        try:
            self._running = capture.start(engine, watched.node, asked, watched.world)
        except FilterError as error:
            raise EngineError(str(error)) from None
        self.argv, self.how = self._running.argv, self._running.how
        self._lock = threading.Lock()
        self._frames: deque[Frame] = deque(maxlen=KEPT_FRAMES)
        self._seen = self._since = 0

    def listen(self, news: Callable[[], None]) -> None:
        for frame in self._running:
            with self._lock:
                self._frames.append(frame)
                self._seen += 1
                self._since = self._since or frame.time
            news()
        self._running.close()

    def found(self) -> Fields:
        with self._lock:
            return {"frames": tuple(self._frames), "seen": self._seen, "since": self._since}

    def ended(self) -> Fields:
        lost, problem = self._running.lost, self._running.problem
        cut = f"{lost:,} packets came too fast and were lost." if lost else ""
        return {**self.found(), "stage": Stage.FAILED if problem else Stage.ENDED, "trouble": problem, "cut": cut}

    @property
    def code(self) -> int | None:
        return 1 if self._running.problem else None

    def close(self) -> None:
        self._running.close()
