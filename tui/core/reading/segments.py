"""Networks that nobody named: nodes whose addresses lie in one subnet are taken to be on one network."""

from __future__ import annotations

from dataclasses import replace

from tui.core.addresses import Prefix
from tui.core.world import Interface, Network, Node, Subnet, World

_Place = tuple[str, str]  # a node's name and an interface's


def with_networks(world: World) -> World:
    """The World with a Network for each subnet that two or more nodes have an address in, named by it, driver "".

    An interface is on one network: its further subnets (IPv6 beside IPv4) belong to the same.
    """
    members: dict[Prefix, list[_Place]] = {}
    for node in world.nodes:
        for interface in node.interfaces:
            for prefix in _subnets(interface):
                members.setdefault(prefix, []).append((node.name, interface.name))
    placed: dict[_Place, Prefix] = {}
    subnets: dict[Prefix, list[Prefix]] = {}
    for prefix, places in sorted(members.items()):
        if len({name for name, _ in places}) < 2:
            continue
        network = next((placed[place] for place in places if place in placed), prefix)
        subnets.setdefault(network, []).append(prefix)
        for place in places:
            placed.setdefault(place, network)
    networks = [Network(str(each), driver="", subnets=tuple(map(Subnet, found))) for each, found in subnets.items()]
    return replace(
        world,
        networks=tuple(sorted(networks, key=lambda network: network.name)),
        nodes=tuple(_plugged(node, placed) for node in world.nodes),
    )


def _subnets(interface: Interface) -> list[Prefix]:
    """The subnets of an interface that other machines may share: no loopback, no link-local, no single address."""
    return [
        each.prefix
        for each in interface.addresses
        if not each.address.is_loopback
        and not (each.address.version == 6 and each.address.is_link_local)
        and each.peer is None
        and each.length < (32 if each.address.version == 4 else 128)
    ]


def _plugged(node: Node, placed: dict[_Place, Prefix]) -> Node:
    interfaces = tuple(
        replace(each, network=str(placed[node.name, each.name])) if (node.name, each.name) in placed else each
        for each in node.interfaces
    )
    return replace(node, interfaces=interfaces)
