"""IPv4 lookups as the kernel does them: one table, then the way out and the way in (net/ipv4/fib_trie.c, route.c)."""

from __future__ import annotations

from dataclasses import replace

from tui.core.addresses import Address
from tui.core.lookup.fib import Fib, Flow, Table
from tui.core.lookup.policy import Found, same_tos, walk
from tui.core.lookup.source import select4
from tui.core.lookup.trace import Record, legs_of, narrate
from tui.core.query import Query
from tui.core.steps import CheckStep, Decision, Failure, Fate, LegsStep, SourceStep, Step, TableStep
from tui.core.world import NextHop, Route

BROADCAST = 0xFFFFFFFF
ANSWERS = {
    "unreachable": (Failure.UNREACHABLE, "EHOSTUNREACH"),
    "prohibit": (Failure.PROHIBIT, "EACCES"),
    "blackhole": (Failure.BLACKHOLE, "EINVAL"),
}
"""What a route of each reject type answers (fib_props in net/ipv4/fib_semantics.c)."""


def search(fib: Fib, table: str, flow: Flow, steps: list[Step] | None = None) -> Found | None:
    """Search one table (fib_table_lookup): longest prefix, then tos, metric and order; None on no match or throw."""
    shelf = fib.tables.get((4, table))
    if shelf is None:
        if steps is not None:
            steps.append(TableStep(table, None, "the table is empty; on to the next rule"))
        return None
    record: Record | None = [] if steps is not None else None
    found = _longest(fib, shelf, flow, record)
    if steps is not None and record is not None:
        narrate(shelf, flow, record, found, steps)
    return None if found is None or (found.route and found.route.type == "throw") else found


def _longest(fib: Fib, shelf: Table, flow: Flow, record: Record | None) -> Found | None:
    for aliases in shelf.matches(flow.dst):
        for route in aliases:
            if route.tos and not same_tos(route.tos, flow):
                fate, reason = Fate.TOS, f"it is only for tos {route.tos:#x}"
            elif route.is_reject:
                if record is not None:
                    record.append((route, Fate.REJECTS, f"it refuses: {route.type}"))
                return Found(shelf.name, route)
            elif route.type == "throw":
                if record is not None:
                    record.append((route, Fate.THROWS, "throw: leave this table, ask the next rule"))
                return Found(shelf.name, route)
            else:
                usable, fate, reason = _usable(fib, route, flow)
                if usable:
                    if record is not None:
                        record.append((route, Fate.CHOSEN, "the longest prefix that matches"))
                    return Found(shelf.name, route, usable[0], usable)
            if record is not None:
                record.append((route, fate, reason))
            if route.nhid is not None and fate is not Fate.TOS:
                # A next-hop object with no usable leg leaves the prefix at once ("goto miss" in fib_table_lookup).
                break
    return None


def _usable(fib: Fib, route: Route, flow: Flow) -> tuple[tuple[NextHop, ...], Fate, str]:
    """The legs that fib_lookup_good_nhc accepts, or why there is none."""
    if not route.nexthops:
        return (NextHop(),), Fate.CHOSEN, ""
    alive = [hop for hop in route.nexthops if fib.is_down(hop, 4) is None]
    if not alive:
        dead = fib.is_down(route.nexthops[0], 4) == "dead"
        reason = "its next hop is dead" if dead else "its link is down and ignore_routes_with_linkdown is set"
        return (), Fate.DEAD if dead else Fate.LINK_DOWN, f"{reason}; the search goes on"
    bound = [hop for hop in alive if flow.oif is None or hop.dev == flow.oif]
    if not bound:
        return (), Fate.OTHER_DEVICE, f"it leaves by {alive[0].dev}, and the packet is bound to {flow.oif}"
    # With a device given, the first leg on it is taken; no hash (nhsel in fib_table_lookup).
    return tuple(bound[:1] if flow.oif else bound), Fate.CHOSEN, ""


def find(fib: Fib, flow: Flow, steps: list[Step] | None) -> Found | None:
    """fib_lookup: the rules, each with its table; None where nothing matches."""
    return walk(fib, flow, lambda table, asked: search(fib, table, asked, steps), steps)


def refusal(found: Found | None) -> tuple[Failure, str] | None:
    """What a failed fib_lookup answers, or None where a route was found."""
    if found is None:
        return Failure.NO_ROUTE, "ENETUNREACH"
    if found.failure is not None and found.errno is not None:
        return found.failure, found.errno
    route = found.route
    return ANSWERS[route.type] if route is not None and route.is_reject else None


def is_own(fib: Fib, value: int) -> bool:
    """Whether the node may use this source: an interface's address, or one that table local covers (__ip_dev_find)."""
    if Address(4, value) in fib.addresses:
        return True
    found = search(fib, "local+main" if fib.merged else "local", Flow(4, value))
    return found is not None and found.route is not None and found.route.type == "local"


def owner_of(fib: Fib, value: int) -> str | None:
    """The device that an address of the node's own belongs to (__ip_dev_find).

    Where two devices have it, the one that got it last: the list is walked from its head, where it is put in.
    """
    holders = [link.name for link, each in fib.node.addresses() if each.address == Address(4, value)]
    if holders:
        return holders[-1]
    found = search(fib, "local+main" if fib.merged else "local", Flow(4, value))
    return found.route.dev if found is not None and found.route is not None else None


def outbound(fib: Fib, query: Query, steps: list[Step] | None) -> Decision:
    """A packet that the node makes itself (ip_route_output_key_hash_rcu)."""
    refused = _check_source(fib, query, steps) or _check_device(fib, query, steps)
    if refused is not None:
        return refused
    dst, src = query.dst.value, query.src.value if query.src else 0
    oif = query.oif
    if src and oif is None and (query.dst.is_multicast or dst == BROADCAST):
        return _direct(fib, query, owner_of(fib, src), src, steps)
    if oif is not None and (dst >> 8 == 0xE00000 or dst == BROADCAST):
        return _direct(fib, query, oif, src or select4(fib, oif, 0, "link"), steps)
    if oif is not None and not src and query.dst.is_multicast:
        src = select4(fib, oif, 0, "global")
    if dst == 0:
        dst = src or (select4(fib, oif, 0, "host") if oif else 0) or 0x7F000001
        return _finish(fib, query, Decision("local", dev="lo", prefsrc=Address(4, src or dst)), src or dst, steps)
    flow = Flow(
        4, dst, src, "lo", oif, query.mark, query.tos, 17 if query.ipproto is None else query.ipproto,
        query.sport or 0, query.dport or 0, bool(src),
    )  # fmt: skip
    found = find(fib, flow, steps)
    refused_by = refusal(found)
    if refused_by is not None:
        if oif is None:
            return _refused(found, *refused_by)
        if steps is not None:
            reason = f"no route allows it, but it is bound to {oif}: the kernel takes the address to be on that link"
            steps.append(CheckStep("bound to a device", True, reason))
        return _direct(fib, query, oif, src or select4(fib, oif, 0, "link"), steps)
    assert found is not None and found.route is not None
    return _leave(fib, query, found, src, steps)


def _check_source(fib: Fib, query: Query, steps: list[Step] | None) -> Decision | None:
    if query.src is None or query.src.value == 0:
        return None
    src = query.src
    if src.is_multicast or src.value == BROADCAST:
        return _fails(steps, "source", Failure.MARTIAN, "EINVAL", f"{src} can never be a source address")
    if not is_own(fib, src.value):
        reason = f"{src} is no address of this node, so it cannot send from it"
        return _fails(steps, "source", Failure.BAD_SOURCE, "ENETUNREACH", reason)
    return None


def _check_device(fib: Fib, query: Query, steps: list[Step] | None) -> Decision | None:
    if query.oif is None:
        return None
    link = fib.links.get(query.oif)
    if link is None:
        if "links" in fib.node.missing or "addresses" in fib.node.missing:
            return None
        return _fails(steps, "device", Failure.NO_DEVICE, "ENODEV", f"this node has no device {query.oif}")
    if not link.up:
        return _fails(steps, "device", Failure.LINK_DOWN, "ENETUNREACH", f"device {query.oif} is down")
    return None


def _fails(steps: list[Step] | None, name: str, failure: Failure, errno: str, reason: str) -> Decision:
    if steps is not None:
        steps.append(CheckStep(name, False, reason))
    return Decision(failure=failure, errno=errno, reason=reason)


def _refused(found: Found | None, failure: Failure, errno: str) -> Decision:
    route = found.route if found else None
    if found is not None and found.rule is not None:
        reason = f"rule {found.rule.priority} refuses it: {found.rule.action}"
    elif route is not None:
        reason = f"{route.type} {route.dst.brief} in table {route.table} refuses it"
    else:
        reason = "no table has a route to it"
    table, rule = route.table if route else None, found.rule if found else None
    return Decision(route=route, table=table, failure=failure, errno=errno, reason=reason, rule=rule)


def _leave(fib: Fib, query: Query, found: Found, src: int, steps: list[Step] | None) -> Decision:
    route = found.route
    assert route is not None
    kind = _kind(query.dst, route.type)
    if route.type == "local":
        source = src or (route.prefsrc.value if route.prefsrc else query.dst.value)
        decision = Decision(kind, route, "lo", None, Address(4, source), route.table)
        return _finish(fib, query, decision, source, steps)
    hops = _select_leg(fib, found, src, query.oif, steps)
    source = src or source_of(fib, route, hops[0])
    # Nothing that is sent to many goes through a gateway, unless a multicast route says so.
    direct = kind == "broadcast" or (kind == "multicast" and route.dst.length < 4)
    hops = tuple(replace(hop, gateway=None if direct else usable_gateway(fib, hop)) for hop in hops)
    decision = Decision(
        kind,
        route,
        hops[0].dev,
        hops[0].gateway,
        Address(4, source) if source else None,
        route.table,
        hops if len(hops) > 1 else (),
    )
    return _finish(fib, query, decision, source, steps)


def _kind(dst: Address, otherwise: str) -> str:
    """What the packet is sent as: the destination's own kind comes before the route's (__mkroute_output)."""
    if dst.value == BROADCAST:
        return "broadcast"
    return "multicast" if dst.is_multicast else otherwise


def _select_leg(fib: Fib, found: Found, src: int, oif: str | None, steps: list[Step] | None) -> tuple[NextHop, ...]:
    """The legs that the hash may choose (fib_select_multipath): those whose own address is the source, if there are."""
    route = found.route
    assert route is not None
    hops = found.usable
    own: tuple[NextHop, ...] = ()
    if len(hops) > 1 and src and route.nhid is None:
        own = tuple(hop for hop in hops if source_of(fib, route, hop) == src)
    left = own or hops
    if len(route.nexthops) > 1 and steps is not None:
        reason = _leg_reason(hops, own, oif)
        steps.append(LegsStep(route, legs_of(fib, route, hops, 4), left[0] if len(left) == 1 else None, reason))
    return left


def _leg_reason(hops: tuple[NextHop, ...], own: tuple[NextHop, ...], oif: str | None) -> str:
    if len(own) == 1:
        return f"the packet's source is the address of {own[0].dev}, so that leg is taken"
    if own:
        return f"the packet's source is the address of {own[0].dev}: a hash chooses among the legs that would use it"
    if oif is not None:
        return f"the packet is bound to {oif}: the first leg on it is taken"
    if len(hops) == 1:
        return "one leg only can be used"
    return "a hash of the flow's addresses chooses among them by weight: one flow always takes one leg"


def usable_gateway(fib: Fib, hop: NextHop) -> Address | None:
    """The gateway that a packet is really sent to (rt_set_nexthop).

    A gateway that was one of the node's own addresses when the route was added resolved to scope host, and the kernel
    then ignores it: the destination itself is asked for on the link. What the node owns now stands for what it owned
    then, which no listing shows; `doubt` says so.
    """
    gateway = hop.gateway
    if gateway is None or gateway.version != 4 or "onlink" in hop.flags:
        return gateway
    # A gateway behind lo was resolved through table local: only own addresses are there.
    return None if gateway in fib.addresses or hop.dev == "lo" else gateway


def doubt(fib: Fib, decision: Decision) -> str | None:
    """The sentence for a next hop that is not sure.

    Its gateway could not be read, or its use depends on the past: it is this node's own, or was made local.
    """
    if decision.route is not None and decision.route.unread_gateway is not None:
        return f"The route's gateway is written as {decision.route.unread_gateway}: its address is not known."
    for hop in decision.route.nexthops if decision.route is not None and decision.type == "unicast" else ():
        gateway = hop.gateway
        if gateway is not None and gateway.version == 4 and "onlink" not in hop.flags and is_own(fib, gateway.value):
            use = "unused" if gateway in fib.addresses else "used"
            return (
                f"{gateway} belongs to this node itself; the kernel decided when the route was added whether such a "
                f"gateway is used, and no listing shows it. It is taken to be {use}."
            )
    return None


def source_of(fib: Fib, route: Route, hop: NextHop) -> int:
    """The source address for a route and leg (fib_result_prefsrc); 0 where the node has none."""
    if route.prefsrc is not None and route.prefsrc.version == 4:
        return route.prefsrc.value
    near = hop.gateway.value if hop.gateway is not None and hop.gateway.version == 4 else 0
    return select4(fib, hop.dev, near, route.scope)


def _direct(fib: Fib, query: Query, oif: str | None, src: int, steps: list[Step] | None) -> Decision:
    """Straight out of a device, with no route (make_route without a fib result)."""
    kind = _kind(query.dst, "unicast")
    decision = Decision(kind, None, oif, None, Address(4, src) if src else None)
    return _finish(fib, query, decision, src, steps)


def _finish(fib: Fib, query: Query, decision: Decision, src: int, steps: list[Step] | None) -> Decision:
    """The last checks of __mkroute_output: loopback sources stay on lo unless route_localnet allows."""
    link = fib.links.get(decision.dev or "")
    loopback = decision.dev == "lo" or (link is not None and link.kind == "loopback")
    if src >> 24 == 127 and not loopback and not fib.either(4, decision.dev or "", "route_localnet"):
        reason = f"{Address(4, src)} may not leave the node (route_localnet is off)"
        return _fails(steps, "source", Failure.MARTIAN, "EINVAL", reason)
    given = query.src is not None and bool(query.src.value)
    if steps is not None:
        reason = "given with the query" if given else _source_reason(decision)
        steps.append(SourceStep(decision.prefsrc, reason))
    # `ip route get` prints a source only where the kernel chose it.
    return replace(decision, prefsrc=None) if given else decision


def _source_reason(decision: Decision) -> str:
    route = decision.route
    if decision.prefsrc is None:
        return "the node has no address that it could use"
    if decision.type == "local":
        return "a packet to oneself comes from the same address"
    if route is not None and route.prefsrc == decision.prefsrc:
        return "the route names it (src)"
    return f"the first fitting address of {decision.dev}"
