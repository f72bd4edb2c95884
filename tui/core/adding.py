"""What `ip route`, `ip rule`, `ip link` and `sysctl` do to a Node, with the kernel's own words where it refuses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from tui.core.addresses import Address, Prefix
from tui.core.commands import CommandError, meaning
from tui.core.derived import kernel_routes, listed
from tui.core.labs import LinkCommand, Meaning, RouteCommand, RuleCommand, SysctlCommand
from tui.core.sysctls import Switches
from tui.core.world import Interface, NextHop, Node, Route, Rule

_BAD_GATEWAY = "Error: Nexthop has invalid gateway."
_EXISTS = "RTNETLINK answers: File exists"
_NOTHING = {"change": "RTNETLINK answers: No such file or directory", "del": "RTNETLINK answers: No such process"}


class RouteRefused(ValueError):
    """The kernel would refuse the command. str() is what iproute2 prints; `reason` one sentence that explains it."""

    def __init__(self, words: str, reason: str = "") -> None:
        super().__init__(words)
        self.reason = reason


def add_route(node: Node, argv: Sequence[str]) -> Node:
    """The node after `ip route ...` (any verb) or the classic `route add ...`.

    Raises RouteRefused with the kernel's words, CommandError where the command itself cannot be read.
    """
    done = meaning(argv)
    if not isinstance(done, RouteCommand):
        raise CommandError(f"{' '.join(argv)!r} changes no route.")
    return apply(node, done)


def apply(node: Node, command: Meaning) -> Node:
    """The node after the command, or RouteRefused."""
    match command:
        case RouteCommand(verb, route):
            return _change_route(node, verb, route)
        case RuleCommand(verb, rule):
            return _change_rule(node, verb, rule)
        case LinkCommand(dev, up):
            return _set_link(node, dev, up)
        case SysctlCommand(name, value):
            return _set_sysctl(node, name, value)


def _change_route(node: Node, verb: str, wanted: Route) -> Node:
    if verb == "del":
        found = next((each for each in node.routes if _meant(each, wanted)), None)
        if found is None:
            raise RouteRefused(_NOTHING["del"], f"the table has no such route to {wanted.dst.brief}.")
        return replace(node, routes=tuple(each for each in node.routes if each is not found))
    route = _checked(node, wanted)
    same = [each for each in node.routes if _key(each) == _key(route)]
    if same and verb == "add":
        raise RouteRefused(_EXISTS, f"there is already a route to {route.dst.brief} with that metric.")
    if verb == "change" and not same:
        raise RouteRefused(_NOTHING["change"], f"there is no route to {route.dst.brief} to change.")
    if verb == "append" and route.family == 6 and same and route.gateway is not None and same[0].gateway is not None:
        joined = replace(same[0], nexthops=(*same[0].nexthops, *route.nexthops))
        return _swapped(node, same[0], joined)
    if verb in ("replace", "change") and same:
        return _swapped(node, same[0], route)
    first = (route, *node.routes) if verb == "prepend" else (*node.routes, route)
    return replace(node, routes=listed(first))


def _swapped(node: Node, old: Route, new: Route) -> Node:
    return replace(node, routes=listed(new if each is old else each for each in node.routes))


def _key(route: Route) -> tuple[str, Prefix, Prefix | None, int, int]:
    """What makes two routes the same one to `add` and `replace`: table, prefix, tos and metric, whatever the way."""
    return (route.table, route.dst, route.src, route.tos, route.metric or 0)


def _meant(route: Route, wanted: Route) -> bool:
    """Whether `ip route del` with these words takes this route: what is not said matches (fib_table_delete)."""
    return (
        (route.table, route.dst) == (wanted.table, wanted.dst.network)
        and wanted.tos == route.tos
        and wanted.type in ("unicast", route.type)
        and (wanted.metric is None or wanted.metric == route.metric)
        and (wanted.prefsrc is None or wanted.prefsrc == route.prefsrc)
        and all(
            any(hop.dev in (None, own.dev) and hop.gateway in (None, own.gateway) for own in route.nexthops)
            for hop in wanted.nexthops
        )
    )


def _checked(node: Node, route: Route) -> Route:
    """The route as the kernel would hold it, once it accepts it (fib_create_info and ip6_route_info_create)."""
    if route.family == 4 and route.dst.has_host_bits:
        net = route.dst.network
        raise RouteRefused("Error: Invalid prefix for given prefix length.", f"the prefix is {net}, without host bits.")
    route = replace(route, dst=route.dst.network)
    if route.is_reject or route.type == "throw":
        hops: tuple[NextHop, ...] = (NextHop("lo"),) if route.family == 6 else ()
    else:
        hops = tuple(_checked_hop(node, route, hop) for hop in route.nexthops)
    if route.prefsrc is not None and not _is_own(node, route.prefsrc):
        words = "Error: Invalid prefsrc address." if route.family == 4 else "Error: Invalid source address."
        raise RouteRefused(words, f"{route.prefsrc} is no address of {node.name}.")
    if route.family == 4:
        return replace(route, nexthops=hops)
    return replace(route, nexthops=hops, metric=route.metric or 1024, pref=route.pref or "medium")


def _checked_hop(node: Node, route: Route, hop: NextHop) -> NextHop:
    interface = node.interface(hop.dev) if hop.dev is not None else None
    if hop.dev is not None and interface is None:
        raise RouteRefused(f'Cannot find device "{hop.dev}"', f"{node.name} has {_devices(node)}.")
    if hop.gateway is None:
        if interface is not None and not interface.up:
            raise RouteRefused("Error: Device for nexthop is not up.", f"{interface.name} is down.")
        return hop
    if "onlink" in hop.flags:
        return _onlink(node, hop, interface)
    check = _gateway4 if hop.gateway.version == 4 else _gateway6
    return replace(hop, dev=check(node, route, hop.gateway, hop.dev))


def _onlink(node: Node, hop: NextHop, interface: Interface | None) -> NextHop:
    if interface is None:
        raise RouteRefused("Error: Nexthop device required for onlink.", "name the device with dev.")
    if not interface.up:
        raise RouteRefused("Error: Nexthop device is not up.", f"{interface.name} is down.")
    if hop.gateway is not None and (_is_own(node, hop.gateway) or hop.gateway.is_multicast):
        raise RouteRefused(_BAD_GATEWAY, f"{hop.gateway} cannot be a gateway of {node.name}.")
    return hop


def _gateway4(node: Node, route: Route, gateway: Address, dev: str | None) -> str | None:
    """The device through which the gateway is on-link (fib_check_nh_v4_gw): by a route of scope link or closer."""
    found = _resolve(node, route, gateway, dev)
    if route.scope in ("link", "host") or found is None or found.type not in ("unicast", "local"):
        raise RouteRefused(_BAD_GATEWAY, _off_link(node, gateway, dev))
    return dev or found.dev


def _gateway6(node: Node, route: Route, gateway: Address, dev: str | None) -> str | None:
    """The same in IPv6 (ip6_validate_gw): the gateway's own route must have no gateway and be no reject."""
    if gateway.is_multicast or gateway.is_unspecified:
        raise RouteRefused("Error: Invalid gateway address.", f"{gateway} is no single neighbour.")
    if _is_own(node, gateway):
        raise RouteRefused("Error: Gateway can not be a local address.", f"{gateway} is {node.name}'s own.")
    if gateway.is_link_local:
        if dev is None:
            raise RouteRefused("Error: Egress device not specified.", f"{gateway} is on every link: name one with dev.")
        return dev
    found = _resolve(node, route, gateway, dev)
    if found is None or found.gateway is not None or found.is_reject:
        raise RouteRefused("RTNETLINK answers: No route to host", _off_link(node, gateway, dev))
    return found.dev


def _resolve(node: Node, route: Route, gateway: Address, dev: str | None) -> Route | None:
    """The longest route to the gateway: in the route's own table, then by rule. IPv4 wants scope link or closer."""
    own = [route.table] if route.table not in ("main", "local") else []
    if gateway.version == 4 and node.merged is not False:
        searches = [*([each] for each in own), ["local", "main"], ["default"]]
    else:
        searches = [[each] for each in [*own, *_tables(node, gateway)]]
    for tables in searches:
        matching = [
            each
            for each in node.routes
            if each.table in tables
            and each.dst.covers(gateway)
            and (dev in (None, each.dev) or (each.is_reject and gateway.version == 4))
            and (gateway.version == 6 or each.scope in ("site", "link", "host"))
        ]
        if matching:
            return max(matching, key=lambda each: each.dst.length)
    return None


def _tables(node: Node, gateway: Address) -> Iterator[str]:
    """The tables that the rules name for a packet to the gateway that the node itself would send."""
    for rule in sorted(node.rules, key=lambda each: each.priority):
        narrowed = rule.src or rule.mark is not None or rule.oif or rule.tos or rule.ipproto or rule.sport or rule.dport
        here = rule.iif in (None, "lo") and (rule.dst is None or rule.dst.covers(gateway))
        if rule.family == gateway.version and rule.action == "table" and not narrowed and here != rule.invert:
            yield rule.table


def _off_link(node: Node, gateway: Address, dev: str | None) -> str:
    subnets = [
        f"{each.prefix} ({interface.name})"
        for interface, each in node.addresses()
        if each.address.version == gateway.version
        and not (each.address.is_loopback or each.address.is_link_local)
        and dev in (None, interface.name)
    ]
    near = " or ".join(subnets) or "one of its subnets"
    return f"{gateway} is not on-link for {node.name}: a gateway must lie in {near}."


def _is_own(node: Node, address: Address) -> bool:
    return any(each.address == address for _, each in node.addresses()) or (
        address.version == 4 and address.is_loopback
    )


def _devices(node: Node) -> str:
    return ", ".join(each.name for each in node.interfaces) or "no device"


def _change_rule(node: Node, verb: str, rule: Rule) -> Node:
    family = [each for each in node.rules if each.family == rule.family]
    merged = False if rule.family == 4 else node.merged
    if verb == "del":
        found = next((each for each in family if _same_rule(each, rule)), None)
        if found is None:
            raise RouteRefused("RTNETLINK answers: No such file or directory", "there is no such rule.")
        return replace(node, rules=tuple(each for each in node.rules if each is not found), merged=merged)
    if rule.priority < 0:
        # fib_default_rule_pref in net/core/fib_rules.c: just before the second rule of the list.
        second = family[1].priority if len(family) > 1 else 0
        rule = replace(rule, priority=max(second - 1, 0))
    if rule in family:
        raise RouteRefused(_EXISTS, "the rule is already there.")
    rules = sorted((*node.rules, rule), key=lambda each: (each.family, each.priority))
    return replace(node, rules=tuple(rules), merged=merged)


def _same_rule(rule: Rule, wanted: Rule) -> bool:
    """Whether `ip rule del` with these words takes this rule: a priority or table that is not said matches any."""
    if wanted.priority < 0:
        wanted = replace(wanted, priority=rule.priority)
    return wanted == rule


def _set_link(node: Node, dev: str, up: bool) -> Node:
    """Setting a device up or down: down takes its routes and IPv6 addresses away, up gives back only its own routes."""
    interface = node.interface(dev)
    if interface is None:
        raise RouteRefused(f'Cannot find device "{dev}"', f"{node.name} has {_devices(node)}.")
    if interface.up == up:
        return node
    addresses = tuple(each for each in interface.addresses if up or each.address.version == 4)
    changed = replace(interface, up=up, carrier=up, addresses=addresses)
    kept = [each for each in node.routes if each.dev != dev or (not up and each.family == 4 and each.type == "local")]
    routes = listed((*kept, *kernel_routes(changed, bool(node.sysctl("net.ipv6.conf.all.forwarding")))))
    interfaces = tuple(changed if each is interface else each for each in node.interfaces)
    return replace(node, interfaces=interfaces, routes=routes)


def _set_sysctl(node: Node, name: str, value: int) -> Node:
    switches = Switches(node.sysctls)
    if not switches.write(name, value):
        raise RouteRefused(f"sysctl: cannot stat /proc/sys/{name.replace('.', '/')}: No such file or directory")
    before, after = node.sysctl("net.ipv6.conf.all.forwarding"), switches.values.get("net.ipv6.conf.all.forwarding")
    node = replace(node, sysctls=switches.read())
    if bool(before) == bool(after):
        return node
    kept = [each for each in node.routes if each.type != "anycast"]
    made = [each for interface in node.interfaces for each in kernel_routes(interface, bool(after))]
    return replace(node, routes=listed((*kept, *(each for each in made if each.type == "anycast"))))
