"""A packet about to be handled by a node, and how its way ends there: by a route, a filter, a loop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from tui.core.firewall.flight import Connection, Flight
from tui.core.path.ending import rejected
from tui.core.path.filtered import Passage, Verdict
from tui.core.path.hops import Hop, Outcome, Packet, Way
from tui.core.steps import Lookup
from tui.core.world import Node, Route, Rule


@dataclass(frozen=True, slots=True)
class Arrival:
    """A packet about to be handled by a node: the hops behind it, and what it carries now.

    `tracked` and `flight` are those of a Passage; `since` is the number of hops after which its addresses are what they
    are now, `rerouted` whether the filters of the node that made it have had their say.
    """

    hops: tuple[Hop, ...]
    node: str
    iif: str | None
    packet: Packet
    assumptions: tuple[str, ...] = ()
    tracked: tuple[Connection, ...] = ()
    flight: Flight | None = None
    since: int = 0
    rerouted: bool = False

    @property
    def passage(self) -> Passage:
        """What the filters are asked about."""
        return Passage(self.packet, self.tracked, self.flight)

    def past(self, said: Verdict) -> Arrival:
        """The packet behind filters that let it pass."""
        after = said.after
        if after is None:
            return self
        same = (after.packet.src, after.packet.dst) == (self.packet.src, self.packet.dst)
        since = self.since if same else len(self.hops)
        return replace(self, packet=after.packet, tracked=after.tracked, flight=after.flight, since=since)


def end(
    at: Arrival, found: Lookup | None, outcome: Outcome, reason: str, cause: Route | Rule | str | None = None
) -> Way:
    """The way ends on this node, before the packet has anywhere to go."""
    hop = Hop(at.node, at.iif, "lo" if outcome is Outcome.DELIVERED else None, at.packet.ttl, found)
    return ended(at, hop, outcome, reason, cause)


def ended(at: Arrival, hop: Hop, outcome: Outcome, reason: str, cause: Route | Rule | str | None = None) -> Way:
    """The way ends at a hop."""
    src, dst = at.packet.src, at.packet.dst
    hop = replace(hop, src=src, dst=dst)
    return Way(
        *(src, dst, (*at.hops, hop), outcome, hop.node, reason, cause),
        assumptions=at.assumptions,
        tracked=at.tracked,
        ports=(at.packet.sport, at.packet.dport),
    )


def looped(at: Arrival) -> Way | None:
    """The same node entered by the same interface again: nothing will change until the hop limit runs out."""
    behind = enumerate(at.hops[at.since :], at.since)
    start = next((i for i, hop in behind if hop.node == at.node and hop.iif == at.iif), None)
    if start is None:
        return None
    names = " → ".join(hop.node for hop in at.hops[start:])
    last = at.hops[expires_at(start, len(at.hops), at.hops[0].ttl)]
    reason = f"it goes round and round ({names} → {at.node}) until its ttl runs out on {last.node}"
    outcome = Outcome.TTL_EXCEEDED
    return Way(
        at.packet.src,
        at.packet.dst,
        at.hops,
        outcome,
        last.node,
        reason,
        None,
        None,
        start,
        at.assumptions,
        tracked=at.tracked,
    )


def expires_at(start: int, count: int, ttl: int) -> int:
    """The index of the hop where the ttl runs out, of `count` hops of which those from `start` on repeat.

    Hop 0 made the packet with that ttl; the hop at position ttl gets it with 1 left.
    """
    return ttl if ttl < count else start + (ttl - start) % (count - start)


def stopped(at: Arrival, hop: Hop, node: Node, said: Verdict) -> Way:
    """The filters of a node do not let it pass, or may not."""
    outcome = Outcome.FILTERED if said.passes is False else Outcome.UNKNOWN
    way = ended(at, hop, outcome, said.reason, said.rule or None)
    return replace(way, node=node.name, model=said.model, notice=rejected(said.answer))


def through(at: Arrival, hop: Hop, node: Node, *gates: Callable[[Passage], Verdict]) -> Arrival | Way:
    """The packet behind filters of the node, asked in that order; where it ends, if they do not let it pass."""
    for gate in gates:
        said = gate(at.passage)
        if not said.passes:
            return stopped(at, hop, node, said)
        at = at.past(said)
    return at
