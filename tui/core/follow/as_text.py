"""A followed packet as lines of text: each interface with what changed there, whether it was predicted, and when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tui.core.follow import Flight, Follow, Kind, Sighting

MOST = 24
"""How many sightings of one packet are shown; of more (a loop) the first and the last ones."""

_NAMES = {Kind.REQUEST: "echo request", Kind.REPLY: "echo reply", Kind.ERROR: "ICMP error"}


def follow_lines(follow: Follow, ports: bool = False) -> tuple[str, ...]:
    """The lines of all packets and the verdict; `ports` also shows the host's ends of the cables."""
    start = min((each.time for packet in follow.packets for each in packet.sightings if each.time), default=0)
    shown = [(packet, _rows(packet, start, follow.simulated, ports)) for packet in follow.packets]
    widths = [max((len(row[column]) for _, rows in shown for row in rows), default=0) for column in range(5)]
    return tuple(_lines(follow, shown, widths))


Row = tuple[str, str, str, str, str]


def _lines(follow: Follow, shown: Sequence[tuple[Flight, list[Row]]], widths: Sequence[int]) -> Iterator[str]:
    for packet, rows in shown:
        yield heading(packet)
        for row in rows:
            yield "   " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        if packet.kind is Kind.ERROR:
            yield f"   {packet.reason}"
        elif not packet.arrived:
            yield f"   ✗ {died(packet)}"
            yield from (f"     may be: {each}" for each in packet.suspects)
    yield f"so     {follow.verdict}"
    if follow.agrees:
        yield "       as predicted"
    elif follow.agrees is False:
        yield f"       NOT as predicted: {follow.path.verdict}"
    if follow.simulated:
        yield "note   simulated: nothing was sent, this is the prediction"
    elif not follow.one_clock:
        yield "note   the nodes have clocks of their own: the order of what several of them saw is a guess"
    yield from (f"note   {each}" for each in follow.notes)


def heading(packet: Flight) -> str:
    """` #1 echo request 172.19.0.2 → 172.20.0.2  ttl 64`."""
    first = next((each.ttl for each in packet.sightings if each.ttl is not None), None)
    ends = " → ".join(str(each) for each in (packet.src, packet.dst) if each is not None)
    ttl = f"  ttl {first}" if first is not None else ""
    return f"#{packet.seq} {_NAMES[packet.kind]} {'' if packet.src else 'to '}{ends}{ttl}"


def died(packet: Flight) -> str:
    """Where and why it ended."""
    place = f"ends on {packet.died_at}: " if packet.died_at else "ends: "
    return f"{place}{f'{packet.outcome}, ' if packet.outcome is not None else ''}{packet.reason}"


def _rows(packet: Flight, start: int, simulated: bool, ports: bool) -> list[Row]:
    shown = [each for each in packet.sightings if ports or not each.port]
    rows = [
        (each.node, f"{each.dev} {each.direction}", changes(each, place == 0), mark(each, packet), when(each, start))
        for place, each in enumerate(shown)
    ]
    if simulated:
        rows = [(*row[:4], "") for row in rows]
    if len(rows) > MOST:
        left = f"… {len(rows) - MOST} more"
        rows = [*rows[: MOST - 4], (left, "", "", "", ""), *rows[-4:]]
    return rows


def changes(each: Sighting, first: bool) -> str:
    """What is new: everything where it begins, else only what changed."""
    if first:
        return f"{macs(each)}  ttl {each.ttl}".strip()
    said = []
    if {"src_mac", "dst_mac"} & set(each.changed):
        said.append(macs(each))
    if {"src", "dst"} & set(each.changed):
        said.append(f"addresses {each.src} → {each.dst}")
    said.append(f"ttl {each.ttl}" + (" (changed)" if "ttl" in each.changed else ""))
    return "  ".join(part for part in said if part)


def macs(each: Sighting) -> str:
    """`02:42:ac:13:00:02 → :03`: of the second what differs from the first."""
    source, target = each.src_mac, each.dst_mac
    if not source or not target:
        return source or target
    common = 0
    while common < 15 and source[common : common + 3] == target[common : common + 3] and len(source) == len(target):
        common += 3
    return f"{source} → {':' if common else ''}{target[common:]}"


def mark(each: Sighting, packet: Flight) -> str:
    """Whether it was predicted, and whether it was seen."""
    if packet.kind is Kind.ERROR:
        return "seen"
    if not each.watched:
        return "predicted, not watched"
    if each.seen:
        return "✓ predicted" if each.expected else "! not predicted"
    return "✗ predicted, not seen"


def when(each: Sighting, start: int) -> str:
    """Milliseconds since the first sighting."""
    return f"{(each.time - start) / 1_000_000:.3f} ms" if each.time is not None else ""
