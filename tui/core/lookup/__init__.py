"""The lookup: where would this node send (or take) a packet, decided and told as its Linux kernel does it."""

from __future__ import annotations

from dataclasses import replace

from tui.core.lookup import ipv4, ipv6
from tui.core.lookup.fib import Fib
from tui.core.lookup.inbound4 import receive
from tui.core.lookup.source import select6
from tui.core.query import Query
from tui.core.steps import CheckStep, Decision, Failure, Lookup, Step
from tui.core.world import Node


def lookup(node: Node | Fib, query: Query, *, trace: bool = True) -> Lookup:
    """Answer a query from a node's tables, as `ip route get` asks the kernel.

    Give a Fib in place of the Node when the same node is asked many times. Without `trace` the steps are left out and
    the answer comes several times faster. Nothing is raised: what cannot be known is Failure.UNKNOWN, with the reason.
    """
    fib = node if isinstance(node, Fib) else Fib(node)
    steps: list[Step] | None = [] if trace else None
    decision = _decide(fib, query, steps)
    assumptions = fib.assumed(query)
    doubt = ipv4.doubt(fib, decision)
    if doubt is not None:
        assumptions += (doubt,)
    if assumptions:
        decision = replace(decision, assumptions=assumptions)
    return Lookup(query, decision, tuple(steps or ()))


def sent(node: Node | Fib, query: Query, *, trace: bool = True) -> Lookup:
    """Answer a query as for the packet of a program, which is looked up once more where `ip route get` gives up.

    IPv6 asks twice (ip6_dst_lookup_tail in net/ipv6/ip6_output.c): a packet that has no source yet and finds no route
    is given one all the same, and goes by the tables and rules for that source. The query of the answer then has it.
    """
    fib = node if isinstance(node, Fib) else Fib(node)
    found = lookup(fib, query, trace=trace)
    failure = found.decision.failure
    if query.dst.version == 4 or query.src is not None or query.iif is not None or failure in (None, Failure.UNKNOWN):
        return found
    # A route that refuses is by lo, and addresses of the packet's own device are preferred.
    source = select6(fib, None if found.decision.route is None else "lo", query.dst.value)
    return found if source is None else lookup(fib, replace(query, src=source), trace=trace)


def _decide(fib: Fib, query: Query, steps: list[Step] | None) -> Decision:
    version = query.dst.version
    if f"routes{version}" in fib.node.missing:
        reason = fib.node.problem or f"the IPv{version} routes of {fib.node.name} could not be read"
        if steps is not None:
            steps.append(CheckStep("tables", False, reason))
        return Decision(failure=Failure.UNKNOWN, reason=reason)
    if version == 6:
        return ipv6.decide(fib, query, steps)
    return receive(fib, query, steps) if query.iif is not None else ipv4.outbound(fib, query, steps)
