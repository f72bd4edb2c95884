"""A probe or a capture that somebody watches: what it is, how far it is, and what came of it so far."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tui.core.packets import Frame
from tui.core.path.symptoms import TracedHop
from tui.core.probes import Capture, Ping, Probe, TcpConnect, Traceroute
from tui.core.probes.results import ConnectResult, PingResult, Result, TraceResult
from tui.core.probes.verdict import Verdict
from tui.core.world import World

KEPT_FRAMES = 10_000
"""The most frames of a capture that are kept: the latest."""


class Stage(StrEnum):
    """How far it is."""

    STARTING = "starting"
    RUNNING = "running"
    ENDED = "ended"
    STOPPED = "stopped"  # by a person
    FAILED = "failed"  # it could not be sent, or not be carried on


@dataclass(frozen=True, slots=True, eq=False)
class Watched:
    """One probe. `world` is the one in which it is predicted; `argv` and `how` are known once it runs.

    `predicted` is what the sender should see, in a few words, and `hops` the lines of a traceroute, both from the
    start. `frames` are the latest of a capture, `seen` counts all of them, `since` is the time of the first. `trouble`
    is a sentence for FAILED, `cut` one for why it was ended early. Two are never equal: each is a moment of its own.
    """

    number: int
    node: str
    probe: Probe | Capture
    world: World
    stage: Stage = Stage.STARTING
    argv: tuple[str, ...] = ()
    how: str = ""
    predicted: str = ""
    hops: tuple[TracedHop, ...] = ()
    result: Result | None = None
    frames: tuple[Frame, ...] = ()
    seen: int = 0
    since: int = 0
    verdict: Verdict | None = None
    trouble: str = ""
    cut: str = ""

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self.stage in (Stage.STARTING, Stage.RUNNING)

    @property
    def title(self) -> str:
        """`ping centos-net1 → 172.20.0.2`."""
        match self.probe:
            case Capture(dev, wanted):
                return f"capture {self.node} {dev}{f' {wanted}' if wanted else ''}"
            case Ping():
                return f"ping {self.node} → {self.probe.target}"
            case Traceroute():
                return f"traceroute {self.node} → {self.probe.target}"
            case TcpConnect():
                return f"connect {self.node} → {self.probe.target} port {self.probe.port}"

    @property
    def good(self) -> bool | None:
        """Whether it got an answer; None while nobody can say."""
        if self.stage is Stage.FAILED:
            return False
        if isinstance(self.probe, Capture):
            return True if self.seen else None
        if self.result is not None and self.result.reached:
            return True
        return None if self.alive else False

    @property
    def agrees(self) -> bool | None:
        """Whether it went as predicted; None where nobody can say, or not yet."""
        return self.verdict.agrees if self.verdict is not None else None

    @property
    def outcome(self) -> tuple[str, ...]:
        """What came of it, as sentences: the verdict and what may be behind a difference, or what went wrong."""
        ended = tuple(each for each in (self.trouble, self.cut) if each)
        if self.stage is Stage.STOPPED:
            ended = ("Stopped.", *ended)
        if self.verdict is not None:
            return (*ended, self.verdict.sentence, *(f"Maybe {each}" for each in self.verdict.causes[:2]))
        if isinstance(self.probe, Capture) and self.stage is not Stage.FAILED:
            return (*ended, f"{self.progress} seen.")
        return ended

    @property
    def progress(self) -> str:
        """How far it is, in a few words."""
        match self.result:
            case PingResult() as result:
                assert isinstance(self.probe, Ping)
                return f"{result.received}/{result.sent or self.probe.count} answered"
            case TraceResult() as result:
                return f"{len(result.hops)} hop{'' if len(result.hops) == 1 else 's'}"
            case ConnectResult() as result:
                return str(result.state) if result.ended else ""
        return f"{self.seen:,} packet{'' if self.seen == 1 else 's'}" if isinstance(self.probe, Capture) else ""
