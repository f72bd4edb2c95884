"""The running table of a traceroute: for each ttl who answered, and how many probes nobody answered."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from tui.core.addresses import Address
from tui.core.probes.lines import Leftovers
from tui.core.probes.results import KEPT, Answer, Fault, TraceHop, TraceResult

_MOST_ANSWERS = 64
"""How many answers are kept for one ttl: traceroute sends at most 10 probes."""


class TraceTally:
    """Takes answers as they come; `result` at any time. Memory is bounded whatever comes: a ttl is at most 255."""

    def __init__(self, target: Address | None = None) -> None:
        self.target = target
        self.left = Leftovers()
        self.ended = False
        self._faults: deque[Fault] = deque(maxlen=KEPT)
        self._hops: dict[int, TraceHop] = {}
        self._reached = False

    def fault(self, fault: Fault) -> Fault:
        """Keep an error of the sending machine."""
        self._faults.append(fault)
        return fault

    def last_address(self, ttl: int) -> Address | None:
        """Who answered last for a ttl so far."""
        known = self._hops.get(ttl)
        return known.answers[-1].address if known is not None and known.answers else None

    def hop(self, ttl: int, answers: Sequence[Answer], silent: int) -> TraceHop:
        """Add to what is known of a ttl; the whole of it."""
        known = self._hops.get(ttl, TraceHop(ttl))
        hop = TraceHop(ttl, (*known.answers, *answers)[:_MOST_ANSWERS], known.silent + silent)
        self._hops[ttl] = hop
        self._reached = self._reached or any(
            each.address == self.target and each.mark in ("", "!") for each in hop.answers
        )
        return hop

    def result(self) -> TraceResult:
        """What was found so far."""
        hops = tuple(self._hops[ttl] for ttl in sorted(self._hops))
        faults, left = tuple(self._faults), self.left
        return TraceResult(self.target, hops, faults, left.lines, left.count, self._reached, self.ended)
