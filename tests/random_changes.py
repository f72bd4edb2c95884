"""Random changes to one node: some that its kernel takes and some that it refuses, by a seed."""

from __future__ import annotations

import random
from dataclasses import replace

from tui.core.addresses import parse_address, parse_prefix
from tui.core.changes import AddRoute, Change, DeleteRoute, ReplaceRoute, SetSysctl
from tui.core.world import NextHop, Node, Route

DEVICES = (
    "link add e0 type veth peer name p0",
    "link add e1 type veth peer name p1",
    "link add e2 type veth peer name p2",
    "link add e3 type veth peer name p3",
    "link set p0 up",
    "link set p1 up",
    "link set e0 up",
    "link set e1 up",
    "link set e2 up",
    "address add 10.0.0.1/24 brd + dev e0",
    "address add 10.0.0.9/24 dev e0",
    "address add 10.1.0.1/16 dev e1",
    "address add 10.2.0.1/24 dev e2",
    "address add fd00:0::1/64 dev e0 nodad",
    "address add fd00:1::1/64 dev e1 nodad",
)
"""e0 and e1 are up, e2 has no carrier, e3 is down."""

_PREFIXES = {
    4: ("default", "10.50.0.0/16", "10.50.1.0/24", "10.60.0.0/16", "192.0.2.7", "10.0.0.0/24", "10.50.1.1/24"),
    6: ("default", "fd50::/32", "fd50:1::/64", "fd60::/64", "fd00:7::7", "fd50:1::5/64"),
}
_ONLINK6 = ("fd70::/64", "fd71::/48")
"""Prefixes of routes without a gateway: mixed with some that have one, the kernel's own listing leaves some out."""

_GATEWAYS = {
    4: (
        "10.0.0.2",
        "10.0.0.3",
        "10.1.0.2",
        "10.1.200.2",
        "10.2.0.2",
        "10.0.0.1",
        "10.0.0.255",
        "172.16.0.1",
        "0.0.0.0",
    ),
    6: ("fd00::2", "fd00::3", "fd00:1::2", "fe80::2", "fe80::3", "fd00::1", "fd99::1", "ff02::1", "::"),
}
_SOURCES = {4: ("10.0.0.1", "10.0.0.9", "10.1.0.1", "172.16.0.9"), 6: ("fd00::1", "fd00:1::1", "fd99::9")}
_DEVICES = ("e0", "e0", "e1", "e1", "e2", "e3")
_ATTRIBUTES = {4: ("mtu 1400", "mtu lock 1300", "advmss 1360", "realm 3"), 6: ("mtu 1400", "hoplimit 9")}


def some_route(rng: random.Random, family: int) -> Route:
    """A route that the kernel may take."""
    onlink = family == 6 and rng.random() < 0.25
    prefix = rng.choice(_ONLINK6 if onlink else _PREFIXES[family])
    dst = parse_prefix(prefix, family)
    common = {
        "table": rng.choice(("main", "main", "main", "100", "1000")),
        "metric": rng.choice((None, None, 10, 100)),
        "protocol": rng.choice(("boot", "boot", "static", "bgp")),
        "attributes": (rng.choice(_ATTRIBUTES[family]),) if rng.random() < 0.2 else (),
        "tos": rng.choice((0, 0, 0, 0x10)) if family == 4 else 0,
    }
    if (family == 4 and rng.random() < 0.15) or (onlink and rng.random() < 0.4):
        return Route(dst, rng.choice(("unreachable", "prohibit", "blackhole", "throw")), **common)
    if onlink or (family == 4 and rng.random() < 0.2):
        scope = "link" if family == 4 else "global"
        return Route(dst, "unicast", (NextHop(rng.choice(_DEVICES)),), scope=scope, **common)
    count = rng.choice((1, 1, 1, 1, 2, 3))
    hops = tuple(_hop(rng, family, rng.choice((1, 1, 2, 5)) if count > 1 else 1) for _ in range(count))
    source = parse_address(rng.choice(_SOURCES[family])) if rng.random() < 0.12 else None
    scope = "link" if family == 4 and rng.random() < 0.03 else "global"
    return Route(dst, "unicast", hops, prefsrc=source, scope=scope, **common)


def _hop(rng: random.Random, family: int, weight: int) -> NextHop:
    dev = rng.choice(_DEVICES) if rng.random() < 0.5 else None
    flags = ("onlink",) if rng.random() < 0.1 else ()
    return NextHop(dev, parse_address(rng.choice(_GATEWAYS[family])), weight, flags)


_SWITCHES = {
    4: ("forwarding", "rp_filter", "accept_redirects", "send_redirects", "ignore_routes_with_linkdown", "accept_local"),
    6: ("forwarding", "accept_redirects", "ignore_routes_with_linkdown"),
}


def some_switch(rng: random.Random, node: Node) -> SetSysctl:
    """A switch that decides something about routing."""
    if rng.random() < 0.15:
        return SetSysctl(node.name, "net.ipv4.ip_forward", rng.randrange(2))
    family = rng.choice((4, 6))
    name = rng.choice(_SWITCHES[family])
    scopes = [each.name for each in node.interfaces]
    if node.sysctl(f"net.ipv{family}.conf.all.{name}") is not None:
        scopes += ["all"] * 3
    return SetSysctl(node.name, f"net.ipv{family}.conf.{rng.choice(scopes)}.{name}", rng.randrange(2))


def some_change(rng: random.Random, node: Node) -> Change:
    """Any change inside of a node."""
    drawn = rng.random()
    if drawn < 0.15:
        return some_switch(rng, node)
    made = [each for each in node.routes if each.table != "local"]
    if drawn < 0.35 and made:
        return DeleteRoute(node.name, rng.choice(made))
    route = some_route(rng, rng.choice((4, 6)))
    if made and rng.random() < 0.3:
        # A rival of one that is there, so that places among rivals come into play.
        rival = rng.choice(made)
        mixed = route.family == 6 and (route.gateway is None) != (rival.gateway is None)
        if rival.family == route.family and not mixed:
            route = replace(route, dst=rival.dst, table=rival.table, metric=rival.metric, tos=rival.tos)
    if drawn < 0.5:
        return ReplaceRoute(node.name, route)
    return AddRoute(node.name, route, rng.choice(("add", "add", "append", "prepend")))
