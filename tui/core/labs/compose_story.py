"""What a lab's file says to people and to `check`: `x-routetui` with its story, expectations and solution."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tui.core.addresses import parse_address
from tui.core.commands import CommandError, meaning
from tui.core.labs import OUTCOMES, Command, Expectation
from tui.core.labs import compose_keys as keys
from tui.core.labs.entries import Entry
from tui.core.labs.shell import ShellError, commands, split_words

ROUTE_WORDS = ("dst", "gateway", "dev", "table", "metric", "type", "prefsrc")
"""What an expectation's `route` may name, as `ip -j route` does."""


@dataclass(frozen=True, slots=True)
class Story:
    """The parts of a Lab that `x-routetui` holds."""

    title: str
    text: str
    steps: tuple[str, ...]
    expectations: tuple[Expectation, ...]
    solution: tuple[tuple[str, Command], ...]
    goals: tuple[Expectation, ...]


def read_story(root: Entry, nodes: frozenset[str]) -> Story:
    """The story of a file, empty where it has none. `nodes` are the names that it may speak of. Raises LabError."""
    entry = root["x-routetui"]
    entry.only(keys.STORY)
    return Story(
        " ".join(entry["title"].text().split()),
        entry["text"].text().strip(),
        entry["steps"].texts(),
        tuple(_expectation(each, nodes) for each in entry["expect"].items()),
        tuple(_solution(entry["solution"], nodes)),
        tuple(_expectation(each, nodes) for each in entry["goal"].items()),
    )


def _expectation(entry: Entry, nodes: frozenset[str]) -> Expectation:
    entry.only(keys.EXPECTATION)
    src, dst = entry["from"].text(), entry["to"].text()
    if not src or not dst:
        raise entry.fail("an expectation needs from and to.")
    if src not in nodes:
        raise entry["from"].fail(f"there is no {src!r} in this lab.")
    if dst not in nodes:
        if ":" not in dst and not dst.replace(".", "").isdecimal():
            raise entry["to"].fail(f"there is no {dst!r} in this lab, nor is it an address.")
        entry["to"].read(parse_address)
    outcome = entry["outcome"].text() or None
    if outcome is not None and outcome not in OUTCOMES:
        raise entry["outcome"].fail(f"{outcome!r} is no outcome: write one of {', '.join(OUTCOMES)}.")
    reachable = entry["reachable"].flag() if entry["reachable"] else None
    route = tuple((word, value.text()) for word, value in entry["route"].fields())
    entry["route"].only(ROUTE_WORDS)
    for word in ("gateway", "prefsrc"):
        if entry["route"][word]:
            entry["route"][word].read(parse_address)
    via = entry["via"].texts() if entry["via"] else None
    for name in via or ():
        if name not in nodes:
            raise entry["via"].fail(f"there is no {name!r} in this lab.")
    if reachable is None and outcome is None and via is None and not route:
        raise entry.fail("an expectation needs reachable, outcome, via or route.")
    return Expectation(src, dst, reachable, outcome, via, route, entry.line)


def _solution(entry: Entry, nodes: frozenset[str]) -> Iterator[tuple[str, Command]]:
    """`- {on: NODE, run: COMMAND}` for each command, in order."""
    for item in entry.items():
        item.only(("on", "run"))
        node, text = item["on"].text(), item["run"].text()
        if node not in nodes:
            raise item.fail(f"there is no {node!r} in this lab.")
        try:
            for part in commands(split_words(text)):
                yield node, Command(part.argv, meaning(part.argv), may_fail=part.may_fail, line=item.line)
        except (CommandError, ShellError) as error:
            raise item["run"].fail(str(error)) from None
