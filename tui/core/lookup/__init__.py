"""The lookup: where would this node send (or take) a packet, decided and told as its Linux kernel does it."""

from __future__ import annotations

from dataclasses import replace

from tui.core.lookup import ipv4, ipv6
from tui.core.lookup.fib import Fib
from tui.core.lookup.inbound4 import receive
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
