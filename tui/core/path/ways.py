"""A packet followed from node to node in the order that Linux works: filters, lookup, hop limit, filters, neighbour."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tui.core.addresses import Address
from tui.core.lookup import lookup
from tui.core.lookup.fib import Fib
from tui.core.lookup.ipv4 import source_of
from tui.core.lookup.source import select6
from tui.core.path import ending, filters
from tui.core.path.hops import Hop, Outcome, Packet, Way
from tui.core.path.links_between import FORWARDING, STAND_IN, STOPPED, Links, asks_as, live, outside
from tui.core.query import Query
from tui.core.steps import Decision, Lookup
from tui.core.world import NextHop, Node, Route, Rule

MOST_WAYS = 16
"""How many ways are followed where next hops multiply."""


@dataclass(frozen=True, slots=True)
class _Arrival:
    """A packet about to be handled by a node: the hops behind it, and what it carries now."""

    hops: tuple[Hop, ...]
    node: str
    iif: str | None
    packet: Packet
    assumptions: tuple[str, ...] = ()


Heard = dict[tuple[str, str, Address], tuple[str, str]]
"""Neighbours known without asking: (node, device, address) to the (node, device) that asked for it before."""


def ways(
    links: Links, node: str, packet: Packet, *, prefer: str | None = None, heard: Heard | None = None
) -> tuple[tuple[Way, ...], bool]:
    """Every way that a packet made by `node` may take, and whether there were more than MOST_WAYS.

    `prefer` is the device by which an IPv6 reply would rather leave (icmpv6_echo_reply binds it to where the request
    came in). The packet's source is chosen on the first hop where it has none. `heard` is what an
    earlier packet taught.
    """
    found: list[Way] = []
    pending: list[_Arrival | Way] = [_Arrival((), node, None, packet)]
    while pending:
        if len(found) >= MOST_WAYS:
            return tuple(found), True
        after = pending.pop()
        if isinstance(after, Way):
            found.append(after)
        else:
            pending += reversed(_handle(links, after, prefer, heard or {}))
    return tuple(found), False


def heard_on(links: Links, way: Way) -> Heard:
    """What the nodes of a way know of their neighbours from having been asked by them.

    Who answers a question enters the asker in its own table (arp_process: neigh_event_ns; ndisc_recv_ns), so an answer
    goes straight back to the one who asked, even one that would not answer itself or shares its address with another.
    """
    found: Heard = {}
    for hop in way.hops:
        if hop.neighbour is not None and hop.neighbour_dev is not None and hop.oif is not None and hop.next_hop:
            source = way.src if hop.iif is None else None
            asker = asks_as(links.fib(hop.node), hop.oif, hop.next_hop, source)
            if asker is not None:
                found[hop.neighbour, hop.neighbour_dev, asker] = (hop.node, hop.oif)
    return found


def _handle(links: Links, at: _Arrival, prefer: str | None, heard: Heard) -> list[_Arrival | Way]:
    """What a node does with a packet that it made, or that came in."""
    node = links.nodes[at.node]
    if at.iif is None and node.state in STOPPED:
        return [_end(at, None, Outcome.UNKNOWN, f"{node.name} is {node.state}: it has no network now")]
    if at.iif is not None:
        ended = _looped(at) or _filtered(links, node, at, Hop(node.name, at.iif, None, at.packet.ttl))
        if ended is not None:
            return [ended]
    fib = links.fib(at.node)
    oif = prefer if at.iif is None else None
    found = lookup(fib, Query(at.packet.dst, at.packet.src, at.iif, oif, ipproto=at.packet.proto), trace=False)
    at = replace(at, assumptions=_assumed(links, at, found.decision))
    ended = _ends_here(fib, at, found)
    if ended is not None:
        return [ended]
    decision = found.decision
    hops = decision.nexthops or (NextHop(decision.dev, decision.gateway),)
    return [each for hop in hops for each in _onward(links, fib, at, found, hop, heard)]


def _assumed(links: Links, at: _Arrival, decision: Decision) -> tuple[str, ...]:
    more = [*decision.assumptions, *links.assumed(at.node)]
    if FORWARDING in more and (at.iif is None or decision.type != "unicast"):
        more.remove(FORWARDING)
    return tuple(dict.fromkeys((*at.assumptions, *more))) if more else at.assumptions


def _end(
    at: _Arrival, found: Lookup | None, outcome: Outcome, reason: str, cause: Route | Rule | str | None = None
) -> Way:
    """The way ends on this node, before the packet has anywhere to go."""
    hop = Hop(at.node, at.iif, "lo" if outcome is Outcome.DELIVERED else None, at.packet.ttl, found)
    return _ended(at, hop, outcome, reason, cause)


def _ended(at: _Arrival, hop: Hop, outcome: Outcome, reason: str, cause: Route | Rule | str | None = None) -> Way:
    src, dst = at.packet.src, at.packet.dst
    return Way(src, dst, (*at.hops, hop), outcome, hop.node, reason, cause, assumptions=at.assumptions)


def _looped(at: _Arrival) -> Way | None:
    """The same node entered by the same interface again: nothing will change until the hop limit runs out."""
    start = next((i for i, hop in enumerate(at.hops) if hop.node == at.node and hop.iif == at.iif), None)
    if start is None:
        return None
    names = " → ".join(hop.node for hop in at.hops[start:])
    last = at.hops[expires_at(start, len(at.hops), at.hops[0].ttl)]
    reason = f"it goes round and round ({names} → {at.node}) until its ttl runs out on {last.node}"
    outcome = Outcome.TTL_EXCEEDED
    return Way(at.packet.src, at.packet.dst, at.hops, outcome, last.node, reason, None, None, start, at.assumptions)


def expires_at(start: int, count: int, ttl: int) -> int:
    """The index of the hop where the ttl runs out, of `count` hops of which those from `start` on repeat.

    Hop 0 made the packet with that ttl; the hop at position ttl gets it with 1 left.
    """
    return ttl if ttl < count else start + (ttl - start) % (count - start)


def _filtered(links: Links, node: Node, at: _Arrival, hop: Hop) -> Way | None:
    """What the node's filters say before (hop.oif None) or after the lookup, where they do not let it pass."""
    assert at.iif is not None
    said = filters.verdict(links.world, node, at.iif, hop.oif, at.packet)
    return None if said.passes else _stopped(at, hop, node, said)


def _stopped(at: _Arrival, hop: Hop, node: Node, said: filters.Verdict) -> Way:
    outcome = Outcome.FILTERED if said.passes is False else Outcome.UNKNOWN
    return replace(_ended(at, hop, outcome, said.reason, said.rule or None), node=node.name, model=said.model)


def _ends_here(fib: Fib, at: _Arrival, found: Lookup) -> Way | None:
    """Refused, delivered, or out of hops: None where the packet is to be sent on."""
    node, decision = fib.node, found.decision
    if decision.failure is not None:
        if STAND_IN in at.assumptions and node.kind == "host":
            return _end(at, found, Outcome.UNKNOWN, f"where {ending.called(node)} sends it on was not read")
        return _end(at, found, *ending.refused(node, found))
    if decision.type in ("local", "anycast") or (decision.type == "broadcast" and at.iif is not None):
        if at.packet.src is None:
            at = replace(at, packet=replace(at.packet, src=decision.prefsrc))
        return _end(at, found, Outcome.DELIVERED, f"{ending.called(node)} takes it in")
    if decision.type != "unicast":
        reason = f"{at.packet.dst} is for many ({decision.type}), and such packets are not followed"
        return _end(at, found, Outcome.UNKNOWN, reason)
    if at.iif is None:
        return None
    if at.packet.dst.version == 6:
        # Only conf.all.forwarding counts (ip6_forward in net/ipv6/ip6_output.c); IPv4's switch is part of the lookup.
        refused = ending.forwards6(fib)
        if refused is not None:
            return _end(at, found, *refused)
    if at.packet.ttl <= 1:
        return _end(at, found, Outcome.TTL_EXCEEDED, f"its ttl runs out on {ending.called(node)}")
    return None


def _onward(  # noqa: PLR0917  # the packet, the decision and what is known beside them
    links: Links, fib: Fib, at: _Arrival, found: Lookup, leg: NextHop, heard: Heard
) -> list[_Arrival | Way]:
    """Out by one next hop: the forward filters, then the neighbours that answer for it."""
    packet = at.packet
    if at.iif is not None:
        packet = replace(packet, ttl=packet.ttl - 1)
    elif packet.src is None:
        packet = replace(packet, src=_source(fib, found.decision, leg, packet.dst))
    at = replace(at, packet=packet)
    dev, target = leg.dev or "", leg.gateway or packet.dst
    interface = fib.links.get(dev)
    network = links.network(fib.node, interface) if interface is not None else None
    hop = Hop(at.node, at.iif, dev, packet.ttl, found, target, network)
    ended = None if at.iif is None else _filtered(links, fib.node, at, hop)
    if ended is not None:
        return [ended]
    known = heard.get((at.node, dev, target))
    answering = [known] if known else links.answering(fib, dev, target, packet.src if at.iif is None else None)
    if not answering:
        return [_nobody(links, fib, at, hop)]
    return [_across(links, at, replace(hop, neighbour=name, neighbour_dev=theirs)) for name, theirs in answering]


def _source(fib: Fib, decision: Decision, leg: NextHop, dst: Address) -> Address | None:
    """The source by this leg: each leg of a multipath route has its own device, and so its own address."""
    route = decision.route
    if not decision.nexthops or route is None:
        return decision.prefsrc
    if dst.version == 6:
        return route.prefsrc or select6(fib, leg.dev, dst.value)
    value = source_of(fib, route, leg)
    return Address(4, value) if value else None


def _nobody(links: Links, fib: Fib, at: _Arrival, hop: Hop) -> Way:
    """No known neighbour answers: it is silent, or it is not in this World."""
    node, dev, target = fib.node, hop.oif or "", hop.next_hop
    interface = fib.links.get(dev)
    if interface is None or dev == "lo":
        reason = f"what is behind {dev or 'its device'} of {ending.called(node)} was not read"
        return _ended(at, hop, Outcome.UNKNOWN, reason)
    if not live(interface):
        state = "is down" if not interface.up else "has no carrier"
        reason = f"{dev} of {ending.called(node)} {state}, so nobody answers for {target}"
        return _ended(at, hop, Outcome.NEXT_HOP_SILENT, reason, found_route(hop))
    if hop.network is None or outside(links.networks.get(hop.network)):
        reason = f"it leaves what is known here: from {ending.called(node)} by {dev} to {target}"
        return _ended(at, hop, Outcome.LEAVES, reason, found_route(hop))
    unread = links.unread(hop.network)
    if unread is not None:
        reason = f"whether anybody on {hop.network} answers for {target} is not known: {unread}"
        return _ended(at, hop, Outcome.UNKNOWN, reason)
    reason = f"nobody on {hop.network} answers for {target}"
    return _ended(at, hop, Outcome.NEXT_HOP_SILENT, reason, found_route(hop))


def found_route(hop: Hop) -> Route | None:
    """The route that a hop was decided by."""
    return hop.lookup.decision.route if hop.lookup is not None else None


def _across(links: Links, at: _Arrival, hop: Hop) -> _Arrival | Way:
    """Over the link to the neighbour, past the rules of the host whose bridge carries the frame."""
    assert hop.neighbour is not None and hop.network is not None
    carrier = links.bridge(hop.network)
    if carrier is not None and carrier[0].name not in (at.node, hop.neighbour):
        host, bridge = carrier
        said = filters.before_the_bridge(links.world, host, bridge.name, at.packet)
        if said.passes:
            said = filters.verdict(links.world, host, bridge.name, bridge.name, at.packet)
        if not said.passes:
            return _stopped(at, hop, host, said)
    return _Arrival((*at.hops, hop), hop.neighbour, hop.neighbour_dev, at.packet, at.assumptions)
