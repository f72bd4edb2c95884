"""What a filter may call by name: the nodes of a World."""

from __future__ import annotations

from tui.core.addresses import Address
from tui.core.world import World


def names_of(world: World) -> dict[str, tuple[Address, ...]]:
    """The nodes' names, each with all of its addresses."""
    found = {}
    for node in world.nodes:
        each = tuple(own.address for _, own in node.addresses() if not own.address.is_loopback)
        if each:
            found[node.name] = each
    return found
