"""What `ip route`, `ip rule`, `ip link` and `sysctl` do to a Node, with the kernel's own words where it refuses."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from tui.core.commands import CommandError, meaning
from tui.core.commands.inserting import change_route
from tui.core.commands.onlink import device
from tui.core.commands.refused import RouteRefused
from tui.core.commands.switching import set_switch
from tui.core.derived import kernel_routes, listed
from tui.core.labs import LinkCommand, Meaning, RouteCommand, RuleCommand, SysctlCommand
from tui.core.world import Node, Rule


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
            return change_route(node, verb, route)
        case RuleCommand(verb, rule):
            return _change_rule(node, verb, rule)
        case LinkCommand(dev, up):
            return _set_link(node, dev, up)
        case SysctlCommand(name, value):
            return set_switch(node, name, value)


def _change_rule(node: Node, verb: str, rule: Rule) -> Node:
    family = [each for each in node.rules if each.family == rule.family]
    merged = False if rule.family == 4 else node.merged
    if verb == "del":
        found = next((each for each in family if _meant(each, rule)), None)
        if found is None:
            raise RouteRefused("RTNETLINK answers: No such file or directory", "there is no such rule.")
        rules = [each for each in node.rules if each is not found]
        return replace(node, rules=tuple(_told(each, rules, node) for each in rules), merged=merged)
    if rule.priority < 0:
        # fib_default_rule_pref in net/core/fib_rules.c: just before the second rule of the list.
        second = family[1].priority if len(family) > 1 else 0
        rule = replace(rule, priority=max(second - 1, 0))
    if rule.action == "goto" and rule.target is not None and rule.target <= rule.priority:
        raise RouteRefused("Error: Backward goto not supported.", "a rule jumps forward only.")
    rule = _told(rule, node.rules, node)
    if rule in family:
        raise RouteRefused("RTNETLINK answers: File exists", "the rule is already there.")
    rules = sorted((*node.rules, rule), key=lambda each: (each.family, each.priority))
    return replace(node, rules=tuple(_told(each, rules, node) for each in rules), merged=merged)


def _told(rule: Rule, rules: Iterable[Rule], node: Node) -> Rule:
    """The rule with what the kernel says of it: a goto that leads nowhere, devices that are not there."""
    targets = {each.priority for each in rules if each.family == rule.family}
    return replace(
        rule,
        unresolved=rule.action == "goto" and rule.target not in targets,
        iif_detached=rule.iif is not None and node.interface(rule.iif) is None,
        oif_detached=rule.oif is not None and node.interface(rule.oif) is None,
    )


_SELECTORS = ("src", "dst", "iif", "oif", "mark", "tos", "ipproto", "sport", "dport", "uidrange", "target")


def _meant(rule: Rule, wanted: Rule) -> bool:
    """Whether `ip rule del` with these words takes this rule (rule_find in net/core/fib_rules.c).

    What is not said matches any: a priority, a table, and each selector.
    """
    unsaid = Rule(-1)
    said = [name for name in ("priority", *_SELECTORS) if getattr(wanted, name) != getattr(unsaid, name)]
    if any(getattr(rule, name) != getattr(wanted, name) for name in said):
        return False
    if (wanted.action, wanted.table) != ("table", "main") or "priority" not in said:
        return (wanted.action, wanted.table) == (rule.action, rule.table)
    return not wanted.invert or rule.invert


def _set_link(node: Node, dev: str, up: bool) -> Node:
    """Setting a device up or down: down takes its routes and IPv6 addresses away, up gives back only its own routes."""
    interface = device(node, dev)
    if interface.up == up:
        return node
    addresses = tuple(each for each in interface.addresses if up or each.address.version == 4)
    changed = replace(interface, up=up, carrier=up, addresses=addresses)
    kept = [each for each in node.routes if each.dev != dev or (not up and each.family == 4 and each.type == "local")]
    routes = listed((*kept, *kernel_routes(changed, bool(node.sysctl("net.ipv6.conf.all.forwarding")))))
    interfaces = tuple(changed if each is interface else each for each in node.interfaces)
    return replace(node, interfaces=interfaces, routes=routes)
