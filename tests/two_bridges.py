"""The walk-through as a World: two bridges, a container on each, a router on both, and the host that carries them."""

from __future__ import annotations

from tui.core.addresses import parse_address, parse_prefix
from tui.core.world import (
    Interface,
    InterfaceAddress,
    Network,
    NextHop,
    Node,
    Route,
    Subnet,
    World,
    default_rules,
)

RULES = default_rules(4) + default_rules(6)
LOOPBACK = Interface("lo", 1, addresses=(InterfaceAddress(parse_address("127.0.0.1"), 8, "host"),), kind="loopback")


def interface(dev: str, network: str | None, *addresses: str) -> Interface:
    """An interface with addresses written with their length; a number at its end gives its index."""
    found = tuple(
        InterfaceAddress(prefix.address, prefix.length) for prefix in (parse_prefix(each) for each in addresses)
    )
    return Interface(dev, 2 + int(dev[-1]) if dev[-1].isdigit() else 9, addresses=found, network=network, kind="veth")


def made_by_kernel(one: Interface) -> list[Route]:
    """The connected and local routes that addresses bring along."""
    routes = []
    for each in one.addresses:
        hop, table = (NextHop(one.name),), {"table": "local", "protocol": "kernel", "nexthops": (NextHop(one.name),)}
        connected = Route(each.prefix, nexthops=hop, protocol="kernel", scope="link", prefsrc=each.address)
        if each.address.version == 6:
            connected = Route(each.prefix, nexthops=hop, protocol="kernel", metric=256)
        host = parse_prefix(str(each.address))
        routes += [connected, Route(host, "local", scope="host", prefsrc=each.address, **table)]
    return routes


def node(name: str, *interfaces: Interface, routes: tuple[Route, ...] = (), **fields: object) -> Node:
    """A node with those interfaces, the routes that the kernel makes for them, and more routes before them."""
    made = [route for each in interfaces for route in made_by_kernel(each)]
    loop = Route(
        parse_prefix("127.0.0.0/8"),
        "local",
        (NextHop("lo"),),
        "local",
        "kernel",
        "host",
        prefsrc=parse_address("127.0.0.1"),
    )
    merged = {"interfaces": (LOOPBACK, *interfaces), "routes": (*routes, *made, loop), "rules": RULES, "merged": True}
    return Node(name, **{"image": "centos:7", **merged, **fields})  # type: ignore[arg-type]


def default(gateway: str, dev: str = "eth0") -> Route:
    """A default route."""
    address = parse_address(gateway)
    return Route(parse_prefix("default", address.version), nexthops=(NextHop(dev, address),))


def two_bridges(engine: str = "docker://local 26.1") -> World:
    """net1, net2, centos-net1, centos-net2, centos-router and the host, as a fresh engine has them."""
    nodes = (
        node(
            "centos-net1",
            interface("eth0", "net1", "172.19.0.2/16", "fd00:19::2/64"),
            routes=(default("172.19.0.1"), default("fd00:19::1")),
        ),
        node("centos-net2", interface("eth0", "net2", "172.20.0.2/16"), routes=(default("172.20.0.1"),)),
        node(
            "centos-router",
            interface("eth0", "net1", "172.19.0.3/16"),
            interface("eth1", "net2", "172.20.0.3/16"),
            routes=(default("172.19.0.1"),),
        ),
        node(
            "host",
            interface("br-net1", "net1", "172.19.0.1/16"),
            interface("br-net2", "net2", "172.20.0.1/16"),
            kind="host",
            image="",
        ),
    )
    return World(
        engine, (network("net1", "172.19", "br-net1", "fd00:19::"), network("net2", "172.20", "br-net2")), nodes
    )


def network(name: str, start: str, bridge: str, six: str = "") -> Network:
    """A bridge network with a /16 and its gateway at .1."""
    subnets = [Subnet(parse_prefix(f"{start}.0.0/16"), parse_address(f"{start}.0.1"))]
    if six:
        subnets.append(Subnet(parse_prefix(f"{six}/64"), parse_address(f"{six}1")))
    return Network(name, subnets=tuple(subnets), bridge=bridge)
