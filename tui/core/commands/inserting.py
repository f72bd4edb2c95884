"""What `ip route add|append|prepend|replace|change|del` does to a node's tables, or the kernel's words against it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import replace

from tui.core.addresses import Address, Prefix
from tui.core.commands.nexthop4 import checked4
from tui.core.commands.nexthop6 import checked6
from tui.core.commands.refused import RouteRefused
from tui.core.derived import place
from tui.core.world import NextHop, Node, Route

_EXISTS = "RTNETLINK answers: File exists"
_NO_ENTRY = "RTNETLINK answers: No such file or directory"
_NO_PROCESS = "RTNETLINK answers: No such process"


def change_route(node: Node, verb: str, wanted: Route) -> Node:
    """The node after `ip route VERB ROUTE`. Raises RouteRefused.

    In a `del` an empty type, protocol or scope means that none was given, and so does a metric of None: the first
    route that fits what was given is taken away.
    """
    if verb == "del":
        return _delete4(node, wanted) if wanted.family == 4 else _delete6(node, wanted)
    if wanted.family == 4:
        return _insert4(node, verb, checked4(node, _without_host_bits(wanted)))
    return _insert6(node, verb, checked6(node, replace(wanted, dst=wanted.dst.network)))


def _without_host_bits(route: Route) -> Route:
    if route.dst.has_host_bits:
        net = route.dst.network
        raise RouteRefused("Error: Invalid prefix for given prefix length.", f"the prefix is {net}, without host bits.")
    return replace(route, metric=route.metric or None)


Key = tuple[str, Prefix, Prefix | None, int, int]


def key(route: Route) -> Key:
    """What makes two routes rivals, whatever their way: table, prefix, source prefix, tos and metric."""
    return (route.table, route.dst, route.src, route.tos, route.metric or 0)


def rivals(node: Node, route: Route) -> list[Route]:
    """The node's routes with the same key, in listing order."""
    wanted = key(route)
    return [each for each in node.routes if each.dst == route.dst and key(each) == wanted]


def _insert4(node: Node, verb: str, route: Route) -> Node:
    """fib_table_insert (net/ipv4/fib_trie.c): the same prefix, tos and metric again only by append and prepend."""
    same = rivals(node, route)
    if same and verb == "add":
        raise _exists(route)
    twin = next((each for each in same if plain(each) == plain(route)), None)
    if verb in ("replace", "change"):
        if not same and verb == "change":
            raise RouteRefused(_NO_ENTRY, f"there is no route to {route.dst.brief} with that metric to change.")
        if twin is not None and twin is not same[0]:
            raise _exists(route)
        if same:
            return swapped(node, same[0], (same[0] if twin is not None else route,))
    elif twin is not None:
        raise _exists(route)
    return _inserted(node, route, before=same[0] if same and verb == "prepend" else None)


def _exists(route: Route) -> RouteRefused:
    return RouteRefused(
        _EXISTS, f"there is already a route to {route.dst.brief} with that metric: replace it, or give another metric."
    )


def plain(route: Route) -> Route:
    """The route without what its links' state alone decides, as the kernel compares two of them (fib_find_info)."""
    hops = (replace(hop, flags=tuple(set(hop.flags) & {"onlink", "pervasive"})) for hop in route.nexthops)
    return replace(route, nexthops=tuple(hops))


def _insert6(node: Node, verb: str, route: Route) -> Node:
    """fib6_add_rt2node (net/ipv6/ip6_fib.c): gateways of one metric are legs of one route."""
    same = rivals(node, route)
    if same and verb == "add":
        raise _exists(route)
    if verb in ("replace", "change"):
        if verb == "change" and not _has_node(node, route):
            raise RouteRefused("Error: Can not replace route - no match found.", f"nothing leads to {route.dst.brief}.")
        if not same and verb == "change":
            raise RouteRefused(_NO_ENTRY, f"there is no route to {route.dst.brief} with that metric to change.")
        old = next((each for each in same if _joins(each) == _joins(route)), same[0] if same else None)
        return swapped(node, old, (route,)) if old is not None else _inserted(node, route)
    ways = {(hop.dev, hop.gateway) for each in same for hop in each.nexthops}
    if any((hop.dev, hop.gateway) in ways for hop in route.nexthops):
        raise _exists(route)
    group = next((each for each in same if _joins(each)), None)
    if group is not None and _joins(route):
        return swapped(node, group, (replace(group, nexthops=(*group.nexthops, *route.nexthops)),))
    return _inserted(node, route)


def _has_node(node: Node, route: Route) -> bool:
    """Whether the IPv6 table's tree has a node for the prefix (fib6_add_1): its root, a route's, or one where two part.

    What is not there to be changed is told in other words where there is one.
    """
    length = route.dst.length
    table = [each.dst for each in node.routes if each.family == 6 and each.table == route.table]
    if not length or route.dst in table:
        return True
    inside = (each for each in table if each.length > length and route.dst.covers(each.first))
    return len({each.value >> (127 - length) & 1 for each in inside}) == 2


def _joins(route: Route) -> bool:
    """rt6_qualify_for_ecmp: a route with a gateway shares its metric's traffic with others that have one."""
    return route.gateway is not None and route.nhid is None


def _inserted(node: Node, route: Route, before: Route | None = None) -> Node:
    """The node with one route more, where the kernel lists it: after its rivals, or before them."""
    routes = list(node.routes)
    if before is not None:
        at = next(index for index, each in enumerate(routes) if each is before)
    else:
        same = rivals(node, route)
        last = same[-1] if same else None
        at = bisect_right(routes, place(route), key=place)
        at = next((index + 1 for index, each in enumerate(routes) if each is last), at)
    return replace(node, routes=(*routes[:at], route, *routes[at:]))


def swapped(node: Node, old: Route, new: tuple[Route, ...]) -> Node:
    """The node with `new` where `old` stands."""
    at = next(index for index, each in enumerate(node.routes) if each is old)
    return replace(node, routes=(*node.routes[:at], *new, *node.routes[at + 1 :]))


def _delete4(node: Node, wanted: Route) -> Node:
    """fib_table_delete: the first route of that prefix and tos that fits everything that was said."""
    wanted = _without_host_bits(wanted)
    for route in _of_prefix(node, wanted):
        if route.tos == wanted.tos and _fits4(route, wanted):
            return swapped(node, route, ())
    raise _nothing(node, wanted)


def _nothing(node: Node, wanted: Route) -> RouteRefused:
    if not _is_table(node, wanted):
        return RouteRefused("Error: FIB table does not exist.", f"table {wanted.table} is empty.")
    return RouteRefused(_NO_PROCESS, f"table {wanted.table} has no such route to {wanted.dst.brief}.")


def _is_table(node: Node, wanted: Route) -> bool:
    """Whether the table is there. One that once held a route stays when it is empty: no listing shows that."""
    used = {each.table for each in node.routes if each.family == wanted.family} | {"main", "local"}
    used |= {each.table for each in node.rules if each.family == wanted.family == 6}
    return wanted.table in used


def _of_prefix(node: Node, wanted: Route) -> Iterator[Route]:
    return (each for each in node.routes if each.dst == wanted.dst and each.table == wanted.table)


def _fits4(route: Route, wanted: Route) -> bool:
    """The conditions of fib_table_delete, fib_nh_match and fib_metrics_match: what is not said fits anything."""
    said = (
        (wanted.type, route.type),
        (wanted.scope, route.scope),
        (wanted.protocol, route.protocol),
        (wanted.prefsrc, route.prefsrc),
        (wanted.metric, route.metric),
        (wanted.nhid, route.nhid),
    )
    if any(want and want != has for want, has in said):
        return False
    if not {each for each in wanted.attributes if not each.startswith("realm")} <= set(route.attributes):
        return False
    if len(wanted.nexthops) < 2:
        # A gateway of 0.0.0.0 is none (rtm_to_fib_config), and so it was not said either.
        hops = (replace(hop, gateway=None) if _is_none(hop.gateway) else hop for hop in wanted.nexthops)
        return all(_is_hop(hop, route.nexthops[0] if route.nexthops else NextHop()) for hop in hops)
    legs = route.nexthops or (NextHop(),)
    return len(wanted.nexthops) >= len(legs) and all(map(_is_hop, wanted.nexthops, legs))


def _is_none(gateway: Address | None) -> bool:
    """Whether it is 0.0.0.0."""
    return gateway is not None and gateway.version == 4 and gateway.is_unspecified


def _is_hop(wanted: NextHop, hop: NextHop) -> bool:
    return wanted.dev in (None, hop.dev) and wanted.gateway in (None, hop.gateway)


def _delete6(node: Node, wanted: Route) -> Node:
    """ip6_route_del: a gateway takes one leg away, anything else a whole route; the type is not looked at."""
    wanted = replace(wanted, dst=wanted.dst.network)
    if len(wanted.nexthops) > 1:
        for hop in wanted.nexthops:
            node = _delete6(node, replace(wanted, nexthops=(hop,)))
        return node
    way = wanted.nexthops[0] if wanted.nexthops else NextHop()
    for route in _of_prefix(node, wanted):
        if route.src != wanted.src or not _fits6(route, wanted):
            continue
        leg = next((hop for hop in route.nexthops or (NextHop("lo"),) if _is_hop(way, hop)), None)
        if leg is None:
            continue
        rest = tuple(hop for hop in route.nexthops if hop is not leg)
        return swapped(node, route, (replace(route, nexthops=rest),) if way.gateway and rest else ())
    if _is_null(node, wanted, way):
        raise RouteRefused(_NO_ENTRY, f"there is no default route in table {wanted.table}.")
    raise _nothing(node, wanted)


def _is_null(node: Node, wanted: Route, way: NextHop) -> bool:
    """Whether a `del` comes to the null entry, which stands at the root of a table for want of a default route."""
    bare = way in (NextHop(), NextHop("lo")) and not wanted.metric and not wanted.protocol
    return bare and not wanted.dst.length and not any(_of_prefix(node, wanted)) and _is_table(node, wanted)


def _fits6(route: Route, wanted: Route) -> bool:
    metric = route.metric if route.metric is not None else 1024
    said = ((wanted.protocol, route.protocol), (wanted.metric, metric), (wanted.nhid, route.nhid))
    return all(not want or want == has for want, has in said)
