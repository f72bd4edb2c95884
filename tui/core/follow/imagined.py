"""A packet followed in the mind: the prediction as if it had been seen, for worlds in which nothing can be sent."""

from __future__ import annotations

from dataclasses import replace

from tui.core.follow import Flight, Follow, Kind
from tui.core.follow.expected import expected
from tui.core.follow.lining import with_changes
from tui.core.path.hops import Outcome, Path, Trip, Way
from tui.core.world import World


def imagined(world: World, path: Path, count: int = 1) -> Follow:
    """What following a ping would show; `simulated` is set, and no sighting has a time."""
    flights = tuple(each for seq in range(1, count + 1) for each in flights_of(world, path.branches[0], seq))
    verdict = path.verdict
    works = path.branches[0].works
    return Follow(path.src, path.dst, path, flights, works is True, None, verdict, simulated=True)


def flights_of(world: World, trip: Trip, seq: int) -> tuple[Flight, ...]:
    """The packets of one round: the request, what its sender is told, and the reply."""
    forward, back = trip.forward, trip.back
    flights = [_flight(world, forward, Kind.REQUEST, seq)]
    if forward.error is not None:
        told = f"{forward.error.node} tells the sender: {forward.error.notice}"
        arrived = forward.error.arrives is True
        flights.append(Flight(seq, Kind.ERROR, forward.error.source, forward.src, (), arrived, reason=told))
    if back is not None:
        flights.append(_flight(world, back, Kind.REPLY, seq))
    return tuple(flights)


def _flight(world: World, way: Way, kind: Kind, seq: int) -> Flight:
    seen = with_changes([replace(each, seen=True) for each in expected(world, way)])
    flight = Flight(seq, kind, way.src, way.dst, seen, way.outcome is Outcome.DELIVERED)
    return flight if flight.arrived else replace(flight, died_at=way.node, reason=way.reason, outcome=way.outcome)
