"""Classes of nodes that only their own addresses set apart: any two of a class could change places unnoticed.

Two nodes are of a class where their tables are the same once each one's own addresses are left blank, and where no
prefix that stands anywhere in the World (routes, rules, gateways, subnets, filters) covers an address of one and not
the same address of the other. To exchange them is then a symmetry of the World, and so is any exchange within a class:
what a packet between two nodes meets depends on their classes alone, and on whether they are one node.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Hashable, Iterator

from tui.core.addresses import WIDTH, Address, Prefix, parse_prefix
from tui.core.matrix.filtered import Marked, told_apart
from tui.core.world import Node, Route, World

_RANGES = tuple(
    parse_prefix(each)
    for each in (
        *("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "224.0.0.0/24", "240.0.0.0/4"),
        *("255.255.255.255/32", "::1/128", "::ffff:0:0/96", "::/96", "64:ff9b::/96", "2001::/32", "2001:10::/28"),
        *("2002::/16", "fc00::/7", "fe80::/10", "ff00::/8"),
    )
)
"""Ranges that the kernel itself treats apart (martians, multicast, scopes and labels of RFC 6724)."""


def classes(world: World) -> dict[str, int]:
    """The number of each node's class; nodes that share another's network are left out."""
    nodes = [each for each in world.nodes if each.shares is None]
    count = Counter(each.address for node in nodes for _, each in node.addresses() if not each.address.is_loopback)
    shared = {address for address, many in count.items() if many > 1}
    marked, named = told_apart(world)
    covering = _Covering((*_RANGES, *named, *_mentioned(world, nodes), *map(_alone, shared)), marked)
    numbers: dict[Hashable, int] = {}
    found = {}
    for node in nodes:
        apart = any(each.address in shared for _, each in node.addresses())
        found[node.name] = numbers.setdefault(node.name if apart else _signature(node, covering), len(numbers))
    return found


def _alone(address: Address) -> Prefix:
    return Prefix(address.version, address.value, WIDTH[address.version])


def _mentioned(world: World, nodes: list[Node]) -> set[Prefix]:
    """Every prefix and address that a node's tables or the World's networks name, but for a node's own address."""
    found: set[Prefix] = set()
    for network in world.networks:
        for subnet in network.subnets:
            found.add(subnet.prefix.network)
            if subnet.gateway is not None:
                found.add(_alone(subnet.gateway))
    for node in nodes:
        own = {each.address for _, each in node.addresses()}
        for route in node.routes:
            found.update(_named(route, own))
        found.update(each for rule in node.rules for each in (rule.src, rule.dst) if each is not None)
        found.update(each.prefix for _, each in node.addresses())
        found.update(_compared(node))
    return found


def _named(route: Route, own: set[Address]) -> Iterator[Prefix]:
    if not _is_own(route, own):
        yield route.dst
    if route.src is not None:
        yield route.src
    if route.prefsrc is not None and route.prefsrc not in own:
        yield _alone(route.prefsrc)
    for hop in route.nexthops:
        if hop.gateway is not None:
            yield _alone(hop.gateway)


def _is_own(route: Route, own: Container[Address]) -> bool:
    """The kernel's entry for an address of the node itself."""
    return route.type == "local" and route.dst.length == WIDTH[route.dst.version] and route.dst.address in own


def _compared(node: Node) -> Iterator[Prefix]:
    """Of several IPv6 addresses the source shares the most bits with the destination (RFC 6724, section 5, rule 8)."""
    many = [
        each
        for _, each in node.addresses()
        if each.address.version == 6 and not each.address.is_loopback and not each.address.is_link_local
    ]
    if len(many) > 1:
        for each in many:
            yield from (Prefix(6, each.address.value, length).network for length in range(1, each.length + 1))


class _Covering:
    """Which of many prefixes cover an address, and which filter rules are about it alone."""

    def __init__(self, prefixes: tuple[Prefix, ...], marked: Marked) -> None:
        self._marked = marked
        lengths: dict[int, dict[int, set[int]]] = {4: {}, 6: {}}
        for each in prefixes:
            shift = WIDTH[each.version] - each.length
            lengths[each.version].setdefault(shift, set()).add(each.value >> shift)
        self._lengths = {version: sorted(found.items()) for version, found in lengths.items()}

    def __call__(self, address: Address) -> Hashable:
        value = address.value
        lengths = self._lengths[address.version]
        return (
            tuple((shift, value >> shift) for shift, found in lengths if value >> shift in found),
            tuple(self._marked.get(address, ())),
        )


def _signature(node: Node, covering: _Covering) -> Hashable:
    """All that decides about packets on the node, its own addresses blank but for what covers them."""
    place = {each.address: index for index, (_, each) in enumerate(node.addresses())}
    own = [index for route in node.routes if _is_own(route, place) and (index := place[route.dst.address]) >= 0]
    return (
        node.kind,
        node.state,
        node.merged,
        node.missing,
        node.problem,
        node.sysctls,
        node.rules,
        node.filters,
        tuple(_interfaces(node, covering)),
        tuple(sorted(own)),
        tuple(_blank(route, place) for route in node.routes if not _is_own(route, place)),
        tuple(sorted(_blank(route, place) for route in node.routes if _is_own(route, place))),
    )


def _interfaces(node: Node, covering: _Covering) -> Iterator[Hashable]:
    for each in node.interfaces:
        addresses = tuple(
            (one.address if one.address.is_loopback else covering(one.address), one.length, one.scope, one.flags)
            for one in each.addresses
        )
        yield each.name, each.network, each.kind, each.up, each.carrier, each.master, addresses


def _blank(route: Route, place: dict[Address, int]) -> tuple[object, ...]:
    own = place.get(route.prefsrc) if route.prefsrc is not None else None
    return (
        place[route.dst.address] if _is_own(route, place) else route.dst,
        route.type,
        route.table,
        route.scope,
        own if own is not None else route.prefsrc,
        route.metric,
        route.tos,
        route.src,
        route.pref,
        route.nhid,
        route.protocol,
        route.attributes,
        route.words,
        route.nexthops,
    )
