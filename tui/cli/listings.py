"""The nodes and the networks of a World, as text or JSON."""

from __future__ import annotations

from typing import Any

from tui.cli.output import print_columns, print_json
from tui.core.world import Interface, InterfaceAddress, Network, Node, World


def print_nodes(world: World, as_json: bool) -> None:
    """Every node with its state and its addresses on each network."""
    if as_json:
        print_json([node_json(node) for node in world.nodes])
        return
    print_columns(
        ("NAME", "KIND", "STATE", "IMAGE", "ADDRESSES", "NOTE"),
        [(node.name, node.kind, node.state, node.image or "-", _addresses(node), _note(node)) for node in world.nodes],
    )


def node_json(node: Node) -> dict[str, Any]:
    """A node for `nodes --json`; `networks` has an object for each address of an interface."""
    return {
        "name": node.name,
        "kind": node.kind,
        "state": node.state,
        "image": node.image,
        "networks": [each for interface in node.interfaces for each in _plugged(interface)],
        "network_mode": node.network_mode,
        "shares": node.shares,
        "forwarding": forwarding(node),
        "source": node.source,
        "problem": node.problem,
        "missing": list(node.missing),
        "id": node.id,
    }


def forwarding(node: Node) -> bool | None:
    """Whether the node forwards IPv4 packets (net.ipv4.ip_forward); None where that was not read."""
    for name in ("net.ipv4.ip_forward", "net.ipv4.conf.all.forwarding"):
        value = node.sysctl(name)
        if value is not None:
            return value != 0
    return None


def _plugged(interface: Interface) -> list[dict[str, Any]]:
    if interface.kind == "loopback" or interface.name == "lo":
        return []
    return [{"network": interface.network, "dev": interface.name, **each} for each in _members(interface)]


def _members(interface: Interface) -> list[dict[str, Any]]:
    """An object for each address but link-local ones; one with nulls where there is none: it is still listed."""
    found: list[InterfaceAddress | None] = [each for each in interface.addresses if not each.address.is_link_local]
    return [
        {
            "address": str(each.address) if each else None,
            "prefixlen": each.length if each else None,
            "mac": interface.mac or None,
        }
        for each in found or [None]
    ]


def _addresses(node: Node) -> str:
    if node.shares:
        return f"those of {node.shares}"
    found = [
        f"{interface.network or interface.name} {each.address}"
        for interface in node.interfaces
        if interface.name != "lo"
        for each in interface.addresses
        if not each.address.is_link_local
    ]
    return ", ".join(found) or "-"


def _note(node: Node) -> str:
    if node.problem:
        return node.problem
    return "forwards" if forwarding(node) and node.kind != "host" else ""


def print_networks(world: World, as_json: bool) -> None:
    """Every network with its subnets and who is on it."""
    if as_json:
        print_json([network_json(network, world) for network in world.networks])
        return
    header = ("NAME", "DRIVER", "SUBNET", "GATEWAY", "NOTE", "MEMBERS")
    print_columns(header, [row for network in world.networks for row in _network_rows(network, world)])


def network_json(network: Network, world: World) -> dict[str, Any]:
    """A network for `networks --json`; `containers` are the nodes plugged into it, the host apart."""
    return {
        "name": network.name,
        "driver": network.driver,
        "scope": network.scope,
        "subnets": [
            {"subnet": str(each.prefix), "gateway": str(each.gateway) if each.gateway else None}
            for each in network.subnets
        ],
        "internal": network.internal,
        "options": dict(network.options),
        "containers": [
            {"name": node.name, **each}
            for node, interface in world.members(network.name)
            if node.kind != "host"
            for each in _members(interface)
        ],
    }


def _network_rows(network: Network, world: World) -> list[tuple[str, ...]]:
    members = dict.fromkeys(node.name for node, _ in world.members(network.name))
    remark = "internal" if network.internal else ""
    subnets = [(str(each.prefix), str(each.gateway or "-")) for each in network.subnets] or [("-", "-")]
    rows: list[tuple[str, ...]] = [(network.name, network.driver, *subnets[0], remark, ", ".join(members) or "-")]
    return rows + [("", "", *subnet, "", "") for subnet in subnets[1:]]
