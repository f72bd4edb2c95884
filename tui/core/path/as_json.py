"""A path as JSON values: the contract that scripts read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tui.core import explain
from tui.core.path.hops import Hop, IcmpError, Path, Way
from tui.core.path.symptoms import symptom
from tui.core.world import Route, Rule


def path_json(path: Path, fixes: Sequence[str] = ()) -> dict[str, Any]:
    """The path as an object; `forward` and `back` are the first branch, `branches` all where there are several.

    `fixes` are commands that would mend it. `works` is null where it depends or nobody can say.
    """
    answer: dict[str, Any] = {
        "src": path.src,
        "dst": path.dst,
        "address": str(path.address),
        **_ways(path.forward, path.back),
        "works": path.works,
        "verdict": path.verdict,
        "symptom": symptom(path),
        "redirects": list(path.redirects),
        "fixes": list(fixes),
    }
    if len(path.branches) > 1:
        answer["branches"] = [{**_ways(trip.forward, trip.back), "works": trip.works} for trip in path.branches]
        answer["cut"] = path.cut
    return answer


def _ways(forward: Way, back: Way | None) -> dict[str, Any]:
    return {"forward": way_json(forward), "back": way_json(back) if back is not None else None}


def way_json(way: Way) -> dict[str, Any]:
    """One way: its outcome, hops, where it ended and why, what decided, and what the sender is told."""
    return {
        "outcome": str(way.outcome),
        "src": _text(way.src),
        "dst": str(way.dst),
        "node": way.node,
        "reason": way.reason,
        "cause": _cause(way.cause),
        "model": way.model,
        "ttl": way.ttl,
        "hops": [_hop(each) for each in way.hops],
        "loop": way.loop,
        "error": _error(way.error),
        "assumptions": list(way.assumptions),
    }


def _hop(hop: Hop) -> dict[str, Any]:
    """In the names of `ip -j` where one exists; `via` is the gateway, `route` the prefix that decided."""
    route = hop.lookup.decision.route if hop.lookup is not None else None
    return {
        "node": hop.node,
        "in": hop.iif,
        "out": hop.oif,
        "via": _text(hop.gateway),
        "network": hop.network,
        "neighbour": hop.neighbour,
        "ttl": hop.ttl,
        "route": route.dst.brief if route is not None else None,
        "type": route.type if route is not None else None,
        "table": route.table if route is not None else None,
    }


def _cause(cause: Route | Rule | str | None) -> str | None:
    match cause:
        case Route():
            kind = "" if cause.type == "unicast" else f"{cause.type} "
            hop = f" {explain.hop_words(cause.nexthops[0])}" if cause.nexthops else ""
            return f"{kind}{cause.dst.brief}{hop} table {cause.table}"
        case Rule():
            return f"rule {cause.priority}: {explain.selectors(cause)} {cause.action}"
    return cause


def _error(error: IcmpError | None) -> dict[str, Any] | None:
    if error is None:
        return None
    return {"node": error.node, "from": str(error.source), "says": str(error.notice), "arrives": error.arrives}


def _text(value: object) -> str | None:
    return None if value is None else str(value)
