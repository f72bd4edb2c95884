"""A followed packet as JSON values: the contract that scripts read."""

from __future__ import annotations

from typing import Any

from tui.core.follow import Flight, Follow, Sighting
from tui.core.path.as_json import path_json


def follow_json(follow: Follow) -> dict[str, Any]:
    """The object that `routetui follow --json` prints."""
    return {
        "src": follow.src,
        "dst": follow.dst,
        "address": str(follow.path.address),
        "reached": follow.reached,
        "agrees": follow.agrees,
        "verdict": follow.verdict,
        "one_clock": follow.one_clock,
        "simulated": follow.simulated,
        "sender_says": follow.sender_says or None,
        "packets": [flight_json(each) for each in follow.packets],
        "notes": list(follow.notes),
        "predicted": path_json(follow.path),
    }


def flight_json(flight: Flight) -> dict[str, Any]:
    """One packet; `died_at` and `reason` are null where it arrived."""
    return {
        "seq": flight.seq,
        "kind": str(flight.kind),
        "src": _text(flight.src),
        "dst": _text(flight.dst),
        "arrived": flight.arrived,
        "died_at": flight.died_at or None,
        "outcome": _text(flight.outcome),
        "reason": flight.reason or None,
        "suspects": list(flight.suspects),
        "sightings": [sighting_json(each) for each in flight.sightings],
    }


def sighting_json(each: Sighting) -> dict[str, Any]:
    """One place; `time` in nanoseconds since 1970."""
    return {
        "node": each.node,
        "dev": each.dev,
        "direction": each.direction,
        "time": each.time,
        "ttl": each.ttl,
        "src_mac": each.src_mac or None,
        "dst_mac": each.dst_mac or None,
        "src": _text(each.src),
        "dst": _text(each.dst),
        "expected": each.expected,
        "seen": each.seen,
        "watched": each.watched,
        "port": each.port,
        "changed": list(each.changed),
    }


def _text(value: object) -> str | None:
    return None if value is None else str(value)
