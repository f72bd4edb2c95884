"""The running count of a ping: what was answered, what failed, and how long the round trips took."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from statistics import median

from tui.core.probes.lines import Leftovers
from tui.core.probes.results import KEPT, Fault, PingResult, Reply, Roundtrips, Silence


class PingTally:
    """Takes replies, faults and silences as they come; `result` at any time. Memory is bounded whatever comes.

    `sums` are what the tool itself says at its end: sent, received, duplicates. `deaf`: see PingResult.
    """

    def __init__(self, deaf: bool = False) -> None:
        self.left = Leftovers()
        self.sums: tuple[int, int, int] | None = None
        self.ended = False
        self._deaf = deaf
        self._replies: deque[Reply] = deque(maxlen=KEPT)
        self._faults: deque[Fault] = deque(maxlen=KEPT)
        self._times = _Times()
        self._seen: deque[int] = deque(maxlen=KEPT)
        self._answered: set[int] = set()
        self._latest = self._received = self._duplicates = self._faulty = self._told = 0

    def reply(self, reply: Reply) -> Reply:
        """Count a reply; one that answers a request for the second time is a duplicate, said or not."""
        self._latest = max(self._latest, reply.seq)
        if reply.seq in self._answered:
            reply = replace(reply, duplicate=True)
        self._replies.append(reply)
        if reply.duplicate:
            self._duplicates += 1
            return reply
        self._received += 1
        self._remember(reply.seq)
        if reply.rtt is not None:
            self._times.add(reply.rtt)
        return reply

    def _remember(self, seq: int) -> None:
        if len(self._seen) == KEPT:
            self._answered.discard(self._seen[0])
        self._seen.append(seq)
        self._answered.add(seq)

    def fault(self, fault: Fault) -> Fault:
        """Count an error."""
        self._latest = max(self._latest, fault.seq or 0)
        self._faults.append(fault)
        if not fault.is_redirect:
            self._faulty += 1
            self._told += fault.sender is not None
        return fault

    def silence(self, seq: int) -> Silence | None:
        """A request that nobody has answered yet; None where an error was its answer, which iputils does not count."""
        self._latest = max(self._latest, seq)
        last = self._faults[-1] if self._faults else None
        return None if last is not None and last.seq == seq and not last.is_redirect else Silence(seq)

    def result(self) -> PingResult:
        """What was found so far."""
        sent, received = max(self._latest, self._told, self._received), self._received
        duplicates = self._duplicates
        if self.sums is not None:
            sent, received, duplicates = self.sums
        return PingResult(
            max(sent, received),
            received,
            duplicates,
            self._faulty,
            tuple(self._replies),
            tuple(self._faults),
            self._times.all(),
            self.left.lines,
            self.left.count,
            self.ended or self.sums is not None,
            self._deaf,
        )


class _Times:
    """Round-trip times: sums of all of them, and the latest for their median."""

    def __init__(self) -> None:
        self._latest: deque[float] = deque(maxlen=KEPT)
        self._count = 0
        self._sum = self._differences = 0.0
        self._low = self._high = 0.0

    def add(self, time: float) -> None:
        if self._count:
            self._differences += abs(time - self._latest[-1])
        self._low = min(self._low, time) if self._count else time
        self._high = max(self._high, time)
        self._sum += time
        self._count += 1
        self._latest.append(time)

    def all(self) -> Roundtrips | None:
        if not self._count:
            return None
        jitter = self._differences / (self._count - 1) if self._count > 1 else 0.0
        return Roundtrips(self._low, self._sum / self._count, median(self._latest), self._high, jitter)
