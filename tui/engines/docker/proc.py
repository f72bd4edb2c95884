"""A node from the files of /proc/PID/net alone: what they tell, what follows from it, and what stays unknown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from tui.core.addresses import Address, Prefix
from tui.core.derived import kernel_routes
from tui.core.reading.procfs import read_fib_trie, read_if_inet6, read_proc_ipv6_route, read_proc_route
from tui.core.world import TOPICS, Interface, InterfaceAddress, NextHop, Node, Route, default_rules

KNOWN_TABLES = ("local", "main", "default")
Addresses = Mapping[str, tuple[InterfaceAddress, ...]]
LIMITS = "/proc tells neither IPv6 rules nor link states, nor the source address and further next hops of a route."
_DEVICE = re.compile(r"^\s*(\S+):\s")


def from_proc(files: Mapping[str, str]) -> Node:
    """The node that route, fib_trie, ipv6_route, if_inet6 and dev show (proc(5), /proc/net).

    IPv4 own addresses come from the trie, their devices and lengths from the connected routes that hold them. One trie
    for local and main means that no rule was ever added or deleted (fib_unmerge in net/ipv4/fib_frontend.c): only then
    are the IPv4 rules known.
    """
    main = read_proc_route(files.get("route", ""))
    trie = read_fib_trie(files.get("fib_trie", ""))
    six = read_proc_ipv6_route(files.get("ipv6_route", ""))
    places = {interface.name: interface for interface in read_if_inet6(files.get("if_inet6", "")).interfaces}
    routes = _typed(main.routes, trie.routes)
    own, unplaced = _own_addresses(trie.routes, routes)
    interfaces = tuple(
        replace(
            places.get(name, Interface(name)),
            addresses=(*own.get(name, ()), *places.get(name, Interface(name)).addresses),
            kind="loopback" if name == "lo" else "",
        )
        for name in _devices(files.get("dev", ""), [*own, *places])
    )
    others = any(route.table not in KNOWN_TABLES for route in trie.routes)
    missing = {"links", "rules6", "tables6", "sysctls"}
    missing |= set() if trie.merged else {"rules4"}
    missing |= {"tables4"} if others or not trie.routes else set()
    missing |= {"addresses"} if unplaced or any(len(each) > 1 for each in own.values()) else set()
    missing |= set() if "route" in files else {"routes4"}
    missing |= set() if "ipv6_route" in files else {"routes6"}
    local = (_placed(route, own) for route in trie.routes if route.table == "local")
    return Node(
        "",
        interfaces=interfaces,
        routes=marked((*routes, *local, *six.routes), interfaces),
        rules=default_rules(4) if trie.merged else (),
        merged=trie.merged,
        missing=tuple(topic for topic in TOPICS if topic in missing),
        unread=(*main.unread, *trie.unread, *six.unread),
        problem=LIMITS,
    )


def _devices(dev: str, known: Iterable[str]) -> list[str]:
    """The devices that /proc/net/dev lists, in its order, which is the kernel's; then those known otherwise."""
    listed = [match[1] for match in map(_DEVICE.match, dev.splitlines()) if match]
    return list(dict.fromkeys((*listed, *known)))


def _typed(routes: tuple[Route, ...], trie: tuple[Route, ...]) -> tuple[Route, ...]:
    """The main table with the types, scopes and tos that the trie has and /proc/net/route has not.

    Both list the routes of one prefix in one order; where their numbers differ the table stays as it is.
    """
    told = _by_prefix(each for each in trie if each.table == "main" and each.type not in ("broadcast", "multicast"))
    listed = _by_prefix(routes)
    for dst, aliases in listed.items():
        others = told.get(dst, [])
        if len(others) == len(aliases):
            aliases[:] = [
                replace(route, type=other.type, scope=other.scope, tos=other.tos)
                for route, other in zip(aliases, others, strict=True)
            ]
    return tuple(route for aliases in listed.values() for route in aliases)


def _by_prefix(routes: Iterable[Route]) -> dict[Prefix, list[Route]]:
    found: dict[Prefix, list[Route]] = {}
    for route in routes:
        found.setdefault(route.dst, []).append(route)
    return found


def _own_addresses(
    trie: Iterable[Route], main: Iterable[Route]
) -> tuple[dict[str, tuple[InterfaceAddress, ...]], bool]:
    """The IPv4 addresses of each device; and whether one is left whose device cannot be told."""
    connected = [route for route in main if route.type == "unicast" and route.gateway is None and route.dst.length < 32]
    broadcasts = {route.dst.address for route in trie if route.type == "broadcast"}
    found: dict[str, tuple[InterfaceAddress, ...]] = {}
    unplaced = False
    for route in trie:
        if route.table != "local" or route.type != "local" or route.dst.length != 32:
            continue
        address = route.dst.address
        place = ("lo", Prefix(4, 127 << 24, 8)) if address.is_loopback else _holding(address, connected)
        if place is None:
            unplaced = True
            continue
        dev, subnet = place
        each = InterfaceAddress(
            address,
            subnet.length,
            scope="host" if address.is_loopback else "global",
            broadcast=subnet.last if subnet.last in broadcasts and not address.is_loopback else None,
        )
        found[dev] = (*found.get(dev, ()), each)
    return found, unplaced


def _holding(address: Address, connected: Iterable[Route]) -> tuple[str, Prefix] | None:
    """The device and the subnet of the longest connected route that holds an address."""
    holding = [(route.dst.length, route) for route in connected if route.dst.differs_at(address) is None and route.dev]
    if not holding:
        return None
    route = max(holding, key=lambda pair: pair[0])[1]
    return (route.dev, route.dst) if route.dev is not None else None


def _placed(route: Route, own: Addresses) -> Route:
    """An entry of table local with the device and source address that the kernel gives it for an address's sake."""
    for dev, addresses in own.items():
        for each in addresses:
            mine = route.dst.address in (each.address, each.prefix.first, each.prefix.last)
            if mine and (route.dst.length == 32 or route.dst == each.prefix):
                return replace(route, nexthops=(NextHop(dev),), prefsrc=each.address)
    return route


def marked(routes: Iterable[Route], interfaces: Iterable[Interface]) -> tuple[Route, ...]:
    """The routes with protocol kernel where the kernel itself makes just that route for an address that is there.

    For forms that do not print the protocol (BusyBox, /proc).
    """
    made = {(route.dst, route.type, route.table, route.dev) for each in interfaces for route in kernel_routes(each)}
    return tuple(
        replace(route, protocol="kernel")
        if route.gateway is None and (route.dst, route.type, route.table, route.dev) in made
        else route
        for route in routes
    )
