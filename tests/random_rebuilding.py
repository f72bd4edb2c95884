"""Random changes to a lab as a whole: networks, nodes and links, and what is set inside of nodes; by a seed."""

from __future__ import annotations

import random
from collections.abc import Iterator

from tui.core.addresses import parse_address, parse_prefix
from tui.core.changes import (
    AddRoute,
    Change,
    Connect,
    CreateNetwork,
    DeleteRoute,
    Disconnect,
    RemoveNetwork,
    RemoveNode,
    ReplaceRoute,
    Several,
    StartNode,
    forwarding,
)
from tui.core.world import Network, NextHop, Node, Route, Subnet, World

_SUBNETS = ("10.71.0.0/24", "10.72.0.0/24", "10.73.0.0/24", "10.71.0.128/25", "fd71::/64", "fd72::/64")
_NAMES = ("red", "green", "blue", "net1")


def rebuilding(rng: random.Random, world: World) -> Change:
    """Some change to networks, nodes and links; one that may well be refused."""
    nodes = [each.name for each in world.nodes if each.kind != "host"] or ["nobody"]
    networks = [each.name for each in world.networks] or ["none"]
    kind = rng.choice(("connect", "connect", "disconnect", "create", "remove", "start", "end", "several"))
    match kind:
        case "connect":
            return Connect(rng.choice(nodes), rng.choice(networks), _given(rng, world))
        case "disconnect":
            return Disconnect(rng.choice(nodes), rng.choice(networks))
        case "create":
            return CreateNetwork(_network(rng))
        case "remove":
            return RemoveNetwork(rng.choice(networks))
        case "start":
            chosen = rng.sample(networks, rng.choice((0, 1, 1, 2)) if len(networks) > 1 else 0)
            links = tuple(Connect("", each) for each in chosen)
            return StartNode(rng.choice(("extra", "more", nodes[0])), "busybox", links, (("net.ipv4.ip_forward", 1),))
        case "end":
            return RemoveNode(rng.choice(("extra", "more", rng.choice(nodes))))
    return Several(tuple(_small(rng, world) for _ in range(rng.choice((2, 3)))))


def _small(rng: random.Random, world: World) -> Change:
    node = rng.choice(world.nodes)
    drawn = rng.random()
    if drawn < 0.2:
        return Connect(node.name, rng.choice(world.networks).name)
    if drawn < 0.4:
        return forwarding(node.name, rng.random() < 0.5, rng.choice((4, 6)))
    return next(settings(rng, node))


def settings(rng: random.Random, node: Node) -> Iterator[Change]:
    """Routes of a node: added, replaced, deleted."""
    while True:
        mine = [each for each in node.routes if each.table == "main" and each.protocol == "boot"]
        if mine and rng.random() < 0.3:
            yield DeleteRoute(node.name, rng.choice(mine))
            continue
        links = [each for each in node.interfaces if each.network is not None and each.addresses]
        dst = parse_prefix(rng.choice(("10.90.0.0/16", "10.91.0.0/16", "10.92.0.7/32", "default")), 4)
        homes = [each for link in links for each in link.addresses if each.address.version == 4]
        if not homes or rng.random() < 0.15:
            yield AddRoute(node.name, Route(dst, rng.choice(("unreachable", "blackhole", "prohibit"))))
            continue
        near = type(homes[0].address)(4, rng.choice(homes).prefix.value + rng.choice((1, 2, 9)))
        route = Route(dst, nexthops=(NextHop(None, near),), metric=rng.choice((None, None, 5)))
        yield (ReplaceRoute if rng.random() < 0.3 else AddRoute)(node.name, route)


def _given(rng: random.Random, world: World) -> tuple[object, ...]:
    if rng.random() < 0.8:
        return ()
    found = rng.choice([each.prefix for network in world.networks for each in network.subnets])
    return (parse_address(str(type(found.first)(found.version, found.value + rng.choice((1, 2, 77))))),)


def _network(rng: random.Random) -> Network:
    four, six = rng.choice(_SUBNETS[:4]), rng.choice((None, None, *_SUBNETS[4:]))
    subnets = tuple(Subnet(parse_prefix(each)) for each in (four, six) if each is not None)
    return Network(rng.choice(_NAMES), subnets=subnets, internal=rng.random() < 0.2)
