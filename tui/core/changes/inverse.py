"""The change that takes another one back, exactly: a route with its place among rivals, a switch with all it moved."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from tui.core.changes import (
    AddRoute,
    Change,
    Connect,
    CreateNetwork,
    DeleteRoute,
    Disconnect,
    RemoveNetwork,
    RemoveNode,
    ReplaceRoute,
    SetSysctl,
    Several,
    StartNode,
    apply,
)
from tui.core.changes.attaching import FORWARDING6, named_network, named_node
from tui.core.commands.inserting import key, rivals
from tui.core.commands.refused import ChangeRefused
from tui.core.world import NextHop, Node, Route, World, default_rules


def inverse(change: Change, before: World) -> Change:
    """What takes the change back, given the World that it is made in: Several() where it changes nothing.

    After both, every route, rule and switch is as before. A device that was unplugged comes back with its name,
    addresses and MAC, but the kernel gives it another index, and lists it last; so it does with the anycast entries
    of a device whose IPv6 forwarding was off for a while. Raises ChangeRefused where the change itself would be
    refused, or where no command can take it back.
    """
    after = apply(change, before)
    match change:
        case AddRoute() | ReplaceRoute() | DeleteRoute():
            return _of_route(change, before, after)
        case SetSysctl():
            return _of_switch(change, before, after)
        case Connect(node, network):
            return _mended(Disconnect(node, network), after, before, node)
        case Disconnect(node, network):
            return _mended(_plug(named_node(before, node), network), after, before, node)
        case CreateNetwork(network):
            return _without(network.name, before, after)
        case RemoveNetwork(name):
            return _with_host_routes(CreateNetwork(named_network(before, name)), before, after)
        case StartNode(name):
            return RemoveNode(name)
        case RemoveNode(name):
            return _mended(_start(named_node(before, name)), after, before, name)
        case Several(changes):
            return _of_several(changes, before)


def _of_several(changes: tuple[Change, ...], world: World) -> Change:
    steps: list[Change] = []
    for each in changes:
        steps.insert(0, inverse(each, world))
        world = apply(each, world)
    return Several(tuple(steps))


# --- routes ---


def _of_route(change: AddRoute | ReplaceRoute | DeleteRoute, before: World, after: World) -> Change:
    """The first of the likely ways back that ends where it began."""
    wanted = named_node(before, change.node)
    route = _as_held(change.route, wanted, named_node(after, change.node))
    now, then = rivals(named_node(after, change.node), route), rivals(wanted, route)
    if now == then:
        return Several(())
    why = ""
    for way in _ways_back(change.node, now, then):
        try:
            if named_node(apply(way, after), change.node).routes == wanted.routes:
                return way
        except ChangeRefused as error:
            why = f": {error}"
    raise ChangeRefused(f"The route to {route.dst.brief} could not be put back as it is{why or '.'}")


def _as_held(route: Route, *nodes: Node) -> Route:
    """The route with the metric and prefix that the kernel holds it by, so that its rivals are found."""
    metric = (route.metric or 1024) if route.family == 6 else (route.metric or None)
    if route.family == 6 and any(each.metric == 0 and key(each) == key(route) for each in nodes[0].routes):
        metric = route.metric
    return replace(route, dst=route.dst.network, metric=metric)


def _ways_back(node: str, now: Sequence[Route], then: Sequence[Route]) -> Iterator[Change]:
    """Ways to turn the rivals of `now` into those of `then`, the shortest first."""
    for index, route in enumerate(now):
        if [*now[:index], *now[index + 1 :]] == list(then):
            yield DeleteRoute(node, route)
    if len(then) == len(now) + 1:
        missing = next(each for each in then if each not in now)
        yield from (AddRoute(node, missing, verb) for verb in (("append", "prepend") if now else ("add",)))
    if len(now) == len(then) == 1 or (now and then and now[1:] == then[1:]):
        yield from _legs(node, now[0], then[0])
        yield ReplaceRoute(node, then[0])
    for index, (one, other) in enumerate(zip(now, then, strict=False)):
        if one != other and index:
            yield from _legs(node, one, other)
    kept = next((n for n, (one, other) in enumerate(zip(now, then, strict=False)) if one != other), len(now))
    for first in dict.fromkeys((min(kept, len(then)), 0)):
        gone = [DeleteRoute(node, each) for each in reversed(now[first:])]
        verbs = ["append" if first or n else "add" for n in range(len(then) - first)]
        back = [AddRoute(node, each, verb) for each, verb in zip(then[first:], verbs, strict=True)]
        yield Several((*gone, *back))


def _legs(node: str, now: Route, then: Route) -> Iterator[Change]:
    """An IPv6 route that has gained or lost legs."""
    gained = tuple(hop for hop in now.nexthops if hop not in then.nexthops)
    lost = tuple(hop for hop in then.nexthops if hop not in now.nexthops)
    if now.family == 6 and gained and not lost:
        yield DeleteRoute(node, replace(now, nexthops=gained))
    if now.family == 6 and lost and not gained:
        yield AddRoute(node, replace(then, nexthops=lost), "append")


# --- switches ---


def _of_switch(change: SetSysctl, before: World, after: World) -> Change:
    """The switch itself, then each other one that it moved and that going back does not."""
    wanted = named_node(before, change.node)
    old = wanted.sysctl(change.name)
    if old is None:
        raise ChangeRefused(f"{change.name} was not read before: what it was cannot be restored.")
    steps = tuple(_switched(SetSysctl(change.node, change.name, old), after, wanted))
    if named_node(after, change.node).sysctls == wanted.sysctls:
        return Several(())
    return steps[0] if len(steps) == 1 else Several(steps)


# --- networks and nodes ---


def _plug(node: Node, network: str) -> Connect:
    link = next(each for each in node.interfaces if each.network == network)
    addresses = tuple(each.address for each in link.addresses if not each.address.is_link_local)
    return Connect(node.name, network, addresses, link.name, link.mac)


def _without(network: str, before: World, after: World) -> Change:
    """The network less, and the host's switches as they were: its first network with IPv6 has it forward."""
    back = RemoveNetwork(network)
    host = next((each for each in before.nodes if each.kind == "host"), None)
    if host is None or named_node(after, host.name).sysctl(FORWARDING6) == host.sysctl(FORWARDING6):
        return back
    return Several((back, *_switched(SetSysctl(host.name, FORWARDING6, 0), apply(back, after), host)))


def _switched(first: SetSysctl, world: World, wanted: Node) -> Iterator[SetSysctl]:
    """The switch, then each other one that is not as wanted after it."""
    yield first
    world = apply(first, world)
    for name, value in wanted.sysctls:
        if named_node(world, first.node).sysctl(name) != value:
            yield SetSysctl(first.node, name, value)
            world = apply(SetSysctl(first.node, name, value), world)


def _with_host_routes(back: CreateNetwork, before: World, after: World) -> Change:
    """The network again, and the routes over its bridge that somebody had given the host.

    The bridge may get another name: where a gateway tells the device, the route does not name it.
    """
    host = next((each for each in before.nodes if each.kind == "host"), None)
    left = next((each.routes for each in after.nodes if each.kind == "host"), ())
    if host is None:
        return back
    lost = [each for each in host.routes if each not in left and each.protocol != "kernel"]
    lost.sort(key=lambda each: each.gateway is not None)
    free = (replace(each, nexthops=tuple(_free(hop) for hop in each.nexthops)) for each in lost)
    steps = tuple(AddRoute(host.name, each, "append" if rivals(host, each)[1:] else "add") for each in free)
    return Several((back, *steps)) if steps else back


def _free(hop: NextHop) -> NextHop:
    flags = tuple(each for each in hop.flags if each == "onlink")
    return replace(hop, dev=None if hop.gateway is not None and not flags else hop.dev, flags=flags)


def _start(node: Node) -> StartNode:
    if set(node.rules) != {*default_rules(4), *default_rules(6)}:
        raise ChangeRefused(f"{node.name} has rules of its own, which a new container would not have.")
    links = tuple(_plug(node, each.network) for each in node.interfaces if each.network is not None)
    switch = node.sysctl("net.ipv4.ip_forward")
    sysctls = (("net.ipv4.ip_forward", switch),) if switch else ()
    return StartNode(node.name, node.image, links, sysctls)


def _mended(first: Change, now: World, then: World, name: str) -> Change:
    """The first step back, then what is still missing on that node."""
    world = apply(first, now)
    steps: list[Change] = [first]
    if world.node(name) is not None:
        for each in _mending(named_node(world, name), named_node(then, name)):
            steps.append(each)
            world = apply(each, world)
        for each in _in_order(named_node(world, name), named_node(then, name)):
            steps.append(each)
            world = apply(each, world)
    return first if len(steps) == 1 else Several(tuple(steps))


def _mending(now: Node, then: Node) -> Iterator[Change]:
    """The changes that turn a node's switches and routes into those that it had, on-link routes first."""
    for name, value in then.sysctls:
        # Whether a device has IPv6 is decided by whoever makes it, by the addresses that it is given.
        if now.sysctl(name) != value and not name.endswith(".disable_ipv6"):
            yield SetSysctl(now.name, name, value)
    has, had = set(now.routes), set(then.routes)
    for route in now.routes:
        if route not in had and not _comes_by_itself(route):
            yield DeleteRoute(now.name, route)
    there = {key(each) for each in now.routes if each in had}
    for route in sorted(then.routes, key=lambda each: each.gateway is not None):
        if route not in has and not _comes_by_itself(route):
            yield AddRoute(now.name, route, "append" if key(route) in there else "add")
            there.add(key(route))


def _in_order(now: Node, then: Node) -> Iterator[Change]:
    """The changes that put IPv4 rivals into the order that they had: the first of them is taken."""
    for route in {key(each): each for each in then.routes if each.family == 4}.values():
        has, had = rivals(now, route), rivals(then, route)
        kept = next((n for n, (one, other) in enumerate(zip(has, had, strict=False)) if one != other), len(had))
        if set(has) == set(had):
            yield from (DeleteRoute(now.name, each) for each in reversed(has[kept:]))
            yield from (AddRoute(now.name, each, "append" if n else "add") for n, each in enumerate(had[kept:], kept))


def _comes_by_itself(route: Route) -> bool:
    """Whether the kernel makes it in its own time: anycast entries, and fe80:: ones once no neighbour objects to them
    (RFC 4862, 5.4). That of ::1 is there where the engine gives the node IPv6 at all.
    """
    first = route.dst.first
    return route.type == "anycast" or (route.protocol == "kernel" and (first.is_link_local or str(first) == "::1"))
