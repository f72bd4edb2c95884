"""A path as lines of text: the networks and nodes that it crosses, forward and back, each with its end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tui.core.path.hops import Outcome, Path, Way

_DOUBTFUL = (Outcome.UNKNOWN, Outcome.LEAVES)


def path_lines(path: Path, fixes: Sequence[str] = ()) -> tuple[str, ...]:
    """The lines `there`, `back`, `sees`, `so` and, where there are fixes, `mends`; branches follow one another."""
    return tuple(_lines(path, fixes))


def _lines(path: Path, fixes: Sequence[str]) -> Iterator[str]:
    # Imported late: symptoms stand beside paths, and a screen that draws one way does not need them.
    from tui.core.path.symptoms import symptom

    many = len(path.branches) > 1
    shown: Way | None = None
    for number, trip in enumerate(path.branches, 1):
        mark = f"{number} " if many else ""
        if trip.forward is not shown:
            shown = trip.forward
            yield f"there  {mark}{drawn(trip.forward)}"
        yield f"back   {mark}{drawn(trip.back, astray=trip.astray) if trip.back is not None else 'not reached'}"
    if path.cut:
        yield "       and more ways, not followed"
    yield f"sees   {symptom(path)}"
    yield f"so     {path.verdict}"
    for each in dict.fromkeys(
        each for trip in path.branches for way in (trip.forward, trip.back) for each in _noted(way)
    ):
        yield f"note   {each}"
    for each in path.redirects:
        yield f"note   {each}"
    for each in fixes:
        yield f"mends  {each}"


def _noted(way: Way | None) -> tuple[str, ...]:
    return way.assumptions if way is not None else ()


def drawn(way: Way, astray: bool = False) -> str:
    """One way as a picture: `centos-net1 ─eth0─[net1]─▶ host ✗ FILTERED DOCKER-ISOLATION-STAGE-2 -o br-net2`.

    `astray` is a reply that was delivered, but not to whom it was awaited by.
    """
    return " ".join([*(text for text, _ in pieces(way)), ended(way, astray)])


def pieces(way: Way) -> tuple[tuple[str, bool], ...]:
    """The picture in pieces, to be put together with blanks: each text, and whether it is a node's (else a link's)."""
    return tuple(each for index in range(len(way.hops)) for each in _pieces(way, index)) or ((way.node, True),)


def _pieces(way: Way, index: int) -> Iterator[tuple[str, bool]]:
    hop = way.hops[index]
    last = index == len(way.hops) - 1
    yield f"{'↻ ' if way.loop == index else ''}{hop.node}", True
    if hop.oif is None or hop.oif == "lo":
        return
    filtered = last and way.loop is None and way.outcome is Outcome.FILTERED
    if not filtered:
        yield f"─{hop.oif}─[{hop.network if hop.network is not None else '?'}]─▶", False
    if last and not filtered:
        yield f"↻ {hop.neighbour}" if way.loop is not None else str(hop.next_hop), True


def ended(way: Way, astray: bool = False) -> str:
    """How it ended, in a few words behind the picture."""
    if way.outcome is Outcome.DELIVERED:
        return f"✗ DELIVERED to {way.node} instead" if astray else "✓ DELIVERED"
    sign = "?" if way.outcome in _DOUBTFUL else "✗"
    told = way.cause if way.outcome is Outcome.FILTERED and isinstance(way.cause, str) else way.reason
    told += " (a model)" if way.model else ""
    return f"{sign} {way.outcome} {told}"
