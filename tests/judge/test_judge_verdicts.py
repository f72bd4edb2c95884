"""Random commands on the real kernel: whether it takes them, its words where not, and what its tables then hold."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

import pytest
from namespaces import WHY_NOT, Space

from judge import count, seed
from judge.machines import Plan, plan
from judge.test_judge_lookups import made, settled
from tui.core.commands import CommandError, meaning
from tui.core.commands.adding import apply
from tui.core.commands.refused import RouteRefused
from tui.core.commands.route_command import route_words
from tui.core.labs import RouteCommand
from tui.core.world import Node
from tui.engines.netlink import Namespace, open_namespaces

pytestmark = pytest.mark.skipif(WHY_NOT is not None, reason=WHY_NOT or "")

VERDICTS = count("VERDICTS", 6_000)
A_MACHINE = 150
"""So many commands are given to one machine, each to what the ones before left."""


def printed(space: Space, machine: Plan) -> dict[int, str]:
    """What `ip -batch` said against each command, by its number from 1."""
    done = space.run("ip", f"-{machine.family}", "-force", "-batch", "-", text="\n".join(machine.tables) + "\n")
    said: dict[int, str] = {}
    lines: list[str] = []
    for line in done.stderr.splitlines():
        failed = re.fullmatch(r"Command failed -:(\d+)", line)
        if failed is None:
            lines.append(line)
        else:
            said[int(failed[1])] = lines[0] if lines else ""
            lines = []
    return said


def predicted(node: Node, machine: Plan) -> Iterator[tuple[str, Node]]:
    """For each command the words against it, "" where it is taken, and the machine after it."""
    for command in machine.tables:
        try:
            done = meaning(("ip", f"-{machine.family}", *command.split()))
            assert done is not None
            node = apply(node, done)
            yield "", node
        except RouteRefused as refused:
            yield str(refused), node
        except CommandError as error:
            yield f"routetui: {error}", node


def tables_of(node: Node, family: int) -> list[str]:
    """The routes and rules in words, in the kernel's order."""
    routes = [
        f"{each.table} {' '.join(route_words(each))} {[hop.flags for hop in each.nexthops]}"
        for each in node.routes
        if each.family == family and each.type not in ("anycast", "multicast")
    ]
    return routes + [str(each) for each in node.rules if each.family == family]


NO_TABLE = "Error: FIB table does not exist."
NOT_SEEN = {NO_TABLE, "RTNETLINK answers: No such process", "RTNETLINK answers: No such file or directory"}


def alike(told: str, said: str) -> bool:
    """Whether an empty table is there, as anybody once tried to add to it, is not seen from outside.

    To delete its default comes to the null entry of an empty IPv6 table, which then gives the third of the answers.
    """
    return told == said or (NO_TABLE in {told, said} and {told, said} <= NOT_SEEN)


def by_hash(node: Node, command: str) -> bool:
    """Whether a hash decides: an IPv6 gateway said to be onlink, with legs by several devices to it (fib6_select_path).

    The kernel then holds whichever leg the hash chooses against the device that was given.
    """
    onlink = "onlink" in command and ":" in command
    done = meaning(("ip", "-6", *command.split())) if onlink else None
    gateways = [hop.gateway for hop in done.route.nexthops if hop.gateway] if isinstance(done, RouteCommand) else []
    shared = [each.dst for each in node.routes if each.family == 6 and len({hop.dev for hop in each.nexthops}) > 1]
    return any(prefix.covers(gateway) for prefix in shared for gateway in gateways)


def judged(space: Space, window: Namespace, machine: Plan) -> Iterator[str]:
    """A sentence for each command: "" where its verdict is the kernel's; and one more where the tables then differ."""
    foretold = list(predicted(settled(window), machine))
    said = printed(space, machine)
    for number, (command, (words, node)) in enumerate(zip(machine.tables, foretold, strict=True), 1):
        if by_hash(node, command):
            return
        if not alike(words, said.get(number, "")):
            yield f"{number}. ip {command}: {words!r}, the kernel says {said.get(number, '')!r}"
            return  # what comes after stands on another table
        yield ""
    real, told = tables_of(settled(window), machine.family), tables_of(foretold[-1][1], machine.family)
    if real != told:
        yield f"the kernel has {[each for each in real if each not in told]}, not {[e for e in told if e not in real]}"


@pytest.mark.parametrize("family", [4, 6])
def test_every_verdict_is_the_kernel_s_in_its_words(family: int) -> None:
    drawn = seed()
    print(f"ROUTETUI_JUDGE_SEED={drawn} ROUTETUI_JUDGE_VERDICTS={VERDICTS}")
    wrong: list[str] = []
    given, machines = 0, 0
    while given < VERDICTS // 2:
        rng = random.Random(f"{drawn} verdicts {family} {machines}")
        machine = plan(rng, family, A_MACHINE)
        with Space() as space:
            made(space, machine, tables=False)
            (window,) = open_namespaces([space.pid])
            try:
                found = list(judged(space, window, machine))
            finally:
                window.close()
        given += len(found)
        wrong += [f"machine {machines}: {each}" for each in found if each]
        machines += 1
    print(f"{given} verdicts on {machines} machines")
    assert not wrong, f"seed {drawn}: {len(wrong)} of {machines} machines differ: {wrong[:6]}"
