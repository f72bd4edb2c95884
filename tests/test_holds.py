"""What a lab expects, told for the World as it is: all of it at first, its goals once the solution was typed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tui import labs
from tui.core.commands.adding import apply
from tui.core.labs.holds import found
from tui.core.labs.layout import world
from tui.core.world import World


def solved(name: str) -> World:
    """The lab's World once its solution was typed."""
    lab = labs.load(name)
    seen = world(lab)
    nodes = {each.name: each for each in seen.nodes}
    for where, command in lab.solution:
        if command.meaning is not None:
            nodes[where] = apply(nodes[where], command.meaning)
    return replace(seen, nodes=tuple(nodes.values()))


@pytest.mark.parametrize("name", labs.names())
def test_what_a_lab_expects_holds_as_it_comes_up_and_its_goals_once_it_is_solved(name: str) -> None:
    lab = labs.load(name)
    assert [each for each in found(world(lab), lab.expectations) if not each.holds] == []
    assert [each for each in found(solved(name), lab.goals) if not each.holds] == []


@pytest.mark.parametrize("name", [each for each in labs.names() if labs.load(each).goals])
def test_a_goal_does_not_hold_before(name: str) -> None:
    lab = labs.load(name)
    missing = [each for each in found(world(lab), lab.goals) if each.holds is False]
    assert missing
    assert all(each.told for each in missing)


def test_a_node_that_is_gone_is_named() -> None:
    lab = labs.load("two-bridges")
    seen = world(lab)
    without = replace(seen, nodes=tuple(each for each in seen.nodes if each.name != "centos-net1"))
    first = found(without, lab.expectations)[0]
    assert first.holds is False
    assert "centos-net1" in first.told
