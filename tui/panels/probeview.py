"""What a probe found, as lines: replies and a picture of their times, hops beside those predicted, packets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tui.core.packets import Frame
from tui.core.packets.as_text import COLUMNS, layers
from tui.core.packets.as_text import cells as frame_cells
from tui.core.probes import Capture, Ping, TcpConnect, Traceroute, wording
from tui.core.probes.results import ConnectResult, PingResult, TraceHop, TraceResult
from tui.core.probes.verdict import TraceRow, Verdict, beside
from tui.core.probes.watched import Stage, Watched
from tui.core.world import Node, World
from tui.panels.cells import Cell, fit, right, wrap

BARS = "▁▂▃▄▅▆▇█"
_WIDTHS = (11, 9, 5, 18, 18, 7, 4, 7, 0)
_LATEST = 200
"""So many replies are listed: the latest."""

Line = list[Cell]


def lines(watched: Watched, width: int) -> Iterator[Line]:
    """All but the packets of a capture, which are rows of their own."""
    yield from _command(watched, width)
    node = watched.world.node(watched.node)
    if watched.trouble:
        yield from _wrapped("✗ " + watched.trouble, width, "bad")
    result, probe = watched.result, watched.probe
    if node is None or result is None:
        if watched.alive and not isinstance(probe, Capture):
            yield [("waiting for the first answer …", "dim")]
        return
    if isinstance(result, PingResult) and isinstance(probe, Ping):
        yield from _ping(result, probe, node, watched, width)
    elif isinstance(result, TraceResult) and isinstance(probe, Traceroute):
        yield from _trace(result, probe, node, watched, width)
    elif isinstance(result, ConnectResult) and isinstance(probe, TcpConnect):
        yield from _connect(result, probe, node, width)
    if watched.cut:
        yield from _wrapped(watched.cut, width, "dim")
    if watched.verdict is not None:
        yield []
        yield from verdict(watched.verdict, width)


def _command(watched: Watched, width: int) -> Iterator[Line]:
    """The exact command, and by which way it is sent."""
    argv = watched.argv
    shown = ("prober", *argv[4:]) if len(argv) > 4 and argv[1:3] == ("-I", "-S") else argv
    if shown:
        first, *rest = wrap(" ".join(shown), max(20, width - 2))
        yield [("$ ", "dim"), (first, "accent")]
        yield from ([("  ", ""), (line, "accent")] for line in rest[:2])
    if watched.how:
        yield from _wrapped(watched.how, width, "dim")
    if shown:
        yield []


def _wrapped(text: str, width: int, style: str = "") -> Iterator[Line]:
    yield from ([(line, style)] for line in wrap(text, max(20, width)))


def verdict(found: Verdict, width: int) -> Iterator[Line]:
    """What was predicted beside what was seen, and what may be behind a difference."""
    sign, style = {True: ("✓", "good"), False: ("≠", "bad"), None: ("?", "warn")}[found.agrees]
    first, *rest = wrap(found.sentence, max(20, width - 2))
    yield [(f"{sign} ", style), (first, style)]
    yield from ([("  ", ""), (line, style)] for line in rest)
    for each in found.causes:
        first, *rest = wrap(each, max(20, width - 8))
        yield [("  maybe ", "warn"), (first, "")]
        yield from ([("        ", ""), (line, "")] for line in rest)


# --- ping ---


def _ping(result: PingResult, probe: Ping, node: Node, watched: Watched, width: int) -> Iterator[Line]:
    yield [(wording.ping_summary(result), "strong")]
    times = [each.rtt for each in result.replies if each.rtt is not None]
    if len(times) > 1:
        yield [("times ", "dim"), (spark(times[-max(10, width - 30) :]), "accent"), (f" {_range(times)}", "dim")]
    if result.sent and not result.received and not result.faulty and not watched.alive:
        yield from _wrapped(wording.silence(probe.target), width)
    explained = dict.fromkeys(wording.fault(each, node, watched.world, probe.target) for each in result.faults)
    for each in list(explained)[:3]:
        yield from _wrapped(each, width, "warn")
    yield []
    yield from _events(result)


def _events(result: PingResult) -> Iterator[Line]:
    """The latest replies and errors, the newest first: what comes is at the top, where the eye is."""
    events: list[tuple[int, Line]] = []
    for each in result.replies[-_LATEST:]:
        time = f"{each.rtt:.3f} ms" if each.rtt is not None else "-"
        ttl = f"ttl {each.ttl}" if each.ttl is not None else ""
        extra = "duplicate" if each.duplicate else each.trouble
        line: Line = [(right(str(each.seq), 6), "dim"), (right(time, 13), "good"), (f"   {ttl}", "")]
        events.append((each.seq, [*line, (f"   from {each.sender}  {extra}".rstrip(), "dim")]))
    for fault in result.faults[-_LATEST:]:
        number = right(str(fault.seq), 6) if fault.seq is not None else " " * 6
        sender = f"from {fault.sender}: " if fault.sender is not None else ""
        events.append((fault.seq or 0, [(number, "dim"), (f"   {sender}{fault.text}", "bad")]))
    answered = {each.seq for each in result.replies} | {each.seq for each in result.faults if each.seq is not None}
    if result.ended and result.sent <= _LATEST and answered:
        first = 0 if 0 in answered else 1
        lost = (seq for seq in range(first, first + result.sent) if seq not in answered)
        events += [(seq, [(right(str(seq), 6), "dim"), (right("no answer", 13), "bad")]) for seq in lost]
    events.sort(key=lambda each: -each[0])
    yield from (line for _, line in events)
    yield from ([("   ? ", "warn"), (line, "dim")] for line in result.unread[-20:])


def spark(times: Sequence[float]) -> str:
    """Times as a row of bars, from the shortest to the longest."""
    low, high = min(times), max(times)
    step = (high - low) / (len(BARS) - 1) or 1.0
    return "".join(BARS[round((each - low) / step)] for each in times)


def _range(times: Sequence[float]) -> str:
    return f"{min(times):.3f} to {max(times):.3f} ms"


# --- traceroute ---


def _trace(result: TraceResult, probe: Traceroute, node: Node, watched: Watched, width: int) -> Iterator[Line]:
    rows = watched.verdict.rows if watched.verdict is not None and watched.verdict.rows else _rows(result, watched)
    half = max(18, (width - 12) // 2)
    yield [(" ttl  ", "dim"), (fit("predicted", half), "dim"), ("  ", ""), ("seen", "dim")]
    explained: dict[str, None] = {}
    for row in rows:
        yield _trace_row(row, node, watched.world, half)
        if row.seen is not None:
            for answer in row.seen.answers:
                if answer.mark:
                    told = wording.mark(answer.mark, answer.address, node, watched.world, probe.target)
                    explained[told] = None
    for fault in result.faults:
        explained[wording.fault(fault, node, watched.world, probe.target)] = None
    silent = [row.seen for row in rows if row.seen is not None and not row.seen.answers]
    if silent and not watched.alive:
        explained[wording.star(silent[0])] = None
    if explained:
        yield []
    for each in explained:
        yield from _wrapped(each, width, "warn")


def _rows(result: TraceResult, watched: Watched) -> tuple[TraceRow, ...]:
    """The predicted hops from the start, what is seen beside them as it comes."""
    from tui.core.path.symptoms import traceroute
    from tui.core.query import QueryError

    assert isinstance(watched.probe, Traceroute)
    try:
        predicted = traceroute(watched.world, watched.probe.source or watched.node, watched.probe.target)
    except QueryError:
        predicted = ()
    return beside(predicted, result)


def _trace_row(row: TraceRow, node: Node, world: World, half: int) -> Line:
    sign, style = {True: ("✓", "good"), False: ("≠", "bad"), None: ("·", "dim")}[row.agrees]
    address = row.predicted.address if row.predicted is not None else None
    if address is not None:
        expected = wording.place(address, node, world)
    else:
        expected = str(row.predicted) if row.predicted is not None else ""
    head: Line = [(right(str(row.ttl), 4), "strong"), ("  ", ""), (fit(expected, half), ""), (f"{sign} ", style)]
    return [*head, *_hop(row.seen, node, world)]


def _hop(hop: TraceHop | None, node: Node, world: World) -> Line:
    if hop is None:
        return [("…", "dim")]
    if not hop.answers:
        return [("* " * hop.silent, "warn")]
    told: Line = []
    for address in hop.addresses:
        own = [each for each in hop.answers if each.address == address]
        times = " ".join(f"{each.rtt:.3f}" for each in own if each.rtt is not None)
        marks = " ".join(dict.fromkeys(each.mark for each in own if each.mark))
        told += [(wording.place(address, node, world), ""), (f"  {times} ms", "dim"), (f" {marks} ", "bad")]
    return told


# --- connect ---


def _connect(result: ConnectResult, probe: TcpConnect, node: Node, width: int) -> Iterator[Line]:
    if not result.ended and not result.text:
        yield [("waiting for an answer …", "dim")]
        return
    style = "good" if result.reached else "bad"
    yield from _wrapped(wording.connection(result, node, probe.target, probe.port), width, style)
    if result.rtt is not None:
        yield [(f"after {result.rtt:.3f} ms", "dim")]


# --- capture ---


def frame_heading() -> str:
    """The names of the columns."""
    return "".join(fit(name, width) + " " if width else name for name, width in zip(COLUMNS, _WIDTHS, strict=True))


def frame_row(frame: Frame, start: int) -> Line:
    """One packet."""
    texts = frame_cells(frame, start)
    styles = ("dim", "accent", "dim", "", "", "strong", "", "dim", "says")
    return [
        (fit(text, width) + " " if width else text, style)
        for text, width, style in zip(texts, _WIDTHS, styles, strict=True)
    ]


def frame_detail(frame: Frame, width: int) -> Iterator[Line]:
    """One packet in all its layers."""
    for name, fields in layers(frame):
        text = "  ".join(f"{key} {value}" for key, value in fields)
        first, *rest = wrap(text, max(20, width - 15))
        yield [(fit(name, 14) + " ", "title"), (first, "")]
        yield from ([(" " * 15, ""), (line, "")] for line in rest)


def entry(watched: Watched, width: int) -> Line:
    """A probe in the list of all of them."""
    sign = {True: ("✓", "good"), False: ("✗", "bad"), None: ("·", "dim")}[watched.good]
    if watched.alive:
        sign = ("▸", "accent")
    if watched.verdict is not None and watched.verdict.agrees is False:
        sign = ("≠", "bad")
    ended = {Stage.STOPPED: "stopped", Stage.FAILED: "failed", Stage.STARTING: "starting"}.get(watched.stage, "")
    end = ended or watched.progress
    room = max(8, width - len(end) - 5)
    return [sign, (" ", ""), (fit(f"{watched.number} {watched.title}", room), ""), (f" {end}", "dim")]
