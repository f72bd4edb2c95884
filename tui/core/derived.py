"""The routes that the kernel makes by itself for a device's addresses, and the order in which it lists a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tui.core.addresses import WIDTH, Address, Prefix
from tui.core.world import Interface, InterfaceAddress, NextHop, Route

_LINK_LOCAL = Prefix(6, 0xFE80 << 112, 64)
_MULTICAST = Prefix(6, 0xFF << 120, 8)
_KNOWN = {"default": 253, "main": 254, "local": 255}

LOOPBACK = Interface(
    "lo",
    mac="00:00:00:00:00:00",
    kind="loopback",
    mtu=65536,
    addresses=(
        InterfaceAddress(Address(4, 0x7F000001), 8, "host"),
        InterfaceAddress(Address(6, 1), 128, "host"),
    ),
)
"""The loopback device of a network namespace once it is up."""


def link_local(mac: str) -> InterfaceAddress:
    """The fe80:: address that a device with this MAC address gives itself (RFC 4291, appendix A: modified EUI-64)."""
    raw = bytes.fromhex(mac.replace(":", ""))
    suffix = bytes((raw[0] ^ 2, raw[1], raw[2], 0xFF, 0xFE, raw[3], raw[4], raw[5]))
    return InterfaceAddress(Address(6, _LINK_LOCAL.value | int.from_bytes(suffix, "big")), 64, "link")


def broadcast(prefix: Prefix) -> Address | None:
    """The broadcast address of an IPv4 subnet, None for /31, /32 and IPv6."""
    return prefix.last if prefix.version == 4 and prefix.length < 31 else None


def kernel_routes(interface: Interface, forwarding6: bool = False) -> Iterator[Route]:
    """The routes of table local and the connected ones of main for a device that is up.

    IPv4 as fib_add_ifaddr in net/ipv4/fib_frontend.c makes them, IPv6 as addrconf_add_dev, addrconf_prefix_route and
    addrconf_join_anycast in net/ipv6/addrconf.c; a router (`forwarding6`) has an anycast address in each subnet.
    Without a carrier they are there too, those that lead out of the device marked linkdown.
    """
    if not interface.up:
        return
    for each in interface.addresses:
        make = _ipv4 if each.address.version == 4 else _ipv6
        yield from make(each, interface, forwarding6)
    if any(each.address.version == 6 and each.address.is_link_local for each in interface.addresses):
        yield _made(_MULTICAST, interface, "multicast", "local", metric=256)


def _ipv4(each: InterfaceAddress, interface: Interface, _: bool) -> Iterator[Route]:
    own, subnet, loopback = each.address, each.prefix, interface.kind == "loopback"
    yield _made(Prefix(4, own.value, 32), interface, "local", "local", scope="host", prefsrc=own)
    if each.broadcast is not None and each.broadcast.value != 0xFFFFFFFF:
        yield _made(Prefix(4, each.broadcast.value, 32), interface, "broadcast", "local", scope="link", prefsrc=own)
    if "secondary" in each.flags or subnet.first.is_unspecified or (subnet.length == 32 and subnet.first == own):
        return
    if "noprefixroute" not in each.flags:
        kind, table, scope = ("local", "local", "host") if loopback else ("unicast", "main", "link")
        yield _made(subnet, interface, kind, table, scope=scope, prefsrc=own)
    last = broadcast(subnet)
    if last is not None and last != each.broadcast:
        yield _made(Prefix(4, last.value, 32), interface, "broadcast", "local", scope="link", prefsrc=own)


def _ipv6(each: InterfaceAddress, interface: Interface, forwarding: bool) -> Iterator[Route]:
    yield _made(Prefix(6, each.address.value, 128), interface, "local", "local", metric=0)
    if interface.kind == "loopback" or "noprefixroute" in each.flags:
        return
    yield _made(each.prefix, interface, "unicast", "main", metric=256)
    if forwarding and each.length < 127:
        yield _made(Prefix(6, each.prefix.value, 128), interface, "anycast", "local", metric=0)


def _made(
    dst: Prefix,
    interface: Interface,
    kind: str,
    table: str,
    *,
    scope: str = "global",
    prefsrc: Address | None = None,
    metric: int | None = None,
) -> Route:
    pref = "medium" if dst.version == 6 else None
    down = not interface.carrier and kind not in ("local", "anycast")
    hops = (NextHop(interface.name, flags=("linkdown",) if down else ()),)
    return Route(dst, kind, hops, table, "kernel", scope, prefsrc, metric, pref=pref)


def listed(routes: Iterable[Route]) -> tuple[Route, ...]:
    """The routes in the order in which the kernel lists them: IPv4 first, tables by the low byte of their number.

    An IPv4 table goes by address, the longest prefix first where two begin alike, then higher tos, lower metric
    (the trie's leaves: fib_insert_alias in net/ipv4/fib_trie.c). An IPv6 table has a prefix after all that lie inside
    it (the walk of net/ipv6/ip6_fib.c), but its routes with a source (`from`) before them. Routes that are alike in
    all this keep their order.
    """
    ordered: dict[Route, None] = dict.fromkeys(routes)
    return tuple(sorted(ordered, key=place))


def place(route: Route) -> tuple[int, ...]:
    """Where `listed` puts a route; equal for routes that only their way sets apart."""
    number = _KNOWN.get(route.table) or (int(route.table) if route.table.isdecimal() else 0)
    table = (route.family, number & 255, number)
    if route.family == 4:
        return (*table, route.dst.value, 32 - route.dst.length, -route.tos, route.metric or 0)
    return (*table, *_walked(route.dst, route.src), route.metric if route.metric is not None else 1024)


def _walked(dst: Prefix, src: Prefix | None) -> tuple[int, int, int, int]:
    """An IPv6 prefix's place in the walk: after all that lies inside it, but before it where it has a source."""
    inside = WIDTH[6] - dst.length
    if src is None or not src.length:
        return (2 * dst.last.value + 1, inside, 0, 0)
    return (2 * dst.value, -inside, src.last.value, WIDTH[6] - src.length)
