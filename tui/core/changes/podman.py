"""Where Podman does otherwise than Docker when a container is plugged in: netavark's devices, default routes, bridges.

As read and tried on Podman 4.3 with netavark 1.4. It gives the next address after the last one given, which no World
tells; so its address is asked for (`engine_command`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from tui.core.addresses import Prefix
from tui.core.derived import link_local, listed
from tui.core.world import Interface, Network, NextHop, Node, Route, World

METRIC = 100
"""That of its default routes."""


def is_podman(world: World) -> bool:
    """Whether a Podman made this World's networks."""
    return world.engine.startswith("podman://")


def free_dev(node: Node | None) -> str:
    """The first ethN that is not there."""
    used = {each.name for each in (node.interfaces if node is not None else ())}
    return next(f"eth{number}" for number in range(len(used) + 1) if f"eth{number}" not in used)


def with_ipv6(link: Interface) -> Interface:
    """A device as it is left: with IPv6, and so with an address for the link."""
    if not link.mac or any(each.address.is_link_local for each in link.addresses):
        return link
    return replace(link, addresses=(*link.addresses, link_local(link.mac)))


def with_default(node: Node, dev: str, network: Network) -> Node:
    """The node with a default route by each gateway of a network that it has just joined, before those of others."""
    if network.internal:
        return node
    families = {each.address.version for link in node.interfaces if link.name == dev for each in link.addresses}
    made = [
        _default(NextHop(dev, each.gateway), each.prefix.version)
        for each in network.subnets
        if each.gateway is not None and each.prefix.version in families
    ]
    return replace(node, routes=listed((*made, *node.routes)))


def _default(hop: NextHop, family: int) -> Route:
    pref = "medium" if family == 6 else None
    return Route(Prefix(family, 0, 0), nexthops=(hop,), metric=METRIC, protocol="static", pref=pref)


def missing_bridges(world: World, host: Node) -> Iterable[Network]:
    """The networks that a container is on and whose bridge is not there: it comes with the first."""
    there = {each.network for each in host.interfaces}
    plugged = {link.network for each in world.nodes if each.kind != "host" for link in each.interfaces}
    return [each for each in world.networks if each.bridge and each.name in plugged and each.name not in there]


def idle_bridges(world: World, host: Node) -> Iterable[Interface]:
    """The host's bridges that nobody is plugged into: one goes with the last."""
    plugged = {link.network for each in world.nodes if each.kind != "host" for link in each.interfaces}
    return [each for each in host.interfaces if each.kind == "bridge" and each.network and each.network not in plugged]
