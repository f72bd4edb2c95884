"""Who is behind an address, a device or a gateway, in the words of a World: "the host", "centos-router", "net1"."""

from __future__ import annotations

from tui.core.addresses import Address, Prefix
from tui.core.world import Interface, NextHop, Node, World


def called(node: Node) -> str:
    """A node's name as a sentence has it: the host is "the host"."""
    return "the host" if node.kind == "host" else node.name


def opening(node: Node) -> str:
    """The same at the start of a sentence."""
    return "The host" if node.kind == "host" else node.name


def network_of(node: Node, dev: str | None, world: World | None) -> str | None:
    """The network that a device of the node is plugged into, by name; a bridge of the host carries its network."""
    interface = node.interface(dev) if dev else None
    if interface is None:
        return None
    if interface.network is not None or world is None:
        return interface.network
    return next((each.name for each in world.networks if each.bridge == dev), None)


def owner_of(address: Address, node: Node, dev: str | None, world: World | None) -> Node | None:
    """The node that answers to this address as seen through that device: first on its own network, then anywhere.

    Two networks may use the same addresses, so the neighbour on the wire goes before one elsewhere.
    """
    if world is None:
        return None
    network = network_of(node, dev, world)
    here = _Holders.of(world).get(address, ())
    near = (member for member, interface in here if network is not None and interface.network == network)
    anywhere = (member for member, _ in here if member.shares is None and not address.is_loopback)
    return next(near, None) or next(anywhere, None)


def owner_and_network(address: Address, world: World) -> str:
    """Who has an address: "centos-net2 on net2", "the host", or that nobody has."""
    here = _Holders.of(world).get(address, ())
    for node, interface in here:
        if node.shares is None:
            network = network_of(node, interface.name, world)
            return f"{called(node)} on {network}" if network else called(node)
    return "nobody here has this address"


class _Holders:
    """Who has which address, for the World that was asked about last: a screen asks about one World many times."""

    last: tuple[World | None, dict[Address, list[tuple[Node, Interface]]]] = (None, {})

    @classmethod
    def of(cls, world: World) -> dict[Address, list[tuple[Node, Interface]]]:
        """The nodes and interfaces of every address, in the order of the World."""
        known, found = cls.last
        if known is not world:
            found = {}
            for node in world.nodes:
                for interface, each in node.addresses():
                    found.setdefault(each.address, []).append((node, interface))
            cls.last = world, found
        return found


def subnet_network(prefix: Prefix, world: World | None) -> str | None:
    """The network whose subnet is exactly this prefix, where one and only one has it."""
    if world is None:
        return None
    names = [each.name for each in world.networks if any(subnet.prefix == prefix for subnet in each.subnets)]
    return names[0] if len(names) == 1 else None


def covers(prefix: Prefix, address: Address) -> bool:
    """Whether the address lies inside the prefix."""
    return prefix.version == address.version and prefix.differs_at(address) is None


def home_of(address: Address, world: World | None) -> tuple[str, Prefix] | None:
    """The one network whose subnet contains the address, with that subnet; None where no or several do."""
    if world is None:
        return None
    homes = [
        (each.name, subnet.prefix)
        for each in world.networks
        for subnet in each.subnets
        if covers(subnet.prefix, address)
    ]
    return homes[0] if len(homes) == 1 else None


def gateway_text(hop: NextHop, node: Node, world: World | None) -> str:
    """A gateway with its owner: "172.19.0.1 (the host)", or the bare address."""
    assert hop.gateway is not None
    owner = owner_of(hop.gateway, node, hop.dev, world)
    return str(hop.gateway) if owner is None else f"{hop.gateway} ({'itself' if owner == node else called(owner)})"


def way_to(address: Address, node: Node, world: World | None) -> tuple[Prefix, Address, str, str] | None:
    """A gateway that could carry a packet on: (prefix, gateway address, device, what the gateway is called).

    It is a neighbour that also sits on the destination's network, a container before the host (which isolates its
    bridges from each other). None where the destination's network is not known, or no neighbour is on it.
    """
    home = home_of(address, world)
    if home is None or world is None:
        return None
    network, prefix = home
    there = {member.name for member, _ in world.members(network)}
    found = []
    for interface in node.interfaces:
        near = interface.network
        if near is None or near == network:
            continue
        for member, facing in world.members(near):
            if member.name in there and member.name != node.name:
                found += [
                    (member.kind == "host", each.address, interface.name, called(member))
                    for each in facing.addresses
                    if each.address.version == address.version and not each.address.is_link_local
                ]
    if not found:
        return None
    _, gateway, dev, name = min(found, key=lambda each: each[0])
    return prefix, gateway, dev, name
