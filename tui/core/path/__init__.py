"""Where a packet goes and whether its answer comes back: hop by hop, forward and return, with a verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from tui.core.addresses import Address
from tui.core.destination import resolve
from tui.core.lookup.fib import Fib
from tui.core.naming import called
from tui.core.path.hops import Hop, Outcome, Packet, Path, Service, Trip, Way
from tui.core.path.icmp import ICMP, error_of
from tui.core.path.links_between import Links
from tui.core.path.redirects import redirects
from tui.core.path.ways import heard_on, sources, ways
from tui.core.query import Query, QueryError
from tui.core.world import Node, World

_NO_ECHO = {4: "net.ipv4.icmp_echo_ignore_all", 6: "net.ipv6.icmp.echo_ignore_all"}


def path(
    world: World | Links,
    src: str | Address,
    dst: str | Address,
    *,
    fibs: Mapping[str, Fib] | None = None,
    service: Service | None = None,
    source: Address | None = None,
) -> Path:
    """Follow an echo request from `src` to `dst` and its reply back, over every next hop that a hash may choose.

    `src` is a node's name, or an address that a node has (the packet then carries it); `dst` a node's name or any
    address. Give Links in place of the World where many paths are asked, or `fibs` that are prepared already. With a
    `service` a packet to its port is followed instead; whether anything listens there is not looked at. `source` is
    the address that a node's packets carry, where it may not choose: one of its own.
    Raises QueryError with one sentence where a name or the source address is not known here.
    """
    links = world if isinstance(world, Links) else Links(world, fibs)
    node, given = starting(links, src)
    source = source or given
    target = ending_at(links, dst, node, source)
    found, cut = requests(links, node, source, target, service)
    trips: list[Trip] = []
    for way in found:
        more, too_many = _trips(links, node, way, target, service, source)
        trips += more
        cut = cut or too_many
    works = {trip.works for trip in trips}
    agreed = works.pop() if len(works) == 1 else None
    verdict = _verdict(links, node, tuple(trips), agreed)
    told = [each for trip in trips for way in (trip.forward, trip.back) if way for each in redirects(links, way)]
    hints = tuple(dict.fromkeys(map(str, told)))
    return Path(str(src), str(dst), target, tuple(trips), agreed, verdict, cut, hints)


def starting(links: Links, src: str | Address) -> tuple[Node, Address | None]:
    """The node that sends, and the source address where one was given; raises QueryError."""
    if isinstance(src, str) and src in links.nodes:
        node = links.node(src)
        if node is None:
            raise QueryError(f"{src} uses the network of {links.nodes[src].shares}, which is not known here.")
        return node, None
    address = src if isinstance(src, Address) else resolve(src, links.world).dst
    node = links.holder(address)
    if node is None:
        raise QueryError(f"No node here has the address {address}: write the name of a node, or one of its addresses.")
    return node, address


def ending_at(links: Links, dst: str | Address, near: Node, source: Address | None) -> Address:
    """The address that is probed; raises QueryError."""
    version = source.version if source is not None else None
    target = dst if isinstance(dst, Address) else resolve(dst, _around(links, dst), near, version).dst
    if source is not None and source.version != target.version:
        raise QueryError(f"{source} and {target} are of two families: both must be IPv4, or both IPv6.")
    return target


def _around(links: Links, name: str) -> World:
    """The part of the World that a name is looked up in: for a node's name that node alone, which is much faster."""
    node, owner = links.nodes.get(name), links.node(name)
    if node is None:
        return links.world
    if owner is None or owner is node:
        return World(nodes=(node,))
    return World(nodes=(replace(node, shares=owner.name), owner))


def requests(
    links: Links, node: Node, source: Address | None, target: Address, service: Service | None = None
) -> tuple[tuple[Way, ...], bool]:
    """The ways of the request, with what the sender is told where it fails."""
    packet = Packet(source, target, ICMP[target.version])
    if service is not None:
        packet = replace(packet, proto=service.proto, sport=service.sport, dport=service.dport)
    refused, always = _connects(links, node, packet)
    if always:
        return refused, False
    found, cut = ways(links, node.name, packet)
    return (*(replace(way, error=error_of(links, way, node.name)) for way in found), *refused), cut


def _connects(links: Links, node: Node, packet: Packet) -> tuple[tuple[Way, ...], bool]:
    """The ways in which ping is refused before it sends anything, and whether it always is.

    It first connects a socket to learn its source. A rule on the source may refuse that, though the packet itself, sent
    without one, would have passed.
    """
    fib = links.fib(node.name)
    if packet.src is not None or packet.dst.version == 6 or not fib.custom_rules[4]:
        return (), False
    taken = sources(fib, Query(packet.dst))
    refused = []
    for source, decision in taken:
        if source is None or decision.failure is None:
            continue
        found, _ = ways(links, node.name, replace(packet, src=source, proto=17))
        refused += [found[0]] if found[0].refused_at_home else []
    return tuple(refused), len(refused) == len(taken)


def _trips(  # noqa: PLR0917  # who asks, its request's way, whom and for what, as whom
    links: Links, node: Node, forward: Way, target: Address, service: Service | None, source: Address | None
) -> tuple[list[Trip], bool]:
    """The round trips of one request: one for each way that its reply may take."""
    if forward.outcome is not Outcome.DELIVERED:
        unknown = forward.outcome in (Outcome.UNKNOWN, Outcome.LEAVES)
        return [Trip(forward, None, None if unknown else False)], False
    found, cut = replies(links, forward, service)
    expected = _expected(forward, node, target, service, source)
    return [Trip(forward, way, _returned(way, node, expected)) for way in found], cut


def replies(links: Links, forward: Way, service: Service | None = None) -> tuple[tuple[Way, ...], bool]:
    """The ways of the reply to a request that was delivered: from the address probed, to the request's source."""
    there = links.nodes[forward.node]
    version = forward.dst.version
    if forward.src is None:
        nowhere = Way(forward.dst, forward.dst, (), Outcome.UNKNOWN, there.name, "the request has no source address")
        return (nowhere,), False
    if service is None and links.fib(there.name).sysctls.get(_NO_ECHO[version]):
        reason = f"{called(there)} answers no echo request ({_NO_ECHO[version]} is 1)"
        silent = Way(forward.dst, forward.src, (), Outcome.FILTERED, there.name, reason, _NO_ECHO[version])
        return (silent,), False
    last = forward.hops[-1]
    packet = Packet(forward.dst, forward.src, ICMP[version], reply=True)
    if service is not None:
        packet = replace(packet, proto=service.proto, sport=forward.ports[1], dport=forward.ports[0])
    prefer = last.iif if version == 6 else None
    return ways(links, there.name, packet, prefer=prefer, heard=heard_on(links, forward), tracked=forward.tracked)


def returns(links: Links, forward: Way, sender: Node, target: Address, service: Service | None) -> bool | None:
    """Whether the answer to a request that was delivered gets back to its sender; None where nobody can say."""
    expected = _expected(forward, sender, target, service)
    known = {_returned(way, sender, expected) for way in replies(links, forward, service)[0]}
    return known.pop() if len(known) == 1 else None


class _Expected(NamedTuple):
    """What an answer must carry for the socket that asked; None where any will do."""

    src: Address | None
    dst: Address | None
    sport: int | None = None
    dport: int | None = None


def _expected(
    forward: Way, sender: Node, target: Address, service: Service | None, source: Address | None = None
) -> _Expected:
    """What the answer must carry.

    The socket of a service is connected: it knows both ends. A ping's is bound where it was given a source.
    """
    if service is None:
        return _Expected(None, source)
    entry = next((each for each in forward.tracked if each.node == sender.name), None)
    own = entry.original.src if entry is not None else source or forward.hops[0].src or forward.src
    return _Expected(target, own, service.dport, service.sport)


def _returned(way: Way, sender: Node, expected: _Expected) -> bool | None:
    """Whether it is back, as the answer that is expected; a port that is not known is taken to be the right one."""
    if way.outcome in (Outcome.UNKNOWN, Outcome.LEAVES):
        return None
    fits = expected.src in (None, way.src) and expected.dst in (None, way.dst)
    known = all(
        None in each or each[0] == each[1] for each in zip(way.ports, (expected.sport, expected.dport), strict=True)
    )
    return way.outcome is Outcome.DELIVERED and way.node == sender.name and fits and known


def _verdict(links: Links, node: Node, trips: tuple[Trip, ...], works: bool | None) -> str:
    """Both ways in one sentence."""
    good = [trip for trip in trips if trip.works]
    bad = [trip for trip in trips if not trip.works]
    if works:
        return "works: the request arrives and the reply comes back"
    told = _says(links, node, bad[0])
    if good:
        return f"depends on the next hop that the flow is given: {len(good)} of {len(trips)} ways work; else {told}"
    return told


def _says(links: Links, node: Node, trip: Trip) -> str:
    """What is wrong with one trip."""
    back = trip.back
    if back is None:
        lost = trip.forward
        if lost.outcome in (Outcome.LEAVES, Outcome.UNKNOWN):
            return f"not known: {lost.reason}"
        if lost.refused_at_home:
            return f"the request is not sent: {lost.reason}"
        return f"the request gets lost at {_place(links, lost.node)}: {lost.reason}"
    if back.outcome is Outcome.DELIVERED and back.node == node.name:
        return f"a reply comes back, but is no answer to what was asked: it is from {back.src} for {back.dst}"
    if back.outcome is Outcome.DELIVERED:
        instead = f"the reply gets to {_place(links, back.node)} instead of {called(node)}"
        if any(each.address == back.dst for _, each in node.addresses()):
            return f"{instead}, which has {back.dst} too"
        return f"{instead}: filters gave the request a source that is not its own, and the reply is for {back.dst}"
    if not back.hops:
        return f"the request arrives, but {back.reason}"
    if back.outcome in (Outcome.UNKNOWN, Outcome.LEAVES):
        return f"the request arrives; whether the reply comes back is not known: {back.reason}"
    return f"the request arrives; the reply gets lost at {_place(links, back.node)}: {back.reason}"


def _place(links: Links, name: str) -> str:
    node = links.nodes.get(name)
    return called(node) if node is not None else name


__all__ = ["Hop", "Outcome", "Path", "Service", "Trip", "Way", "path"]
