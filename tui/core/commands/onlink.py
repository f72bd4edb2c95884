"""What a node's gateways are held against: the routes that cover an address, with their links' state left out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tui.core.addresses import WIDTH, Address, Prefix
from tui.core.commands.refused import RouteRefused
from tui.core.reading.route_words import FLAGS
from tui.core.world import Interface, NextHop, Node, Route


def covering(node: Node, address: Address) -> Iterator[Route]:
    """The node's routes, of all tables, whose prefix holds the address; in listing order."""
    width = WIDTH[address.version]
    prefixes = {Prefix(address.version, address.value, length).network for length in range(width + 1)}
    return (route for route in node.routes if route.dst in prefixes)


def live(node: Node, route: Route) -> Route:
    """The route as a lookup sees it that ignores whether links have a carrier (FIB_LOOKUP_IGNORE_LINKSTATE).

    A next hop that is dead for good stays so: its device is down, or has lost its last address. One that is listed
    as dead only because ignore_routes_with_linkdown is set is alive.
    """
    if not any(hop.flags for hop in route.nexthops):
        return route
    return replace(route, nexthops=tuple(_live(node, hop, route.family) for hop in route.nexthops))


def _live(node: Node, hop: NextHop, version: int) -> NextHop:
    link = node.interface(hop.dev or "")
    only_shown = link is not None and link.up and ignores_linkdown(node, link.name, version)
    gone = {"linkdown", "dead"} if only_shown else {"linkdown"}
    return replace(hop, flags=tuple(word for word in hop.flags if word not in gone))


def marked(node: Node, hop: NextHop, version: int = 4) -> NextHop:
    """The hop with linkdown (and dead, where the node ignores such links) as its device's carrier asks for."""
    link = node.interface(hop.dev) if hop.dev is not None else None
    words = {word for word in hop.flags if word not in ("dead", "linkdown")}
    if link is not None and not (link.carrier and link.up):
        words |= {"linkdown", "dead"} if ignores_linkdown(node, link.name, version) else {"linkdown"}
    return replace(hop, flags=tuple(word for word in FLAGS if word in words))


def ignores_linkdown(node: Node, dev: str, version: int) -> bool:
    """Whether the node passes over routes whose link is down. IPv4 asks `all` or the device, IPv6 the device only."""
    names = ("all", dev.replace(".", "/")) if version == 4 else (dev.replace(".", "/"),)
    return any(node.sysctl(f"net.ipv{version}.conf.{name}.ignore_routes_with_linkdown") for name in names)


def device(node: Node, name: str) -> Interface:
    """The device of that name. Raises RouteRefused as `ip` refuses an unknown one."""
    link = node.interface(name)
    if link is None:
        has = ", ".join(each.name for each in node.interfaces) or "no device"
        raise RouteRefused(f'Cannot find device "{name}"', f"{node.name} has {has}.")
    return link


def down(link: Interface) -> str:
    """The sentence for a device that is down, with what to do."""
    return f"{link.name} is down: ip link set dev {link.name} up."


def near(node: Node, gateway: Address, dev: str | None) -> str:
    """The sentence for a gateway that is not on-link: where one would have to be."""
    subnets = [
        f"{each.prefix} ({link.name})"
        for link, each in node.addresses()
        if each.address.version == gateway.version
        and not (each.address.is_loopback or each.address.is_link_local)
        and dev in (None, link.name)
    ]
    where = " or ".join(dict.fromkeys(subnets))
    if not where:
        on = f" on {dev}" if dev is not None else ""
        none = f"it has no IPv{gateway.version} subnet{on}, so no gateway there"
        return f"{gateway} is not on-link for {node.name}: {none}."
    return f"{gateway} is not on-link for {node.name}: a gateway must lie in {where}."
