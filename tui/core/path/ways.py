"""A packet followed from node to node in the order that Linux works: filters, lookup, hop limit, filters, neighbour."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from tui.core.addresses import Address
from tui.core.firewall.flight import Connection
from tui.core.lookup import lookup, sent
from tui.core.lookup.fib import Fib
from tui.core.lookup.ipv4 import source_of
from tui.core.lookup.source import select6
from tui.core.path import ending, filters
from tui.core.path.arrival import Arrival, end, ended, expires_at, looped, stopped, through
from tui.core.path.discovery import KNOWN_BEFORE, learns
from tui.core.path.hops import Hop, Outcome, Packet, Way
from tui.core.path.links_between import FORWARDING, STAND_IN, STOPPED, Links, asks_as, live, outside
from tui.core.query import Query
from tui.core.steps import Decision, Lookup
from tui.core.world import NextHop, Node, Route

__all__ = ["MOST_WAYS", "Heard", "expires_at", "heard_on", "ways"]

MOST_WAYS = 16
"""How many ways are followed where next hops multiply."""


Heard = dict[tuple[str, str, Address], tuple[str, str]]
"""Neighbours known without asking: (node, device, address) to the (node, device) that asked for it before."""


def ways(
    links: Links,
    node: str,
    packet: Packet,
    *,
    prefer: str | None = None,
    heard: Heard | None = None,
    tracked: tuple[Connection, ...] = (),
) -> tuple[tuple[Way, ...], bool]:
    """Every way that a packet made by `node` may take, and whether there were more than MOST_WAYS.

    `prefer` is the device by which an IPv6 reply would rather leave (icmpv6_echo_reply binds it to where the request
    came in). The packet's source is chosen on the first hop where it has none. `heard` is what an
    earlier packet taught, and `tracked` what connection tracking kept of it.
    """
    found: list[Way] = []
    pending: list[Arrival | Way] = [Arrival((), node, None, packet, tracked=tracked)]
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
            source = hop.src if hop.iif is None or hop.next_hop.version == 6 else None
            asker = asks_as(links.fib(hop.node), hop.oif, hop.next_hop, source)
            if asker is not None:
                found[hop.neighbour, hop.neighbour_dev, asker] = (hop.node, hop.oif)
    return found


def _handle(links: Links, at: Arrival, prefer: str | None, heard: Heard) -> list[Arrival | Way]:
    """What a node does with a packet that it made, or that came in."""
    node = links.nodes[at.node]
    if at.iif is None and node.state in STOPPED:
        return [end(at, None, Outcome.UNKNOWN, f"{node.name} is {node.state}: it has no network now")]
    if at.iif is not None:
        loop = looped(at)
        if loop is not None:
            return [loop]
        said = filters.arriving(links, node, at.iif, at.passage)
        if not said.passes:
            return [stopped(at, Hop(node.name, at.iif, None, at.packet.ttl), node, said)]
        at = at.past(said)
    fib = links.fib(at.node)
    if at.packet.mark is None and any(rule.mark is not None for rule in fib.node.rules):
        reason = f"which mark the filters of {ending.called(node)} set is not known, and its rules look at it"
        return [end(at, None, Outcome.UNKNOWN, reason)]
    found = (sent if at.iif is None else lookup)(fib, _query(at, prefer), trace=False)
    decision = found.decision
    if decision.failure is None and at.packet.src is None and found.query.src is not None:
        at = replace(at, packet=replace(at.packet, src=found.query.src))  # it was chosen before there was a route
    at = replace(at, assumptions=_assumed(links, at, decision))
    if decision.failure is None and _is_local(decision, at):
        return _delivered(links, fib, at, found, heard)
    over = _ends_here(fib, at, found)
    if over is not None:
        return [over]
    hops = decision.nexthops or (NextHop(decision.dev, decision.gateway),)
    return [each for hop in hops for each in _onward(links, fib, at, found, hop, heard)]


def _query(at: Arrival, prefer: str | None) -> Query:
    packet = at.packet
    oif = prefer if at.iif is None and not at.rerouted else None
    return Query(
        *(packet.dst, packet.src, at.iif, oif, packet.mark or 0),
        ipproto=packet.proto,
        sport=packet.sport,
        dport=packet.dport,
    )


def _assumed(links: Links, at: Arrival, decision: Decision) -> tuple[str, ...]:
    more = [*decision.assumptions, *links.assumed(at.node), *_unfiltered(links.nodes[at.node])]
    if FORWARDING in more and (at.iif is None or decision.type != "unicast"):
        more.remove(FORWARDING)
    return tuple(dict.fromkeys((*at.assumptions, *more))) if more else at.assumptions


def _unfiltered(node: Node) -> tuple[str, ...]:
    """What is taken for granted of a container that may have made filters of its own, where they were not read."""
    if node.filters is not None or node.kind != "container" or "NET_ADMIN" not in (node.capabilities or ()):
        return ()
    return (f"The packet filters of {node.name}, which may set some (NET_ADMIN), were not read.",)


def _is_local(decision: Decision, at: Arrival) -> bool:
    return decision.type in ("local", "anycast") or (decision.type == "broadcast" and at.iif is not None)


def _made(links: Links, at: Arrival, hop: Hop, node: Node) -> Arrival | Way:
    """Behind the filters for what the node makes itself; `rerouted` where they change what its route depends on."""
    if at.rerouted:
        return at
    out = through(at, hop, node, partial(filters.made, links, node, hop.oif or ""))
    if isinstance(out, Way):
        return out
    changed = (out.packet.dst, out.packet.mark) != (at.packet.dst, at.packet.mark)
    return replace(out, rerouted=changed)


def _delivered(links: Links, fib: Fib, at: Arrival, found: Lookup, heard: Heard) -> list[Arrival | Way]:
    """For the node itself, if its filters let it in; what it sends to itself leaves by loopback and comes in again."""
    node, before = fib.node, at.rerouted
    if at.packet.src is None:
        at = replace(at, packet=replace(at.packet, src=found.decision.prefsrc))
    hop = Hop(at.node, at.iif, "lo" if at.iif is None else None, at.packet.ttl, found)
    gates = [partial(filters.taken_in, links, node, at.iif or "lo")]
    if at.iif is None and node.filters is not None:
        out = _made(links, at, hop, node)
        if isinstance(out, Way):
            return [out]
        if out.rerouted and not before:
            return _handle(links, out, None, heard)
        at = out
        around = (
            partial(filters.leaving, links, node, "lo", at.packet.dst),
            partial(filters.arriving, links, node, "lo"),
        )
        gates = [*around, *gates]
    inside = through(at, hop, node, *gates)
    if isinstance(inside, Way):
        return [inside]
    return [end(inside, found, Outcome.DELIVERED, f"{ending.called(node)} takes it in")]


def _ends_here(fib: Fib, at: Arrival, found: Lookup) -> Way | None:
    """Refused, or out of hops: None where the packet is to be sent on."""
    node, decision = fib.node, found.decision
    if decision.failure is not None:
        if STAND_IN in at.assumptions and node.kind == "host":
            return end(at, found, Outcome.UNKNOWN, f"where {ending.called(node)} sends it on was not read")
        return end(at, found, *ending.refused(node, found))
    if decision.type != "unicast":
        reason = f"{at.packet.dst} is for many ({decision.type}), and such packets are not followed"
        return end(at, found, Outcome.UNKNOWN, reason)
    if at.iif is None:
        return None
    if at.packet.dst.version == 6:
        # Only conf.all.forwarding counts (ip6_forward in net/ipv6/ip6_output.c); IPv4's switch is part of the lookup.
        refused = ending.forwards6(fib)
        if refused is not None:
            return end(at, found, *refused)
    if at.packet.ttl <= 1:
        return end(at, found, Outcome.TTL_EXCEEDED, f"its ttl runs out on {ending.called(node)}")
    return None


def _onward(  # noqa: PLR0917  # the packet, the decision and what is known beside them
    links: Links, fib: Fib, at: Arrival, found: Lookup, leg: NextHop, heard: Heard
) -> list[Arrival | Way]:
    """Out by one next hop: the forward filters, then the neighbours that answer for it."""
    packet = at.packet
    if at.iif is not None:
        packet = replace(packet, ttl=packet.ttl - 1)
    elif packet.src is None:
        packet = replace(packet, src=_source_by(fib, found.decision, leg, packet.dst))
    at = replace(at, packet=packet)
    dev, target = leg.dev or "", leg.gateway or packet.dst
    interface = fib.links.get(dev)
    network = links.network(fib.node, interface) if interface is not None else None
    hop = Hop(at.node, at.iif, dev, packet.ttl, found, target, network)
    out = _out(links, at, hop, fib.node)
    if isinstance(out, Way):
        return [out]
    if out.rerouted and not at.rerouted:
        return _handle(links, out, None, heard)
    at, packet = out, out.packet
    known = heard.get((at.node, dev, target))
    answering = [known] if known else links.answering(fib, dev, target, packet.src if at.iif is None else None)
    if not answering:
        return [_nobody(links, fib, at, hop)]
    if not known:
        answering, silent = _learned(links, fib, at, hop, answering)
        if silent is not None:
            return [silent]
    hop = replace(hop, src=packet.src, dst=packet.dst)
    return [_across(links, at, replace(hop, neighbour=name, neighbour_dev=theirs)) for name, theirs in answering]


def _learned(
    links: Links, fib: Fib, at: Arrival, hop: Hop, answering: list[tuple[str, str]]
) -> tuple[list[tuple[str, str]], Way | None]:
    """Those of the neighbours whose answer passes the filters; the end of the way where it is that of none."""
    target = hop.next_hop or at.packet.dst
    said = {each: learns(links, fib, hop.oif or "", at.packet, target, *each) for each in answering}
    heard = [each for each, verdict in said.items() if verdict.passes]
    unknown = next((each for each in said.values() if each.passes is None), None)
    if heard and unknown is None:
        return heard, None
    lost = unknown or next(iter(said.values()))
    at = replace(at, assumptions=(*at.assumptions, KNOWN_BEFORE))
    outcome = Outcome.UNKNOWN if unknown is not None else Outcome.NEXT_HOP_SILENT
    return [], ended(at, hop, outcome, lost.reason, lost.rule or None)


def _out(links: Links, at: Arrival, hop: Hop, node: Node) -> Arrival | Way:
    """Behind the filters for what leaves by the device of a hop; not yet out where it is to be routed anew."""
    dev, target = hop.oif or "", hop.next_hop or at.packet.dst
    if at.iif is not None:
        return through(at, hop, node, partial(filters.forwarded, links, node, at.iif, dev, target))
    out = _made(links, at, hop, node)
    if isinstance(out, Way) or (out.rerouted and not at.rerouted):
        return out
    return through(out, hop, node, partial(filters.leaving, links, node, dev, target))


def sources(fib: Fib, query: Query) -> tuple[tuple[Address | None, Decision], ...]:
    """The source that a socket takes which is connected without one, and what is then decided: by each leg of several.

    Where a hash chooses among next hops, it chooses the source too. IPv4 then asks again with it (ip_route_connect),
    which a rule on the source may refuse; IPv6 only where it found no route before (see `sent`).
    """
    found = sent(fib, query, trace=False)
    first = found.decision
    if first.failure is not None or found.query.src is not None:
        return ((found.query.src, first),)
    legs = first.nexthops or (NextHop(first.dev, first.gateway),)
    taken = dict.fromkeys(_source_by(fib, first, leg, query.dst) for leg in legs)
    if query.dst.version == 6:
        return tuple((each, first) for each in taken)
    return tuple((each, lookup(fib, replace(query, src=each), trace=False).decision) for each in taken)


def _source_by(fib: Fib, decision: Decision, leg: NextHop, dst: Address) -> Address | None:
    """The source by this leg: each leg of a multipath route has its own device, and so its own address."""
    route = decision.route
    if not decision.nexthops or route is None:
        return decision.prefsrc
    if dst.version == 6:
        return route.prefsrc or select6(fib, leg.dev, dst.value)
    value = source_of(fib, route, leg)
    return Address(4, value) if value else None


def _nobody(links: Links, fib: Fib, at: Arrival, hop: Hop) -> Way:
    """No known neighbour answers: it is silent, or it is not in this World."""
    node, dev, target = fib.node, hop.oif or "", hop.next_hop
    interface = fib.links.get(dev)
    if interface is None or dev == "lo":
        reason = f"what is behind {dev or 'its device'} of {ending.called(node)} was not read"
        return ended(at, hop, Outcome.UNKNOWN, reason)
    if not live(interface):
        state = "is down" if not interface.up else "has no carrier"
        reason = f"{dev} of {ending.called(node)} {state}, so nobody answers for {target}"
        return ended(at, hop, Outcome.NEXT_HOP_SILENT, reason, found_route(hop))
    apart = links.kept_apart(node, dev, target) if target is not None else None
    if apart is not None:
        return ended(at, hop, Outcome.NEXT_HOP_SILENT, apart, found_route(hop))
    if hop.network is None or outside(links.networks.get(hop.network)):
        reason = f"it leaves what is known here: from {ending.called(node)} by {dev} to {target}"
        return ended(at, hop, Outcome.LEAVES, reason, found_route(hop))
    unread = links.unread(hop.network)
    if unread is not None:
        reason = f"whether anybody on {hop.network} answers for {target} is not known: {unread}"
        return ended(at, hop, Outcome.UNKNOWN, reason)
    reason = f"nobody on {hop.network} answers for {target}"
    return ended(at, hop, Outcome.NEXT_HOP_SILENT, reason, found_route(hop))


def found_route(hop: Hop) -> Route | None:
    """The route that a hop was decided by."""
    return hop.lookup.decision.route if hop.lookup is not None else None


def _across(links: Links, at: Arrival, hop: Hop) -> Arrival | Way:
    """Over the link to the neighbour, past the rules of the host whose bridge carries the frame."""
    assert hop.neighbour is not None and hop.network is not None
    carrier = links.bridge(hop.network)
    if carrier is not None and carrier[0].name not in (at.node, hop.neighbour):
        host, bridge = carrier
        over = through(at, hop, host, partial(filters.bridged, links, host, bridge.name))
        if isinstance(over, Way):
            return over
        at = over
    # The mark is the node's own: it does not cross into another network namespace (skb_scrub_packet).
    packet = at.packet if at.packet.mark == 0 else replace(at.packet, mark=0)
    hops = (*at.hops, hop)
    return Arrival(hops, hop.neighbour, hop.neighbour_dev, packet, at.assumptions, at.tracked, since=at.since)
