"""What might mend a packet's way, by how it ended: changes worth trying, with what each costs; none is proven here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from tui.core.addresses import WIDTH, Address, Prefix
from tui.core.changes import AddRoute, Change, Connect, DeleteRoute, ReplaceRoute, SetSysctl, forwarding
from tui.core.changes.gateways import gateways, withheld
from tui.core.commands.refused import ChangeRefused
from tui.core.lookup import lookup
from tui.core.path.hops import Hop, Outcome, Path, Way
from tui.core.path.links_between import Links
from tui.core.query import Query
from tui.core.world import Network, NextHop, Node, Route

BRIDGE_NF = {4: "net.bridge.bridge-nf-call-iptables", 6: "net.bridge.bridge-nf-call-ip6tables"}
"""Whether frames that a bridge passes from port to port go through the packet filters too."""

_GATEWAYS = 6
"""So many next hops are tried for one destination on one node, the most promising first."""


@dataclass(frozen=True, slots=True)
class Remedy:
    """A change worth trying. `cost` is how much it intrudes: an added route 10, a switch that opens more than 20.

    `tradeoff` is a sentence on what else it does, where it does more than mend this one path.
    """

    change: Change
    cost: int
    tradeoff: str = ""


ADDED, REPLACED, PASSES_ON, DELETED, LOOSENED, PLUGGED, UNFILTERED = 10, 12, 12, 15, 18, 35, 60
HOST = 50
"""The costs. Two routes more are less of an intrusion than a container on a network that it was kept out of."""


def remedies(links: Links, path: Path) -> Iterator[Remedy]:
    """Changes that may get the packet further than where it is lost now, the least intrusive of each kind first."""
    way = path.trouble
    if way is None:
        return
    if not way.hops:
        yield from _answering(links, way)
        return
    last = way.hops[-1]
    match way.outcome:
        case Outcome.NO_ROUTE:
            yield from _routes(links, way, last)
        case Outcome.REFUSED_BY_ROUTE:
            yield from _unrefused(way, last)
            yield from _routes(links, way, last)
        case Outcome.NEXT_HOP_SILENT:
            yield from _routes(links, way, last)
            yield from _deleted(last)
            if BRIDGE_NF[way.dst.version] in way.reason:  # it is the question for the next hop that is filtered
                yield from _bridges(links, way.dst.version)
        case Outcome.NOT_FORWARDING:
            yield from _passing_on(links, way, last)
            yield from _earlier(links, way, len(way.hops) - 1)
        case Outcome.REVERSE_PATH:
            yield from _validated(links, way, last)
        case Outcome.TTL_EXCEEDED:
            yield from _unlooped(links, way)
        case Outcome.FILTERED | Outcome.UNKNOWN:
            yield from _unfiltered(links, path, way)
        case Outcome.LEAVES | Outcome.DELIVERED:
            yield from _earlier(links, way, len(way.hops))
            if way.outcome is Outcome.DELIVERED:  # to another, since a bridge's frames were given another source
                yield from _bridges(links, way.dst.version)


# --- routes ---


def _routes(links: Links, way: Way, hop: Hop) -> Iterator[Remedy]:
    """A better next hop for the packet on the node of `hop`."""
    yield from _towards(links, links.nodes[hop.node], way.dst, hop)


def _towards(
    links: Links, node: Node, target: Address, hop: Hop | None = None, dev: str | None = None
) -> Iterator[Remedy]:
    """Routes that send `target` to another next hop than now; only by `dev` where it is given."""
    deciding = lookup(links.fib(node.name), Query(target), trace=False).decision.route
    if hop is not None and hop.lookup is not None:
        deciding = hop.lookup.decision.route
    if deciding is not None and deciding.is_reject:
        deciding_hop = None
    else:
        deciding_hop = (hop.oif, hop.next_hop) if hop is not None else None
    silent = hop is not None and hop.oif is not None and hop.neighbour is None
    try:
        offered = (*gateways(links.world, node.name, target), *withheld(links.world, node.name, target))
    except ChangeRefused:
        return
    for each in offered[:_GATEWAYS]:
        if (each.dev, each.address) == deciding_hop or (dev is not None and each.dev != dev):
            continue
        for change, cost in _by(links, node, target, NextHop(each.dev, each.address), deciding, silent):
            # The host's tables are the engine's: what is changed there is changed for every container.
            yield Remedy(change, cost + each.rank + (HOST if node.kind == "host" else 0))


def _by(  # noqa: PLR0917  # the next hop that is offered, and the route as it is now
    links: Links, node: Node, target: Address, hop: NextHop, deciding: Route | None, silent: bool
) -> Iterator[tuple[Change, int]]:
    """The routes that would send `target` by this next hop: the one that decides with another next hop, or a longer."""
    if deciding is not None and deciding.type == "unicast" and deciding.gateway is not None:
        hops = (hop,) if len(deciding.nexthops) == 1 else tuple(_without(deciding, hop))
        # What else goes by a default route goes another way then, too: a route for the destination does less.
        cost = REPLACED + 8 if deciding.is_default and not silent else REPLACED - 3
        yield ReplaceRoute(node.name, replace(deciding, nexthops=hops)), cost
    tables = dict.fromkeys(("main", *((deciding.table,) if deciding is not None else ())))
    for table in tables:
        if table == "local":
            continue
        for dst in _prefixes(links, target):
            if deciding is None or deciding.dst.length < dst.length:
                yield AddRoute(node.name, Route(dst, nexthops=(hop,), table=table)), ADDED
                break


def _without(route: Route, hop: NextHop) -> Iterator[NextHop]:
    """The other legs of a multipath route that stay, with the new one in the place of those that lead elsewhere."""
    for leg in route.nexthops:
        yield leg if leg.gateway == hop.gateway else replace(hop, weight=leg.weight)


def _prefixes(links: Links, target: Address) -> tuple[Prefix, ...]:
    """The subnet that the target is in, as the engine or its owner has it, and the target alone."""
    found = [each.prefix for network in links.world.networks for each in network.subnets if each.prefix.covers(target)]
    owner = links.world.owner(target)
    if owner is not None:
        found += [each.prefix for each in owner[1].addresses if each.address == target]
    return (
        *sorted(set(found), key=lambda each: each.length),
        Prefix(target.version, target.value, WIDTH[target.version]),
    )


def _earlier(links: Links, way: Way, end: int) -> Iterator[Remedy]:
    """Another next hop on a node before, one that leads past the place of the trouble; or not the route at all."""
    for hop in way.hops[:end]:
        for each in (*_routes(links, way, hop), *_deleted(hop)):
            yield replace(each, cost=each.cost + 2)


def _deleted(hop: Hop) -> Iterator[Remedy]:
    route = hop.lookup.decision.route if hop.lookup is not None else None
    if route is not None and route.protocol != "kernel" and not route.is_default and route.table != "local":
        yield Remedy(DeleteRoute(hop.node, route), DELETED)


def _unrefused(way: Way, last: Hop) -> Iterator[Remedy]:
    if isinstance(way.cause, Route) and way.cause.table != "local":
        yield Remedy(DeleteRoute(last.node, way.cause), DELETED)


def _unlooped(links: Links, way: Way) -> Iterator[Remedy]:
    """Any of the nodes that the packet goes round by may know better, or had better not know at all."""
    for hop in way.hops[way.loop or 0 :]:
        yield from _routes(links, way, hop)
        yield from _deleted(hop)


# --- switches ---


def _passing_on(links: Links, way: Way, last: Hop) -> Iterator[Remedy]:
    node, version = links.nodes[last.node], way.dst.version
    opens = f"{last.node} then passes on whatever is sent to it." if node.kind != "host" else ""
    if version == 4 and node.sysctl("net.ipv4.ip_forward") and last.iif is not None:
        yield Remedy(forwarding(node.name, True, 4, last.iif), PASSES_ON, opens)
        return
    yield Remedy(forwarding(node.name, True, version), PASSES_ON, opens)


def _validated(links: Links, way: Way, last: Hop) -> Iterator[Remedy]:
    """Loose source validation, or a route to the source by where it comes in (RFC 3704, section 2)."""
    node = links.nodes[last.node]
    fib, dev = links.fib(node.name), last.iif or ""
    strict = fib.either(4, dev, "rp_filter")
    if way.src is not None and way.src.version == 4:
        yield from _towards(links, node, way.src, dev=dev)
    if strict == 1:
        name = f"net.ipv4.conf.{dev.replace('.', '/')}.rp_filter"
        yield Remedy(
            SetSysctl(node.name, name, 2),
            LOOSENED,
            f"{node.name} then takes what comes in by {dev} from any source that it has some route to.",
        )
    elif strict == 2:
        for scope in ("all", dev):
            if fib.conf(4, scope, "rp_filter"):
                name = f"net.ipv4.conf.{scope.replace('.', '/')}.rp_filter"
                yield Remedy(SetSysctl(node.name, name, 0), LOOSENED, f"{node.name} then checks no source there.")
    yield from _earlier(links, way, len(way.hops) - 1)


# --- filters ---


def _unfiltered(links: Links, path: Path, way: Way) -> Iterator[Remedy]:
    """Around the filter by a router on both networks; a switch that decides; or onto the network itself."""
    last = way.hops[-1]
    yield from _earlier(links, way, len(way.hops))
    name = BRIDGE_NF[way.dst.version]
    if way.node == links.host != last.node or (way.outcome is Outcome.UNKNOWN and name in way.reason):
        yield from _bridges(links, way.dst.version)
    yield from _plugging(links, path)


def _bridges(links: Links, version: int) -> Iterator[Remedy]:
    """Frames of the host's bridges past its filters, where they go through them or nobody knows."""
    name, host = BRIDGE_NF[version], links.host
    if host is not None and links.fib(host).sysctls.get(name) != 0:
        yield Remedy(SetSysctl(host, name, 0), UNFILTERED, _BRIDGES)


_BRIDGES = (
    "What one bridge carries from container to container is then filtered on no network of this host: "
    "enable_icc=false and internal networks no longer hold it back."
)


def _answering(links: Links, way: Way) -> Iterator[Remedy]:
    """A node that got the request and keeps silent by a switch of its own."""
    if isinstance(way.cause, str) and links.fib(way.node).sysctls.get(way.cause):
        yield Remedy(SetSysctl(way.node, way.cause, 0), PASSES_ON)


def _plugging(links: Links, path: Path) -> Iterator[Remedy]:
    """One end as a member of the other's network."""
    first = links.node(path.forward.hops[0].node)
    last = links.holder(path.address)
    if first is None or last is None:
        return
    for node, other in ((first, last), (last, first)):
        if node.kind != "container":
            continue
        for network in _joinable(links, node, other):
            told = f"{node.name} is then on {network.name} too, and nothing keeps the two apart there."
            yield Remedy(Connect(node.name, network.name), PLUGGED, told)


def _joinable(links: Links, node: Node, other: Node) -> Iterator[Network]:
    """The networks of the other end that this one is not on."""
    mine = {each.network for each in node.interfaces}
    for name in dict.fromkeys(each.network for each in other.interfaces):
        if name is not None and name not in mine and name in links.networks:
            yield links.networks[name]
