"""What it does to a World when networks and containers are made and removed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tui.core.changes import podman
from tui.core.changes.attaching import connect, named_node, put, with_bridge, with_carriers, without_device
from tui.core.commands.refused import ChangeRefused
from tui.core.labs import LAB_SYSCTLS, Attachment, Service
from tui.core.labs.compose_addresses import gateways
from tui.core.labs.compose_networks import bridge_name
from tui.core.labs.ipam import overlaps
from tui.core.labs.layout import container
from tui.core.world import Network, Node, Subnet, World


def create_network(world: World, network: Network) -> World:
    """The World with a network more; the host gets its bridge. Raises ChangeRefused."""
    if world.network(network.name) is not None:
        words = f"network with name {network.name} already exists"
        raise ChangeRefused(f"There is a network {network.name} already: choose another name.", words)
    if not network.subnets:
        raise ChangeRefused(f"Network {network.name} needs a subnet, such as 172.30.0.0/16.")
    for subnet in network.subnets:
        _check_subnet(world, subnet)
    if network.bridge is None and network.driver == "bridge":
        network = replace(network, bridge=bridge_name(network.name))
    networks = tuple(sorted((*world.networks, network), key=lambda each: each.name))
    world = replace(world, networks=networks)
    host = next((each for each in world.nodes if each.kind == "host"), None)
    if host is None or network.bridge is None or "links" in host.missing or podman.is_podman(world):
        return world
    return put(world, with_bridge(host, network, plugged=False))


def _check_subnet(world: World, subnet: Subnet) -> None:
    prefix, gateway = subnet.prefix, subnet.gateway
    if prefix.has_host_bits:
        raise ChangeRefused(f"{prefix} has host bits: the subnet is {prefix.network}.", f"invalid subnet {prefix}")
    if gateway is not None and not prefix.covers(gateway):
        raise ChangeRefused(f"The gateway {gateway} does not lie in {prefix}.")
    for other in world.networks:
        for each in other.subnets:
            if overlaps(each.prefix, prefix):
                raise ChangeRefused(
                    f"{prefix} overlaps {each.prefix} of network {other.name}: choose another subnet.",
                    "Pool overlaps with other one on this address space",
                )


def remove_network(world: World, network: Network) -> World:
    """The World without a network that nobody is plugged into. Raises ChangeRefused."""
    members = [node.name for node, _ in world.members(network.name) if node.kind != "host"]
    if members:
        raise ChangeRefused(
            f"Network {network.name} is in use by {', '.join(members)}: disconnect them first.",
            f"network {network.name} has active endpoints",
        )
    world = replace(world, networks=tuple(each for each in world.networks if each is not network))
    host = next((each for each in world.nodes if each.kind == "host"), None)
    link = next((each for each in host.interfaces if each.network == network.name), None) if host else None
    return put(world, without_device(host, link)) if host is not None and link is not None else world


def start_node(
    world: World, name: str, image: str, links: Sequence[Attachment], sysctls: Sequence[tuple[str, int]] = ()
) -> World:
    """The World with a container more, as it is before anybody runs a command in it. Raises ChangeRefused."""
    if world.node(name) is not None:
        words = f'Conflict. The container name "/{name}" is already in use'
        raise ChangeRefused(f"There is a node {name} already: choose another name.", words)
    networks = {each.name: each for each in world.networks}
    switched = tuple(sorted({**LAB_SYSCTLS, **dict(sysctls)}.items()))
    service = Service(name, name, image, sysctls=switched)
    if not podman.is_podman(world):
        service = replace(service, attachments=tuple(links), gateways=tuple(gateways(links, networks)))
    nodes = sorted((*world.nodes, container(service, networks)), key=lambda each: (each.kind == "host", each.name))
    world = replace(world, nodes=tuple(nodes))
    for link in links if podman.is_podman(world) else ():
        world = connect(world, named_node(world, name), networks[link.network], link)
    return with_carriers(world)


def remove_node(world: World, node: Node) -> World:
    """The World without a container. Raises ChangeRefused for the host, and for one that others live in."""
    if node.kind == "host":
        raise ChangeRefused("The host cannot be removed.")
    tenants = [each.name for each in world.nodes if each.shares == node.name]
    if tenants:
        raise ChangeRefused(f"{', '.join(tenants)} use the network of {node.name}: remove them first.")
    return with_carriers(replace(world, nodes=tuple(each for each in world.nodes if each is not node)))
