"""The one reader of a network namespace: its links, addresses, routes, rules and switches, straight from the kernel.

It needs no program in the namespace and starts none: netlink dumps over one socket, /proc/sys/net through one open
directory. Reading needs no privilege; entering somebody else's namespace does (setns(2)).
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TypeVar

from tui.core.sysctls import ALL_NAMES, GLOBAL_DEFAULTS
from tui.core.world import Interface, InterfaceAddress, Node, Route, Rule, default_rules
from tui.engines.netlink import decode as rtdecode
from tui.engines.netlink.numbers import (
    AF_INET,
    AF_INET6,
    RTM_GETADDR,
    RTM_GETLINK,
    RTM_GETNEIGH,
    RTM_GETNEXTHOP,
    RTM_GETROUTE,
    RTM_GETRULE,
)
from tui.engines.netlink.rules import rule as decode_rule
from tui.engines.netlink.setns import Where, elsewhere, enter
from tui.engines.netlink.sockets import NetlinkError, attribute, attributes, dump, open_socket, request
from tui.engines.netlink.switches import Switches

T = TypeVar("T")
_SKIP_STATISTICS = attribute(29, struct.pack("=I", 1 << 3))  # IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS
_BRIDGE = attribute(1, b"bridge\0")  # IFLA_INFO_KIND of a bridge
_LOOKUP_TABLE = 0x1000  # RTM_F_LOOKUP_TABLE: name the table that decided
_MAIN, _LOCAL = 254, 255  # RT_TABLE_MAIN, RT_TABLE_LOCAL


@dataclass(frozen=True, slots=True)
class Tables:
    """What one namespace holds, in the kernel's listing order; the fields are those of tui.core.world.Node.

    `failures` names each topic that could not be read, with the kernel's reason; they are in `missing` too.
    """

    interfaces: tuple[Interface, ...] = ()
    routes: tuple[Route, ...] = ()
    rules: tuple[Rule, ...] = ()
    merged: bool | None = None
    sysctls: tuple[tuple[str, int], ...] = ()
    missing: tuple[str, ...] = ()
    failures: tuple[tuple[str, str], ...] = ()

    def onto(self, node: Node) -> Node:
        """The node with these tables, and a sentence where some are missing."""
        problem = node.problem
        if self.failures:
            problem = f"Not everything could be read: {self.failures[0][0]}: {self.failures[0][1]}."
        return replace(
            node,
            interfaces=self.interfaces,
            routes=self.routes,
            rules=self.rules,
            merged=self.merged,
            sysctls=self.sysctls,
            missing=self.missing,
            problem=problem,
            source="netlink",
        )


class Namespace:
    """A window into one network namespace, usable from any thread in turn: a netlink socket and the /proc switches.

    It keeps the namespace alive while it is open, even after its last process has ended: close it then.
    """

    def __init__(self, link: socket.socket, switches: Switches) -> None:
        """`link` is from `open_socket`; both were opened in the namespace."""
        self.link = link
        self.switches = switches

    @classmethod
    def here(cls) -> Namespace:
        """The calling thread's own namespace."""
        return cls(open_socket(), Switches.here())

    def close(self) -> None:
        """Let go of the namespace."""
        self.link.close()
        self.switches.close()

    def tables(self) -> Tables:
        """Read everything. A topic that the kernel refuses is in `missing`; OSError means that nothing can be read."""
        return _decode(_take(self))

    def neighbours(self) -> tuple[rtdecode.Neighbour, ...]:
        """The ARP and ND tables."""
        names = {each.interface.index: each.interface.name for each in self.links()}
        bodies = dump(self.link, RTM_GETNEIGH, bytes(12))
        return tuple(each for each in (rtdecode.neighbour(body, names) for body in bodies) if each)

    def links(self) -> tuple[rtdecode.Link, ...]:
        """Its devices, by index."""
        bodies = dump(self.link, RTM_GETLINK, bytes(16) + _SKIP_STATISTICS)
        return tuple(each for each in map(rtdecode.link, bodies) if each)


@dataclass(frozen=True, slots=True)
class _Bodies:
    """What the kernel answered, byte for byte: equal answers are decoded once, and are one object afterwards."""

    links: tuple[bytes, ...] = ()
    addresses: tuple[bytes, ...] = ()
    routes4: tuple[bytes, ...] = ()
    routes6: tuple[bytes, ...] = ()
    rules: tuple[bytes, ...] = ()
    objects: tuple[bytes, ...] = ()
    own_table: int | None = None
    switches: tuple[int | None, ...] = ()
    bridging: tuple[tuple[str, int], ...] = ()
    failures: tuple[tuple[str, str], ...] = ()


def _take(namespace: Namespace) -> _Bodies:
    """Ask for everything, quickly, and look at it later."""
    failures: dict[str, str] = {}

    def take(topics: Sequence[str], kind: int, body: bytes) -> tuple[bytes, ...]:
        try:
            return dump(namespace.link, kind, body)
        except NetlinkError as error:
            failures.update(dict.fromkeys(topics, error.strerror or "the kernel refused"))
            return ()

    routes4 = take(("routes4", "tables4"), RTM_GETROUTE, struct.pack("=B11x", AF_INET))
    routes6 = take(("routes6", "tables6"), RTM_GETROUTE, struct.pack("=B11x", AF_INET6))
    rules = take(("rules4", "rules6"), RTM_GETRULE, bytes(12))
    addresses = take(("addresses",), RTM_GETADDR, bytes(8))
    links = take(("links",), RTM_GETLINK, bytes(16) + _SKIP_STATISTICS)
    switches = tuple(map(namespace.switches.read, _COMMON_SWITCHES))
    if switches[0] is None:
        failures["sysctls"] = "/proc/sys/net could not be read"
    objects: tuple[bytes, ...] = ()
    if any(rtdecode.needs_objects(body) for body in (*routes4, *routes6)):
        objects = take((), RTM_GETNEXTHOP, bytes(8))
    return _Bodies(
        links,
        addresses,
        routes4,
        routes6,
        rules,
        objects,
        _own_table(namespace, routes4),
        switches,
        namespace.switches.bridging() if any(_BRIDGE in body for body in links) else (),
        tuple(failures.items()),
    )


_COMMON_SWITCHES = (
    "net.ipv4.conf.all.forwarding",
    *(
        name
        for name in (
            *(f"net.ipv{family}.conf.all.{switch}" for family, names in ALL_NAMES.items() for switch in names),
            *GLOBAL_DEFAULTS,
        )
        # ip_forward and conf.all.forwarding are one variable (net/ipv4/devinet.c).
        if name not in ("net.ipv4.ip_forward", "net.ipv4.conf.all.forwarding")
    ),
)


def _own_table(namespace: Namespace, routes: tuple[bytes, ...]) -> int | None:
    """The table in which the kernel finds one of its own addresses; None where it has none, or another rule decides.

    While IPv4 local and main are one trie, which fib_lookup (include/net/ip_fib.h) searches without asking the rules,
    that is main (254) and not local (255). It is asked for an address of table local: a local route that somebody put
    into another table is found there, merged or not.
    """
    for route in routes:
        if (route[1], route[3], route[4], route[7]) != (32, 0, _LOCAL, 2):  # a host route of type local, for any tos
            continue
        body = struct.pack("=8BI", AF_INET, 32, 0, 0, 0, 0, 0, 0, _LOOKUP_TABLE) + attribute(
            1, attributes(route, 12)[1]
        )
        try:
            answer = request(namespace.link, RTM_GETROUTE, body)
        except NetlinkError:
            continue
        table = attributes(answer, 12).get(15)
        if answer[7] == 2 and table is not None and (found := rtdecode.u32(table)) in (_MAIN, _LOCAL):
            return found
    return None


@lru_cache(maxsize=2048)
def _decode(bodies: _Bodies) -> Tables:
    links = tuple(each for each in map(rtdecode.link, bodies.links) if each)
    names = {each.interface.index: each.interface.name for each in links}
    found = (decode_rule(body) for body in bodies.rules)
    rules = tuple(sorted((each for each in found if each is not None), key=lambda each: each.family))
    return Tables(
        interfaces=_interfaces(links, names, bodies.addresses),
        routes=_routes(bodies, names),
        rules=rules,
        merged=_merged(rules, bodies),
        sysctls=_sysctls(links, bodies),
        missing=tuple(topic for topic, _reason in bodies.failures),
        failures=bodies.failures,
    )


def _interfaces(
    links: Iterable[rtdecode.Link], names: Mapping[int, str], bodies: Iterable[bytes]
) -> tuple[Interface, ...]:
    addresses: dict[int, list[InterfaceAddress]] = {}
    for each in map(rtdecode.interface_address, bodies):
        if each is not None:
            addresses.setdefault(each[0], []).append(each[1])
    return tuple(
        replace(
            link.interface,
            addresses=tuple(addresses.get(link.interface.index, ())),
            master=names.get(link.master) if link.master else None,
        )
        for link in links
    )


def _routes(bodies: _Bodies, names: Mapping[int, str]) -> tuple[Route, ...]:
    nexthops = (rtdecode.nexthop(body, names) for body in bodies.objects)
    objects = {each.id: each for each in nexthops if each is not None}
    # A kernel without IPv6 answers for IPv4 when it is asked for IPv6.
    found = (
        (version, rtdecode.route(body, names, objects))
        for version, routes in ((4, bodies.routes4), (6, bodies.routes6))
        for body in routes
    )
    return tuple(route for version, route in found if route is not None and route.family == version)


def _merged(rules: tuple[Rule, ...], bodies: _Bodies) -> bool | None:
    """Node.merged: no for a list of rules that is not the original one, else what the kernel showed."""
    if any(topic == "rules4" for topic, _reason in bodies.failures):
        return None
    if tuple(rule for rule in rules if rule.family == 4) != default_rules(4):
        return False
    return None if bodies.own_table is None else bodies.own_table == _MAIN


def _sysctls(links: Iterable[rtdecode.Link], bodies: _Bodies) -> tuple[tuple[str, int], ...]:
    common = bodies.switches
    values = {name: value for link in links for name, value in link.sysctls} | dict(bodies.bridging)
    values |= {name: value for name, value in zip(_COMMON_SWITCHES, common, strict=True) if value is not None}
    if common[0] is not None:
        values["net.ipv4.ip_forward"] = common[0]
    return tuple(sorted(values.items()))


def read(where: Where) -> Tables:
    """Read one namespace; raises OSError when it is gone or may not be entered."""
    found = read_many((where,))[0]
    if isinstance(found, OSError):
        raise found
    return found


def read_many(wheres: Sequence[Where]) -> list[Tables | OSError]:
    """Read many namespaces in one thread that enters each; what went wrong stands in its place.

    Raises nothing of its own: a namespace that vanished gives FileNotFoundError, a forbidden one PermissionError.
    """

    def work() -> list[Tables | OSError]:
        return [_read_there(where) for where in wheres]

    return elsewhere(work)


def _read_there(where: Where) -> Tables | OSError:
    try:
        enter(where)
        namespace = Namespace.here()
        try:
            return namespace.tables()
        finally:
            namespace.close()
    except OSError as error:
        return error


def open_namespaces(wheres: Sequence[Where]) -> list[Namespace]:
    """Windows into namespaces, to be read again and again; raises the first OSError, with none left open."""
    opened: list[Namespace] = []

    def work() -> None:
        for where in wheres:
            enter(where)
            opened.append(Namespace.here())

    try:
        elsewhere(work)
    except OSError:
        for namespace in opened:
            namespace.close()
        raise
    return opened
