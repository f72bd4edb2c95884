"""Every lookup of the recorded machine states against what that machine's kernel answered."""

import pytest
import recorded

from tui.core.addresses import parse_address, parse_prefix
from tui.core.lookup import lookup
from tui.core.lookup.fib import Fib

TEXTS = {
    "ENETUNREACH": "Network is unreachable",
    "EHOSTUNREACH": "No route to host",
    "EACCES": "Permission denied",
    "EINVAL": "Invalid argument",
}
LISTINGS = ("routes_text", "routes_detail_text")


def differences(case, routes):
    """(the question, what differs) for each question that the prediction answers otherwise than the kernel did."""
    fib = Fib(recorded.node(case, routes))
    for asked in case["queries"]:
        if asked.get("note") or case.get("hidden_routes"):
            continue  # it rests on what no listing shows
        decision = lookup(fib, recorded.query(asked), trace=False).decision
        problem = _against_error(asked, decision) if "error" in asked else _against_answer(case, asked, decision)
        if problem:
            yield asked["q"], problem


def _against_error(asked, decision):
    expected = asked["error"].removeprefix("RTNETLINK answers: ")
    return None if TEXTS.get(decision.errno) == expected else f"{expected}, predicted {decision}"


def _against_answer(case, asked, decision):
    answer = asked["answer"]
    if decision.failure is not None:
        return f"answered {answer}, predicted {decision.failure}"
    gateway = answer.get("gateway") or answer.get("via", {}).get("host")
    way = answer["dev"], parse_address(gateway) if gateway else None
    ways = [(hop.dev, hop.gateway) for hop in decision.nexthops] or [(decision.dev, decision.gateway)]
    if answer.get("type", "unicast") != decision.type or way not in ways:
        return f"answered {answer}, predicted {decision}"
    source = str(decision.prefsrc) if decision.prefsrc else None
    if answer.get("prefsrc") != source and asked.get("nondet") is None:
        return f"source {answer.get('prefsrc')}, predicted {source}"
    if "table" in answer and answer["table"] != decision.table:
        return f"table {answer['table']}, predicted {decision.table}"
    matched = asked.get("fibmatch")
    if matched and (decision.route is None or decision.route.dst != parse_prefix(matched[0]["dst"], case["family"])):
        return f"matched {matched[0]['dst']}, predicted {decision.route}"
    return None


@pytest.mark.parametrize("routes", LISTINGS)
def test_every_recorded_answer_is_predicted(routes):
    wrong = [(case["sid"], *each) for case in recorded.cases() for each in differences(case, routes)]
    asked = sum(len(case["queries"]) for case in recorded.cases())
    assert asked == 6000
    assert not wrong, f"{len(wrong)} of {asked} differ: {wrong[:5]}"


def test_a_trace_never_changes_the_decision():
    for case in recorded.cases()[::5]:
        fib = Fib(recorded.node(case))
        for asked in case["queries"][::3]:
            question = recorded.query(asked)
            told = lookup(fib, question)
            assert told.decision == lookup(fib, question, trace=False).decision
            assert told.steps, asked["q"]
