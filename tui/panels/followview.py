"""A followed packet as rows and as a card: what each interface saw, and what a device changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tui.core import explain
from tui.core.follow import Flight, Follow, Kind, Sighting
from tui.core.follow.as_text import changes, died, heading, macs, mark, when
from tui.core.path.hops import Hop, Way
from tui.core.world import World
from tui.panels.cells import Cell, fit, right, wrap

_LABEL, _NOTE = 13, 10
_MARKS = {"✓": "good", "!": "warn", "✗": "bad"}


@dataclass(frozen=True, slots=True)
class Row:
    """One row: the packet's own, one of its sightings, or where it ended. Rows that are a `step` can be gone to."""

    flight: Flight
    place: int
    sighting: Sighting | None = None
    ending: str = ""

    @property
    def step(self) -> bool:
        """Whether it is a step: a sighting, or an end."""
        return self.sighting is not None or bool(self.ending)


def rows(follow: Follow, ports: bool) -> tuple[Row, ...]:
    """All packets, one after the other; `ports` with the host's ends of the cables."""
    return tuple(row for flight in follow.packets for row in _rows(flight, ports))


def _rows(flight: Flight, ports: bool) -> Iterator[Row]:
    yield Row(flight, -1)
    shown = [each for each in flight.sightings if ports or not each.port]
    for place, each in enumerate(shown):
        yield Row(flight, place, each)
    if flight.kind is Kind.ERROR:
        yield Row(flight, len(shown), ending=flight.reason)
    elif not flight.arrived:
        yield Row(flight, len(shown), ending=died(flight))


def start_of(follow: Follow) -> int:
    """The time of the first sighting."""
    return min((each.time for packet in follow.packets for each in packet.sightings if each.time), default=0)


@dataclass(frozen=True, slots=True)
class Columns:
    """What the rows have in common: the time of the first sighting, the cells of names and of interfaces."""

    start: int = 0
    names: int = 12
    devices: int = 8


def columns(follow: Follow) -> Columns:
    """As wide as what they hold, within bounds."""
    seen = [each for packet in follow.packets for each in packet.sightings]
    names = min(22, max((len(each.node) for each in seen), default=8))
    return Columns(start_of(follow), names, min(18, max((len(each.dev) for each in seen), default=4) + 4))


def cells(row: Row, columns: Columns, reached: bool, width: int) -> list[Cell]:
    """A row; what the steps have not yet come to is dim, `reached` tells whether they have."""
    if not row.step:
        return [(heading(row.flight), "title" if reached else "dim")]
    if row.sighting is None:
        return [("   ✗ " + row.ending, "bad" if reached else "dim")]
    each = row.sighting
    ink = "" if reached else "dim"
    sign, _, words = mark(each, row.flight).partition(" ")
    arrow = "▸" if each.direction == "out" else "◂" if each.direction == "in" else "·"
    told = [
        (f"   {fit(each.node, columns.names)} ", "strong" if reached else "dim"),
        (f"{fit(f'{each.dev} {each.direction}', columns.devices)} {arrow} ", "accent" if reached else "dim"),
    ]
    end = [
        (f"{sign} ", _MARKS.get(sign, "") if reached else "dim"),
        (fit(words, 13), ink),
        (right(when(each, columns.start), 10), "dim"),
    ]
    room = width - sum(len(text) for text, _ in (*told, *end)) - 1
    if room < 12:  # a narrow screen: the card says the rest
        return [*told, *end]
    return [*told, (fit(changes(each, row.place == 0), room) + " ", ink), *end]


def card(row: Row, follow: Follow, world: World, width: int) -> list[list[Cell]]:
    """What the device of this row did with the packet: as it came in beside as it went out, changes marked; and why."""
    if row.sighting is None:
        lines = [[("      ", ""), (line, "")] for line in wrap(row.ending or heading(row.flight), max(20, width - 6))]
        for each in row.flight.suspects:
            first, *rest = wrap(each, max(20, width - 6))
            lines += [[("maybe ", "warn"), (first, "")], *([("      ", ""), (line, "")] for line in rest)]
        return lines
    here = row.sighting
    came, went = _both(row.flight, here)
    end = "is for this node" if row.flight.arrived else "goes no further"
    half = max(12, min(34, (width - _LABEL - _NOTE) // 2))
    sides = ("made here" if came is None else _side(came), end if went is None else _side(went))
    lines = [[(fit("", _LABEL), ""), (fit(sides[0], half), "dim"), (sides[1], "dim")]]
    for label, of in _FIELDS.items():
        lines.append(_compared(label, of(came) if came else "", of(went) if went else "", half, bool(came and went)))
    for label, text in _why(row, follow, world):
        first, *rest = wrap(text, max(20, width - _LABEL))
        lines.append([(fit(label, _LABEL), "dim"), (first, "says")])
        lines += [[(" " * _LABEL, ""), (line, "says")] for line in rest]
    return lines


def _both(flight: Flight, here: Sighting) -> tuple[Sighting | None, Sighting | None]:
    """How the packet came to this node and how it left it, of the visit that this sighting is part of."""
    place = flight.sightings.index(here)
    if here.direction == "in":
        later = flight.sightings[place + 1 :]
        went = next((each for each in later if not each.port), None)
        return here, went if went is not None and went.node == here.node and went.direction == "out" else None
    earlier = flight.sightings[:place][::-1]
    came = next((each for each in earlier if not each.port), None)
    return (came if came is not None and came.node == here.node and came.direction == "in" else None), here


def _side(each: Sighting) -> str:
    return f"{each.direction} {each.dev}" + ("" if each.seen else " (not seen)")


_FIELDS: dict[str, Callable[[Sighting], str]] = {
    "addresses": lambda each: f"{each.src} → {each.dst}" if each.src is not None else "",
    "MAC": macs,
    "ttl": lambda each: str(each.ttl) if each.ttl is not None else "",
}


def _compared(label: str, came: str, went: str, half: int, both: bool) -> list[Cell]:
    """One line of the card; what a device changed is bright, what it left is dim."""
    changed = both and came != went
    note = (" changed" if changed else " the same") if both else ""
    return [
        (fit(label, _LABEL), "dim"),
        (fit(came, half), ""),
        (fit(went, half), "mark" if changed else "dim" if both else ""),
        (note, "warn" if changed else "dim"),
    ]


def _why(row: Row, follow: Follow, world: World) -> Iterator[tuple[str, str]]:
    """The lookup that sent it on, as the node's tables tell it."""
    assert row.sighting is not None
    way, hop = _hop(row, follow)
    node = world.node(row.sighting.node)
    if hop is not None and hop.lookup is not None and node is not None:
        yield "because", explain.decision(hop.lookup, node, world)
    if way is not None and not row.flight.arrived and way.node == row.sighting.node:
        yield "ends", f"{way.outcome}: {way.reason}"


def _hop(row: Row, follow: Follow) -> tuple[Way | None, Hop | None]:
    """The predicted hop of this sighting: the n-th visit of its node."""
    trip = follow.path.branches[0]
    way = trip.forward if row.flight.kind is Kind.REQUEST else trip.back if row.flight.kind is Kind.REPLY else None
    if way is None or row.sighting is None:
        return way, None
    here = row.sighting
    fits = [each for each in way.hops if each.node == here.node and here.dev in (each.iif, each.oif)]
    return way, next(iter(fits), None)
