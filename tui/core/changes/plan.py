"""Let these two talk: the smallest set of changes that gives two nodes a way to each other and back, and its proof."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from tui.core.addresses import WIDTH, Address, Prefix
from tui.core.changes import AddRoute, Change, ReplaceRoute, SetSysctl, apply, forwarding
from tui.core.changes.attaching import named_node
from tui.core.changes.gateways import forwards
from tui.core.commands.inserting import rivals
from tui.core.commands.refused import ChangeRefused
from tui.core.lookup import lookup
from tui.core.path import path
from tui.core.path.links_between import STOPPED, live
from tui.core.query import Query, QueryError
from tui.core.world import Interface, InterfaceAddress, NextHop, Node, Route, World

_CHAINS = 24
"""So many ways of the same length are looked at."""


@dataclass(frozen=True, slots=True)
class Item:
    """One change of a plan, and why it is needed."""

    change: Change
    reason: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Changes that let two nodes talk, each acceptable by itself; none where they talk already, or none would help.

    `via` are the routers between, in order; `target` the address of the second node that was asked for. `works` is
    what the path on the changed World says, and `verdict` says it in words.
    """

    items: tuple[Item, ...]
    works: bool
    verdict: str
    via: tuple[str, ...] = ()
    target: Address | None = None

    def after(self, world: World) -> World:
        """The World with all of it done."""
        for item in self.items:
            world = apply(item.change, world)
        return world


def connect(world: World, a: str, b: str) -> Plan:
    """The plan with the fewest changes that works, over the shortest chains of routers between two nodes.

    It is verified: applied to the World, the request arrives and the reply comes back. The host is not taken as a
    router, since it keeps its networks apart. Raises ChangeRefused for an unknown node.
    """
    first, last = _end(world, a), _end(world, b)
    try:
        now = path(world, a, b)
    except QueryError as error:
        return Plan((), False, str(error))
    if now.works:
        return Plan((), True, now.verdict, (), now.address)
    plans = [each for chain in _chains(world, first, last) for each in _plans(world, chain)]
    if not plans:
        return Plan((), False, _no_router(first, last))
    # The address that the name stands for comes before others of the same node.
    return min(plans, key=lambda each: (not each.works, each.target != now.address, len(each.items), each.via))


def _end(world: World, name: str) -> Node:
    node = named_node(world, name)
    if node.state in STOPPED:
        raise ChangeRefused(f"{name} is {node.state}: start it first.")
    return node if node.shares is None else named_node(world, node.shares)


def _no_router(first: Node, last: Node) -> str:
    here, there = (" and ".join(sorted(_networks(each))) or "no network" for each in (first, last))
    return (
        f"no container leads from {here} to {there}: connect {first.name} to {there}, or start a router on both "
        "(the host keeps its networks apart)"
    )


def _networks(node: Node) -> set[str]:
    return {each.network for each in node.interfaces if each.network is not None and live(each)}


# --- chains of routers ---

Chain = tuple[tuple[Node, ...], tuple[str, ...]]
"""Nodes from end to end, and the networks between them: one less."""


def _chains(world: World, first: Node, last: Node) -> Iterator[Chain]:
    """The shortest chains, breadth first; a node is visited once in a chain."""
    routers = [
        each
        for each in world.nodes
        if each.kind != "host" and each.shares is None and each.state not in STOPPED and len(_networks(each)) > 1
    ]
    level: list[Chain] = [((first,), ())]
    found = 0
    while level and not found:
        longer: list[Chain] = []
        for nodes, networks in level:
            for network in sorted(_networks(nodes[-1]) - set(networks)):
                if network in _networks(last) and nodes[-1] is not last:
                    yield (*nodes, last), (*networks, network)
                    found += 1
                    if found >= _CHAINS:
                        return
                    continue
                known = {each.name for each in nodes}
                longer += [
                    ((*nodes, each), (*networks, network))
                    for each in routers
                    if each.name not in known and network in _networks(each)
                ]
        level = longer[: _CHAINS * _CHAINS]


def _plans(world: World, chain: Chain) -> Iterator[Plan]:
    """A plan over this chain for each family that all of its networks have."""
    nodes, networks = chain
    for version in (4, 6):
        ends = [_plugged(nodes[0], networks[0], version), _plugged(nodes[-1], networks[-1], version)]
        legs = [_plugged(each, network, version) for each in nodes for network in networks if _on(each, network)]
        if None in legs or ends[0] is None or ends[1] is None:
            continue
        yield _plan(world, chain, ends[0][1], ends[1][1])


def _on(node: Node, network: str) -> bool:
    return network in _networks(node)


def _plugged(node: Node, network: str, version: int) -> tuple[Interface, InterfaceAddress] | None:
    """The node's interface on a network, with its address of that family."""
    for link, each in node.addresses():
        if (
            link.network == network
            and each.address.version == version
            and not each.address.is_link_local
            and live(link)
        ):
            return link, each
    return None


# --- the changes on one chain ---


def _plan(world: World, chain: Chain, near: InterfaceAddress, far: InterfaceAddress) -> Plan:
    nodes, _ = chain
    items: list[Item] = []
    after = world
    try:
        for item in _needed(chain, near, far):
            if item is not None:
                items.append(item)
                after = apply(item.change, after)
    except ChangeRefused as refused:
        return Plan(tuple(items), False, str(refused), _names(nodes[1:-1]), far.address)
    seen = path(after, nodes[0].name, far.address)
    return Plan(tuple(items), seen.works is True, seen.verdict, _names(nodes[1:-1]), far.address)


def _names(nodes: tuple[Node, ...]) -> tuple[str, ...]:
    return tuple(each.name for each in nodes)


def _needed(chain: Chain, near: InterfaceAddress, far: InterfaceAddress) -> Iterator[Item | None]:
    """Routes on the way there, routes on the way back, then the switches of the routers between."""
    nodes, networks = chain
    for index in range(len(networks) - 1):
        yield _route(nodes[index], nodes[index + 1], networks[index], far, "to reach")
    for index in range(len(networks) - 1, 0, -1):
        yield _route(nodes[index + 1], nodes[index], networks[index], near, "for the way back to")
    for index in range(1, len(nodes) - 1):
        yield from _switches(nodes[index], networks[index - 1 : index + 1], far.address.version)


def _route(node: Node, router: Node, network: str, target: InterfaceAddress, why: str) -> Item | None:
    """The route that sends the target's subnet to the router, where the node does not send it there already."""
    version = target.address.version
    link, there = _plugged(node, network, version), _plugged(router, network, version)
    assert link is not None
    assert there is not None
    hop = NextHop(link[0].name, there[1].address)
    if _sends(node, target.address, hop):
        return None
    host = Prefix(version, target.address.value, WIDTH[version])
    for dst in (target.prefix, host):
        change = _adding(node, Route(dst, nexthops=(hop,)))
        changed = apply(change, World(nodes=(node,))).nodes[0]
        if _sends(changed, target.address, hop):
            return Item(change, f"{why} {target.address} through {router.name}, which is on {network} too")
    raise ChangeRefused(f"A rule on {node.name} sends packets to {target.address} elsewhere, whatever table main says.")


def _adding(node: Node, route: Route) -> Change:
    held = replace(route, metric=1024) if route.family == 6 else route
    return ReplaceRoute(node.name, route) if rivals(node, held) else AddRoute(node.name, route)


def _sends(node: Node, target: Address, hop: NextHop) -> bool:
    decision = lookup(node, Query(target), trace=False).decision
    ways = {(decision.dev, decision.gateway), *((each.dev, each.gateway) for each in decision.nexthops)}
    return decision.failure is None and ways == {(hop.dev, hop.gateway)}


def _switches(router: Node, networks: tuple[str, ...], version: int) -> Iterator[Item]:
    """Forwarding on what comes in from either side; one switch for the node where it is off altogether."""
    off = [
        each.name for each in router.interfaces if each.network in networks and not forwards(router, each.name, version)
    ]
    if not off:
        return
    reason = f"{router.name} must pass on what is not its own"
    whole = forwarding(router.name, True, version)
    if version == 6 or not router.sysctl("net.ipv4.ip_forward"):
        yield Item(whole, reason)
        return
    for dev in off:
        yield Item(SetSysctl(router.name, f"net.ipv4.conf.{dev.replace('.', '/')}.forwarding", 1), f"{reason} by {dev}")
