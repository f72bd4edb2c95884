"""The next hops that a node could be given for a destination: who is on-link, who forwards, who gets there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tui.core.addresses import WIDTH, Address, Prefix
from tui.core.changes.attaching import named_node
from tui.core.lookup import lookup
from tui.core.lookup.fib import Fib
from tui.core.path.links_between import STOPPED, live
from tui.core.query import Query
from tui.core.world import Interface, Node, World

_ANYWHERE = {4: Address(4, 0xC0000201), 6: Address(6, 0x20010DB8 << 96 | 1)}
"""Addresses that stand for the rest of the world: 192.0.2.1 and 2001:db8::1 (RFC 5737, RFC 3849)."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """A next hop: `address` of `node`, on-link by the device `dev` of the node that asks, on `network`.

    `forwards` is None where it could not be read. `reaches` tells whether it has a way to the destination itself.
    `reason` says all of this in words. `rank` orders them, the best first: 0 forwards and is on the destination's
    network (the host, for what is on none of them), 1 forwards and has a route to it, 2 is there and does not forward
    yet, 3 the rest.
    """

    address: Address
    dev: str
    node: str
    network: str | None
    forwards: bool | None
    reaches: bool
    reason: str
    rank: int


def gateways(world: World, node: str, dst: Prefix | Address) -> tuple[Gateway, ...]:
    """The next hops to offer, the best first; none where the destination is on-link itself.

    The host is no gateway between two networks that it keeps apart: see `withheld`. Raises ChangeRefused for an
    unknown node.
    """
    return tuple(sorted(_all(world, node, dst, False), key=lambda each: (each.rank, each.node, each.address)))


def withheld(world: World, node: str, dst: Prefix | Address) -> tuple[Gateway, ...]:
    """The next hops that are on-link but not offered, with the reason: the host, between networks it keeps apart."""
    return tuple(_all(world, node, dst, True))


def _all(world: World, name: str, dst: Prefix | Address, held: bool) -> Iterator[Gateway]:
    node = named_node(world, name)
    target = probe(dst)
    home = network_of(world, target)
    for link, other, far, address in _neighbours(world, node, target.version):
        if home is not None and link.network == home:
            continue
        apart = other.kind == "host" and home is not None
        if apart != held:
            continue
        yield _gateway((link, other, far, address), target, home)


def probe(dst: Prefix | Address) -> Address:
    """One address that stands for the destination."""
    if isinstance(dst, Address):
        return dst
    if dst.length == 0:
        return _ANYWHERE[dst.version]
    return dst.first if dst.length >= WIDTH[dst.version] - 1 else Address(dst.version, dst.network.value + 1)


def network_of(world: World, address: Address) -> str | None:
    """The network whose subnet holds the address."""
    for network in world.networks:
        if any(each.prefix.covers(address) for each in network.subnets):
            return network.name
    return None


Neighbour = tuple[Interface, Node, Interface, Address]
"""The asking node's interface, the neighbour, its interface, and its address there."""


def _neighbours(world: World, node: Node, version: int) -> Iterator[Neighbour]:
    """Everyone on the node's links whose address the node itself finds to be on-link."""
    fib = Fib(node)
    for other in world.nodes:
        if other.name in (node.name, node.shares) or other.shares is not None or other.state in STOPPED:
            continue
        for far, each in other.addresses():
            if each.address.version != version or each.address.is_loopback or each.address.is_link_local:
                continue
            decision = lookup(fib, Query(each.address), trace=False).decision
            link = node.interface(decision.dev or "")
            if decision.type != "unicast" or decision.gateway is not None or link is None or not live(link):
                continue
            if link.network is not None and far.network is not None and link.network != far.network:
                continue
            yield link, other, far, each.address


def forwards(node: Node, dev: str, version: int) -> bool | None:
    """Whether the node forwards what comes in by that device; None where that was not read."""
    if version == 6:
        value = node.sysctl("net.ipv6.conf.all.forwarding")
    else:
        value = node.sysctl(f"net.ipv4.conf.{dev.replace('.', '/')}.forwarding")
        value = node.sysctl("net.ipv4.ip_forward") if value is None else value
    return None if value is None else bool(value)


def _gateway(neighbour: Neighbour, target: Address, home: str | None) -> Gateway:
    link, other, far, address = neighbour
    there = any(each.network == home for each in other.interfaces if live(each)) if home is not None else False
    routers = forwards(other, far.name, target.version)
    reaches = there or _has_way(other, target, far)
    words = ["on-link", {True: "forwards", False: "does not forward yet", None: "may forward (not read)"}[routers]]
    if other.kind == "host" and home is not None:
        words = ["on-link", f"but the host keeps {link.network} and {home} apart: give a router on both instead"]
    elif there:
        words.append(f"is on {home}")
    elif other.kind == "host":
        words.append("is the host, the way out")
    else:
        words.append("has a route there" if reaches else "has no way there")
    way_out = other.kind == "host" and home is None
    close = 0 if routers or (way_out and routers is None) else 2
    rank = close if there or way_out else 1 if routers and reaches else 3
    return Gateway(address, link.name, other.name, link.network, routers, reaches, ", ".join(words), rank)


def _has_way(node: Node, target: Address, came: Interface) -> bool:
    """Whether the neighbour would send it on, and not back by where it came."""
    decision = lookup(node, Query(target), trace=False).decision
    return decision.failure is None and (decision.type == "local" or decision.dev != came.name)
