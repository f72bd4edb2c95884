"""Who tells a sender that its packet died: which ICMP error, from which address, and whether it finds its way back."""

from __future__ import annotations

from tui.core.addresses import Address
from tui.core.lookup import lookup
from tui.core.lookup.source import select4, select6
from tui.core.path.hops import Hop, IcmpError, Notice, Outcome, Packet, Way
from tui.core.path.links_between import Links
from tui.core.path.ways import expires_at, heard_on, ways
from tui.core.query import Query
from tui.core.steps import Failure

ICMP = {4: 1, 6: 58}
"""IP protocol numbers of ICMP and ICMPv6."""

TYPES = {
    4: {
        Notice.NET_UNREACHABLE: (3, 0),
        Notice.HOST_UNREACHABLE: (3, 1),
        Notice.PROTOCOL_UNREACHABLE: (3, 2),
        Notice.PORT_UNREACHABLE: (3, 3),
        Notice.NET_PROHIBITED: (3, 9),
        Notice.HOST_PROHIBITED: (3, 10),
        Notice.PROHIBITED: (3, 13),
        Notice.TTL_EXCEEDED: (11, 0),
    },
    6: {
        Notice.NET_UNREACHABLE: (1, 0),
        Notice.PROHIBITED: (1, 1),
        Notice.HOST_UNREACHABLE: (1, 3),
        Notice.PORT_UNREACHABLE: (1, 4),
        Notice.TTL_EXCEEDED: (3, 0),
    },
}
"""Type and code of each error (RFC 792, RFC 1812 section 5.2.7.1; RFC 4443)."""

_BY_ERRNO = {
    "ENETUNREACH": Notice.NET_UNREACHABLE,
    "EHOSTUNREACH": Notice.HOST_UNREACHABLE,
    "EACCES": Notice.PROHIBITED,
}
"""What a forwarding node answers for a lookup that failed so (ip_error in net/ipv4/route.c); EINVAL is silent."""

_BY_FAILURE = {
    Failure.NO_ROUTE: Notice.NET_UNREACHABLE,
    Failure.UNREACHABLE: Notice.NET_UNREACHABLE,
    Failure.PROHIBIT: Notice.PROHIBITED,
}
"""The same in IPv6 (ip6_pkt_discard, ip6_pkt_prohibit in net/ipv6/route.c): a blackhole is silent."""


def error_of(links: Links, way: Way, sender: str) -> IcmpError | None:
    """What the sender of a packet is told by the node where its way ended; None: nothing is sent."""
    said = notice(way)
    if said is None or way.src is None or way.refused_at_home:
        return None
    hop = way.hops[-1]
    if way.loop is not None:
        hop = way.hops[expires_at(way.loop, len(way.hops), way.hops[0].ttl)]
    return told(links, hop, way, sender, said)


def notice(way: Way) -> Notice | None:
    """The error that the end of a way brings about, if any."""
    found = way.hops[-1].lookup if way.hops else None
    match way.outcome:
        case Outcome.NEXT_HOP_SILENT:
            return Notice.HOST_UNREACHABLE
        case Outcome.TTL_EXCEEDED:
            return Notice.TTL_EXCEEDED
        case Outcome.FILTERED:
            return way.notice
        case Outcome.NO_ROUTE | Outcome.REFUSED_BY_ROUTE if found is not None:
            decision = found.decision
            if way.dst.version == 4:
                return _BY_ERRNO.get(decision.errno or "")
            return _BY_FAILURE.get(decision.failure) if decision.failure is not None else None
    return None


def told(
    links: Links, hop: Hop, way: Way, sender: str, said: Notice, *, source: Address | None = None
) -> IcmpError | None:
    """The error that the node of `hop` sends to the sender of a packet that came this way; None where it has no way to.

    `source` is given where the packet was for the node itself: then the probed address answers.
    """
    to = way.src
    if to is None:
        return None
    if source is None and said is not Notice.RESET:  # a reset is sent as the target's, from any node (ANYSRC)
        source = _source(links, hop, to)
    packet = Packet(source, to, ICMP[to.version], reply=True, error=True, icmp=TYPES[to.version].get(said))
    back, _ = ways(links, hop.node, packet, heard=heard_on(links, way), tracked=way.tracked)
    if not back or back[0].refused_at_home or back[0].src is None:
        return None
    known = {_arrives(each, sender) for each in back}
    speaks = way.dst if said is Notice.RESET else back[0].src
    return IcmpError(hop.node, speaks, said, known.pop() if len(known) == 1 else None)


def _arrives(way: Way, sender: str) -> bool | None:
    if way.outcome in (Outcome.UNKNOWN, Outcome.LEAVES):
        return None
    return way.outcome is Outcome.DELIVERED and way.node == sender


def _source(links: Links, hop: Hop, to: Address) -> Address | None:
    """The address that an error comes from, where a device decides it; None: the way back does.

    IPv4: what the node would use to send to the sender, unless icmp_errors_use_inbound_ifaddr is set (icmp_send).
    IPv6: the best address for the sender with the device that the packet came in by preferred, unless the route back
    names a source (icmp6_send).
    """
    fib = links.fib(hop.node)
    near = hop.iif or hop.oif
    if to.version == 4:
        if not fib.sysctls.get("net.ipv4.icmp_errors_use_inbound_ifaddr") or hop.iif is None:
            return None
        value = select4(fib, hop.iif, to.value, "link")
        return Address(4, value) if value else None
    route = lookup(fib, Query(to, ipproto=58), trace=False).decision.route
    return None if route is not None and route.prefsrc is not None else select6(fib, near, to.value)
