"""One machine of a transcript in the making: what each section told of it, joined into a Node."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from tui.core.reading import LinkReading, Reading
from tui.core.reading.blocks import blocks_of
from tui.core.reading.links import read_links
from tui.core.reading.owned import owned_addresses
from tui.core.reading.routes import read_routes
from tui.core.reading.rules import read_rules
from tui.core.reading.sections import UNKNOWN, Shown
from tui.core.reading.sysctl_text import read_sysctls
from tui.core.world import TOPICS, Interface, Node, Route, Rule

_NO_SUCH_TABLE = re.compile(r"^\s*(?:Error: (?:ipv4|ipv6|IPv4|IPv6): FIB table does not exist\.|Dump terminated)\s*$")
_RANKS = {"ip route": 2, "ip -j route": 2, "/proc/net/route": 1, "/proc/net/ipv6_route": 1, "route -n": 0}
"""How much a form tells: of two listings of one table the better, then the later, counts."""


@dataclass(slots=True)
class _Listing:
    rank: int
    routes: tuple[Route, ...]

    def tables(self) -> set[tuple[int, str]]:
        return {(route.family, route.table) for route in self.routes}

    def without(self, tables: set[tuple[int, str]]) -> _Listing:
        if tables.isdisjoint(self.tables()):
            return self
        kept = tuple(route for route in self.routes if (route.family, route.table) not in tables)
        return _Listing(self.rank, kept)


@dataclass(slots=True)
class PastedNode:
    """What is known so far of the machine `name`; `take` adds a section, `node` gives the whole."""

    name: str
    kind: str = "machine"
    listings: list[_Listing] = field(default_factory=list)
    parts: list[Route] = field(default_factory=list)  # of listings that were filtered
    rules: dict[int, tuple[Rule, ...]] = field(default_factory=dict)
    unsure: str = ""  # rules whose family the routes must tell
    links: dict[str, Interface] = field(default_factory=dict)
    sysctls: dict[str, int] = field(default_factory=dict)
    merged: bool | None = None
    topics: set[str] = field(default_factory=set)
    tables: set[tuple[int, str]] = field(default_factory=set)  # shown one by one
    unread: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    owned: list[Route] = field(default_factory=list)  # table local, as fib_trie has it

    @property
    def is_empty(self) -> bool:
        """Whether no section told anything."""
        return not (
            self.topics
            or self.listings
            or self.parts
            or self.rules
            or self.unsure
            or self.links
            or self.sysctls
            or self.owned
        )

    def take(self, shown: Sequence[Shown], lines: Sequence[str], command: str, place: str, filtered: bool) -> None:
        """Add what one command line printed; `filtered` means that a pipe may have left lines out."""
        self.kind = place if place in ("container", "namespace") else self.kind
        if all(each.kind in ("foreign", "shell", "get") for each in shown):
            self.skipped += [command] if command and any(map(str.strip, lines)) else []
        elif len(shown) == 1 and shown[0].kind != "unknown":
            what = replace(shown[0], whole=False, topics=()) if filtered else shown[0]
            self._guess(self._read(what, "\n".join(lines)))
        else:
            self._guess(lines)

    def _guess(self, lines: Sequence[str]) -> None:
        """Read lines by what they look like; what looks like nothing is unread."""
        for block in blocks_of(lines):
            left = self._read(replace(UNKNOWN, kind=block.kind), block.text) if block.kind else block.text.split("\n")
            self.unread += [line for line in left if line.strip()]

    def _read(self, shown: Shown, text: str) -> Sequence[str]:
        """Read a text of a known kind; gives the lines that were not understood."""
        if shown.kind == "routes":
            reading = read_routes(text, shown.table, shown.dev, shown.family)
            left = [line for line in reading.unread if not _NO_SUCH_TABLE.match(line)]
            self._take_routes(shown, reading, failed=bool(left) and not reading.routes)
            return left
        if shown.kind == "rules":
            rules = read_rules(text, shown.family)
            if shown.whole and not rules.sure:
                self.unsure = text
            elif shown.whole and rules.rules:
                self.rules[rules.family] = rules.rules
                self.topics.add(f"rules{rules.family}")
            return rules.unread
        if shown.kind == "links":
            links = read_links(text)
            self._take_links(shown, links)
            return links.unread
        sysctls = read_sysctls(text, shown.names)
        self.sysctls |= dict(sysctls.sysctls)
        self.topics |= {"sysctls"} if sysctls.sysctls else set()
        return sysctls.unread

    def _take_routes(self, shown: Shown, reading: Reading, failed: bool) -> None:
        self.notes += reading.notes
        if reading.form == "/proc/net/fib_trie":
            self.merged = reading.merged
            self.owned += [route for route in reading.routes if route.table == "local"]
            return
        if not shown.whole or failed:
            self.parts += reading.routes
            return
        rank = _RANKS[reading.form]
        new = _Listing(rank, reading.routes)
        every = shown.every or (shown.table == "main" and any(route.table == "local" for route in reading.routes))
        families = {shown.family} if shown.family else {route.family for route in reading.routes} or {4}
        listed = new.tables() | {(family, shown.table) for family in families if family}
        if every:
            listed |= {pile for old in self.listings for pile in old.tables() if pile[0] in families}
        better = {pile for old in self.listings if old.rank > rank for pile in old.tables()}
        self.listings = [old.without(listed) if old.rank <= rank else old for old in self.listings]
        self.listings.append(new.without(better))
        for family in families:
            self.tables.add((family or 4, shown.table))
            names = ("routes", "tables") if every and rank == 2 else ("routes",) if shown.table == "main" else ()
            self.topics |= {f"{name}{family}" for name in names}

    def _take_links(self, shown: Shown, reading: LinkReading) -> None:
        stated = "links" in reading.topics
        told = {topic for topic in shown.topics if topic == "addresses" or stated} or set(reading.topics)
        if shown.whole:
            self.topics |= told
        lists_addresses = "addresses" in told
        for new in reading.interfaces:
            old = self.links.get(new.name)
            self.links[new.name] = new if old is None else _joined(old, new, stated, lists_addresses, shown.family)

    def _settle_rules(self, routes: Sequence[Route]) -> None:
        """A list without table default looks like IPv6, but is IPv4 where IPv4 has routes and no other rules."""
        if self.unsure:
            family = read_rules(self.unsure).family
            if 4 not in self.rules and any(route.family == 4 for route in routes):
                family = 4
            self.rules.setdefault(family, read_rules(self.unsure, family).rules)
            self.topics.add(f"rules{family}")

    def node(self) -> Node:
        """The Node that all sections together describe."""
        routes = [route for listing in self.listings for route in listing.routes]
        known = {_key(route) for route in routes} if self.parts else set()
        for route in self.parts:
            if _key(route) not in known:
                routes.append(route)
                known.add(_key(route))
        if not any(route.table == "local" and route.family == 4 for route in routes):
            routes += self.owned
        self._settle_rules(routes)
        skipped = f"; skipped: {', '.join(dict.fromkeys(self.skipped))}" if self.skipped else ""
        links = self.links if "addresses" in self.topics else owned_addresses(routes, self.links)
        return Node(
            self.name,
            kind=self.kind,
            interfaces=tuple(sorted(links.values(), key=lambda link: link.index or 1 << 31)),
            routes=tuple(routes),
            rules=self.rules.get(4, ()) + self.rules.get(6, ()),
            merged=self.merged,
            sysctls=tuple(sorted(self.sysctls.items())),
            source=f"pasted text{skipped}",
            missing=tuple(topic for topic in TOPICS if topic not in self.topics | self._tables_one_by_one()),
            unread=tuple(self.unread),
            problem=self.notes[0] if self.notes else None,
        )

    def _tables_one_by_one(self) -> set[str]:
        """tables4, tables6 where every table that a rule looks up was shown by a command of its own."""
        return {
            f"tables{family}"
            for family, rules in self.rules.items()
            if all((family, rule.table) in self.tables for rule in rules if rule.action == "table")
        }


def _key(route: Route) -> tuple[object, ...]:
    return (route.family, route.table, route.dst, route.type, route.tos, route.metric, route.nexthops)


def _joined(old: Interface, new: Interface, stated: bool, lists_addresses: bool, family: int | None) -> Interface:
    """An interface as two sections had it: the later state and addresses, what it left open from the earlier one."""
    addresses = old.addresses
    if lists_addresses:
        kept = [each for each in old.addresses if family is not None and each.address.version != family]
        addresses = (*kept, *new.addresses)
    base, other = (new, old) if stated else (old, new)
    return replace(
        base,
        addresses=addresses,
        index=base.index or other.index,
        mac=base.mac or other.mac,
        kind=base.kind or other.kind,
        mtu=other.mtu if base.mtu is None else base.mtu,
        master=base.master or other.master,
        peer_index=other.peer_index if base.peer_index is None else base.peer_index,
    )
