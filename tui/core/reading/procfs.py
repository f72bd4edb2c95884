"""Routes and addresses as the kernel's own files have them: /proc/net/route, ipv6_route, fib_trie and if_inet6.

Where no program that lists routes is at hand, `cat` of these files still is (net/ipv4/fib_trie.c, net/ipv6/route.c).
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache

from tui.core.addresses import Address, Prefix, parse_address
from tui.core.names import TABLES, TYPES, address_flags
from tui.core.reading import LinkReading, Reading, lines_of
from tui.core.reading.prompts import is_prompt
from tui.core.reading.route_draft import classic4, classic6, kind6, to, with_legs
from tui.core.world import Interface, InterfaceAddress, Route

_GATEWAY, _REJECT, _NO_NEXTHOP, _ANYCAST = 0x0002, 0x0200, 0x00200000, 0x00100000
_LOCAL = 0x80000000
_PREFERENCE = {0x18000000: "low", 0x08000000: "high"}
_ROUTE4 = re.compile(r"^\s*\S+\s+[0-9A-F]{8}\s+[0-9A-F]{8}\s+[0-9A-F]{4}\s", re.IGNORECASE)
_ROUTE6 = re.compile(r"^\s*[0-9a-f]{32}\s+[0-9a-f]{2}\s+[0-9a-f]{32}\s+[0-9a-f]{2}\s", re.IGNORECASE)
_MASK_LENGTH = {((1 << length) - 1) << (32 - length): length for length in range(33)}


def is_proc_route(line: str) -> bool:
    """Whether a line is the header or an entry of /proc/net/route."""
    return bool(_ROUTE4.match(line)) or line.split()[:2] == ["Iface", "Destination"]


def is_proc_ipv6_route(line: str) -> bool:
    """Whether a line is an entry of /proc/net/ipv6_route (which has no header)."""
    return bool(_ROUTE6.match(line))


def read_proc_route(text: str) -> Reading:
    """Read /proc/net/route: the IPv4 main table, numbers in the byte order of the machine (little-endian)."""
    routes: list[Route] = []
    unread: list[str] = []
    vague = False
    for line in lines_of(text):
        words = line.split()
        try:
            route = _route4(words)
        except (ValueError, KeyError):
            if words and words[:2] != ["Iface", "Destination"] and not is_prompt(line):
                unread.append(line)
            continue
        vague = vague or not route.nexthops
        routes.append(route)
    notes = ["Of a multipath route /proc/net/route shows the first next hop alone, and no type of service."]
    if vague:
        notes.append("It does not tell unreachable from prohibit, nor blackhole from throw: read as the first of each.")
    return Reading(tuple(routes), tuple(unread), "/proc/net/route", notes=tuple(notes) if routes else ())


def _route4(words: list[str]) -> Route:
    dev, dst, gateway, flags, _, _, metric, mask = words[:8]
    if len(dst) != 8:
        raise ValueError
    return to(Prefix(4, _little(dst), _length(mask)), _way4(dev, gateway, flags, metric))


@lru_cache(maxsize=4096)
def _length(mask: str) -> int:
    return _MASK_LENGTH[_little(mask)]


@lru_cache(maxsize=65536)
def _way4(dev: str, gateway: str, flags: str, metric: str) -> Route:
    """All but the destination: the same few in a table of any size. Raises ValueError."""
    if len(gateway) != 8 or not 0 <= int(metric) <= 0xFFFFFFFF:
        raise ValueError
    way, bits = _little(gateway), int(flags, 16)
    return classic4(
        Prefix(4, 0, 0),
        None if dev == "*" else dev,
        Address(4, way) if way else None,
        int(metric),
        has_gateway=bool(bits & _GATEWAY),
        reject=bool(bits & _REJECT),
    )


def _little(text: str) -> int:
    return int.from_bytes(bytes.fromhex(text), "little")


def read_proc_ipv6_route(text: str) -> Reading:
    """Read /proc/net/ipv6_route: the IPv6 routes of every table, numbers in network order.

    Each next hop of a multipath route is an entry of its own there; they are joined, their weights unknown.
    """
    routes: list[Route] = []
    unread: list[str] = []
    for line in lines_of(text):
        words = line.split()
        try:
            with_legs(routes, _route6(words))
        except ValueError:
            if words and not is_prompt(line):
                unread.append(line)
    notes = (
        "/proc/net/ipv6_route names no table: all but own addresses and multicast reads as main.",
        "It tells neither unreachable, prohibit, blackhole and throw apart, nor the weights of a multipath route.",
    )
    return Reading(tuple(routes), tuple(unread), "/proc/net/ipv6_route", notes=notes if routes else ())


def _route6(words: list[str]) -> Route:
    dst, length, *way, _, _, flags, dev = words[:10]
    prefix = _prefix6(dst, length)
    return to(prefix, _way6(kind6(prefix), (*way, flags, dev)))


@lru_cache(maxsize=65536)
def _way6(kind: str, words: tuple[str, ...]) -> Route:
    """All but the destination, of which `kind` tells what matters. Raises ValueError."""
    src, src_length, gateway, metric, flags, dev = words
    if len(gateway) != 32 or not 0 <= int(metric, 16) <= 0xFFFFFFFF:
        raise ValueError
    bits, way, origin = int(flags, 16), int(gateway, 16), _prefix6(src, src_length)
    route = classic6(
        kind,
        dev,
        Address(6, way) if way else None,
        int(metric, 16),
        reject=bool(bits & _REJECT),
        own=bool(bits & (_NO_NEXTHOP | _LOCAL)),
    )
    return replace(
        route,
        type="anycast" if bits & _ANYCAST and route.type == "local" else route.type,
        src=origin if origin.length else None,
        pref=_PREFERENCE.get(bits & 0x18000000, "medium"),
    )


def _prefix6(address: str, length: str) -> Prefix:
    if len(address) != 32 or not 0 <= int(length, 16) <= 128:
        raise ValueError
    return Prefix(6, int(address, 16), int(length, 16))


_TABLE = re.compile(r"^(Main|Local|Id (\d+)):$")
_LEAF = re.compile(r"^\s*\|-- (\d+\.\d+\.\d+\.\d+)$")
_BRANCH = re.compile(r"^\s*\+-- [\d./]+( \d+)*$")
_ENTRY = re.compile(r"^\s*/(\d+) (\S+) ([A-Z]+|type \d+)(?: tos=(\d+))?$")


def is_fib_trie(line: str) -> bool:
    """Whether a line is part of /proc/net/fib_trie: a table's name, a branch, a leaf or an entry."""
    return any(each.match(line.rstrip()) for each in (_TABLE, _LEAF, _BRANCH, _ENTRY))


def read_fib_trie(text: str) -> Reading:
    """Read /proc/net/fib_trie: prefix, type, scope and tos of every IPv4 route of every table, without the way out.

    `merged` is True where Main and Local print one and the same tree (no rule was ever added or deleted), else False;
    None where one of them is missing. Of a merged tree local and broadcast entries read as table local, others as main.
    """
    trees: dict[str, list[Route]] = {}
    unread: list[str] = []
    tree: list[Route] | None = None
    leaf: Address | None = None
    for line in (each.rstrip() for each in lines_of(text)):
        entry, table, at = _ENTRY.match(line), _TABLE.match(line), _LEAF.match(line)
        route = _entry(leaf, entry) if entry and leaf else None
        if table:
            name = table[1].lower() if table[2] is None else TABLES.get(int(table[2]), table[2])
            tree, leaf = trees.setdefault(name, []), None
        elif at and tree is not None and _is_address(at[1]):
            leaf = parse_address(at[1])
        elif route is not None and tree is not None:
            tree.append(route)
        elif line and not _BRANCH.match(line) and not is_prompt(line):
            unread.append(line)
    merged = trees["main"] == trees["local"] if "main" in trees and "local" in trees else None
    if merged:
        whole = trees.pop("main")
        trees["local"] = [each for each in whole if each.type in ("local", "broadcast")]
        trees["main"] = [each for each in whole if each.type not in ("local", "broadcast")]
    routes = tuple(replace(route, table=name) for name, tree in trees.items() for route in tree)
    notes = ("/proc/net/fib_trie has neither gateways and devices nor metrics.",)
    return Reading(routes, tuple(unread), "/proc/net/fib_trie", merged, notes if routes else ())


def _is_address(text: str) -> bool:
    return all(int(each) < 256 for each in text.split("."))


def _entry(leaf: Address, entry: re.Match[str]) -> Route | None:
    length, scope, kind, tos = entry.groups()
    if int(length) > 32 or kind.lower() not in TYPES.values() or int(tos or 0) > 255:
        return None
    scope = {"universe": "global"}.get(scope, scope)
    return Route(Prefix(4, leaf.value, int(length)), kind.lower(), scope=scope, tos=int(tos or 0))


_SCOPES6 = {0x00: "global", 0x10: "host", 0x20: "link", 0x40: "site"}


def is_if_inet6(line: str) -> bool:
    """Whether a line is an entry of /proc/net/if_inet6."""
    return bool(re.match(r"^[0-9a-f]{32}(?: [0-9a-f]{2}){4}\s+\S+\s*$", line))


def read_if_inet6(text: str) -> LinkReading:
    """Read /proc/net/if_inet6: the IPv6 addresses of each interface with their scope and flags (if6_seq_show)."""
    found: dict[str, Interface] = {}
    unread: list[str] = []
    for line in lines_of(text):
        if not is_if_inet6(line):
            unread += [line] if line.strip() and not is_prompt(line) else []
            continue
        address, index, length, scope, flags, name = line.split()
        each = InterfaceAddress(
            Address(6, int(address, 16)),
            min(int(length, 16), 128),
            _SCOPES6.get(int(scope, 16), str(int(scope, 16))),
            flags=address_flags(int(flags, 16)),
        )
        link = found.get(name) or Interface(name, int(index, 16))
        found[name] = replace(link, addresses=(*link.addresses, each))
    return LinkReading(tuple(found.values()), tuple(unread), ("addresses",) if found else ())
