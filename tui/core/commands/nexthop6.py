"""Whether the kernel takes an IPv6 route's next hops and source, and how it holds them (net/ipv6/route.c)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from tui.core.addresses import Address
from tui.core.commands.onlink import covering, device, down, live, marked, near
from tui.core.commands.refused import RouteRefused
from tui.core.lookup.fib import Fib, Flow
from tui.core.lookup.ipv6 import Asked, search
from tui.core.lookup.policy import Found, walk
from tui.core.world import Interface, NextHop, Node, Route

_NO_WAY = "RTNETLINK answers: No route to host"


def checked6(node: Node, route: Route) -> Route:
    """The route as the kernel would hold it (ip6_route_info_create_nh). Raises RouteRefused, in the kernel's order."""
    if route.is_reject or route.type == "throw":
        hops: list[NextHop] = [NextHop("lo")]
        _check_source(node, route, "lo")
    elif not route.nexthops:
        raise RouteRefused("RTNETLINK answers: No such device", "give a gateway with via, or a device with dev.")
    else:
        hops = []
        for wanted in route.nexthops:
            hop = _checked(node, route, wanted)
            _check_source(node, route, hop.dev)
            if len(route.nexthops) > 1:
                _check_leg(hop, hops)
            hops.append(hop)
    return replace(
        route, nexthops=tuple(hops), metric=route.metric or 1024, pref=route.pref or "medium", scope="global"
    )


def _check_source(node: Node, route: Route, dev: str | None) -> None:
    if route.prefsrc is not None and not is_own(node, route.prefsrc, dev, tentative=False):
        raise RouteRefused("Error: Invalid source address.", f"{route.prefsrc} is no address of {node.name}.")


def _check_leg(hop: NextHop, before: Iterable[NextHop]) -> None:
    """ip6_route_multipath_add: every leg has a gateway, and no two are alike."""
    if hop.gateway is None:
        words = "Error: Device only routes can not be added for IPv6 using the multipath API."
        raise RouteRefused(words, "give every next hop a gateway with via.")
    if (hop.dev, hop.gateway) in {(each.dev, each.gateway) for each in before}:
        raise RouteRefused("RTNETLINK answers: File exists", "two of its next hops are the same.")


def _checked(node: Node, route: Route, hop: NextHop) -> NextHop:
    link = device(node, hop.dev) if hop.dev is not None else None
    if route.type == "unicast" and link is not None and _loops(link, route):
        # A unicast route by lo would loop: the kernel makes it a reject, whatever else was said (fib6_is_reject).
        return NextHop(link.name)
    return checked_hop(node, route, hop)


def _loops(link: Interface, route: Route) -> bool:
    return link.kind == "loopback" and not route.dst.address.is_loopback


def checked_hop(node: Node, route: Route, hop: NextHop) -> NextHop:
    """fib6_nh_init: one next hop; also that of an IPv4 route `via inet6`."""
    link = device(node, hop.dev) if hop.dev is not None else None
    if "onlink" in hop.flags:
        if link is None:
            raise RouteRefused("Error: Nexthop device required for onlink.", "name the device with dev.")
        if not link.up:
            raise RouteRefused("Error: Nexthop device is not up.", down(link))
    if hop.gateway is not None:
        link = _validate(node, route, hop, hop.gateway, link)
    if link is None:
        raise RouteRefused("RTNETLINK answers: No such device", "name a device with dev.")
    if node.sysctl(f"net.ipv6.conf.{link.name.replace('.', '/')}.disable_ipv6"):
        words = "Error: IPv6 is disabled on nexthop device."
        raise RouteRefused(words, f"IPv6 is off on {link.name} (net.ipv6.conf.{link.name}.disable_ipv6).")
    if not link.up:
        raise RouteRefused("Error: Nexthop device is not up.", down(link))
    hop = replace(hop, dev=link.name)
    # The kernel's own entries do not look at the link, and an IPv4 route hears of it only at the link's next change.
    careless = route.family == 4 or route.type in ("local", "anycast")
    return hop if careless else marked(node, hop, 6)


def _validate(node: Node, route: Route, hop: NextHop, gateway: Address, link: Interface | None) -> Interface:
    """ip6_validate_gw: the egress device, once the gateway is found to be a neighbour."""
    named = link is not None
    if link is not None and is_own(node, gateway, link.name if gateway.is_link_local else None):
        raise _is_its_own(node, gateway)
    if not gateway.is_link_local:
        if gateway.is_multicast or gateway.is_unspecified:
            raise RouteRefused("Error: Invalid gateway address.", f"{gateway} is no single neighbour.")
        if "onlink" in hop.flags:
            _check_onlink(node, route, gateway, hop.dev)
        else:
            dev = _resolve(node, route, gateway, hop.dev)
            link = device(node, dev) if dev is not None else None
    if link is None:
        raise RouteRefused("Error: Egress device not specified.", f"{gateway} is on every link: name one with dev.")
    if link.kind == "loopback":
        words = "Error: Egress device can not be loopback device for this route."
        raise RouteRefused(words, f"{gateway} leads back to {node.name} itself.")
    if not named and is_own(node, gateway):
        raise _is_its_own(node, gateway)
    return link


def _is_its_own(node: Node, gateway: Address) -> RouteRefused:
    return RouteRefused("Error: Gateway can not be a local address.", f"{gateway} is {node.name}'s own.")


def _view(node: Node, gateway: Address) -> Fib:
    """Its tables as ip6_nh_lookup_table sees them: whether links have a carrier is ignored."""
    return Fib(replace(node, routes=tuple(live(node, each) for each in covering(node, gateway))))


def _rejects(found: Found | None) -> bool:
    """Whether the answer is none, or a reject: also a unicast route by lo, which the kernel made one."""
    if found is None or found.route is None or found.route.is_reject:
        return True
    return found.route.type == "unicast" and found.route.dev == "lo" and not found.route.dst.address.is_loopback


def _resolve(node: Node, route: Route, gateway: Address, dev: str | None) -> str | None:
    """ip6_route_check_nh: the device by which the gateway is on-link, by the route's own table, then by the rules."""
    src = route.prefsrc.value if route.prefsrc is not None and route.family == 6 else 0
    flow = Flow(6, gateway.value, src, oif=dev, has_src=bool(src))
    found = search(Asked(_view(node, gateway), dev, strict=True), route.table, flow)
    if _rejects(found) or _has_gateway(found) or (dev is not None and found and found.hop and found.hop.dev != dev):
        fib = _ruled(node, gateway)
        asked = Asked(fib, dev, strict=True)
        found = walk(
            fib, Flow(6, gateway.value, iif="", oif=dev), lambda table, wanted: search(asked, table, wanted), None
        )
        if _rejects(found) or _has_gateway(found):
            raise RouteRefused(_NO_WAY, near(node, gateway, dev))
    egress = found.hop.dev if found is not None and found.hop is not None else None
    if dev is not None and egress != dev:
        raise RouteRefused(_NO_WAY, near(node, gateway, dev))
    return egress


def _ruled(node: Node, gateway: Address) -> Fib:
    """Its tables and rules as fib6_lookup sees them: like any lookup a link that is down, and is to be ignored, counts.

    Unlike any other (fib6_rule_action_alt in net/ipv6/fib6_rules.c) a throw ends the walk, as a reject does, and no
    rule's suppress_prefixlength is looked at. Nor does it come from lo: a rule with `iif lo` does not match.
    """
    routes = (replace(each, type="unreachable") if each.type == "throw" else each for each in covering(node, gateway))
    rules = (replace(each, suppress_prefixlength=None) for each in node.rules)
    return Fib(replace(node, routes=tuple(routes), rules=tuple(rules)))


def _has_gateway(found: Found | None) -> bool:
    return found is not None and found.hop is not None and found.hop.gateway is not None


def _check_onlink(node: Node, route: Route, gateway: Address, dev: str | None) -> None:
    """ip6_route_check_nh_onlink: no route of table main may say that the gateway is elsewhere."""
    src = route.prefsrc.value if route.prefsrc is not None and route.family == 6 else 0
    found = search(Asked(_view(node, gateway), dev, strict=False), "main", Flow(6, gateway.value, src, oif=dev))
    if _rejects(found) or found is None or found.route is None or found.hop is None or found.route.dst.value == 0:
        return
    if found.route.type != "unicast" or found.hop.dev != dev:
        words = "Error: Nexthop has invalid gateway or device mismatch."
        raise RouteRefused(words, f"{found.route.dst.brief} leads to {gateway} by {found.hop.dev}.")


def is_own(node: Node, address: Address, dev: str | None = None, *, tentative: bool = True) -> bool:
    """ipv6_chk_addr_and_flags: an own address; one of scope link counts on its own device only."""
    for link, each in node.addresses():
        if each.address != address:
            continue
        if not tentative and "tentative" in each.flags and "optimistic" not in each.flags:
            continue
        if dev in (None, link.name) or not (address.is_link_local or address.is_loopback):
            return True
    return False
