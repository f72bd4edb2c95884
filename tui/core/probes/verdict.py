"""A probe's result held against what the World predicts: agrees, or differs, with the likely causes in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tui.core.path.links_between import Links
from tui.core.path.symptoms import TracedHop
from tui.core.probes import Ping, Probe, TcpConnect, Traceroute
from tui.core.probes.causes import causes, star_causes
from tui.core.probes.meanings import Meaning, marked, meaning
from tui.core.probes.prediction import Prediction, Seen, Sight, hops_of, links_of, predict
from tui.core.probes.results import Connection, ConnectResult, Fault, PingResult, Result, TraceHop, TraceResult
from tui.core.probes.wording import RATIONED
from tui.core.world import World

ARP_GIVES_UP = 3.1
"""Seconds until a silent next hop is told: three questions, one a second (arp(7), mcast_solicit)."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether what was seen is what the World predicts: True, False, or None where the prediction could not say.

    `predicted` and `seen` are short phrases, `sentence` both in one; `causes` what may be behind a difference, the
    likeliest first. `rows` set predicted and seen hops of a traceroute side by side.
    """

    agrees: bool | None
    predicted: str
    seen: str
    sentence: str
    causes: tuple[str, ...] = ()
    rows: tuple[TraceRow, ...] = ()


@dataclass(frozen=True, slots=True)
class TraceRow:
    """One ttl: the predicted line (None: beyond what is predicted) and what was seen (None: it never came so far)."""

    ttl: int
    predicted: TracedHop | None
    seen: TraceHop | None
    agrees: bool | None


def against(world: World | Links, src: str, probe: Probe, result: Result) -> Verdict:
    """Hold a result against the World in which it was asked for. Raises QueryError where `src` is not known here."""
    links = links_of(world)
    prediction = predict(links, src, probe)
    if isinstance(probe, Traceroute) and isinstance(result, TraceResult):
        return _trace(links, src, probe, prediction, result)
    if isinstance(probe, TcpConnect) and isinstance(result, ConnectResult):
        return _connect(links, probe, prediction, result)
    assert isinstance(probe, Ping)
    assert isinstance(result, PingResult)
    return _ping(links, probe, prediction, result)


def observed(result: PingResult) -> tuple[Sight, ...]:
    """What a ping has seen: answers by their ttl and errors, each once; silence where there was neither."""
    answers = [Sight(Seen.ANSWER, each.ttl) for each in result.replies if not each.duplicate]
    errors = [
        Sight(Seen.ERROR, meaning=meaning(each), sender=each.sender) for each in result.faults if not each.is_redirect
    ]
    found = tuple(dict.fromkeys((*answers, *errors)))
    return found or ((Sight(Seen.SILENCE),) if result.sent else ())


def _ping(links: Links, probe: Ping, prediction: Prediction, result: PingResult) -> Verdict:
    sights = observed(result)
    predicted, seen = str(prediction), " and ".join(str(each) for each in sights) or "nothing yet"
    if not sights or any(each.meaning in NOT_TRIED for each in sights):
        return Verdict(None, predicted, seen, f"Predicted: {predicted}. The probe itself could not be made: {seen}.")
    if any(each.seen is Seen.UNKNOWN for each in prediction.sights):
        return _not_predicted(prediction, seen)
    if all(any(_fits(each, one, probe, result) for one in prediction.sights) for each in sights):
        return Verdict(True, predicted, seen, _agreed(predicted, result, sights, prediction.sights))
    likely = tuple(causes(links, prediction, sights))
    return Verdict(False, predicted, seen, f"Differs: predicted {predicted}, seen {seen}.", likely)


NOT_TRIED = (Meaning.HERE_NO_TOOL, Meaning.HERE_NOT_ALLOWED, Meaning.HERE_NO_DEVICE, Meaning.HERE_NO_SOURCE)
"""What says that the probe itself could not be made: it tells nothing about the way."""


def _not_predicted(prediction: Prediction, seen: str) -> Verdict:
    told = f"Seen: {seen}. What to expect could not be predicted: {prediction.unknown}."
    return Verdict(None, "not known", seen, told)


def _fits(seen: Sight, predicted: Sight, probe: Ping, result: PingResult) -> bool:
    if seen.seen is Seen.SILENCE and predicted.seen is Seen.ERROR and predicted.sender is not None:
        slow = predicted.meaning is Meaning.HOST_UNREACHABLE and probe.lasts < ARP_GIVES_UP
        return result.deaf or slow
    if seen.seen is Seen.SILENCE and _is_refusal(predicted):
        return probe.source is not None
    if seen.seen is Seen.ANSWER and predicted.seen is Seen.ANSWER:
        return seen.ttl is None or seen.ttl == predicted.ttl
    return seen == predicted


def _is_refusal(predicted: Sight) -> bool:
    """Whether the sender's own kernel refuses: ping (iputils) passes that over where its source was given."""
    return predicted.seen is Seen.ERROR and predicted.sender is None


def _agreed(predicted: str, result: PingResult, sights: Sequence[Sight], expected: Sequence[Sight]) -> str:
    text = f"Agrees: {predicted}, as predicted."
    if not set(sights) & set(expected) and sights[0].seen is Seen.SILENCE:
        why = "this tool tells of no errors" if result.deaf else "it ended before the error could come"
        if all(map(_is_refusal, expected)):
            why = "ping does not tell of it where its source is given"
        return f"Agrees: {predicted} is predicted, and silence is seen, since {why}."
    lost = result.sent - result.received
    if result.received and lost > 0:
        text += f" But {lost} of {result.sent} had no answer."
    return text


def _connect(links: Links, probe: TcpConnect, prediction: Prediction, result: ConnectResult) -> Verdict:
    predicted, seen = str(prediction), str(result.state)
    if result.state is Connection.UNKNOWN:
        return Verdict(None, predicted, seen, f"Predicted: {predicted}. How it ended could not be told.")
    if meaning(Fault(result.text)) in NOT_TRIED:
        return Verdict(None, predicted, seen, f"The probe itself could not be made: {result.text}.")
    if any(each.seen is Seen.UNKNOWN for each in prediction.sights):
        return _not_predicted(prediction, seen)
    if any(result.state in _ends(each, probe.wait) for each in prediction.sights):
        answered = result.state in (Connection.CONNECTED, Connection.REFUSED)
        extra = " (whether a program listens there, no table tells)" if answered else ""
        told = f"Agrees: {predicted} is predicted, and the connection {_ended(result.state)}{extra}."
        return Verdict(True, predicted, seen, told)
    sight = _as_sight(result.state)
    likely = tuple(causes(links, prediction, (sight,)))
    return Verdict(
        False, predicted, seen, f"Differs: {predicted} is predicted, and the connection {_ended(result.state)}.", likely
    )


def _ended(state: Connection) -> str:
    """The end as the predicate of a sentence."""
    return f"{'' if state is Connection.TIMED_OUT else 'is '}{state}"


def _as_sight(state: Connection) -> Sight:
    if state in (Connection.CONNECTED, Connection.REFUSED):
        return Sight(Seen.ANSWER)
    return Sight(Seen.SILENCE if state is Connection.TIMED_OUT else Seen.ERROR, meaning=None)


def _ends(sight: Sight, wait: float) -> tuple[Connection, ...]:
    """How a connect may end where a ping would see this (tcp_v4_err turns every ICMP error into an errno)."""
    if sight.seen is Seen.ANSWER:
        return (Connection.CONNECTED, Connection.REFUSED)
    if sight.seen is Seen.SILENCE:
        return (Connection.TIMED_OUT,)
    if sight.meaning is Meaning.HERE_PROHIBITED:
        return (Connection.PROHIBITED,)
    if sight.meaning is Meaning.HOST_UNREACHABLE and wait < ARP_GIVES_UP:
        return (Connection.UNREACHABLE, Connection.TIMED_OUT)
    return (Connection.UNREACHABLE,)


def _trace(links: Links, src: str, probe: Traceroute, prediction: Prediction, result: TraceResult) -> Verdict:
    if result.faults and not result.hops:
        sights = tuple(Sight(Seen.ERROR, meaning=meaning(each)) for each in result.faults)
        seen = " and ".join(str(each) for each in dict.fromkeys(sights))
        predicted = str(prediction)
        if any(each.meaning in NOT_TRIED for each in sights):
            return Verdict(None, predicted, seen, f"The probe itself could not be made: {result.faults[0].text}.")
        if set(sights) & set(prediction.sights):
            return Verdict(True, predicted, seen, f"Agrees: {predicted}, as predicted.")
        likely = tuple(causes(links, prediction, sights))
        return Verdict(False, predicted, seen, f"Differs: predicted {predicted}, seen {seen}.", likely)
    lines = hops_of(links, src, probe, prediction)
    rows = beside(lines, result)
    predicted = _drawn(tuple(str(each) for each in lines)) if lines else str(prediction)
    seen = _drawn(tuple(_short(each) for each in result.hops))
    if prediction.path.forward.refused_at_home:
        told = f"Differs: predicted {prediction}, but hops answered."
        return Verdict(False, predicted, seen, told, tuple(causes(links, prediction, (Sight(Seen.ANSWER),))), rows)
    missing = _never_came(rows, lines, probe.wait)
    wrong = [row for row in rows if row.agrees is False] or ([missing] if missing is not None else [])
    starred = [row for row in wrong if row.seen is not None and not row.seen.answers]
    if not wrong or (result.reached and len(starred) == len(wrong)):
        return Verdict(True, predicted, seen, _hops_agree(starred, rows), rows=rows)
    if len(prediction.path.branches) > 1:
        told = "There are several ways, and the first of them was predicted; the flow was given another."
        return Verdict(None, predicted, seen, told, rows=rows)
    row = wrong[0]
    told = f"Differs at ttl {row.ttl}: predicted {row.predicted or 'nothing'}, seen {_short(row.seen)}."
    return Verdict(False, predicted, seen, told, tuple(star_causes(links, prediction, row.seen, row.predicted)), rows)


def _never_came(rows: Sequence[TraceRow], lines: Sequence[TracedHop], wait: float) -> TraceRow | None:
    """The row of the error that is predicted at the end, where only stars were seen though it had the time to come."""
    end = lines[-1] if lines else None
    if end is None or not end.mark or (marked(end.mark) is Meaning.HOST_UNREACHABLE and wait < ARP_GIVES_UP):
        return None
    last = [row for row in rows if row.ttl >= end.ttl and row.seen is not None]
    return last[0] if last and not any(row.agrees for row in last) else None


def _hops_agree(starred: Sequence[TraceRow], rows: Sequence[TraceRow]) -> str:
    if starred:
        where = ", ".join(str(row.ttl) for row in starred)
        return f"Agrees, but for the stars at ttl {where}: {RATIONED}, or they are switched off there."
    came = any(row.agrees and row.seen is not None and row.seen.marks for row in rows)
    open_ends = [row for row in rows if row.agrees is None and row.predicted is not None]
    if came or not open_ends:
        return "Agrees: the hops are those predicted."
    if open_ends[-1].predicted is not None and open_ends[-1].predicted.mark:
        return "Agrees so far: the error that is predicted takes longer to come than each probe was waited for."
    return "Agrees as far as it goes."


def beside(lines: Sequence[TracedHop], result: TraceResult) -> tuple[TraceRow, ...]:
    """Predicted and seen hops by ttl, as far as either goes; while it runs, what is yet to be seen has None."""
    expected = {each.ttl: each for each in lines}
    seen = {each.ttl: each for each in result.hops}
    rows = []
    for ttl in sorted({*expected, *seen}):
        line, hop = expected.get(ttl), seen.get(ttl)
        rows.append(TraceRow(ttl, line, hop, _row_agrees(line, hop, lines)))
    return tuple(rows)


def _row_agrees(line: TracedHop | None, hop: TraceHop | None, lines: Sequence[TracedHop]) -> bool | None:
    if hop is None or not (hop.answers or hop.silent):
        return None
    end = lines[-1] if lines else None
    if end is not None and end.mark and hop.ttl >= end.ttl:
        # An error may come some stars later: a silent neighbour takes seconds, and errors are limited in number.
        if not hop.answers:
            return None
        return hop.addresses == (end.address,) and {marked(each) for each in hop.marks} == {marked(end.mark)}
    if line is None:
        # Behind a star there are only stars; behind anything else nothing is predicted (a loop, the end).
        silent = bool(lines) and lines[-1].address is None and lines[-1].sure
        return not hop.answers if silent and hop.ttl > lines[-1].ttl else None
    if not line.sure:
        return None
    if line.address is None or not hop.answers:
        return line.address is None and not hop.answers
    marks = {marked(each) for each in hop.marks}
    return line.address in hop.addresses and (marked(line.mark) in marks if line.mark else not marks)


def _short(hop: TraceHop | None) -> str:
    if hop is None:
        return "nothing"
    return " ".join((*(str(each) for each in hop.addresses), *hop.marks)) or "*"


def _drawn(hops: Sequence[str]) -> str:
    """Hops in a line; the stars at the end are one."""
    while len(hops) > 1 and hops[-1] == hops[-2] == "*":
        hops = hops[:-1]
    return " → ".join(hops) or "no hop"
