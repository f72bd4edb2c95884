"""IPv6 lookups as the kernel does them (net/ipv6/route.c, ip6_fib.c): prefix by prefix, then metric, then a score."""

from __future__ import annotations

from collections.abc import Iterator

from tui.core.addresses import WIDTH, Address, Prefix
from tui.core.lookup.fib import Fib, Flow, Table, metric_of
from tui.core.lookup.ipv4 import ANSWERS
from tui.core.lookup.policy import Found, walk
from tui.core.lookup.source import select6
from tui.core.lookup.trace import Record, legs_of, narrate
from tui.core.query import Query
from tui.core.steps import CheckStep, Decision, Failure, Fate, LegsStep, SourceStep, Step, TableStep
from tui.core.world import NextHop, Route

PREFERENCE = {"low": 1, "medium": 2, "high": 3}
"""Router preferences (RFC 4191) as the kernel orders them (IPV6_DECODE_PREF)."""

Member = tuple[Route, NextHop]


class Asked:
    """What a search is bound to: `dev` the device whose routes are preferred, `strict` that no other will do."""

    __slots__ = ("dev", "fib", "strict")

    def __init__(self, fib: Fib, dev: str | None, strict: bool) -> None:
        self.fib, self.dev, self.strict = fib, dev, strict


def search(asked: Asked, table: str, flow: Flow, steps: list[Step] | None = None) -> Found | None:
    """fib6_table_lookup on one table; None where nothing fits or a throw route gives the question back."""
    shelf = asked.fib.tables.get((6, table))
    if shelf is None:
        if steps is not None:
            steps.append(TableStep(table, None, "the table is empty; on to the next rule"))
        return None
    record: Record | None = [] if steps is not None else None
    found = None
    for aliases in _nodes(shelf, flow):
        chosen = _select(asked, aliases, record)
        if chosen is not None:
            route, hop = chosen
            found = Found(table, route, hop, _legs(asked, route, hop))
            break
    if steps is not None and record is not None:
        narrate(shelf, flow, record, found, steps)
    return None if found is None or (found.route and found.route.type == "throw") else found


def _nodes(shelf: Table, flow: Flow) -> Iterator[list[Route]]:
    """The tree nodes that fib6_node_lookup and fib6_backtrack visit, in order.

    A destination that has routes with a source (`from`) is first searched by the packet's source. Where none fits, the
    first descent passes over its plain routes; on the way back up they count again, and at ::/0 always.
    """
    descended = False
    for aliases in shelf.matches(flow.dst):
        dst = aliases[0].dst
        if dst not in shelf.sourced:
            descended = True
            yield aliases
            continue
        plain = [route for route in aliases if route.src is None or not route.src.length]
        sourced = [group for group in _by_source(aliases) if _covers(group[0].src, flow.src)]
        yield from sourced
        if plain and (sourced or descended or dst.length == 0):
            yield plain
        descended = descended or bool(sourced)


def _by_source(aliases: list[Route]) -> list[list[Route]]:
    """Routes with a source, grouped by it, longest source prefix first."""
    groups: dict[Prefix, list[Route]] = {}
    for route in aliases:
        if route.src is not None and route.src.length:
            groups.setdefault(route.src, []).append(route)
    return [groups[key] for key in sorted(groups, key=lambda prefix: -prefix.length)]


def _covers(prefix: Prefix | None, value: int) -> bool:
    if prefix is None:
        return True
    shift = WIDTH[6] - prefix.length
    return value >> shift == prefix.value >> shift


def _select(asked: Asked, aliases: list[Route], record: Record | None) -> Member | None:
    """find_rr_leaf: the best score among the lowest metric; if none is usable, the best of all that remain."""
    first = metric_of(aliases[0])
    lowest = [route for route in aliases if metric_of(route) == first]
    chosen = _best(asked, lowest, record)
    if chosen is None:
        chosen = _best(asked, aliases[len(lowest) :], record)
    return chosen


def _best(asked: Asked, routes: list[Route], record: Record | None) -> Member | None:
    best: Member | None = None
    top = -1
    for route in routes:
        if route.type == "blackhole" and route.nhid is not None:
            # A blackhole next-hop object ends the search where it stands (__find_rr_leaf).
            best = route, NextHop("lo")
            break
        for hop in route.nexthops or (NextHop("lo"),):
            score = _score(asked, route, hop)
            if score > top:
                best, top = (route, hop), score
                if route.nhid is not None:
                    break
    if record is not None:
        _record(asked, routes, best, record)
    return best


def _score(asked: Asked, route: Route, hop: NextHop) -> int:
    """rt6_score_route with find_match before it: below 0 where the next hop cannot be used."""
    if asked.fib.is_down(hop, 6):
        return -1
    dev = "lo" if route.is_reject or route.type == "throw" else hop.dev
    near = asked.dev is None or dev == asked.dev
    if not near and asked.strict:
        return -1
    return (2 if near else 0) + (PREFERENCE.get(route.pref or "medium", 2) << 2)


def _record(asked: Asked, routes: list[Route], best: Member | None, record: Record) -> None:
    for route in routes:
        if best is not None and route is best[0]:
            if route.is_reject:
                record.append((route, Fate.REJECTS, f"it refuses: {route.type}"))
            elif route.type == "throw":
                record.append((route, Fate.THROWS, "throw: leave this table, ask the next rule"))
            else:
                record.append((route, Fate.CHOSEN, "the longest prefix that matches"))
        else:
            record.append((route, *_why_not(asked, route, best)))


def _why_not(asked: Asked, route: Route, best: Member | None) -> tuple[Fate, str]:
    hops = route.nexthops or (NextHop("lo"),)
    if all(_score(asked, route, hop) < 0 for hop in hops):
        down = next((why for hop in hops if (why := asked.fib.is_down(hop, 6))), None)
        if down is None:
            return Fate.OTHER_DEVICE, f"it leaves by {hops[0].dev}, and the packet is bound to {asked.dev}"
        return Fate.DEAD if down == "dead" else Fate.LINK_DOWN, f"{down}; the search goes on"
    if best is not None and metric_of(route) > metric_of(best[0]):
        return Fate.METRIC, f"same prefix, but metric {metric_of(route)} is worse than {metric_of(best[0])}"
    if best is not None and _score(asked, route, hops[0]) == _score(asked, *best):
        return Fate.LATER, "same prefix, metric and preference, but listed later"
    return Fate.PREFERENCE, "same prefix, but a lower preference, or not on the device asked for"


def _legs(asked: Asked, route: Route, hop: NextHop) -> tuple[NextHop, ...]:
    """The legs that the hash may choose (fib6_select_path): those that are up and, when strict, on the device."""
    if len(route.nexthops) < 2:
        return (hop,)
    if route.nhid is not None:
        return tuple(each for each in route.nexthops if not asked.fib.is_down(each, 6)) or (hop,)
    usable = [each for each in route.nexthops if each is not hop and _score(asked, route, each) >= 0]
    return (hop, *usable)


def decide(fib: Fib, query: Query, steps: list[Step] | None) -> Decision:
    """Out (ip6_route_output) or in by an interface (ip6_route_input), as `ip -6 route get` asks."""
    dev = query.iif or query.oif
    if dev is not None and dev not in fib.links and not {"links", "addresses"} & set(fib.node.missing):
        reason = f"this node has no device {dev}"
        if steps is not None:
            steps.append(CheckStep("device", False, reason))
        return Decision(failure=Failure.NO_DEVICE, errno="ENODEV", reason=reason)
    src = query.src.value if query.src else 0
    # Destinations that mean something on one link only are never looked for on another (rt6_need_strict).
    strict = query.dst.is_multicast or query.dst.is_link_local or query.dst.value == 1
    if query.iif is None and query.oif is not None and not src:
        strict = True
    asked = Asked(fib, dev, strict)
    flow = Flow(
        6, query.dst.value, src, query.iif or "lo", None if query.iif else query.oif, query.mark, query.tos,
        query.ipproto or 0, query.sport or 0, query.dport or 0, bool(src),
    )  # fmt: skip
    found = walk(fib, flow, lambda table, wanted: search(asked, table, wanted, steps), steps)
    return _decision(fib, query, found, steps)


def _decision(fib: Fib, query: Query, found: Found | None, steps: list[Step] | None) -> Decision:
    if found is None:
        return Decision(failure=Failure.NO_ROUTE, errno="ENETUNREACH", reason="no table has a route to it")
    if found.failure is not None:
        reason = f"rule {found.rule.priority if found.rule else '?'} refuses it: {found.rule and found.rule.action}"
        return Decision(failure=found.failure, errno=found.errno, reason=reason, rule=found.rule)
    route, hop = found.route, found.hop
    assert route is not None and hop is not None
    if route.is_reject:
        failure, errno = ANSWERS[route.type]
        reason = f"{route.type} {route.dst.brief} in table {route.table} refuses it"
        return Decision(route=route, table=route.table, failure=failure, errno=errno, reason=reason)
    own = route.type in ("local", "anycast")
    if len(route.nexthops) > 1 and not own and steps is not None:
        only = hop if len(found.usable) == 1 else None
        reason = "one leg only can be used" if only else "a hash of the flow chooses among them by weight"
        steps.append(LegsStep(route, legs_of(fib, route, found.usable, 6), only, reason))
    source = route.prefsrc
    if query.iif is None:
        source = _source(fib, query, route, hop.dev)
        if steps is not None:
            steps.append(SourceStep(source, _source_reason(query, route, source)))
    return Decision(
        route.type, route, "lo" if own else hop.dev, hop.gateway, source, route.table,
        found.usable if len(found.usable) > 1 and not own else (),
    )  # fmt: skip


def _source(fib: Fib, query: Query, route: Route, dev: str | None) -> Address | None:
    return route.prefsrc or select6(fib, dev, query.dst.value)


def _source_reason(query: Query, route: Route, source: Address | None) -> str:
    if query.src is not None:
        return f"given with the query; by itself the node would take {source}" if source else "given with the query"
    if source is None:
        return "the node has no address that it could use"
    return "the route names it (src)" if route.prefsrc else "the best address for this destination by RFC 6724"
