"""The story of one table search: every candidate with its fate, longest prefix first, from what the search recorded."""

from __future__ import annotations

from tui.core.addresses import WIDTH, Address
from tui.core.lookup.fib import Fib, Flow, Table, metric_of
from tui.core.lookup.policy import Found, same_tos
from tui.core.steps import CandidateStep, Fate, Leg, SkippedStep, Step, TableStep
from tui.core.world import NextHop, Route

Record = list[tuple[Route, Fate, str]]
"""What a search met, in its order: the routes whose prefix matched and that it looked at, with their fate."""

FULL = 64
"""Up to so many routes a table is told route by route; of a larger one only those that match."""


def narrate(shelf: Table, flow: Flow, record: Record, found: Found | None, steps: list[Step]) -> None:
    """Append a CandidateStep for each route worth telling, then the TableStep that says what the table answers.

    The entries of table local that do not match (own addresses, broadcasts: the same few on every node) are counted,
    not told one by one; so are those of a large table.
    """
    met = {id(route): (fate, reason) for route, fate, reason in record}
    destination = Address(flow.version, flow.dst)
    winner = found.route if found else None
    matching = [route for aliases in shelf.matches(flow.dst) for route in aliases]
    routes = [*shelf.ordered()] if shelf.size <= FULL else matching
    covered = {id(route) for route in matching}
    told = [route for route in routes if id(route) in covered or route.table != "local"]
    if len(told) < len(routes):
        count = len(routes) - len(told)
        steps.append(
            SkippedStep(
                "local", count, f"none of its {count} entries matches {destination}: it is not one of the node's own"
            )
        )
    best: Route | None = None
    for route in told:
        at = route.dst.differs_at(destination)
        if at is not None:
            fate, reason = Fate.NO_MATCH, f"differs at bit {at} of {route.dst.length}: no candidate"
        else:
            fate, reason = met.get(id(route)) or _lost(route, winner, flow)
        if route is winner:
            best = route
        steps.append(CandidateStep(shelf.name, route, fate, reason, at, best))
    if shelf.size > len(routes):
        count = shelf.size - len(routes)
        steps.append(SkippedStep(shelf.name, count, f"{count:,} more routes do not match {destination}"))
    steps.append(TableStep(shelf.name, winner, _verdict(shelf, winner, record)))


def _lost(route: Route, winner: Route | None, flow: Flow) -> tuple[Fate, str]:
    """Why a route whose prefix matches was not even looked at."""
    if winner is None or winner.dst != route.dst:
        if winner is not None and winner.dst.length > route.dst.length:
            return Fate.SHORTER, f"it matches, but /{winner.dst.length} is longer than /{route.dst.length}"
        return Fate.NOT_TRIED, "the kernel leaves this prefix after a next-hop group that is down"
    if route.tos != winner.tos:
        if not same_tos(route.tos, flow) and route.tos:
            return Fate.TOS, f"it is only for tos {route.tos:#x}"
        return Fate.TOS, f"the route for tos {winner.tos:#x} comes first"
    if metric_of(route) > metric_of(winner):
        return Fate.METRIC, f"same prefix, but metric {metric_of(route)} is worse than {metric_of(winner)}"
    return Fate.LATER, "same prefix and metric, but listed later"


def _verdict(shelf: Table, winner: Route | None, record: Record) -> str:
    if winner is None:
        if not record:
            return f"nothing in table {shelf.name} matches; on to the next rule"
        return f"nothing usable in table {shelf.name}; on to the next rule"
    if winner.type == "throw":
        return f"throw {winner.dst.brief}: table {shelf.name} gives the question back; on to the next rule"
    length = winner.dst.length
    return f"{winner.dst.brief} wins with {length} of {WIDTH[shelf.version]} bits"


def legs_of(fib: Fib, route: Route, usable: tuple[NextHop, ...], version: int) -> tuple[Leg, ...]:
    """Each next hop of a multipath route with its share, or why it cannot be taken."""
    total = sum(hop.weight for hop in usable)
    legs = []
    for hop in route.nexthops:
        if hop in usable:
            legs.append(Leg(hop, True, f"takes about {hop.weight} of {total} flows" if total > hop.weight else ""))
        else:
            legs.append(Leg(hop, False, fib.is_down(hop, version) or "another device"))
    return tuple(legs)
