"""Why a packet ends on a node, as an outcome, a sentence and the route, rule or sysctl behind it."""

from __future__ import annotations

from tui.core.lookup.fib import Fib
from tui.core.naming import called
from tui.core.path.hops import Notice, Outcome
from tui.core.steps import Failure, Lookup
from tui.core.world import Node, Route, Rule

__all__ = ["called", "forwards6", "refused"]

Ending = tuple[Outcome, str, Route | Rule | str | None]

_OUTCOMES = {
    Failure.NO_ROUTE: Outcome.NO_ROUTE,
    Failure.UNREACHABLE: Outcome.REFUSED_BY_ROUTE,
    Failure.PROHIBIT: Outcome.REFUSED_BY_ROUTE,
    Failure.BLACKHOLE: Outcome.REFUSED_BY_ROUTE,
    Failure.NOT_FORWARDING: Outcome.NOT_FORWARDING,
    Failure.REVERSE_PATH: Outcome.REVERSE_PATH,
    Failure.MARTIAN: Outcome.REVERSE_PATH,
    Failure.LINK_DOWN: Outcome.NEXT_HOP_SILENT,
}


_ANSWERS = {
    "net-unreachable": Notice.NET_UNREACHABLE, "host-unreachable": Notice.HOST_UNREACHABLE,
    "port-unreachable": Notice.PORT_UNREACHABLE, "proto-unreachable": Notice.PROTOCOL_UNREACHABLE,
    "prot-unreachable": Notice.PROTOCOL_UNREACHABLE, "net-prohibited": Notice.NET_PROHIBITED,
    "host-prohibited": Notice.HOST_PROHIBITED, "admin-prohibited": Notice.PROHIBITED,
    "adm-prohibited": Notice.PROHIBITED, "no-route": Notice.NET_UNREACHABLE,
    "addr-unreachable": Notice.HOST_UNREACHABLE, "reset": Notice.RESET,
}  # fmt: skip
"""The answers of a REJECT (iptables-extensions(8), nft(8)), without the icmp or icmp6 before them."""


def rejected(answer: str) -> Notice | None:
    """What a rule that rejects tells the sender, by its name; None: nothing, or what is not known."""
    return _ANSWERS.get(answer.partition("-")[2])


def refused(node: Node, found: Lookup) -> Ending:
    """What a failed lookup means for the packet."""
    decision, query, who = found.decision, found.query, called(node)
    failure = decision.failure
    assert failure is not None
    outcome = _OUTCOMES.get(failure, Outcome.UNKNOWN)
    sysctl = f"net.ipv4.conf.{(query.iif or 'all').replace('.', '/')}"
    match outcome:
        case Outcome.NO_ROUTE:
            return outcome, f"{who} has no route to {query.dst}", None
        case Outcome.REFUSED_BY_ROUTE if decision.route is not None:
            route = decision.route
            reason = f"the {route.type} route {route.dst.brief} of {who} refuses packets to {query.dst}"
            return outcome, reason, route
        case Outcome.REFUSED_BY_ROUTE:
            priority = f"rule {decision.rule.priority}" if decision.rule else "a rule"
            return outcome, f"{priority} of {who} refuses packets to {query.dst}", decision.rule
        case Outcome.NOT_FORWARDING:
            return outcome, f"{who} does not forward what comes in by {query.iif}", f"{sysctl}.forwarding"
        case Outcome.REVERSE_PATH if failure is Failure.REVERSE_PATH:
            reason = f"{who} drops it, since {decision.reason}"
            return outcome, reason, f"{sysctl}.rp_filter"
        case Outcome.REVERSE_PATH:
            return outcome, f"{who} drops it as a martian: {decision.reason}", decision.route
    return outcome, f"{decision.reason} (on {who})", None


def forwards6(fib: Fib) -> Ending | None:
    """Why an IPv6 packet is not forwarded, or None where it is."""
    name = "net.ipv6.conf.all.forwarding"
    value = fib.sysctls.get(name)
    if value is None:
        return Outcome.UNKNOWN, f"whether {called(fib.node)} forwards IPv6 ({name}) was not read", name
    return None if value else (Outcome.NOT_FORWARDING, f"{called(fib.node)} does not forward IPv6 ({name} is 0)", name)
