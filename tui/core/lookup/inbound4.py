"""IPv4 packets that come in by an interface: martians, forwarding, source validation (ip_route_input_slow)."""

from __future__ import annotations

from dataclasses import replace

from tui.core.addresses import Address
from tui.core.lookup.fib import Fib, Flow
from tui.core.lookup.ipv4 import BROADCAST, find, refusal, usable_gateway
from tui.core.lookup.policy import Found
from tui.core.lookup.trace import legs_of
from tui.core.query import Query
from tui.core.steps import CheckStep, Decision, Failure, LegsStep, Step


def receive(fib: Fib, query: Query, steps: list[Step] | None) -> Decision:
    """ip_route_input_rcu and ip_route_input_slow: where a packet goes that came in by `query.iif`."""
    iif = query.iif or ""
    src = query.src.value if query.src else 0
    dst = query.dst.value
    if iif not in fib.links and not {"links", "addresses"} & set(fib.node.missing):
        return _fails(steps, "device", Failure.NO_DEVICE, "ENODEV", f"this node has no device {iif}")
    martian = _martian(fib, query.dst, Address(4, src), iif)
    if martian is not None:
        return _fails(steps, "martian", Failure.MARTIAN, "EINVAL", martian)
    flow = Flow(
        4, dst, src, iif, None, query.mark, query.tos, 17 if query.ipproto is None else query.ipproto,
        query.sport or 0, query.dport or 0, True,
    )  # fmt: skip
    if query.dst.is_multicast:
        return _multicast(fib, query, iif, steps)
    if dst == BROADCAST or (src == 0 and dst == 0):
        return _deliver("broadcast", fib, flow, None, steps)
    found = find(fib, flow, steps)
    refused = refusal(found)
    if refused is None and found is not None and found.route is not None and found.route.type in ("local", "broadcast"):
        return _deliver(found.route.type, fib, flow, found, steps)
    forwards = _forwards(fib, iif, steps)
    if forwards is not None:
        return forwards
    if refused is not None or found is None or found.route is None:
        failure, errno = refused or (Failure.NO_ROUTE, "ENETUNREACH")
        route = found.route if found else None
        what = f"{route.type} {route.dst.brief} refuses it" if route else "no table has a route to it"
        if found is not None and found.rule is not None:
            what = f"rule {found.rule.priority} refuses it: {found.rule.action}"
        table, rule = route.table if route else None, found.rule if found else None
        return Decision(route=route, table=table, failure=failure, errno=errno, reason=what, rule=rule)
    if found.route.type != "unicast":
        reason = f"{found.route.type} routes take no packets from outside"
        return _fails(steps, "martian", Failure.MARTIAN, "EINVAL", reason)
    return _forward(fib, flow, found, steps)


def _martian(fib: Fib, dst: Address, src: Address, iif: str) -> str | None:
    """Why a packet with these addresses may not come in by a wire at all, or None."""
    if src.is_multicast or src.value == BROADCAST:
        return f"{src} can never be a source address"
    if dst.value == BROADCAST or (src.value == 0 and dst.value == 0) or dst.is_multicast:
        return None
    if src.value == 0 or dst.value == 0:
        return "0.0.0.0 is no address that a packet may carry"
    for each in (dst, src):
        if each.is_loopback:
            if fib.either(4, iif, "route_localnet"):
                return None
            return f"{each} may not come in by a wire (route_localnet is off)"
    return None


def _multicast(fib: Fib, query: Query, iif: str, steps: list[Step] | None) -> Decision:
    """Only groups that the interface joined are taken; every interface that is up joins 224.0.0.1 (RFC 1112)."""
    link = fib.links.get(iif)
    if query.dst.value == 0xE0000001 and link is not None and link.up:
        return Decision("multicast", dev="lo")
    reason = f"{iif} has not joined the group {query.dst}"
    return _fails(steps, "group", Failure.MARTIAN, "EINVAL", reason)


def _forwards(fib: Fib, iif: str, steps: list[Step] | None) -> Decision | None:
    """Only the ingress interface's `forwarding` counts; ip_forward is a switch that sets all of them."""
    value = fib.conf(4, iif, "forwarding")
    if value is None:
        value = fib.sysctls.get("net.ipv4.ip_forward")
    if value is None:
        reason = f"whether {iif} forwards (net.ipv4.conf.{iif}.forwarding) was not read"
        return _fails(steps, "forwarding", Failure.UNKNOWN, None, reason)
    if value:
        if steps is not None:
            steps.append(CheckStep("forwarding", True, f"net.ipv4.conf.{iif}.forwarding is 1"))
        return None
    reason = f"net.ipv4.conf.{iif}.forwarding is 0: the node is no router for what comes in there"
    return _fails(steps, "forwarding", Failure.NOT_FORWARDING, "EHOSTUNREACH", reason)


def _deliver(kind: str, fib: Fib, flow: Flow, found: Found | None, steps: list[Step] | None) -> Decision:
    """To the node itself, whatever ip_forward says, if its source is allowed."""
    towards = 0 if kind == "broadcast" else flow.dst
    if flow.src or kind == "local":
        refused = validate(fib, flow._replace(dst=towards), None, steps)
        if refused is not None:
            return refused
    route = found.route if found else None
    return Decision(kind, route, "lo", None, None, route.table if route else None)


def _forward(fib: Fib, flow: Flow, found: Found, steps: list[Step] | None) -> Decision:
    """Out again, by each usable leg whose own source validation allows it (__mkroute_input)."""
    route = found.route
    assert route is not None
    if len(route.nexthops) > 1 and steps is not None:
        reason = "a hash of the flow's addresses chooses among them by weight: one flow always takes one leg"
        steps.append(LegsStep(route, legs_of(fib, route, found.usable, 4), None, reason))
    allowed, refused = [], None
    for hop in found.usable:
        refusal_here = validate(fib, flow, hop.dev, steps)
        if refusal_here is None:
            allowed.append(hop)
        else:
            refused = refusal_here
    if not allowed:
        assert refused is not None
        return refused
    hops = tuple(replace(hop, gateway=usable_gateway(fib, hop)) for hop in allowed)
    several = hops if len(hops) > 1 else ()
    return Decision("unicast", route, hops[0].dev, hops[0].gateway, None, route.table, several)


def validate(fib: Fib, flow: Flow, oif: str | None, steps: list[Step] | None) -> Decision | None:
    """fib_validate_source: None where the packet's source may come in by `flow.iif` when it leaves by `oif`."""
    iif = flow.iif
    mode = fib.either(4, iif, "rp_filter")
    redirects = fib.either(4, iif, "send_redirects") if fib.conf(4, iif, "send_redirects") is not None else 1
    if not mode and not _realms(fib) and (iif != oif or not redirects):
        if fib.either(4, iif, "accept_local"):
            return None
        if not _custom_local(fib) and not fib.custom_rules[4]:
            if Address(4, flow.src) in fib.addresses:
                reason = f"{Address(4, flow.src)} is this node's own address, so it cannot come from outside"
                return _fails(steps, "source", Failure.MARTIAN, "EINVAL", reason)
            _passes(steps, "source", f"rp_filter is 0 on {iif}, and the source is not one of its own addresses")
            return None
    return _full_check(fib, flow, oif, mode, steps)


def _full_check(fib: Fib, flow: Flow, oif: str | None, mode: int, steps: list[Step] | None) -> Decision | None:
    """__fib_validate_source: look the source up as if answering, and ask whether that leaves by the same device."""
    iif = flow.iif
    link = fib.links.get(iif)
    mark = flow.mark if fib.either(4, iif, "src_valid_mark") else 0
    back = flow._replace(
        dst=flow.src, src=flow.dst, iif=oif or "lo", mark=mark, sport=flow.dport, dport=flow.sport, has_src=True
    )
    found = find(fib, back, None)
    source = Address(4, flow.src)
    if refusal(found) is not None or found is None or found.route is None:
        return _last_resort(mode, f"no route back to {source}", steps)
    route = found.route
    if route.type != "unicast" and not (route.type == "local" and fib.either(4, iif, "accept_local")):
        reason = f"the way back to {source} is a {route.type} route: such a source cannot come from outside"
        return _fails(steps, "source", Failure.MARTIAN, "EINVAL", reason)
    if any(hop.dev == iif for hop in route.nexthops) or (route.type == "local" and iif == "lo"):
        _passes(steps, "reverse path", f"the way back to {source} leaves by {iif} too")
        return None
    if link is not None and not any(each.address.version == 4 for each in link.addresses):
        return _last_resort(mode, f"{iif} has no address", steps)
    if mode == 1:
        leaves = ", ".join(sorted({hop.dev or "?" for hop in route.nexthops}))
        return _reverse(f"rp_filter is 1, and the way back to {source} leaves by {leaves}, not by {iif}", steps)
    _passes(steps, "reverse path", f"rp_filter is {mode}: any way back to {source} is enough")
    return None


def _last_resort(mode: int, reason: str, steps: list[Step] | None) -> Decision | None:
    if mode:
        return _reverse(f"rp_filter is {mode}, and there is {reason}", steps)
    _passes(steps, "reverse path", f"there is {reason}, but rp_filter is 0")
    return None


def _reverse(reason: str, steps: list[Step] | None) -> Decision:
    return _fails(steps, "reverse path", Failure.REVERSE_PATH, "EINVAL", reason)


def _custom_local(fib: Fib) -> bool:
    """A route of type local that a person added (fib_has_custom_local_routes): not protocol kernel."""
    return any(route.type == "local" and route.protocol != "kernel" and route.family == 4 for route in fib.node.routes)


def _realms(fib: Fib) -> bool:
    """Any IPv4 route or rule with a realm makes the kernel do the full check (fib_num_tclassid_users)."""
    return any("realm" in route.attributes or "realms" in route.attributes for route in fib.node.routes) or any(
        "realms" in rule.attributes for rule in fib.rules[4]
    )


def _passes(steps: list[Step] | None, name: str, reason: str) -> None:
    if steps is not None:
        steps.append(CheckStep(name, True, reason))


def _fails(steps: list[Step] | None, name: str, failure: Failure, errno: str | None, reason: str) -> Decision:
    if steps is not None:
        steps.append(CheckStep(name, False, reason))
    return Decision(failure=failure, errno=errno, reason=reason)
