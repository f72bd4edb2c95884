"""A route in the making, whatever form it was printed in: its words as a draft, the draft as a Route.

What every form leaves open is settled here: the family of a bare `default`, and the device and table that a filtered
listing omits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from tui.core.addresses import Address, AddressError, Prefix, parse_prefix
from tui.core.world import NextHop, Route

_OCTETS = {str(number): number for number in range(256)}
_LENGTHS = {str(number): number for number in range(33)}


@dataclass(slots=True)
class Draft:
    """What the words said. Fields are None where they said nothing; `seen` holds the keywords that were understood.

    `family` is the family (4 or 6) that the words give away, or None.
    """

    dev: str | None = None
    gateway: Address | None = None
    weight: int = 1
    flags: list[str] = field(default_factory=list)
    table: str | None = None
    protocol: str | None = None
    scope: str | None = None
    prefsrc: Address | None = None
    metric: int | None = None
    tos: int = 0
    src: Prefix | None = None
    pref: str | None = None
    nhid: int | None = None
    attributes: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    family: int | None = None
    seen: set[str] = field(default_factory=set)


def destination(text: str) -> Prefix | None:
    """A destination as printed. `default` reads as 0.0.0.0/0 until its family is settled."""
    host, slash, bits = text.partition("/")
    try:  # the common shape, four octets in canonical form, without the cost of the general reader
        a, b, c, d = host.split(".")
        value = _OCTETS[a] << 24 | _OCTETS[b] << 16 | _OCTETS[c] << 8 | _OCTETS[d]
        return Prefix(4, value, _LENGTHS[bits] if slash else 32)
    except (KeyError, ValueError):
        pass
    if text in ("all", "any"):
        return None
    try:
        return parse_prefix(text)
    except AddressError:
        return None


def to(dst: Prefix, route: Route) -> Route:
    """The same route to another destination: replace() at a third of its cost."""
    return Route(
        dst,
        route.type,
        route.nexthops,
        route.table,
        route.protocol,
        route.scope,
        route.prefsrc,
        route.metric,
        route.tos,
        route.src,
        route.pref,
        route.nhid,
        route.attributes,
        route.words,
    )


def drafted(draft: Draft, kind: str, table: str) -> Route:
    """A draft as a route; the flags of a route that has no next hop of its own go first among its attributes."""
    hops: tuple[NextHop, ...] = ()
    flags = tuple(draft.flags)
    if draft.dev is not None or draft.gateway is not None:
        hops, flags = (NextHop(draft.dev, draft.gateway, draft.weight, flags),), ()
    return Route(
        Prefix(4, 0, 0),
        kind,
        hops,
        draft.table or table,
        draft.protocol or "boot",
        draft.scope or "global",
        draft.prefsrc,
        draft.metric,
        draft.tos,
        draft.src,
        draft.pref,
        draft.nhid,
        (*flags, *draft.attributes),
        tuple(draft.words),
    )


def with_hop(route: Route, draft: Draft) -> Route:
    """The route with one more next hop. What the hop alone has (its encap, its realm) is kept under its number."""
    hop = NextHop(draft.dev, draft.gateway, draft.weight, tuple(draft.flags))
    number = len(route.nexthops) + 1
    return replace(
        route,
        nexthops=(*route.nexthops, hop),
        pref=route.pref or draft.pref,
        attributes=(*route.attributes, *(f"nexthop {number} {each}" for each in draft.attributes)),
        words=(*route.words, *draft.words),
    )


def settle(routes: list[Route], defaults: Mapping[int, int | None], family: int | None) -> tuple[Route, ...]:
    """Put each `default`, read as 0.0.0.0/0, into its family, and the kernel's empty entry into table unspec.

    `defaults` has the index of each and the family that its words told; else `family` tells, else the route before.
    """
    for index, told in defaults.items():
        if (told or family or _neighbour(routes, defaults, index)) == 6:
            route = to(Prefix(6, 0, 0), routes[index])
            routes[index] = replace(route, table="unspec") if _is_null(route) else route
    return tuple(routes)


def _neighbour(routes: list[Route], defaults: Mapping[int, int | None], index: int) -> int:
    if index:
        return routes[index - 1].family
    return next((route.family for at, route in enumerate(routes) if at not in defaults), 4)


def _is_null(route: Route) -> bool:
    """Whether it is the kernel's own empty entry (ip6_null_entry), which old listings show and no rule looks up."""
    errors = any(each.startswith("error ") for each in route.attributes)
    return errors and route.type == "unreachable" and route.metric == 0xFFFFFFFF and route.table == "main"


def classic4(
    dst: Prefix, dev: str | None, gateway: Address | None, metric: int, *, has_gateway: bool, reject: bool
) -> Route:
    """A route of the IPv4 main table as /proc/net/route and what is made of it can tell (fib_route_seq_show).

    A reject is unreachable or prohibit, a route without a device blackhole or throw: the form does not say which, so
    the first is taken. On-link means scope link. A gateway that is said to exist and is 0.0.0.0 is an IPv6 one.
    """
    if dev is None:
        return Route(dst, "unreachable" if reject else "blackhole", metric=metric or None)
    words = ("via", "inet6") if has_gateway and gateway is None else ()
    scope = "global" if has_gateway or gateway else "link"
    return Route(dst, nexthops=(NextHop(dev, gateway),), scope=scope, metric=metric or None, words=words)


def kind6(dst: Prefix) -> str:
    """What of a destination decides how an entry of classic6 reads: `empty` for ::/0, `multicast`, or ""."""
    if dst.length == 0:
        return "empty"
    return "multicast" if dst.length >= 8 and dst.value >> 120 == 0xFF else ""


def classic6(kind: str, dev: str, gateway: Address | None, metric: int, *, reject: bool, own: bool) -> Route:
    """A route of any IPv6 table as /proc/net/ipv6_route and what is made of it can tell (ipv6_route_seq_show).

    Its destination, of which `kind` is the kind6, is left open. The form names no table: own addresses and multicast
    are in local, where the kernel puts them, and the empty entry ::/0 of metric 2^32-1 in unspec; all else reads as
    main.
    """
    nowhere = Prefix(6, 0, 0)
    if reject:
        empty = kind == "empty" and metric == 0xFFFFFFFF
        protocol, table = ("kernel", "unspec") if empty else ("boot", "main")
        return Route(nowhere, "unreachable", (NextHop(dev),), table, protocol, metric=metric)
    what, table = ("local", "local") if own else ("unicast", "main")
    if kind == "multicast":
        what, table = "multicast", "local"
    return Route(nowhere, what, (NextHop(dev, gateway),), table, "kernel" if own else "boot", metric=metric)


def with_legs(routes: list[Route], route: Route) -> None:
    """Add a route to a list that has each next hop of an IPv6 multipath route as an entry of its own.

    The kernel keeps routes to one prefix with one metric, each with a gateway, as one (rt6_qualify_for_ecmp).
    """
    last = routes[-1] if routes else route
    if last.dst != route.dst or last is route or not _are_legs(last, route):
        routes.append(route)
    else:
        routes[-1] = replace(last, nexthops=last.nexthops + route.nexthops)


def _are_legs(one: Route, other: Route) -> bool:
    return one.gateway is not None and other.gateway is not None and one == replace(other, nexthops=one.nexthops)
