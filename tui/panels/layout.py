"""A World as the rows of panel 1: pure decisions about what stands under what."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tui.core.addresses import Address
from tui.core.world import Interface, InterfaceAddress, Network, Node, World

ALONE, HOST = "\0alone", "\0host"
"""Groups beside the networks. No network can have such a name: clean() takes the zero out."""


@dataclass(frozen=True, slots=True)
class Place:
    """One row. `group` is the network (or ALONE, HOST) that it stands under; `heads` marks the group's own row.

    `name` and `word` stand at the left, `side` at the right edge; `about` is one line with everything. `gateway` is set
    in a row that stands for a gateway which no known node owns. `several` marks a node on more than one network.
    """

    key: tuple[str, ...]
    group: str
    name: str
    side: str = ""
    word: str = ""
    about: str = ""
    node: Node | None = None
    gateway: Address | None = None
    several: bool = False
    heads: bool = False
    folded: bool = False
    members: int = 0


NOT_NETWORKS = ("host", "null")
"""The drivers of what Docker lists among its networks and is none: `host` and `none`."""

Member = tuple[Node, Interface]


def layout(world: World, family: int, folded: frozenset[str], needle: str = "") -> Iterator[Place]:
    """The rows, top to bottom. A `needle` keeps what has it in a name, address, image, state or network's name."""
    members = _members(world)
    needle = needle.casefold()
    for network in world.networks:
        here = members.get(network.name, [])
        if network.driver in NOT_NETWORKS and not here:
            continue
        whole = not needle or needle in _told(network)
        kept = here if whole else [each for each in here if needle in _heard(each[0])]
        if kept or whole:
            yield from _network(network, kept, family, network.name in folded and not needle, members)
    known = {each.name for each in world.networks}
    placed = {node.name for network, each in members.items() if network in known for node, _ in each}
    alone = [node for node in world.nodes if node.name not in placed and node.kind != "host"]
    alone = [node for node in alone if needle in _heard(node)]
    if alone:
        yield from _alone(alone, family, ALONE in folded and not needle, bool(world.networks))
    for node in world.nodes:
        if node.kind == "host" and needle in _heard(node):
            yield Place(("host", node.name), HOST, node.name, _first(node, family), about=_about(node), node=node)


def _members(world: World) -> dict[str, list[Member]]:
    """Who is on each network, in one pass: containers by name, then the host, whose bridge carries the network."""
    bridges = {each.bridge: each.name for each in world.networks if each.bridge}
    found: dict[str, list[Member]] = {}
    for node in world.nodes:
        for interface in node.interfaces:
            carried = bridges.get(interface.name) if node.kind == "host" else None
            network = interface.network or carried
            if network is not None:
                found.setdefault(network, []).append((node, interface))
    return found


def _network(
    network: Network, here: list[Member], family: int, folded: bool, members: dict[str, list[Member]]
) -> Iterator[Place]:
    subnets = [each for each in network.subnets if each.prefix.version == family]
    subnet = subnets[0] if subnets else None
    side = str(subnet.prefix) if subnet else f"no IPv{family}"
    yield Place(
        ("network", network.name),
        network.name,
        network.name,
        side + (f" +{len(subnets) - 1}" if len(subnets) > 1 else ""),
        "internal" if network.internal else network.driver if network.driver != "bridge" else "",
        _about_network(network),
        heads=True,
        folded=folded,
        members=len(here),
    )
    if folded:
        return
    gateways = {each.gateway for each in network.subnets if each.gateway is not None}
    for node, interface in here:
        yield _member(network.name, node, interface, family, gateways)
    owned = {each.address for _, interface in members.get(network.name, []) for each in interface.addresses}
    for each in subnets:
        if each.gateway is not None and each.gateway not in owned:
            key = ("gateway", network.name, str(each.gateway))
            about = f"{each.gateway} is the gateway of {network.name}; no node that is known here has it"
            yield Place(key, network.name, "gateway", str(each.gateway), about=about, gateway=each.gateway)


def _member(group: str, node: Node, interface: Interface, family: int, gateways: set[Address]) -> Place:
    mine = [each for each in interface.addresses if each.address.version == family]
    shown = next((each for each in mine if not each.address.is_link_local), mine[0] if mine else None)
    return Place(
        ("member", group, node.name, interface.name),
        group,
        node.name,
        str(shown.address) if shown else "",
        "gateway" if _owns(interface.addresses, gateways) else "",
        _about(node),
        node,
        several=node.kind != "host" and len({each.network for each in node.interfaces if each.network}) > 1,
    )


def _owns(addresses: tuple[InterfaceAddress, ...], gateways: set[Address]) -> bool:
    return any(each.address in gateways for each in addresses)


def _alone(nodes: list[Node], family: int, folded: bool, networks: bool) -> Iterator[Place]:
    name = "on no network" if networks else "nodes"
    about = f"{len(nodes)} on no network of the engine"
    yield Place(("group", ALONE), ALONE, name, "", "", about, heads=True, folded=folded, members=len(nodes))
    if folded:
        return
    for node in nodes:
        word = f"= {node.shares}" if node.shares else ""
        yield Place(("alone", node.name), ALONE, node.name, _first(node, family), word, _about(node), node)


def _first(node: Node, family: int) -> str:
    found = (each.address for _, each in node.addresses() if each.address.version == family)
    return next((str(each) for each in found if not (each.is_loopback or each.is_link_local)), "")


def _about(node: Node) -> str:
    parts = [node.name, node.kind if node.kind not in ("host", "container") else "", node.state, node.image]
    if node.shares:
        parts.append(f"uses the network of {node.shares}")
    elif node.network_mode == "none":
        parts.append("started with no network")
    return " · ".join(each for each in parts if each)


def _about_network(network: Network) -> str:
    parts = [network.name, network.driver, *(str(each.prefix) for each in network.subnets)]
    parts += [f"gateway {each.gateway}" for each in network.subnets if each.gateway is not None]
    return " · ".join([*parts, *(["internal"] if network.internal else [])])


def _told(network: Network) -> str:
    return f"{network.name} {network.driver} {' '.join(str(each.prefix) for each in network.subnets)}".casefold()


def _heard(node: Node) -> str:
    addresses = " ".join(str(each.address) for _, each in node.addresses())
    return f"{node.name} {node.image} {node.state} {addresses}".casefold()


def first_choice(world: World) -> str | None:
    """The node to open on: a running container on a network, else any that runs, else any."""
    nodes = sorted(
        world.nodes,
        key=lambda each: (each.kind == "host", each.state != "running", not any(i.network for i in each.interfaces)),
    )
    return nodes[0].name if nodes else None
