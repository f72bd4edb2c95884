"""Probes, what they found and the verdict on it, as JSON values: the contract that scripts read."""

from __future__ import annotations

from typing import Any

from tui.core.probes import Ping, Probe, TcpConnect
from tui.core.probes.results import ConnectResult, Fault, PingResult, Result, Roundtrips, TraceHop, TraceResult
from tui.core.probes.verdict import Verdict
from tui.core.probes.wording import behind
from tui.core.world import Node, World


def probe_json(probe: Probe) -> dict[str, Any]:
    """What was asked: the kind, and its fields by their names; addresses as text."""
    kind = "ping" if isinstance(probe, Ping) else "connect" if isinstance(probe, TcpConnect) else "traceroute"
    fields = {name: getattr(probe, name) for name in type(probe).__slots__}
    return {"kind": kind, **{name: _plain(value) for name, value in fields.items()}}


def _plain(value: object) -> object:
    return value if value is None or isinstance(value, int | float) else str(value)


def result_json(result: Result, node: Node, world: World) -> dict[str, Any]:
    """What was found. Times are in milliseconds; `who` names a node and its interface where one is known."""
    if isinstance(result, PingResult):
        found = _ping(result, node, world)
    elif isinstance(result, TraceResult):
        found = {
            "reached": result.reached,
            "hops": [_hop(each, node, world) for each in result.hops],
            "errors": [_fault(each, node, world) for each in result.faults],
        }
    else:
        found = _connect(result)
    return {**found, "unread": list(result.unread), "unread_lines": result.lost_lines}


def _ping(result: PingResult, node: Node, world: World) -> dict[str, Any]:
    return {
        "reached": result.reached,
        "sent": result.sent,
        "received": result.received,
        "loss": round(result.loss, 4),
        "duplicates": result.duplicates,
        "rtt": _times(result.times),
        "replies": [
            {"seq": each.seq, "rtt": each.rtt, "ttl": each.ttl, "from": str(each.sender), "duplicate": each.duplicate}
            for each in result.replies
        ],
        "errors": [_fault(each, node, world) for each in result.faults],
        "tells_errors": not result.deaf,
    }


def _times(times: Roundtrips | None) -> dict[str, float] | None:
    if times is None:
        return None
    named = {"min": times.minimum, "avg": times.average, "median": times.median, "max": times.maximum}
    return {name: round(value, 3) for name, value in {**named, "jitter": times.jitter}.items()}


def _fault(fault: Fault, node: Node, world: World) -> dict[str, Any]:
    sender = fault.sender
    who = behind(sender, node, world) if sender is not None else None
    return {"seq": fault.seq, "from": None if sender is None else str(sender), "who": who, "text": fault.text}


def _hop(hop: TraceHop, node: Node, world: World) -> dict[str, Any]:
    answers = [
        {"from": str(each.address), "who": behind(each.address, node, world), "rtt": each.rtt, "mark": each.mark}
        for each in hop.answers
    ]
    return {"ttl": hop.ttl, "answers": answers, "silent": hop.silent}


def _connect(result: ConnectResult) -> dict[str, Any]:
    return {"reached": result.reached, "state": str(result.state), "rtt": result.rtt, "text": result.text}


def verdict_json(verdict: Verdict) -> dict[str, Any]:
    """Prediction and observation side by side; `agrees` is null where the prediction could not say."""
    found: dict[str, Any] = {
        "agrees": verdict.agrees,
        "predicted": verdict.predicted,
        "seen": verdict.seen,
        "sentence": verdict.sentence,
        "causes": list(verdict.causes),
    }
    if verdict.rows:
        found["hops"] = [
            {
                "ttl": row.ttl,
                "predicted": None if row.predicted is None else str(row.predicted),
                "node": None if row.predicted is None else row.predicted.node,
                "agrees": row.agrees,
            }
            for row in verdict.rows
        ]
    return found
