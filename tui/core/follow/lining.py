"""Frames of many captures lined up with the prediction: which packet of the probe each is, and its place on the way."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from tui.core.addresses import Address
from tui.core.follow import Asked, Flight, Follow, Kind, Sighting
from tui.core.follow.causes import ending
from tui.core.follow.expected import Cables, expected
from tui.core.packets import Echo, Frame, IcmpError, asked_for
from tui.core.path.hops import Outcome, Path, Trip, Way
from tui.core.world import World

Seen = dict[tuple[Kind, int], list[Frame]]
"""The frames of a probe by what they are and the sequence number."""


@dataclass(frozen=True, slots=True)
class _Scene:
    """What a probe is looked at with."""

    world: World
    cables: Cables
    watched: frozenset[str]
    one_clock: bool
    questions: tuple[Frame, ...]
    answered: frozenset[int] | None


def line_up(
    world: World,
    path: Path,
    frames: Iterable[Frame],
    asked: Asked,
    watched: Iterable[str],
    *,
    one_clock: bool = True,
    answered: Iterable[int] | None = None,
    sender_says: str = "",
    notes: Sequence[str] = (),
) -> Follow:
    """Everything that was seen of a probe, beside what was predicted.

    `frames` are of any node, in any order, also such that have nothing to do with the probe. `watched` are the nodes on
    which every interface was looked at, `answered` the requests for which the sending program got a reply (None: it
    does not say).
    """
    frames = tuple(frames)
    mine = of_the_probe(frames, path.address, asked)
    questions = tuple(each for each in frames if asked_for(each) is not None)
    scene = _Scene(
        world,
        Cables(world),
        frozenset(watched),
        one_clock,
        questions,
        None if answered is None else frozenset(answered),
    )
    trip = _likeliest(scene, path, mine)
    flights: list[Flight] = []
    for seq in sorted({seq for _, seq in mine} or {1}):
        flights += _round(scene, trip, mine, seq, path)
    reached = any(each.kind is Kind.REPLY and each.arrived for each in flights)
    agrees = _agrees(trip, flights, reached)
    verdict = _verdict(flights, reached, agrees, sender_says)
    return Follow(
        path.src, path.dst, path, tuple(flights), reached, agrees, verdict, one_clock, False, sender_says, tuple(notes)
    )


def of_the_probe(frames: Iterable[Frame], target: Address, asked: Asked) -> Seen:
    """The frames that belong to the probe: by the token in their data, else by the identifier."""
    found: Seen = {}
    ident = asked.id
    for frame in sorted(frames, key=lambda each: each.time):
        echo = frame.detail.echo if isinstance(frame.detail, IcmpError) else frame.detail
        if not isinstance(echo, Echo):
            continue
        if asked.token and len(echo.token) >= len(asked.token):
            mine = echo.token[: len(asked.token)] == asked.token
        else:
            if ident is None and echo.request and frame.dst == target:
                ident = echo.id
            mine = echo.id == ident
        if mine:
            kind = Kind.ERROR if isinstance(frame.detail, IcmpError) else Kind.REQUEST if echo.request else Kind.REPLY
            found.setdefault((kind, echo.seq), []).append(frame)
    return found


def _round(scene: _Scene, trip: Trip, mine: Seen, seq: int, path: Path) -> list[Flight]:
    """The request, the errors about it, and its reply."""
    goal, home = _goal(scene, path, trip), trip.forward.hops[0].node if trip.forward.hops else trip.forward.node
    replies = mine.get((Kind.REPLY, seq), [])
    request = _flight(scene, trip.forward, Flight(seq, Kind.REQUEST), mine.get((Kind.REQUEST, seq), []), goal)
    if replies:  # wherever it went, it was answered
        request = replace(request, arrived=True, died_at="", reason="", outcome=None, suspects=())
    flights = [request]
    errors = mine.get((Kind.ERROR, seq), [])
    if errors:
        flights.append(_error(scene, seq, errors, home))
    if replies or request.arrived:
        # Where no reply was predicted, there is no reason of the prediction's: what was seen must tell.
        home_of_reply = goal or request.sightings[-1].node if request.sightings else goal
        back = trip.back or Way(path.address, path.address, (), Outcome.DELIVERED, home_of_reply, "")
        reply = _flight(scene, back, Flight(seq, Kind.REPLY), replies, home)
        flights.append(_heard(scene, reply, back, seq))
    return flights


def _goal(scene: _Scene, path: Path, trip: Trip) -> str:
    """The node that has the address probed, "" where nobody here has it."""
    if trip.forward.outcome is Outcome.DELIVERED:
        return trip.forward.node
    owner = scene.world.owner(path.address)
    return owner[0].name if owner is not None else ""


def _likeliest(scene: _Scene, path: Path, mine: Seen) -> Trip:
    """The branch that has most in common with what was seen."""

    def common(trip: Trip) -> int:
        places = {each.place for each in expected(scene.world, trip.forward)}
        back = {each.place for each in expected(scene.world, trip.back)} if trip.back is not None else set()
        return sum(
            place(frame) in (places if kind is Kind.REQUEST else back if kind is Kind.REPLY else ())
            for (kind, _), frames in mine.items()
            for frame in frames
        )

    return max(path.branches, key=common)


def place(frame: Frame) -> tuple[str, str, str]:
    """Node, device, direction; a frame for somebody else comes in all the same."""
    return frame.node, frame.dev, "in" if frame.direction == "other" else frame.direction


def _flight(scene: _Scene, way: Way, empty: Flight, frames: Sequence[Frame], goal: str) -> Flight:
    """One packet: its sightings in order, and its end."""
    sightings = _merged(scene, expected(scene.world, way, scene.watched), frames)
    src = next((each.src for each in sightings if each.src is not None), way.src)
    dst = next((each.dst for each in sightings if each.dst is not None), way.dst)
    # An interface shows a packet before anything on its node has looked at it: it may be dropped there yet.
    taken_in = way.outcome is Outcome.DELIVERED or way.node != goal
    arrived = taken_in and any(each.seen and each.node == goal and each.direction == "in" for each in sightings)
    if not arrived and goal and goal not in scene.watched:
        arrived = way.outcome is Outcome.DELIVERED and all(each.seen for each in sightings if each.watched)
    flight = replace(empty, src=src, dst=dst, sightings=sightings, arrived=arrived)
    return flight if arrived else ending(scene.world, flight, way, scene.questions)


def _heard(scene: _Scene, reply: Flight, back: Way, seq: int) -> Flight:
    """The reply, corrected by what the program that sent the request has heard, where that is known."""
    if scene.answered is None or (seq in scene.answered) is reply.arrived:
        return reply
    if seq in scene.answered:
        return replace(reply, arrived=True, died_at="", reason="", outcome=None, suspects=())
    return ending(scene.world, replace(reply, arrived=False), back, scene.questions)


def _merged(scene: _Scene, wanted: Sequence[Sighting], frames: Sequence[Frame]) -> tuple[Sighting, ...]:
    """Expected and seen places in one order.

    Each frame takes the first expected place like its own that is still free. By one clock, what was seen stands in
    the order of time, and what was not behind the place that it was expected after. Elsewhere the prediction gives the
    order.
    """
    free = list(range(len(wanted)))
    taken: dict[int, Frame] = {}
    others: list[Frame] = []
    for frame in frames:
        index = next((each for each in free if wanted[each].place == place(frame)), None)
        if index is None:
            others.append(frame)
        else:
            free.remove(index)
            taken[index] = frame
    keyed: list[tuple[tuple[float, float], Sighting]] = []
    at = 0.0
    for index, each in enumerate(wanted):
        match = taken.get(index)
        if match is not None:
            at = match.time if scene.one_clock else index
        keyed.append(((at, index), each if match is None else _seen(scene, match, each)))
    for frame in others:
        when = frame.time if scene.one_clock else _beside(wanted, frame)
        keyed.append(((when, len(wanted)), _seen(scene, frame, None)))
    return with_changes([each for _, each in sorted(keyed, key=lambda each: each[0])])


def _beside(wanted: Sequence[Sighting], frame: Frame) -> float:
    """Where an unexpected frame may stand without a clock: behind the last place of its node."""
    return max((at for at, each in enumerate(wanted) if each.node == frame.node), default=len(wanted)) + 0.5


def _seen(scene: _Scene, frame: Frame, wanted: Sighting | None) -> Sighting:
    node, dev, direction = place(frame)
    host = scene.cables.host
    known = host.interface(dev) if host is not None and node == host.name else None
    port = wanted.port if wanted is not None else known is not None and known.master is not None
    return Sighting(
        node,
        dev,
        direction,
        wanted is not None,
        True,
        frame.time,
        frame.ttl,
        frame.src_mac,
        frame.dst_mac,
        frame.src,
        frame.dst,
        port=port,
    )


CHANGES = ("src_mac", "dst_mac", "ttl", "src", "dst")
"""What may change on the way, in the order in which it is told."""


def with_changes(sightings: Sequence[Sighting]) -> tuple[Sighting, ...]:
    """Each with what differs from the last one that was seen before it."""
    found: list[Sighting] = []
    before: Sighting | None = None
    for each in sightings:
        if not each.seen:
            found.append(each)
            continue
        names = [name for name in CHANGES if before is not None and _differ(getattr(before, name), getattr(each, name))]
        found.append(replace(each, changed=tuple(names)))
        before = each
    return tuple(found)


def _differ(before: object, after: object) -> bool:
    """Whether both are known and differ."""
    return before not in ("", None) and after not in ("", None) and before != after


def _error(scene: _Scene, seq: int, frames: Sequence[Frame], home: str) -> Flight:
    """An ICMP error on its way back: where it was seen; where it begins it says why the request ended."""
    sightings = _merged(scene, (), frames)
    arrived = any(each.node == home and each.direction == "in" for each in sightings)
    first = frames[0]
    assert isinstance(first.detail, IcmpError)
    reason = f"{sightings[0].node} tells the sender: {first.detail.says}"
    return Flight(seq, Kind.ERROR, first.src, first.dst, sightings, arrived, reason=reason)


def _agrees(trip: Trip, flights: Sequence[Flight], reached: bool) -> bool | None:
    """Whether it went as predicted: as far, and ended on the same node for the same reason; None: nothing was."""
    if trip.works is None:
        return None
    lost = next((each for each in flights if not each.arrived and each.kind is not Kind.ERROR), None)
    if lost is None:
        return reached is trip.works
    back = trip.back if lost.kind is Kind.REPLY else None
    astray = back is not None and back.outcome is Outcome.DELIVERED and not trip.works
    return lost.outcome is not None or (astray and back is not None and lost.died_at == back.node)


def _verdict(flights: Sequence[Flight], reached: bool, agrees: bool | None, sender_says: str) -> str:
    """What came of it, in a sentence without its full stop."""
    lost = next((each for each in flights if not each.arrived and each.kind is not Kind.ERROR), None)
    if lost is None:
        if reached:
            return "the request arrived and the reply came back" + (
                ", though it was not expected to" if agrees is False else ""
            )
        return "the request arrived, and no reply was seen"
    if sender_says and not any(each.seen for each in lost.sightings):
        return f"the request is not sent: {sender_says}: {lost.reason}"
    place = f" on {lost.died_at}" if lost.died_at else ""
    return f"the {lost.kind} ended{place}: {lost.reason}"
