"""A Lab as the World that stands once it is up: tables, rules and switches as Docker and the kernel leave them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from tui.core.addresses import Prefix
from tui.core.commands.adding import apply
from tui.core.commands.refused import RouteRefused
from tui.core.derived import LOOPBACK, broadcast, kernel_routes, link_local, listed
from tui.core.labs import Attachment, Command, Lab, LabError, Service
from tui.core.labs.ipam import mac_for
from tui.core.sysctls import Switches
from tui.core.world import (
    TOPICS,
    Interface,
    InterfaceAddress,
    Network,
    NextHop,
    Node,
    Route,
    World,
    default_rules,
)

HOST = "host"
RULES = (*default_rules(4), *default_rules(6))
_MTU = "com.docker.network.driver.mtu"


def world(lab: Lab) -> World:
    """The World after `up` and every hook, on a host that has nothing but the lab's bridges.

    Containers are made first, then their hooks run in start order. Raises LabError with the kernel's words, and the
    line, where the kernel would refuse a hook's command.
    """
    networks = {each.name: each for each in lab.networks}
    plugged = frozenset(link.network for service in lab.services for link in service.attachments)
    nodes = {HOST: host(lab.networks, plugged)}
    for service in lab.services:
        if service.shares is None:
            nodes[service.name] = container(service, networks)
    for service in lab.services:
        owner = _owner(lab, service)
        for command in service.hooks:
            if owner in nodes:
                nodes[owner] = run(nodes[owner], command)
    nodes[HOST] = _without_carrier(nodes[HOST], nodes.values())
    for service in lab.services:
        if service.shares is not None:
            nodes[service.name] = _sharing(service, nodes.get(_owner(lab, service)))
    ordered = sorted(nodes.values(), key=lambda each: (each.name == HOST, each.name))
    return World(f"lab {lab.name}", lab.networks, tuple(ordered))


def run(node: Node, command: Command) -> Node:
    """The node after a hook's command. Raises LabError unless the kernel takes it, or the command may fail."""
    if command.meaning is None:
        return node
    try:
        return apply(node, command.meaning)
    except RouteRefused as error:
        if command.may_fail:
            return node
        reason = f" ({error.reason.rstrip('.')})" if error.reason else ""
        sentence = f"{' '.join(command.argv)!r} on {node.name} is refused: {error}{reason}"
        raise LabError(f"{sentence.rstrip('.')}.", command.line) from None


def container(service: Service, networks: dict[str, Network]) -> Node:
    """A container as it starts, before its hooks."""
    switches = Switches()
    switches.add_device("lo")
    for name, value in service.sysctls:
        switches.write(name, value)
    interfaces = [replace(LOOPBACK, index=1)]
    for index, link in enumerate(service.attachments, 2):
        interfaces.append(veth(link, index, networks[link.network]))
        join(switches, interfaces[-1])
        for name, value in link.sysctls:
            switches.write(name, value)
    forwarding6 = bool(switches.values["net.ipv6.conf.all.forwarding"])
    made = [route for each in interfaces for route in kernel_routes(each, forwarding6)]
    return Node(
        name=service.name,
        image=service.image,
        network_mode=service.network_mode,
        interfaces=tuple(interfaces),
        routes=listed((*made, *(default_route(each) for each in service.gateways))),
        rules=RULES,
        merged=True,
        sysctls=switches.read(),
    )


def join(switches: Switches, interface: Interface) -> None:
    """A device of ours among the switches: Docker turns IPv6 off where its network has none."""
    switches.add_device(interface.name)
    if not any(each.address.version == 6 for each in interface.addresses):
        switches.write(f"net.ipv6.conf.{interface.name.replace('.', '/')}.disable_ipv6", 1)


def veth(link: Attachment, index: int, network: Network) -> Interface:
    """A container's end of an attachment, up and with a carrier."""
    addresses = _with_link_local(link.addresses, link.mac)
    kind = "veth" if network.driver == "bridge" else network.driver
    return Interface(link.dev, index, link.mac, addresses, network.name, kind, mtu=_mtu(network))


def _with_link_local(addresses: tuple[InterfaceAddress, ...], mac: str) -> tuple[InterfaceAddress, ...]:
    six = any(each.address.version == 6 for each in addresses)
    return (*addresses, link_local(mac)) if six else addresses


def _mtu(network: Network) -> int:
    value = dict(network.options).get(_MTU, "")
    return int(value) if value.isdecimal() else 1500


def default_route(hop: NextHop) -> Route:
    """The default route that Docker sets through a gateway."""
    if hop.gateway is not None and hop.gateway.version == 6:
        return Route(Prefix(6, 0, 0), nexthops=(hop,), metric=1024, pref="medium")
    return Route(Prefix(4, 0, 0), nexthops=(hop,))


def host_addresses(network: Network) -> tuple[InterfaceAddress, ...]:
    """The addresses that the host has on a network's bridge: its gateways.

    None on a network without a bridge (macvlan), where the gateway is a machine outside; nor where
    gateway_mode is isolated, or inhibit_ipv4 is set.
    """
    options = dict(network.options)
    if network.bridge is None:
        return ()
    return tuple(
        InterfaceAddress(each.gateway, each.prefix.length, broadcast=broadcast(each.prefix))
        for each in network.subnets
        if each.gateway is not None
        and options.get(f"com.docker.network.bridge.gateway_mode_ipv{each.prefix.version}") != "isolated"
        and not (each.prefix.version == 4 and options.get("com.docker.network.bridge.inhibit_ipv4") == "true")
    )


def host(networks: tuple[Network, ...], plugged: frozenset[str]) -> Node:
    """The lab's host: a bridge for each network, forwarding on (IPv6 where a network has it), no way to the outside.

    A bridge of a network that is not `plugged` has no carrier, and so no fe80:: address of its own.
    """
    switches = Switches()
    switches.add_device("lo")
    switches.write("net.ipv4.ip_forward", 1)
    interfaces = [replace(LOOPBACK, index=1)]
    for network in networks:
        if network.bridge is not None:
            interfaces.append(bridge(network, network.bridge, len(interfaces) + 1, network.name in plugged))
    six = any(each.address.version == 6 for device in interfaces[1:] for each in device.addresses)
    if six:
        switches.write("net.ipv6.conf.all.forwarding", 1)
    for each in interfaces[1:]:
        join(switches, each)
    routes = listed(route for each in interfaces for route in kernel_routes(each, six))
    return Node(
        HOST,
        kind="host",
        interfaces=tuple(interfaces),
        routes=routes,
        rules=RULES,
        merged=True,
        sysctls=switches.read(),
    )


def bridge(network: Network, dev: str, index: int, plugged: bool) -> Interface:
    """The host's device for a network; one that nobody is plugged into has no carrier, nor a fe80:: address."""
    addresses = host_addresses(network)
    mac = mac_for((each.address for each in addresses), network.name)
    addresses = _with_link_local(addresses, mac) if plugged else addresses
    return Interface(dev, index, mac, addresses, network.name, "bridge", carrier=plugged, mtu=_mtu(network))


def _without_carrier(node: Node, nodes: Iterable[Node]) -> Node:
    """The host once hooks have run: a bridge whose every port was set down has lost its carrier."""
    live = {each.network for other in nodes if other.name != HOST for each in other.interfaces if each.up}
    lost = {
        each.name for each in node.interfaces if each.kind == "bridge" and each.carrier and each.network not in live
    }
    if not lost:
        return node

    def marked(route: Route) -> Route:
        if route.type in ("local", "anycast"):
            return route
        hops = (replace(each, flags=("linkdown",)) if each.dev in lost else each for each in route.nexthops)
        return replace(route, nexthops=tuple(hops))

    interfaces = tuple(replace(each, carrier=each.carrier and each.name not in lost) for each in node.interfaces)
    return replace(node, interfaces=interfaces, routes=tuple(marked(each) for each in node.routes))


def _owner(lab: Lab, service: Service) -> str:
    """The node whose network a service really uses, through any number of `network_mode: service:...`."""
    by_name, seen = {each.name: each for each in lab.services}, {service.name}
    while service.shares is not None and service.shares in by_name:
        service = by_name[service.shares]
        if service.name in seen:
            raise LabError(f"service {service.key} shares its own network in a circle.", service.line)
        seen.add(service.name)
    return service.shares or service.name


def _sharing(service: Service, owner: Node | None) -> Node:
    """A node that uses another's network: it sees the same devices, tables and switches."""
    if owner is None:
        return Node(
            service.name,
            image=service.image,
            network_mode=service.network_mode,
            shares=service.shares,
            missing=TOPICS,
            problem=f"It uses the network of container {service.shares}, which this file does not have.",
        )
    return replace(
        owner,
        name=service.name,
        kind="container",
        image=service.image,
        network_mode=service.network_mode,
        shares=service.shares,
    )
