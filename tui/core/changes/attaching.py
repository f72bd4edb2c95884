"""What it does to a World when a node is plugged into a network, or unplugged."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from tui.core.addresses import Address
from tui.core.changes import podman
from tui.core.commands.refused import ChangeRefused
from tui.core.commands.switching import set_switch
from tui.core.derived import broadcast, kernel_routes, link_local, listed
from tui.core.labs import Attachment
from tui.core.labs.compose_addresses import gateways
from tui.core.labs.ipam import Addresses, mac_for
from tui.core.labs.layout import bridge, default_route, join, veth
from tui.core.sysctls import Switches
from tui.core.world import Interface, InterfaceAddress, Network, NextHop, Node, Route, World


def put(world: World, node: Node) -> World:
    """The World with this node in the place of the one of its name, and of all that use its network."""
    tables = {
        name: getattr(node, name)
        for name in ("interfaces", "routes", "rules", "merged", "sysctls", "missing", "problem")
    }
    nodes = (
        node if each.name == node.name else replace(each, **tables) if each.shares == node.name else each
        for each in world.nodes
    )
    return replace(world, nodes=tuple(nodes))


def named_node(world: World, name: str) -> Node:
    """The node of that name. Raises ChangeRefused."""
    node = world.node(name)
    if node is None:
        raise ChangeRefused(f"There is no node {name}: the nodes are {_names(world.nodes)}.")
    return node


def named_network(world: World, name: str) -> Network:
    """The network of that name. Raises ChangeRefused."""
    network = world.network(name)
    if network is None:
        raise ChangeRefused(f"There is no network {name}: the networks are {_names(world.networks)}.")
    return network


def _names(things: Iterable[Node | Network]) -> str:
    return ", ".join(each.name for each in things) or "none"


def attachment(
    world: World,
    node: Node | None,
    name: str,
    network: Network,
    *,
    addresses: Sequence[Address] = (),
    dev: str | None = None,
    mac: str = "",
) -> Attachment:
    """What the engine would give a node on a network: the next free addresses, a name and a MAC for its device.

    `node` is None for one that is yet to be made. Raises ChangeRefused for an address that is not to be had.
    """
    given = tuple(_taken(world, network, each) for each in addresses)
    got = []
    for subnet in network.subnets:
        address = next((each for each in given if subnet.prefix.covers(each)), None)
        address = address or _free(world, network, subnet.prefix.version).take()
        if address is None:
            raise ChangeRefused(f"Network {network.name} has no free address left in {subnet.prefix}.")
        got.append(InterfaceAddress(address, subnet.prefix.length, broadcast=broadcast(subnet.prefix)))
    dev = dev or next_dev(world, node)
    if node is not None and node.interface(dev) is not None:
        raise ChangeRefused(f"{name} has a device {dev} already: name another.")
    mac = mac or mac_for((each.address for each in got), f"{name} {network.name}")
    return Attachment(network.name, dev, mac, tuple(got), fixed=given)


def next_dev(world: World, node: Node | None) -> str:
    """One above the highest ethN: Docker counts up, and does not take a freed number again."""
    if podman.is_podman(world):
        return podman.free_dev(node)
    used = [each.name.removeprefix("eth") for each in (node.interfaces if node is not None else ())]
    return f"eth{max((int(each) for each in used if each.isdecimal()), default=-1) + 1}"


def _taken(world: World, network: Network, address: Address) -> Address:
    subnet = next((each for each in network.subnets if each.prefix.covers(address)), None)
    if subnet is None:
        subnets = " and ".join(str(each.prefix) for each in network.subnets) or "no subnet"
        raise ChangeRefused(f"{address} does not lie in network {network.name}, which has {subnets}.")
    if not _free(world, network, address.version).reserve(address):
        raise ChangeRefused(f"{address} is in use on network {network.name}: take another.", "Address already in use")
    return address


def _free(world: World, network: Network, version: int) -> Addresses:
    """The addresses of a network's subnet of that family that nobody has."""
    subnet = next(each for each in network.subnets if each.prefix.version == version)
    pool = Addresses(subnet.prefix)
    if subnet.gateway is not None:
        pool.reserve(subnet.gateway)
    for node in world.nodes:
        for _, each in node.addresses():
            pool.reserve(each.address)
    return pool


def connect(world: World, node: Node, network: Network, link: Attachment) -> World:
    """The World after the node was plugged in: a device more, its routes, and the default routes chosen anew."""
    _may_be_plugged(node)
    if any(each.network == network.name for each in node.interfaces):
        raise ChangeRefused(
            f"{node.name} is on network {network.name} already.",
            f"endpoint with name {node.name} already exists in network {network.name}",
        )
    interface = veth(link, max((each.index for each in node.interfaces), default=0) + 1, network)
    if podman.is_podman(world):
        after = with_device(node, podman.with_ipv6(interface), link.sysctls)
        return with_carriers(put(world, podman.with_default(after, interface.name, network)))
    after = with_device(node, interface, link.sysctls)
    return with_carriers(put(world, _with_defaults(world, node, after)))


def with_device(node: Node, interface: Interface, sysctls: Sequence[tuple[str, int]] = ()) -> Node:
    """The node with a device more: its switches, and the routes that the kernel makes for its addresses."""
    mark = f".conf.{interface.name.replace('.', '/')}."
    switches = Switches(node.sysctls)
    for family in (4, 6):
        # What a new device starts from is not in a World; it is what the last write to conf.all left there.
        forwarding = switches.values[f"net.ipv{family}.conf.all.forwarding"]
        switches.values[f"net.ipv{family}.conf.default.forwarding"] = forwarding
    join(switches, interface)
    for name, value in sysctls:
        switches.write(name, value)
    new = {name: value for name, value in switches.read() if mark in name}
    routes = kernel_routes(interface, bool(new.get(f"net.ipv6{mark}forwarding")))
    return replace(
        node,
        interfaces=(*node.interfaces, interface),
        sysctls=tuple(sorted({**dict(node.sysctls), **new}.items())),
        routes=listed((*node.routes, *routes)),
    )


def _may_be_plugged(node: Node) -> None:
    if node.shares is not None:
        raise ChangeRefused(f"{node.name} uses the network of {node.shares}: connect or disconnect that one.")
    if node.kind == "host":
        raise ChangeRefused("The host is on every network by its bridge: connect and disconnect containers.")


def disconnect(world: World, node: Node, network: Network) -> World:
    """The World after the node was unplugged: its device is gone, and every route that needs it."""
    _may_be_plugged(node)
    interface = next((each for each in node.interfaces if each.network == network.name), None)
    if interface is None:
        raise ChangeRefused(f"{node.name} is not on network {network.name}.")
    left = without_device(node, interface)
    return with_carriers(put(world, left if podman.is_podman(world) else _with_defaults(world, node, left)))


def without_device(node: Node, interface: Interface) -> Node:
    """The node after a device has vanished: an IPv4 route with a leg on it goes whole, an IPv6 one loses that leg.

    IPv4 routes with a source from its addresses go too, IPv6 ones keep theirs (fib_sync_down_addr, addrconf_ifdown).
    """
    lost = {each.address for each in interface.addresses}
    routes = []
    for route in node.routes:
        hops = tuple(hop for hop in route.nexthops if hop.dev != interface.name)
        gone = len(hops) < len(route.nexthops) if route.family == 4 else not hops and bool(route.nexthops)
        if gone or (route.family == 4 and route.prefsrc in lost):
            continue
        routes.append(replace(route, nexthops=hops))
    mark = f".conf.{interface.name.replace('.', '/')}."
    rules = tuple(
        replace(
            each,
            iif_detached=each.iif_detached or each.iif == interface.name,
            oif_detached=each.oif_detached or each.oif == interface.name,
        )
        for each in node.rules
    )
    return replace(
        node,
        interfaces=tuple(each for each in node.interfaces if each is not interface),
        routes=tuple(routes),
        rules=rules,
        sysctls=tuple(pair for pair in node.sysctls if mark not in pair[0]),
    )


def _with_defaults(world: World, before: Node, after: Node) -> Node:
    """Docker chooses a node's default routes again when its networks change; one that somebody else set stays."""
    for family in (4, 6):
        old, new = _default(world, before, family), _default(world, after, family)
        there = [each for each in after.routes if each.is_default and each.table == "main" and each.family == family]
        mine = [each for each in there if old is not None and each == old]
        if len(there) > len(mine) or old == new:
            continue
        routes = [each for each in after.routes if each not in mine]
        after = replace(after, routes=listed((*routes, *([new] if new is not None else []))))
    return after


def _default(world: World, node: Node, family: int) -> Route | None:
    """The default route that Docker gives the node by its networks."""
    links = [
        Attachment(each.network, each.name, each.mac, each.addresses)
        for each in node.interfaces
        if each.network is not None and world.network(each.network) is not None
    ]
    hops = gateways(links, {each.name: each for each in world.networks})
    hop = next((each for each in hops if each.gateway is not None and each.gateway.version == family), None)
    return default_route(hop) if hop is not None else None


def with_carriers(world: World) -> World:
    """A bridge has a carrier as long as somebody is plugged in; the host's routes over it say so."""
    host = next((each for each in world.nodes if each.kind == "host"), None)
    if host is None:
        return world
    if podman.is_podman(world):
        return _with_its_bridges(world, host)
    plugged = {link.network for each in world.nodes if each.kind != "host" for link in each.interfaces if link.up}
    for link in host.interfaces:
        if link.kind == "bridge" and link.network is not None and link.carrier != (link.network in plugged):
            host = _with_carrier(host, link, not link.carrier)
    return put(world, host)


def _with_its_bridges(world: World, host: Node) -> World:
    """Podman's host: a bridge is there as long as somebody is plugged in."""
    if "links" in host.missing:
        return world
    for link in podman.idle_bridges(world, host):
        host = without_device(host, link)
    for network in podman.missing_bridges(world, host):
        host = with_bridge(host, network, plugged=True)
    return put(world, host)


FORWARDING6 = "net.ipv6.conf.all.forwarding"


def with_bridge(host: Node, network: Network, *, plugged: bool) -> Node:
    """The host with the network's bridge. Engines have it forward IPv6 from the first network on that has it."""
    six = any(each.prefix.version == 6 for each in network.subnets)
    if six and host.sysctl(FORWARDING6) == 0:
        host = set_switch(host, FORWARDING6, 1)
    index = max((each.index for each in host.interfaces), default=0) + 1
    link = bridge(network, network.bridge or "", index, plugged=plugged)
    return with_device(host, podman.with_ipv6(link) if plugged else link)


def _with_carrier(host: Node, old: Interface, carrier: bool) -> Node:
    link = replace(old, carrier=carrier)
    six = any(each.address.version == 6 for each in link.addresses)
    if carrier and six and link.mac and not any(each.address.is_link_local for each in link.addresses):
        link = replace(link, addresses=(*link.addresses, link_local(link.mac)))

    def marked(hop: NextHop) -> NextHop:
        flags = tuple(word for word in hop.flags if word != "linkdown")
        return replace(hop, flags=flags if carrier else (*flags, "linkdown")) if hop.dev == link.name else hop

    routes = [
        each
        if each.type in ("local", "anycast")
        else replace(each, nexthops=tuple(marked(hop) for hop in each.nexthops))
        for each in host.routes
    ]
    there = {(each.table, each.dst, each.dev, each.type) for each in routes}
    forwarding = bool(host.sysctl("net.ipv6.conf.all.forwarding"))
    made = [
        each for each in kernel_routes(link, forwarding) if (each.table, each.dst, each.dev, each.type) not in there
    ]
    routes += made if len(link.addresses) > len(old.addresses) else []
    interfaces = tuple(link if each is old else each for each in host.interfaces)
    return replace(host, interfaces=interfaces, routes=listed(routes))
