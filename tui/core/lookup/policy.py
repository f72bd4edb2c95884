"""Routing policy: which rule sends a packet to which table, in the kernel's order (net/core/fib_rules.c)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tui.core.addresses import WIDTH, Prefix
from tui.core.lookup.fib import Fib, Flow
from tui.core.steps import Failure, RuleStep, Step, TableStep
from tui.core.world import NextHop, Route, Rule

MERGED = "local+main"
"""The name of the trie that IPv4 tables local and main share until the first rule is added."""

LEGACY_TOS = 0x1C
"""The bits of the DS field that `tos` of a route or rule is compared with (INET_DSCP_LEGACY_TOS_MASK)."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a table or rule answered: a route with the next hop to take, or a refusal by a rule (`failure`).

    `usable` are the next hops that may be taken (more than one: a hash of the flow chooses).
    """

    table: str
    route: Route | None = None
    hop: NextHop | None = None
    usable: tuple[NextHop, ...] = ()
    failure: Failure | None = None
    errno: str | None = None
    rule: Rule | None = None


Search = Callable[[str, Flow], Found | None]
"""Search one table: None where it has nothing, or a throw, so that the next rule is asked."""

REFUSALS = {
    "unreachable": (Failure.UNREACHABLE, "ENETUNREACH"),
    "prohibit": (Failure.PROHIBIT, "EACCES"),
    "blackhole": (Failure.BLACKHOLE, "EINVAL"),
}
"""What a rule of that action answers; a *route* of type unreachable answers EHOSTUNREACH instead."""


def walk(fib: Fib, flow: Flow, search: Search, steps: list[Step] | None) -> Found | None:
    """Ask the rules in order; None where none of them had an answer (ENETUNREACH)."""
    rules = fib.rules[flow.version]
    searched = False  # the trie that local and main share, which is searched once
    index = 0
    while index < len(rules):
        rule = rules[index]
        index += 1
        mismatch = match(rule, flow)
        table = _table(fib, rule)
        again = searched and table == MERGED
        if steps is not None:
            does = "table main was searched together with local" if again else _does(rule, table)
            steps.append(RuleStep(rule, mismatch is None, mismatch or does))
        if mismatch is not None or rule.action == "nop":
            continue
        if rule.action == "goto":
            index = _target(rules, index, rule)
            continue
        if rule.action in REFUSALS:
            failure, errno = REFUSALS[rule.action]
            return Found("", failure=failure, errno=errno, rule=rule)
        if rule.action != "table" or again:
            continue
        searched = table == MERGED
        found = search(table, flow)
        if found is not None and not _suppressed(rule, found, steps):
            return found
    return None


def _table(fib: Fib, rule: Rule) -> str:
    """Local and main are one trie until the first rule is added: both names then mean that trie."""
    return MERGED if fib.merged and rule.family == 4 and rule.table in ("local", "main") else rule.table


def _target(rules: tuple[Rule, ...], index: int, rule: Rule) -> int:
    """Where a goto leads: the first later rule with that priority; an unresolved goto is passed over."""
    for position in range(index, len(rules)):
        if rules[position].priority == rule.target:
            return position
    return index


def _suppressed(rule: Rule, found: Found, steps: list[Step] | None) -> bool:
    """suppress_prefixlength N takes back a usable route whose prefix is no longer than N; refusals stay."""
    limit = rule.suppress_prefixlength
    route = found.route
    if limit is None or route is None or route.is_reject or route.dst.length > limit:
        return False
    if steps is not None:
        reason = f"the rule refuses routes of /{limit} or shorter (suppress_prefixlength); on to the next rule"
        steps.append(TableStep(found.table, None, reason))
    return True


def match(rule: Rule, flow: Flow) -> str | None:
    """None where the rule applies to this packet, else a phrase that says which selector does not fit."""
    mismatch = _mismatch(rule, flow)
    if not rule.invert:
        return mismatch
    return "everything it names fits, and it says not" if mismatch is None else None


def _mismatch(rule: Rule, flow: Flow) -> str | None:
    if rule.iif is not None and (rule.iif_detached or rule.iif != flow.iif):
        gone = " (a device that is gone)" if rule.iif_detached else ""
        came = "made here" if flow.iif == "lo" else f"in by {flow.iif}"
        return f"wants packets that come in by {rule.iif}{gone}; this one is {came}"
    if rule.oif is not None and (rule.oif_detached or rule.oif != flow.oif):
        return f"wants packets bound to device {rule.oif}"
    if rule.mark is not None and (rule.mark ^ flow.mark) & rule.mask:
        return f"wants firewall mark {rule.mark:#x}; this packet has {flow.mark:#x}"
    if rule.uidrange is not None and not rule.uidrange[0] <= 0 <= rule.uidrange[1]:
        return "wants another user's packets"
    if rule.src is not None and rule.src.length:
        if flow.version == 6 and not flow.has_src:
            return f"wants source {rule.src}; the source is not chosen yet"
        if not _inside(rule.src, flow.src):
            return f"wants source {rule.src}" + ("" if flow.has_src else "; the source is not chosen yet")
    if rule.dst is not None and not _inside(rule.dst, flow.dst):
        return f"wants destinations in {rule.dst}"
    if rule.tos and not same_tos(rule.tos, flow):
        return f"wants tos {rule.tos:#x}; this packet has {flow.tos:#x}"
    if rule.ipproto is not None and rule.ipproto != flow.proto:
        return f"wants IP protocol {rule.ipproto}; this packet is {flow.proto}"
    for name, ports, port in (("source", rule.sport, flow.sport), ("destination", rule.dport, flow.dport)):
        if ports is not None and not ports[0] <= port <= ports[1]:
            return f"wants {name} port {ports[0]}" + (f"-{ports[1]}" if ports[1] != ports[0] else "")
    return None


def same_tos(tos: int, flow: Flow) -> bool:
    """Whether a tos selector fits: IPv4 compares the three legacy bits, IPv6 the whole DSCP."""
    return tos == flow.tos & (LEGACY_TOS if flow.version == 4 else 0xFC)


def _inside(prefix: Prefix, value: int) -> bool:
    shift = WIDTH[prefix.version] - prefix.length
    return value >> shift == prefix.value >> shift


def _does(rule: Rule, table: str) -> str:
    """What a rule that applies does, as a phrase."""
    if rule.action == "goto":
        return "its target is missing, so it is passed over" if rule.unresolved else f"goes on at rule {rule.target}"
    if rule.action == "nop":
        return "does nothing"
    if rule.action in REFUSALS:
        return f"refuses the packet: {rule.action}"
    if rule.action != "table":
        return f"its action {rule.action} is not known to routetui and is passed over"
    if table == MERGED:
        return "looks in tables local and main, which are one until somebody adds a rule"
    return f"looks in table {rule.table}"
