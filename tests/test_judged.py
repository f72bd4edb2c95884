"""Every difference that the judge ever found: a machine as the kernel listed it, and what the kernel answered there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tui.core.commands import meaning
from tui.core.commands.adding import apply
from tui.core.commands.refused import RouteRefused
from tui.core.judge import compare
from tui.core.lookup import lookup, sent
from tui.core.query import parse_query
from tui.core.reading.links import read_links
from tui.core.reading.routes import read_ip_route
from tui.core.reading.rules import read_rules
from tui.core.world import Node, default_rules

CASES = [
    json.loads(line) for line in (Path(__file__).parent / "worlds" / "judged.jsonl").read_text("utf-8").splitlines()
]


def node(case: dict[str, Any]) -> Node:
    family = case["family"]
    return Node(
        "judged",
        interfaces=read_links(case["addr_text"]).interfaces,
        routes=read_ip_route(case["routes_text"], family=family).routes,
        rules=(*read_rules(case["rules_text"], family).rules, *default_rules(10 - family)),
        merged=case["merged"],
    )


@pytest.mark.parametrize("case", CASES, ids=[each["why"] for each in CASES])
def test_the_kernel_s_answers_and_verdicts(case: dict[str, Any]) -> None:
    machine = node(case)
    for question, printed in case["answers"]:
        said = compare(lookup(machine, parse_query(question)), printed.splitlines(), 0)
        assert said.agrees is True, said.sentence
    for destination, source in case.get("sockets", ()):
        found = sent(machine, parse_query(destination))
        assert (found.decision.failure, str(found.query.src or found.decision.prefsrc)) == (None, source), destination
    for command, words in case["verdicts"]:
        done = meaning(("ip", f"-{case['family']}", *command.split()))
        assert done is not None
        try:
            apply(machine, done)
            refused = ""
        except RouteRefused as error:
            refused = str(error)
        assert refused == words, command
