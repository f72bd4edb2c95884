"""A World of many containers on a few networks, as an engine makes them: for what must be fast and right there."""

from __future__ import annotations

from dataclasses import replace

from tui.core.addresses import Address, Prefix, parse_address
from tui.core.derived import LOOPBACK, kernel_routes, link_local
from tui.core.labs.ipam import mac_for
from tui.core.world import Interface, InterfaceAddress, Network, NextHop, Node, Route, Subnet, World, default_rules

SWITCHES = (
    *((f"net.ipv4.conf.{dev}.{name}", 0) for dev in ("all", "eth0", "lo") for name in ("forwarding", "rp_filter")),
    ("net.ipv4.ip_forward", 0),
)


def many(containers: int, networks: int, engine: str = "docker://local 26.1.5") -> World:
    """Containers on their networks in turn, with a router on the first two, each with the tables that it is given."""
    nets = tuple(_network(number) for number in range(networks))
    nodes = [_container(f"c{number:04}", nets, number) for number in range(containers)]
    nodes.append(_router(nets[:2]))
    return World(engine, nets, (*sorted(nodes, key=lambda each: each.name), _host(nets)))


def _network(number: int) -> Network:
    prefix = Prefix(4, 0xAC100000 + (number << 16), 16)
    return Network(f"net{number}", subnets=(Subnet(prefix, Address(4, prefix.value + 1)),), bridge=f"br-{number}")


def _plugged(dev: str, network: Network, host: int) -> Interface:
    subnet = network.subnets[0].prefix
    address = Address(4, subnet.value + host)
    mac = mac_for((address,), "")
    own = (InterfaceAddress(address, 16, "global", subnet.last), link_local(mac))
    return Interface(dev, 2, mac, own, network.name, "veth")


def _node(name: str, interfaces: tuple[Interface, ...], gateway: Address | None, **fields: object) -> Node:
    made = [route for each in (LOOPBACK, *interfaces) for route in kernel_routes(each)]
    if gateway is not None:
        made.insert(0, Route(Prefix(4, 0, 0), nexthops=(NextHop("eth0", gateway),)))
    rules = default_rules(4) + default_rules(6)
    node = Node(
        name, interfaces=(LOOPBACK, *interfaces), routes=tuple(made), rules=rules, merged=True, sysctls=SWITCHES
    )
    return replace(node, **fields)  # type: ignore[arg-type]


def _container(name: str, nets: tuple[Network, ...], number: int) -> Node:
    network = nets[number % len(nets)]
    return _node(name, (_plugged("eth0", network, 16 + number // len(nets)),), network.subnets[0].gateway)


def _router(nets: tuple[Network, ...]) -> Node:
    links = tuple(_plugged(f"eth{place}", network, 3) for place, network in enumerate(nets))
    return _node("router", links, nets[0].subnets[0].gateway, sysctls=(("net.ipv4.ip_forward", 1),))


def _host(nets: tuple[Network, ...]) -> Node:
    bridges = []
    for network in nets:
        gateway = network.subnets[0].gateway or parse_address("172.16.0.1")
        bridges.append(Interface(network.bridge or "", 9, addresses=(InterfaceAddress(gateway, 16),), kind="bridge"))
    switches = (
        ("net.bridge.bridge-nf-call-iptables", 0),
        ("net.ipv4.conf.all.rp_filter", 0),
        ("net.ipv4.ip_forward", 1),
    )
    return _node("host", tuple(bridges), None, kind="host", sysctls=switches)
