"""What writing a sysctl does to a Node: the switches that change along, and the routes that come, go or are marked."""

from __future__ import annotations

from dataclasses import replace

from tui.core.commands.onlink import marked
from tui.core.commands.refused import RouteRefused
from tui.core.derived import kernel_routes, listed
from tui.core.sysctls import Switches
from tui.core.world import Node, Route


def set_switch(node: Node, name: str, value: int) -> Node:
    """The node after `sysctl -w NAME=VALUE`. Raises RouteRefused where a device of that name is not there.

    Only what was read before, or changes now, is told afterwards.
    """
    plain = dict(Switches(node.sysctls).read())
    switches = Switches(node.sysctls)
    if not switches.write(name, value):
        raise RouteRefused(f"sysctl: cannot stat /proc/sys/{name.replace('.', '/')}: No such file or directory")
    after = dict(switches.read())
    told = dict(node.sysctls) | {key: each for key, each in after.items() if plain.get(key) != each or key == name}
    changed = replace(node, sysctls=tuple(sorted(told.items())))
    return _with_marks(_with_anycast(node, changed), name)


def _with_anycast(before: Node, node: Node) -> Node:
    """An IPv6 router has an anycast address in each subnet (addrconf_join_anycast), anybody else has none."""
    routes: list[Route] = list(node.routes)
    for interface in node.interfaces:
        name = f"net.ipv6.conf.{interface.name.replace('.', '/')}.forwarding"
        forwards = bool(node.sysctl(name))
        if bool(before.sysctl(name)) == forwards:
            continue
        if forwards:
            # An address that is still being tried for duplicates gets its anycast when it has passed.
            sure = tuple(each for each in interface.addresses if "tentative" not in each.flags)
            made = kernel_routes(replace(interface, addresses=sure), True)
            routes += [each for each in made if each.type == "anycast"]
        else:
            routes = [each for each in routes if each.type != "anycast" or each.dev != interface.name]
    return node if len(routes) == len(node.routes) else replace(node, routes=listed(routes))


def _with_marks(node: Node, name: str) -> Node:
    """Routes over a link that is down are listed as dead while the node is to ignore them."""
    if not name.endswith(".ignore_routes_with_linkdown"):
        return node
    return replace(node, routes=tuple(_marked(node, each) for each in node.routes))


def _marked(node: Node, route: Route) -> Route:
    if not any("linkdown" in hop.flags for hop in route.nexthops):
        return route
    hops = (marked(node, hop, route.family) if "linkdown" in hop.flags else hop for hop in route.nexthops)
    return replace(route, nexthops=tuple(hops))
