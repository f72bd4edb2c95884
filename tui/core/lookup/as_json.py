"""A lookup as JSON values, in the names of `ip -j` where one exists: the contract that scripts read."""

from __future__ import annotations

from typing import Any

from tui.core import explain
from tui.core.steps import (
    CandidateStep,
    CheckStep,
    Decision,
    LegsStep,
    Lookup,
    RuleStep,
    SkippedStep,
    SourceStep,
    Step,
    TableStep,
)
from tui.core.world import NextHop, Node, World


def lookup_json(found: Lookup, node: Node, world: World | None, steps: bool) -> dict[str, Any]:
    """The lookup as an object: `decision` says the way, or `error` and `errno`; `steps` only where they are wanted."""
    query = found.query
    answer: dict[str, Any] = {
        "dst": str(query.dst),
        "node": node.name,
        "query": " ".join(query.words()),
        "decision": decision_json(found.decision, explain.decision(found, node, world)),
        "assumptions": list(found.decision.assumptions),
    }
    if steps:
        answer["steps"] = [{**_step(each), "says": explain.step(each, query)} for each in found.steps]
    return answer


def decision_json(decision: Decision, sentence: str) -> dict[str, Any]:
    """The decision; `dst` is the prefix that matched, as `ip -j` writes it, null where no route decided."""
    route = decision.route
    if decision.failure is not None:
        return {
            "error": str(decision.failure),
            "errno": decision.errno,
            "sentence": sentence,
            "type": route.type if route else None,
            "dst": route.dst.brief if route else None,
            "table": decision.table,
        }
    hops = decision.nexthops
    taken = next((hop for hop in route.nexthops if hop.dev == decision.dev), None) if route else None
    answer: dict[str, Any] = {
        "type": decision.type,
        "dst": route.dst.brief if route else None,
        "gateway": _text(decision.gateway),
        "dev": decision.dev,
        "prefsrc": _text(decision.prefsrc),
        "table": decision.table,
        "metric": route.metric if route else None,
        "protocol": route.protocol if route else None,
        "scope": route.scope if route else None,
        "flags": list(taken.flags) if taken else [],
        "nexthops": [_hop(hop) for hop in hops] if len(hops) > 1 else [],
        "sentence": sentence,
    }
    if decision.gateway is not None and route is not None and decision.gateway.version != route.family:
        answer["via"] = {"family": "inet6" if decision.gateway.version == 6 else "inet", "host": str(decision.gateway)}
    return answer


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _hop(hop: NextHop) -> dict[str, Any]:
    return {"gateway": _text(hop.gateway), "dev": hop.dev, "weight": hop.weight, "flags": list(hop.flags)}


def _step(each: Step) -> dict[str, Any]:
    match each:
        case RuleStep(rule, matched, reason):
            found = {"priority": rule.priority, "selectors": explain.selectors(rule), "action": rule.action}
            table = rule.table if rule.action == "table" else None
            return {"step": "rule", **found, "table": table, "matched": matched, "reason": reason}
        case CandidateStep():
            return _candidate(each)
        case SkippedStep(table, count, reason):
            return {"step": "skipped", "table": table, "count": count, "reason": reason}
        case TableStep(table, route, reason):
            return {"step": "table", "table": table, "dst": route.dst.brief if route else None, "reason": reason}
        case LegsStep():
            legs = [{**_hop(leg.nexthop), "usable": leg.usable, "reason": leg.reason} for leg in each.legs]
            chosen = _hop(each.chosen) if each.chosen else None
            return {
                "step": "legs",
                "dst": each.route.dst.brief,
                "nexthops": legs,
                "chosen": chosen,
                "reason": each.reason,
            }
        case CheckStep(name, passed, reason):
            return {"step": "check", "name": name, "passed": passed, "reason": reason}
        case SourceStep(address, reason):
            return {"step": "source", "prefsrc": _text(address), "reason": reason}


def _candidate(each: CandidateStep) -> dict[str, Any]:
    route = each.route
    return {
        "step": "candidate",
        "table": each.table,
        "type": route.type,
        "dst": route.dst.brief,
        "gateway": _text(route.gateway),
        "dev": route.dev,
        "metric": route.metric,
        "fate": str(each.fate),
        "differs_at": each.differs_at,
        "best": each.best.dst.brief if each.best else None,
        "reason": each.reason,
    }
