"""How a lookup comes to its decision, in plain sentences: plain enough for a student, exact enough for an expert."""

from __future__ import annotations

from tui.core.addresses import WIDTH, Address
from tui.core.naming import called, gateway_text, network_of, owner_of
from tui.core.query import Query
from tui.core.refusals import refusal
from tui.core.steps import (
    CandidateStep,
    CheckStep,
    Decision,
    Fate,
    LegsStep,
    Lookup,
    RuleStep,
    SkippedStep,
    SourceStep,
    Step,
    TableStep,
)
from tui.core.world import NextHop, Node, Route, Rule, World


def step(each: Step, query: Query) -> str:
    """One step of a lookup as a sentence."""
    match each:
        case RuleStep(rule, matched, reason):
            return f"Rule {rule.priority} ({selectors(rule)}) {_end(reason)}" if matched else _passed(rule, reason)
        case CandidateStep():
            return _candidate(each, query.dst)
        case SkippedStep("local", count, _):
            entries = "its only entry is not" if count == 1 else f"none of its {count} entries is"
            return f"Table local (this node's own addresses and broadcasts): {entries} {query.dst}."
        case SkippedStep(table, count, _):
            rest = "1 more route" if count == 1 else f"{count:,} more routes"
            return f"{_table(table)}: {rest} do{'es' if count == 1 else ''} not match {query.dst}."
        case TableStep(table, _, reason):
            return f"{_table(table)}: {_end(reason)}"
        case LegsStep():
            return _legs(each)
        case CheckStep(name, passed, reason):
            return f"Check of {name}, {'passed' if passed else 'failed'}: {_end(reason)}"
        case SourceStep(address, reason):
            start = "No source address can be chosen" if address is None else f"The source address is {address}"
            return f"{start}: {_end(reason)}"


def _end(reason: str) -> str:
    return f"{reason.rstrip('. ')}."


def _table(name: str) -> str:
    return "Tables local and main" if name == "local+main" else f"Table {name}"


def _passed(rule: Rule, reason: str) -> str:
    phrase = f"it {reason}" if reason.startswith("wants ") else reason
    return f"Rule {rule.priority} ({selectors(rule)}) does not apply: {_end(phrase)}"


def selectors(rule: Rule) -> str:
    """Whom a rule is for, in the words of ip-rule(8): "from 10.0.0.0/8 fwmark 0x10", or "every packet"."""
    words = ["not"] if rule.invert else []
    for name, value in (("from", rule.src), ("to", rule.dst)):
        if value is not None and value.length:
            words.append(f"{name} {value.brief}")
    for name, text in (("iif", rule.iif), ("oif", rule.oif)):
        if text is not None:
            words.append(f"{name} {text}")
    if rule.mark is not None:
        words.append(f"fwmark {rule.mark:#x}" + (f"/{rule.mask:#x}" if rule.mask != 0xFFFFFFFF else ""))
    if rule.tos:
        words.append(f"tos {rule.tos:#x}")
    if rule.ipproto is not None:
        words.append(f"ipproto {rule.ipproto}")
    for name, ports in (("sport", rule.sport), ("dport", rule.dport), ("uidrange", rule.uidrange)):
        if ports is not None:
            words.append(f"{name} {ports[0]}" + (f"-{ports[1]}" if ports[1] != ports[0] else ""))
    return " ".join(words) or "every packet"


_LOST = {
    Fate.DEAD: "matches, but every next hop of it is dead: the search goes on",
    Fate.LINK_DOWN: "matches, but its link is down and such routes are to be ignored: the search goes on",
    Fate.OTHER_DEVICE: "matches, but leaves by another device than the one asked for: the search goes on",
    Fate.OTHER_SOURCE: "matches, but is only for packets from another source",
    Fate.PREFERENCE: "matches, but a route of the same metric is preferred",
    Fate.SUPPRESSED: "was found, but the rule does not take a prefix as short as this: on to the next rule",
    Fate.NOT_TRIED: "is never looked at: the kernel goes straight to a shorter prefix here",
    Fate.LATER: "is the same prefix with the same metric, but it is listed later",
}


def _candidate(each: CandidateStep, dst: Address) -> str:
    route, best = each.route, each.best
    name = f"{route.dst.brief} (/0)" if route.is_default else route.dst.brief
    match each.fate:
        case Fate.NO_MATCH if each.differs_at is not None:
            return f"{name} does not match {dst}: it differs at bit {each.differs_at} of {route.dst.length}."
        case Fate.NO_MATCH:
            return f"{name} does not match {dst}: {_end(each.reason)}"
        case Fate.CHOSEN:
            return f"{name} {_matches(route)}: chosen."
        case Fate.REJECTS:
            return f"{name} {_matches(route)}, and it is a route of type {route.type}: the packet is refused."
        case Fate.THROWS:
            return f"{name} {_matches(route)}, and it says throw: leave this table, on to the next rule."
        case Fate.SHORTER if best is not None:
            bits = f"its {route.dst.length} bits are fewer than the {best.dst.length} of {best.dst.brief}"
            return f"{name} matches too, but {bits}: the longest prefix wins."
        case Fate.SHORTER:
            return f"{name} matches too, but a longer prefix wins."
        case Fate.METRIC if best is not None:
            cost = f"its metric {_metric(route)} is worse than {_metric(best)}"
            return f"{name} is the same prefix, but {cost}: the lowest metric wins."
        case Fate.METRIC:
            return f"{name} is the same prefix, but its metric {_metric(route)} is worse: the lowest metric wins."
        case Fate.TOS:
            return f"{name} matches, but {_end(each.reason)}"
    return f"{name} {_LOST[each.fate]}."


def _metric(route: Route) -> int:
    return route.metric if route.metric is not None else (0 if route.family == 4 else 1024)


def _matches(route: Route) -> str:
    if route.is_default:
        return "compares no bits and always matches"
    if route.dst.length == WIDTH[route.family]:
        return f"matches in all {route.dst.length} bits, it is this very address"
    return f"matches in its {route.dst.length} bits"


def _legs(each: LegsStep) -> str:
    told = [(hop_words(leg.nexthop), leg.reason.rstrip(". ")) for leg in each.legs]
    hops = "; ".join(f"{hop} {reason}".strip() for hop, reason in told)
    many = f"{len(each.legs)} next hops" if len(each.legs) != 1 else "1 next hop"
    return f"{each.route.dst.brief} has {many}: {hops}. {_sentence(each.reason)}"


def _sentence(reason: str) -> str:
    return _end(reason[:1].upper() + reason[1:])


def hop_words(hop: NextHop) -> str:
    """A next hop in the words of ip-route(8): "via 10.0.0.1 dev eth0", or "dev eth0" when on-link."""
    family = "inet6 " if hop.gateway is not None and hop.gateway.version == 6 and hop.dev is None else ""
    via = [f"via {family}{hop.gateway}"] if hop.gateway is not None else []
    return " ".join([*via, *([f"dev {hop.dev}"] if hop.dev else [])])


def decision(lookup: Lookup, node: Node, world: World | None = None) -> str:
    """The end of a lookup in a sentence or two; a failure with what would mend it.

    `world` gives the names of owners and networks; without it addresses stand alone.
    """
    found, query = lookup.decision, lookup.query
    if found.failure is not None:
        return refusal(lookup, node, world)
    if found.type in ("local", "anycast"):
        return _local(found, query, node)
    network = network_of(node, found.dev, world)
    wire = f"{network} ({found.dev})" if network else found.dev
    if found.type == "broadcast":
        if query.iif:
            return f"{query.dst} is a broadcast address of {called(node)}: it takes the packet in itself."
        return f"{query.dst} is a broadcast address: the packet goes to everyone on {wire}{_source(found)}."
    if found.type == "multicast":
        return f"{query.dst} is a multicast group: the packet goes out on {wire} to whoever joined it{_source(found)}."
    return f"{_why(lookup)}, so {called(node)} {_deed(lookup, node, world)}{_source(found)}."


def _local(found: Decision, query: Query, node: Node) -> str:
    came = f"the packet that came in by {query.iif} is delivered here" if query.iif else "the packet never leaves it"
    if query.dst.is_unspecified:
        return f"{query.dst} means {called(node)} itself: {came}."
    if query.dst.is_loopback:
        return f"{query.dst} is the loopback of {called(node)}: {came}."
    if found.route is not None and found.route.dst.length < WIDTH[query.dst.version]:
        return f"{query.dst} lies in {found.route.dst}, which {called(node)} takes as its own: {came}."
    kind = "an anycast address" if found.type == "anycast" else "an address"
    return f"{query.dst} is {kind} of {called(node)} itself: {came}."


_PASSED_OVER = (Fate.DEAD, Fate.LINK_DOWN, Fate.OTHER_DEVICE, Fate.OTHER_SOURCE, Fate.TOS, Fate.SUPPRESSED)


def _why(lookup: Lookup) -> str:
    """Why it came to the route: the first half of the sentence."""
    dst, route = lookup.query.dst, lookup.decision.route
    if route is None:
        return f"No route decides about {dst}, and the packet is bound to {lookup.query.oif}"
    table = "" if route.table == "main" else f" of table {route.table}"
    if route.is_default:
        return f"{dst} {_default_verb(lookup)} the default route{table}"
    return f"{dst} matches {route.dst.brief}{table}"


def _default_verb(lookup: Lookup) -> str:
    """`only` is said where the steps prove it: nothing longer matched and was passed over."""
    if not lookup.steps:
        return "takes"
    passed_over = any(isinstance(each, CandidateStep) and each.fate in _PASSED_OVER for each in lookup.steps)
    return "is left with" if passed_over else "matches only"


def _deed(lookup: Lookup, node: Node, world: World | None) -> str:
    found, dst = lookup.decision, lookup.query.dst
    if len(found.nexthops) > 1:
        hops = " or ".join(_hop(hop, node, world) for hop in found.nexthops)
        weights = ":".join(str(hop.weight) for hop in found.nexthops)
        share = f", shared {weights}" if len(set(weights.split(":"))) > 1 else ""
        return f"hands the packet to {hops} (a hash of the flow chooses one and keeps to it{share})"
    if found.gateway is not None:
        return f"hands the packet to {_hop(NextHop(found.dev, found.gateway), node, world)}"
    if found.route is not None and found.route.unread_gateway is not None:
        return f"hands the packet to {found.route.unread_gateway}, whose address is not known, on {found.dev}"
    owner = owner_of(dst, node, found.dev, world)
    network = network_of(node, found.dev, world)
    where = f"on {network} ({found.dev})" if network else f"on {found.dev}"
    if owner is not None:
        return f"sends it straight to {called(owner)} {where}"
    doubt = ", where no known node has that address" if network else ""
    return f"sends it straight to its neighbour {where}{doubt}"


def _hop(hop: NextHop, node: Node, world: World | None) -> str:
    out = f" on {hop.dev}" if hop.dev else ""
    if hop.gateway is None:
        return f"the neighbour itself{out}"
    return f"{gateway_text(hop, node, world)}{out}"


def _source(found: Decision) -> str:
    return f", with source {found.prefsrc}" if found.prefsrc is not None else ""
