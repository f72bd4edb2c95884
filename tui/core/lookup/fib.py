"""A node's tables made ready for lookups (its forwarding information base), with what had to be assumed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from tui.core.addresses import WIDTH, Address, Prefix
from tui.core.lookup.prefixes import build
from tui.core.query import Query
from tui.core.world import Interface, InterfaceAddress, NextHop, Node, Route, Rule, default_rules

SCOPES = {"global": 0, "universe": 0, "site": 200, "link": 253, "host": 254, "nowhere": 255}
"""Numbers of address and route scopes (linux/rtnetlink.h, enum rt_scope_t)."""


class Flow(NamedTuple):
    """What rules and tables are matched against: struct flowi4 and flowi6 of the kernel, cut to what routing reads.

    `src` is 0 where there is no source yet; `iif` is "lo" for packets that the node makes itself.
    """

    version: int
    dst: int
    src: int = 0
    iif: str = "lo"
    oif: str | None = None
    mark: int = 0
    tos: int = 0
    proto: int = 0
    sport: int = 0
    dport: int = 0
    has_src: bool = False


class Table:
    """One table of one family: its routes by prefix, longest first, and inside a prefix in the kernel's match order.

    The order inside a prefix is tos descending, then metric ascending, then as listed (fib_find_alias in
    net/ipv4/fib_trie.c); IPv6 has metric, then as listed (fib6_add_rt2node in net/ipv6/ip6_fib.c).
    """

    def __init__(self, name: str, version: int, routes: Iterable[Route] = ()) -> None:
        """`routes` in listing order."""
        self.name = name
        self.version = version
        self.size = 0
        self.sourced: set[Prefix] = set()
        self._by_length: dict[int, dict[int, list[Route]]] = {}
        width = WIDTH[version]
        for route in routes:
            dst = route.dst
            aliases = self._by_length.setdefault(dst.length, {}).setdefault(dst.value >> (width - dst.length), [])
            aliases.append(route)
            self.size += 1
            if route.src is not None and route.src.length:
                self.sourced.add(dst)
        for prefixes in self._by_length.values():
            for aliases in prefixes.values():
                if len(aliases) > 1:
                    aliases.sort(key=_alias_order)
        self._index = build(version, self._by_length)

    def matches(self, destination: int) -> Iterator[list[Route]]:
        """The routes of each prefix that covers the destination, longest prefix first, each in match order."""
        return self._index.covering(destination)

    def ordered(self) -> Iterator[Route]:
        """Every route: longest prefix first, then by address, then in match order."""
        for length in sorted(self._by_length, reverse=True):
            for bits in sorted(self._by_length[length]):
                yield from self._by_length[length][bits]


def _alias_order(route: Route) -> tuple[bool, int, int]:
    # Where local and main are one trie, local comes first inside a prefix, whatever its metric (fib_find_alias).
    if route.dst.version == 6:
        return False, 0, metric_of(route)
    return route.table != "local", -route.tos, metric_of(route)


def metric_of(route: Route) -> int:
    """The metric that the kernel compares: an absent one is 0 in IPv4 and 1024 in IPv6 (ip-route(8), `metric`)."""
    if route.metric is not None:
        return route.metric
    return 0 if route.family == 4 else 1024


class Fib:
    """A node prepared for lookups. Make it once and ask it many times; it never changes.

    `merged` says that IPv4 tables local and main are one trie (fib_trie_unmerge in net/ipv4/fib_frontend.c: they are
    until the first rule is added or deleted). `assumptions` maps a topic of world.TOPICS to the sentence that tells
    what was taken for granted because it could not be read.
    """

    def __init__(self, node: Node) -> None:
        self.node = node
        self.sysctls = dict(node.sysctls)
        self.links: dict[str, Interface] = {each.name: each for each in node.interfaces}
        self.addresses: dict[Address, tuple[Interface, InterfaceAddress]] = {}
        for interface, address in node.addresses():
            self.addresses.setdefault(address.address, (interface, address))
        self.assumptions: dict[str, str] = {}
        self.rules = {version: self._rules(version) for version in (4, 6)}
        plain = self.rules[4] == default_rules(4)
        self.merged = plain if node.merged is None else node.merged
        self.custom_rules = {4: not self.merged, 6: self.rules[6] != default_rules(6)}
        self.tables: dict[tuple[int, str], Table] = {}
        self._fill()
        if self.conf(4, "all", "rp_filter") is None:
            self.assumptions["sysctls"] = "rp_filter was not read; reverse path filtering is taken to be off."

    def _rules(self, version: int) -> tuple[Rule, ...]:
        if f"rules{version}" in self.node.missing:
            self.assumptions[f"rules{version}"] = (
                f"The IPv{version} rules were not read; the kernel's own default rules are taken for granted."
            )
            return default_rules(version)
        rules = [rule for rule in self.node.rules if rule.family == version]
        return tuple(sorted(rules, key=lambda rule: rule.priority))

    def _fill(self) -> None:
        piles: dict[tuple[int, str], list[Route]] = {}
        for route in self.node.routes:
            piles.setdefault((route.dst.version, route.table), []).append(route)
        for version in (4, 6):
            if f"tables{version}" in self.node.missing and (version, "local") not in piles:
                piles[version, "local"] = local_routes(self.node, version)
                self.assumptions[f"tables{version}"] = (
                    f"Only the main IPv{version} table was read; table local is made from this node's addresses, "
                    "other tables are taken to be empty."
                )
        if self.merged:
            piles[4, "local+main"] = [*piles.get((4, "local"), ()), *piles.pop((4, "main"), ())]
        for (version, name), routes in piles.items():
            self.tables[version, name] = Table(name, version, routes)

    def assumed(self, query: Query) -> tuple[str, ...]:
        """The sentences that tell what an answer to this query takes for granted."""
        version = query.dst.version
        topics = [f"rules{version}", f"tables{version}"]
        if query.iif is not None and version == 4:
            topics.append("sysctls")
        return tuple(self.assumptions[topic] for topic in topics if topic in self.assumptions)

    def conf(self, version: int, dev: str, name: str) -> int | None:
        """A per-device sysctl (net.ipv4.conf.DEV.NAME); None where it was not read."""
        return self.sysctls.get(f"net.ipv{version}.conf.{dev.replace('.', '/')}.{name}")

    def either(self, version: int, dev: str, name: str) -> int:
        """The larger of the `all` and the device's value, for switches that either may set; unread counts as 0."""
        return max(self.conf(version, "all", name) or 0, self.conf(version, dev, name) or 0)

    def is_down(self, nexthop: NextHop, version: int) -> str | None:
        """Why a next hop cannot be used ("dead" or "link down"), or None where it can (fib_lookup_good_nhc)."""
        if "linkdown" in nexthop.flags:
            if nexthop.dev and self.either(version, nexthop.dev, "ignore_routes_with_linkdown"):
                return "link down"
            # `dead linkdown` is how a listing shows a link that is down while the sysctl is set.
            return "link down" if "dead" in nexthop.flags else None
        return "dead" if "dead" in nexthop.flags else None


def local_routes(node: Node, version: int) -> list[Route]:
    """Table local as the kernel makes it from a node's addresses (fib_add_ifaddr in net/ipv4/fib_frontend.c)."""
    routes = []
    for interface, each in node.addresses():
        if each.address.version != version or not interface.up:
            continue
        host = Prefix(version, each.address.value, WIDTH[version])
        hop = (NextHop(interface.name),)
        common = {"nexthops": hop, "table": "local", "protocol": "kernel"}
        if version == 6:
            routes.append(Route(host, "local", metric=0, **common))  # type: ignore[arg-type]
            continue
        routes.append(Route(host, "local", scope="host", prefsrc=each.address, **common))  # type: ignore[arg-type]
        if each.address.is_loopback:
            routes.append(Route(each.prefix, "local", scope="host", prefsrc=each.address, **common))  # type: ignore[arg-type]
        if each.length < 31:
            last = Prefix(4, each.prefix.last.value, 32)
            routes.append(Route(last, "broadcast", scope="link", prefsrc=each.address, **common))  # type: ignore[arg-type]
    return routes
