"""A capture on a node: by the own prober where its network can be entered, else by the tcpdump that it has itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Protocol, runtime_checkable

from tui.core.follow import Asked
from tui.core.packets import ETHERNET, RAW_IP, Frame
from tui.core.packets.bpf import TooLong, program
from tui.core.packets.filter import Filter, parse
from tui.core.packets.names import names_of
from tui.core.path.hops import Path
from tui.core.probes import Capture
from tui.core.world import Node, World
from tui.engines.base import Engine, EngineError, Enters, Run, Streams, clean
from tui.engines.capture_decode import Sighted, decode
from tui.engines.prober.ask import prober

__all__ = ["Captures", "Capturing", "start"]

_HEADERS = {1: ETHERNET, 772: ETHERNET}
"""By the device's ARPHRD_ number: what its frames begin with; others begin with the IP packet, if they hold one."""


class Capturing(Protocol):
    """A capture that runs: iterate its frames, as they come, to its end.

    `how` says by which way, in words; `argv` is the command behind it. After the end `problem` is a sentence where it
    did not end well ("" else), and `lost` counts frames that came too fast to be kept. `local`: its times are of this
    machine's kernel.
    """

    argv: tuple[str, ...]
    how: str
    problem: str
    lost: int
    local: bool

    def __iter__(self) -> Iterator[Frame]: ...

    def close(self) -> None:
        """End it now, from any thread; nothing of it is left when this returns."""
        ...


@runtime_checkable
class Captures(Protocol):
    """An Engine with a way of its own to capture: the simulator, which has no packets but those that it imagines."""

    def capture(self, node: str, asked: Capture, wanted: Filter) -> Capturing:
        """Begin a capture; raises EngineError."""
        ...

    def carry(self, path: Path, asked: Asked) -> None:
        """Let the packets of a ping pass, for the captures to see."""
        ...


def start(engine: Engine, node: str, asked: Capture, world: World) -> Capturing:
    """Begin a capture; when this returns, every frame from now on is seen.

    Raises FilterError for a filter that cannot be read, EngineError where there is no way to capture on that node:
    the sentence says what would be needed.
    """
    wanted = parse(asked.filter, names_of(world))
    if isinstance(engine, Captures):
        return engine.capture(node, asked, wanted)
    why = "this engine has no way into a node's network"
    if isinstance(engine, Enters):
        try:
            return _own(engine, node, asked, wanted)
        except EngineError as error:
            if world.node(node) is None:
                raise
            why = str(error).removeprefix(f"Nothing can be captured on {node}: ").rstrip(".")
    if isinstance(engine, Streams) and node != "host":
        from tui.engines.capture_tcpdump import TcpdumpCapture

        return TcpdumpCapture(engine, replace(asked, filter=str(wanted)), world.node(node) or Node(node), why)
    raise EngineError(f"Nothing can be captured on {node}: {why}.")


def _own(engine: Enters, node: str, asked: Capture, wanted: Filter) -> ProberCapture:
    try:
        code = program(wanted).hex()
    except TooLong as error:
        raise EngineError(str(error)) from None
    words = {"dev": asked.dev, "count": asked.count, "seconds": f"{asked.seconds:g}", "bpf": code}
    return ProberCapture(engine.enter(node, prober("capture", **words)), node)


class ProberCapture:
    """A Capturing by the own prober: its lines are JSON, the bytes of a frame in hexadecimal digits."""

    def __init__(self, run: Run, node: str) -> None:
        """Wait until it is ready. Raises EngineError with its words where it cannot begin."""
        self.argv = run.argv
        self.how = "by routetui's own prober, in its network"
        self.problem = ""
        self.lost = 0
        self.local = True
        self._run = run
        self._node = node
        self._closed = False
        self._indexes: dict[str, int] = {}
        self._lines = iter(run)
        first = next(self._events(), {})
        if first.get("event") != "ready":
            run.close()
            raise EngineError(_why(node, first, self.problem))
        self._indexes = dict(first["interfaces"])

    def __iter__(self) -> Iterator[Frame]:
        """The frames; see Capturing."""
        for event in self._events():
            if event["event"] == "packet":
                yield self._frame(event)
            elif event["event"] == "end":
                self.lost = event["dropped"]
            elif event["event"] == "refused":
                self.problem = _why(self._node, event, "")
        if not self._closed and self._run.code not in (0, 1) and not self.problem:
            self.problem = f"The capture on {self._node} ended before its time (exit code {self._run.code})."

    def _events(self) -> Iterator[dict[str, Any]]:
        """What it says; a line that is no JSON is what went wrong."""
        for line in self._lines:
            try:
                event = json.loads(line)
                event["event"]
            except (ValueError, TypeError, KeyError):
                self.problem = clean(line)
            else:
                yield event

    def _frame(self, event: dict[str, Any]) -> Frame:
        dev = clean(event["dev"])
        place = Sighted(
            event["time"], self._node, dev, event["direction"], event["length"], self._indexes.get(event["dev"], 0)
        )
        return decode(bytes.fromhex(event["data"]), _HEADERS.get(event["hardware"], RAW_IP), place)

    def close(self) -> None:
        """End it."""
        self._closed = True
        self._run.close()


def _why(node: str, said: dict[str, Any], otherwise: str) -> str:
    """The sentence for a prober that could not begin."""
    text, number = clean(str(said.get("text") or otherwise or "it ended at once")), said.get("errno")
    if number == "EPERM":
        return f"Nothing can be captured on {node}: it needs the right to open packet sockets (CAP_NET_RAW)."
    if number == "ENODEV":
        return f"Nothing can be captured on {node}: it has no such interface. `any` means all of them."
    return f"Nothing can be captured on {node}: {text.rstrip('.')}."
