"""What a probe found, as lines: replies and a picture of their times, hops beside those predicted, packets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.cells import cell_len

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
_LATEST = 200
"""So many replies are listed: the latest."""

_LONGEST = 45
"""So much is shown of one word of a command."""

Line = list[Cell]


def lines(watched: Watched, width: int) -> Iterator[Line]:
    """All but the packets of a capture, which are rows of their own: what it came to first, then what it is made of."""
    yield from _command(watched, width)
    if watched.trouble:
        yield from _wrapped("✗ " + watched.trouble, width, "bad")
    if watched.cut:
        yield from _wrapped(watched.cut, width, "warn")
    if watched.stage is Stage.STOPPED:
        yield [("stopped", "warn")]
    node = watched.world.node(watched.node)
    if isinstance(watched.probe, Capture) or node is None:
        return
    yield from _found(watched, node, width)


def _found(watched: Watched, node: Node, width: int) -> Iterator[Line]:
    result, probe = watched.result, watched.probe
    if isinstance(result, PingResult):
        yield from _ping_summary(result, width)
    elif isinstance(result, ConnectResult) and isinstance(probe, TcpConnect):
        yield from _connect(result, probe, node, width)
    elif watched.alive and result is None:
        yield [("waiting for the first answer …", "dim")]
    if watched.verdict is not None:
        yield from verdict(watched.verdict, width)
    elif watched.predicted:
        yield from _wrapped(f"predicted: {watched.predicted}", width, "says")
    if isinstance(result, PingResult) and isinstance(probe, Ping):
        yield from _ping(result, probe, node, watched, width)
    elif isinstance(probe, Traceroute):
        yield from _trace(result if isinstance(result, TraceResult) else TraceResult(), probe, node, watched, width)


def _command(watched: Watched, width: int) -> Iterator[Line]:
    """The command, and by which way it is sent; where it is very long its beginning (the command log has all of it)."""
    argv = watched.argv
    shown = ("prober", *argv[4:]) if len(argv) > 4 and argv[1:3] == ("-I", "-S") else argv
    if shown:
        short = (word if len(word) <= _LONGEST else f"{word[:_LONGEST]}…" for word in shown)  # the code of a filter
        first, *rest = wrap(" ".join(short), max(20, width - 3))
        if len(rest) > 1:
            rest = [f"{rest[0]}…"]
        yield [("$ ", "dim"), (first, "accent")]
        yield from ([("  ", ""), (line, "accent")] for line in rest)
    if watched.how:
        yield from _wrapped(watched.how, width, "dim")


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


def _ping_summary(result: PingResult, width: int) -> Iterator[Line]:
    yield from _wrapped(wording.ping_summary(result), width, "strong")
    times = list(_times(result))[-max(10, width - 30) :]
    known = [each for each in times if each is not None]
    if len(times) > 1 and known:
        yield [("times ", "dim"), (spark(times), "accent"), (f" {_range(known)}", "dim")]


def _times(result: PingResult) -> Iterator[float | None]:
    """The round trip of each request in their order; None for one that had no answer, though a later one had."""
    found = {each.seq: each.rtt for each in result.replies if not each.duplicate and each.rtt is not None}
    for seq in range(min(found, default=0), max(found, default=-1) + 1):
        yield found.get(seq)


def _ping(result: PingResult, probe: Ping, node: Node, watched: Watched, width: int) -> Iterator[Line]:
    explained = dict.fromkeys(wording.fault(each, node, watched.world, probe.target) for each in result.faults)
    for each in list(explained)[:3]:
        yield from _wrapped(each, width, "warn")
    if result.sent and not result.received and not result.faulty and not watched.alive:
        yield from _wrapped(wording.silence(probe.target), width, "warn")
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


def spark(times: Sequence[float | None]) -> str:
    """Times as a row of bars, from the shortest to the longest; × where there was no answer."""
    known = [each for each in times if each is not None]
    low = min(known, default=0.0)
    step = (max(known, default=0.0) - low) / (len(BARS) - 1) or 1.0
    return "".join("×" if each is None else BARS[round((each - low) / step)] for each in times)


def _range(times: Sequence[float]) -> str:
    return f"{min(times):.3f} to {max(times):.3f} ms"


# --- traceroute ---


def _trace(result: TraceResult, probe: Traceroute, node: Node, watched: Watched, width: int) -> Iterator[Line]:
    verdict = watched.verdict
    rows = verdict.rows if verdict is not None and verdict.rows else beside(watched.hops, result)
    half = max(18, min(44, (width - 8) // 2))
    yield []
    yield [(" ttl  ", "dim"), (fit("predicted", half), "dim"), ("  ", ""), ("seen", "dim")]
    yield from (_trace_row(row, node, watched, half) for row in rows)
    explained = dict.fromkeys(_explained(rows, result, probe, node, watched))
    if explained:
        yield []
    for each in explained:
        yield from _wrapped(each, width, "warn")


def _explained(
    rows: Sequence[TraceRow], result: TraceResult, probe: Traceroute, node: Node, watched: Watched
) -> Iterator[str]:
    """What marks, errors and stars mean."""
    seen = [row.seen for row in rows if row.seen is not None]
    for hop in seen:
        for answer in hop.answers:
            if answer.mark:
                yield wording.mark(answer.mark, answer.address, node, watched.world, probe.target)
    for fault in result.faults:
        yield wording.fault(fault, node, watched.world, probe.target)
    silent = [hop for hop in seen if not hop.answers]
    if silent and not watched.alive:
        yield wording.star(silent[0])


def _trace_row(row: TraceRow, node: Node, watched: Watched, half: int) -> Line:
    sign, style = {True: ("✓", "good"), False: ("≠", "bad"), None: ("·", "dim")}[row.agrees]
    expected = _expected(row, node, watched)
    head: Line = [(right(str(row.ttl), 4), "strong"), ("  ", ""), (fit(expected, half), ""), (f"{sign} ", style)]
    if row.seen is None:
        return [*head, ("…" if watched.alive else "nothing", "dim")]
    return [*head, *_hop(row.seen, row, node, watched.world)]


def _expected(row: TraceRow, node: Node, watched: Watched) -> str:
    if row.predicted is None:
        last = watched.hops[-1] if watched.hops else None
        return "*" if last is not None and last.address is None and last.sure else ""
    if row.predicted.address is None:
        return str(row.predicted)
    return f"{wording.place(row.predicted.address, node, watched.world)} {row.predicted.mark}".rstrip()


def _hop(hop: TraceHop, row: TraceRow, node: Node, world: World) -> Line:
    """Who answered; by name too, where that does not stand beside it already."""
    if not hop.answers:
        return [("* " * hop.silent, "warn")]
    told: Line = []
    for address in hop.addresses:
        own = [each for each in hop.answers if each.address == address]
        times = " ".join(f"{each.rtt:.3f}" for each in own if each.rtt is not None)
        marks = " ".join(dict.fromkeys(each.mark for each in own if each.mark))
        known = row.predicted is not None and row.predicted.address == address
        told += [(str(address) if known else wording.place(address, node, world), "")]
        told += [(f"  {times} ms ", "dim"), (f"{marks} " if marks else "", "bad")]
    return [*told, ("* " * hop.silent, "warn")]


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


def frame_widths(frames: Sequence[Frame], since: int, width: int) -> tuple[int, ...]:
    """How wide each of COLUMNS is, 0 for one that has no room; the last takes the rest of `width`.

    Addresses and names are as wide as the latest frames need; a narrow view goes without the length, and cuts long
    IPv6 addresses before it cuts what a packet says.
    """
    latest = [frame_cells(each, each.time) for each in frames[-_LATEST:]]
    dev = max((len(each[1]) for each in latest), default=2)
    most = 39 if width >= 140 else 24 if width >= 100 else 15
    ends = [max((len(each[at]) for each in latest), default=6) for at in (3, 4)]
    src, dst = (max(11, min(most, each)) for each in ends)
    time = max(9, len(frame_cells(frames[-1], since)[0])) if frames else 9
    return (time, max(2, min(15 if width >= 100 else 9, dev)), 5, src, dst, 6, 3, 6 if width >= 100 else 0, -1)


def frame_heading(widths: Sequence[int]) -> str:
    """The names of the columns."""
    return "".join(text for text, _ in _columns(COLUMNS, widths))


def frame_row(frame: Frame, start: int, widths: Sequence[int]) -> Line:
    """One packet."""
    return list(_columns(frame_cells(frame, start), widths))


def _columns(texts: Sequence[str], widths: Sequence[int]) -> Iterator[Cell]:
    for text, width, style in zip(texts, widths, _STYLES, strict=True):
        if width:
            yield (fit(text, width) + " " if width > 0 else text, style)


_STYLES = ("dim", "accent", "dim", "", "", "strong", "", "dim", "says")


def frame_detail(frame: Frame, width: int) -> Iterator[Line]:
    """One packet in all its layers."""
    for name, fields in layers(frame):
        title = name
        for line in _filled([f"{key} {value}" for key, value in fields], max(20, width - 15)):
            yield [(fit(title, 14) + " ", "title"), (line, "")]
            title = ""


def _filled(pieces: Sequence[str], width: int) -> Iterator[str]:
    """Pieces side by side, as many in a line as fit; one that is longer than a line takes several."""
    line = ""
    for each in pieces:
        if line and cell_len(line) + 3 + cell_len(each) > width:
            yield from wrap(line, width)
            line = ""
        line = f"{line} · {each}" if line else each
    yield from wrap(line, width)


def entry(watched: Watched, width: int) -> Line:
    """A probe in the list of all of them."""
    sign = {True: ("✓", "good"), False: ("✗", "bad"), None: ("·", "dim")}[watched.good]
    if watched.alive:
        sign = ("▸", "accent")
    elif watched.agrees is False:
        sign = ("≠", "bad")
    names = {Stage.STOPPED: "stopped", Stage.FAILED: "failed", Stage.STARTING: "starting"}
    held = {True: "as predicted", False: "not as predicted", None: ""}[watched.agrees]
    end = ", ".join(filter(None, (names.get(watched.stage, ""), watched.progress, held)))
    room = max(8, width - len(end) - 5)
    return [sign, (" ", ""), (fit(f"{watched.number} {watched.title}", room), ""), (f" {end}", "dim")]
