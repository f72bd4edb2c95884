"""Which node a word on the command line means."""

from __future__ import annotations

from tui.cli.arguments import UsageError
from tui.core.destination import nearest
from tui.core.world import Node, World

SHORTEST_ID = 4
"""The fewest digits of a container's id that are taken for one."""


def find_node(word: str, world: World) -> Node:
    """The node of that exact name, or whose id begins with the word; raises UsageError with the nearest names."""
    node = world.node(word)
    if node is not None:
        return node
    if len(word) >= SHORTEST_ID:
        by_id = [each for each in world.nodes if each.id.startswith(word)]
        if len(by_id) == 1:
            return by_id[0]
        if by_id:
            names = ", ".join(each.name for each in by_id[:5])
            raise UsageError(f"The id {word} begins those of several nodes ({names}): give more of it, or a name.")
    if not world.nodes:
        raise UsageError(f"There is no node named {word!r}: there are no nodes at all.")
    near = nearest(word, world)
    if near:
        raise UsageError(f"There is no node named {word!r}: did you mean {' or '.join(near)}?")
    names = ", ".join(each.name for each in world.nodes[:8]) + (", …" if len(world.nodes) > 8 else "")
    raise UsageError(f"There is no node named {word!r}: there is {names}.")


def tables_of(node: Node, world: World) -> Node:
    """The node, with the network stack of the one whose network it shares (`container:X`, host networking)."""
    owner = world.node(node.shares) if node.shares else None
    if owner is None or node.routes or node.interfaces:
        return node
    return node.in_network_of(owner)
