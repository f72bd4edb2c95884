"""What the own prober (tui.engines.prober) says: one JSON object a line, read into the same events and results."""

from __future__ import annotations

import json
from typing import Any

from tui.core.probes import Ping, Probe, TcpConnect
from tui.core.probes.lines import Leftovers, Reader, address_in
from tui.core.probes.ping_tally import PingTally
from tui.core.probes.results import (
    Answer,
    Connection,
    ConnectResult,
    Event,
    Fault,
    PingResult,
    Reply,
    TraceResult,
)
from tui.core.probes.trace_tally import TraceTally

Said = dict[str, Any]


def own_reader(probe: Probe) -> Reader:
    """A new reader for what the own prober says about a probe."""
    if isinstance(probe, Ping):
        return OwnPing()
    return OwnConnect() if isinstance(probe, TcpConnect) else OwnTrace(probe)


class _Own:
    """What the three have in common: the objects, and what is kept of lines that are none."""

    left: Leftovers

    def feed(self, line: str) -> tuple[Event, ...]:
        """What one line says; see Reader."""
        if not line.strip():
            return ()
        try:
            said = json.loads(line)
            return self.told(said["event"], said)
        except (ValueError, TypeError, KeyError, RecursionError):
            return (self.left.keep(line),)

    def told(self, event: str, said: Said) -> tuple[Event, ...]:
        """What one object says. Raises KeyError, TypeError or ValueError where it is not as agreed."""
        raise NotImplementedError


def _sender(said: Said) -> Any:
    found = address_in(said["from"])
    if found is None:
        raise ValueError("no address")
    return found


def _whole(value: Any) -> int:
    if not isinstance(value, int) or not 0 <= value < 1 << 31:
        raise ValueError("no number")
    return value


class OwnPing(_Own):
    """A Reader for its ping."""

    def __init__(self) -> None:
        self._tally = PingTally()
        self.left = self._tally.left

    def told(self, event: str, said: Said) -> tuple[Event, ...]:
        """Replies, errors, silences; what the kernel here refuses; sums at the end."""
        tally = self._tally
        match event:
            case "start":
                return ()
            case "reply":
                ttl = _whole(said["ttl"]) if said["ttl"] is not None else None
                reply = Reply(_whole(said["seq"]), float(said["ms"]), ttl, _sender(said), bool(said["duplicate"]))
                return (tally.reply(reply),)
            case "error":
                return (tally.fault(Fault(str(said["says"]), _sender(said), _whole(said["seq"]))),)
            case "silent":
                silent = tally.silence(_whole(said["seq"]))
                return (silent,) if silent is not None else ()
            case "unsent" | "refused":
                seq = _whole(said["seq"]) if "seq" in said else None
                return (tally.fault(Fault(str(said["text"]), seq=seq)),)
            case "end":
                duplicates = tally.result().duplicates
                tally.sums = (_whole(said["sent"]), _whole(said["received"]), duplicates)
                return ()
        raise ValueError(event)

    def end(self, code: int | None = None) -> tuple[Event, ...]:  # noqa: ARG002  # the lines have told everything
        """It has ended."""
        self._tally.ended = True
        return ()

    def result(self) -> PingResult:
        """What was found so far."""
        return self._tally.result()


_MARKS = {"net unreachable": "!N", "host unreachable": "!H", "prohibited": "!X", "too big": "!F"}


class OwnTrace(_Own):
    """A Reader for its traceroute, which tells of each probe by itself."""

    def __init__(self, probe: Probe) -> None:
        self._tally = TraceTally(probe.target)
        self.left = self._tally.left

    def told(self, event: str, said: Said) -> tuple[Event, ...]:
        """Answers and silences, each of one probe; what the kernel here refuses."""
        match event:
            case "start" | "end":
                return ()
            case "hop":
                answer = Answer(_sender(said), float(said["ms"]), _MARKS.get(said["says"], ""))
                return (self._tally.hop(self._ttl(said), (answer,), 0),)
            case "silent":
                return (self._tally.hop(self._ttl(said), (), 1),)
            case "unsent" | "refused":
                return (self._tally.fault(Fault(str(said["text"]))),)
        raise ValueError(event)

    def _ttl(self, said: Said) -> int:
        ttl = _whole(said["ttl"])
        if not 1 <= ttl <= 255:
            raise ValueError("no ttl")
        return ttl

    def end(self, code: int | None = None) -> tuple[Event, ...]:  # noqa: ARG002  # the lines have told everything
        """It has ended."""
        self._tally.ended = True
        return ()

    def result(self) -> TraceResult:
        """What was found so far."""
        return self._tally.result()


_ENDS = {
    "ECONNREFUSED": Connection.REFUSED,
    "ETIMEDOUT": Connection.TIMED_OUT,
    "EACCES": Connection.PROHIBITED,
    "EPERM": Connection.PROHIBITED,
}


class OwnConnect(_Own):
    """A Reader for its connect."""

    def __init__(self) -> None:
        self.left = Leftovers()
        self._result = ConnectResult()

    def told(self, event: str, said: Said) -> tuple[Event, ...]:
        """How the one connection went."""
        match event:
            case "start" | "end":
                return ()
            case "connected":
                self._result = ConnectResult(Connection.CONNECTED, float(said["ms"]))
            case "failed" | "refused":
                state = _ENDS.get(said["errno"], Connection.UNREACHABLE)
                rtt = float(said["ms"]) if state is Connection.REFUSED else None
                self._result = ConnectResult(state, rtt, str(said["text"]))
            case _:
                raise ValueError(event)
        return (self.result(),)

    def end(self, code: int | None = None) -> tuple[Event, ...]:  # noqa: ARG002  # the lines have told everything
        """It has ended."""
        return ()

    def result(self) -> ConnectResult:
        """What was found so far."""
        known, left = self._result, self.left
        ended = known.state is not Connection.UNKNOWN
        return ConnectResult(known.state, known.rtt, known.text, left.lines, left.count, ended)
