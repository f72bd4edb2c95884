"""Whether the kernel takes an IPv4 route's next hops and source, and how it holds them (net/ipv4/fib_semantics.c)."""

from __future__ import annotations

from dataclasses import replace

from tui.core.addresses import Address
from tui.core.commands import nexthop6
from tui.core.commands.onlink import covering, device, down, live, marked, near
from tui.core.commands.refused import RouteRefused
from tui.core.lookup.fib import SCOPES, Fib, Flow
from tui.core.lookup.ipv4 import BROADCAST, find, search
from tui.core.world import NextHop, Node, Route

_BAD_GATEWAY = "Error: Nexthop has invalid gateway."
NO_DEVICE = "RTNETLINK answers: No such device"


def checked4(node: Node, route: Route) -> Route:
    """The route as the kernel would hold it (fib_create_info). Raises RouteRefused; the checks stand in its order."""
    scope = number(route.scope)
    nearest = _SCOPE.get(route.type, "global")
    if scope < number(nearest):
        raise RouteRefused("Error: Invalid scope.", f"a {route.type} route needs scope {nearest}.")
    if len(route.nexthops) > 1 and any(each.startswith("realm") for each in route.attributes):
        # The realm is a property of each hop, and `realm` before the hops names one that the first hop does not have.
        words = "Error: Nexthop class id does not match RTA_FLOW."
        raise RouteRefused(words, "give no realm to a route with several next hops.")
    if route.is_reject or route.type == "throw":
        if route.nexthops:
            words = "Error: Gateway, device and multipath can not be specified for this route type."
            raise RouteRefused(words, f"{route.type} leads nowhere: give it neither gateway nor device.")
    else:
        route = replace(route, nexthops=_hops(node, route, scope))
    if route.prefsrc is not None and route.prefsrc.is_unspecified:
        route = replace(route, prefsrc=None)
    if route.prefsrc is not None and not _valid_source(node, route):
        raise RouteRefused("Error: Invalid prefsrc address.", f"{route.prefsrc} is no address of {node.name}.")
    return route


_SCOPE = {"local": "host", "broadcast": "link", "anycast": "link"}
"""The widest scope that a route of that type may have (fib_props in net/ipv4/fib_semantics.c)."""


def number(scope: str) -> int:
    """A scope's number: nearer is larger (linux/rtnetlink.h, enum rt_scope_t)."""
    return SCOPES.get(scope) or (int(scope) if scope.isdecimal() else 0)


def _hops(node: Node, route: Route, scope: int) -> tuple[NextHop, ...]:
    if scope > SCOPES["host"]:
        raise RouteRefused("Error: Invalid scope.", "no route leads to scope nowhere.")
    if scope == SCOPES["host"]:
        return (_own_device(node, route),)
    if not route.nexthops:
        raise RouteRefused(NO_DEVICE, "give a gateway with via, or a device with dev.")
    return tuple(_checked(node, route, hop, scope) for hop in route.nexthops)


def _own_device(node: Node, route: Route) -> NextHop:
    if len(route.nexthops) > 1:
        words = "Error: Route with host scope can not have multiple nexthops."
        raise RouteRefused(words, "scope host means this node itself.")
    hop = route.nexthops[0] if route.nexthops else NextHop()
    if hop.dev is not None:
        device(node, hop.dev)
    if hop.gateway is not None and hop.gateway.value:
        words = "Error: Route with host scope can not have a gateway."
        raise RouteRefused(words, "scope host means this node itself.")
    if hop.dev is None:
        raise RouteRefused(NO_DEVICE, "name a device with dev.")
    return hop


def _checked(node: Node, route: Route, hop: NextHop, scope: int) -> NextHop:
    """fib_check_nh: one next hop, its device found and its link's state marked."""
    link = device(node, hop.dev) if hop.dev is not None else None
    if hop.gateway is not None and hop.gateway.version == 6:
        return nexthop6.checked_hop(node, route, hop)
    if hop.gateway is None or hop.gateway.value == 0:
        if "onlink" in hop.flags:
            words = "Error: Invalid flags for nexthop - PERVASIVE and ONLINK can not be set."
            raise RouteRefused(words, "onlink is about a gateway: name one with via.")
        if link is None:
            raise RouteRefused(NO_DEVICE, "0.0.0.0 is no gateway: name a neighbour with via, or a device with dev.")
        if not link.up:
            raise RouteRefused("Error: Device for nexthop is not up.", down(link))
        return marked(node, replace(hop, gateway=None))
    if "onlink" in hop.flags:
        return _onlink(node, hop, hop.gateway, scope)
    return _resolved(node, route, hop, hop.gateway, scope)


def _onlink(node: Node, hop: NextHop, gateway: Address, scope: int) -> NextHop:
    if scope >= SCOPES["link"]:
        raise RouteRefused("Error: Nexthop has invalid scope.", "a route with a gateway has scope global.")
    if hop.dev is None:
        raise RouteRefused("Error: Nexthop device required for onlink.", "name the device with dev.")
    link = device(node, hop.dev)
    if not link.up:
        raise RouteRefused("Error: Nexthop device is not up.", down(link))
    kind = address_type(node, gateway, "local")
    if kind != "unicast":
        raise RouteRefused(_BAD_GATEWAY, f"{gateway} is a {kind} address for {node.name}, not a neighbour.")
    return marked(node, hop)


def _resolved(node: Node, route: Route, hop: NextHop, gateway: Address, scope: int) -> NextHop:
    """fib_check_nh_v4_gw: the gateway must be on-link by a route of scope link or nearer; it names the device."""
    least = min(max(scope + 1, SCOPES["link"]), 255)
    routes = [each for each in covering(node, gateway) if not each.tos and number(each.scope) >= least]
    fib = Fib(replace(node, routes=tuple(live(node, each) for each in routes)))
    flow = Flow(4, gateway.value, oif=hop.dev)
    found = None
    if route.table != "main":
        found = search(fib, "local+main" if fib.merged and route.table == "local" else route.table, flow)
    if found is None or found.route is None or found.route.is_reject:
        found = find(fib, flow, None)
    if found is None or found.route is None or found.route.type not in ("unicast", "local"):
        raise RouteRefused(_BAD_GATEWAY, _why_not(node, found.route if found else None, gateway, hop.dev))
    dev = found.hop.dev if found.hop is not None else None
    if dev is None:
        raise RouteRefused("Error: No egress device for nexthop gateway.", f"no device leads to {gateway}.")
    if not device(node, dev).up:
        raise RouteRefused("RTNETLINK answers: Network is down", down(device(node, dev)))
    return marked(node, replace(hop, dev=dev))


def _why_not(node: Node, route: Route | None, gateway: Address, dev: str | None) -> str:
    if route is not None and not route.is_reject:
        return f"{gateway} is a {route.type} address for {node.name}, not a neighbour."
    return near(node, gateway, dev)


def address_type(node: Node, address: Address, table: str) -> str:
    """What the address is to the node by that table (inet_addr_type_table): unicast, local, broadcast, ..."""
    if address.value in (0, BROADCAST):
        return "broadcast"
    if address.is_multicast:
        return "multicast"
    fib = Fib(replace(node, routes=tuple(covering(node, address))))
    found = search(fib, "local+main" if fib.merged and table in ("local", "main") else table, Flow(4, address.value))
    if found is None or found.route is None or found.route.is_reject:
        return "unicast"
    return found.route.type


def _valid_source(node: Node, route: Route) -> bool:
    """fib_valid_prefsrc: an own address by table local, or by the route's own table."""
    assert route.prefsrc is not None
    if route.type == "local" and route.prefsrc == route.dst.address:
        return True
    tables = {"local", "local" if route.table == "main" else route.table}
    return any(address_type(node, route.prefsrc, table) == "local" for table in tables)
