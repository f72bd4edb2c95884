"""`routetui path`: where a packet goes, whether its answer comes back, and what would mend it, in words or JSON."""

from __future__ import annotations

import argparse

from tui.cli.arguments import UsageError
from tui.cli.output import flat, note, print_json
from tui.cli.which import find_node
from tui.core.destination import nearest
from tui.core.path import path
from tui.core.path.as_json import path_json
from tui.core.path.as_text import path_lines
from tui.core.path.hops import Path
from tui.core.path.links_between import Links
from tui.core.path.mends import Mend, command_lines, mends
from tui.core.query import QueryError
from tui.core.world import World


def print_path(world: World, options: argparse.Namespace) -> bool | None:
    """Follow the packet that the options describe and print it: True where the answer comes back, False where not.

    None where nobody can say. A path that depends on the flow is False: some flows fail. Raises UsageError for ends
    that are not known.
    """
    links = Links(world)
    src, dst = (end_of(word, world) for word in (options.node, options.dst))
    try:
        found = path(links, src, dst)
    except QueryError as error:
        raise UsageError(str(error)) from None
    offered = mends(links, found)
    if options.json:
        print_json(as_json(found, offered))
    else:
        for line in path_lines(found, mend_lines(offered)):
            print(flat(line))
        _notes(world, found)
    return works(found)


def works(found: Path) -> bool | None:
    """A path's answer to a script: some branches that fail are a failure, even where others are not known."""
    return False if any(trip.works is False for trip in found.branches) else found.works


def as_json(found: Path, offered: tuple[Mend, ...]) -> dict[str, object]:
    """The contract's object: `fixes` are the commands of the best mend in order, `mends` all of them with more."""
    best = command_lines(offered[0].commands) if offered else ()
    told = [
        {
            "sentence": each.sentence,
            "commands": [{"node": node, "argv": list(argv)} for node, argv in each.commands],
            "tradeoff": each.tradeoff,
        }
        for each in offered
    ]
    return {**path_json(found, best), "mends": told}


def mend_lines(offered: tuple[Mend, ...]) -> tuple[str, ...]:
    """The mends, numbered: a line for each command, and one for what else comes of it."""
    lines = []
    for number, each in enumerate(offered, 1):
        for place, line in enumerate(command_lines(each.commands)):
            lines.append(f"{f'{number}.' if place == 0 else '  '} {line}")
        if each.tradeoff:
            lines.append(f"   ({each.tradeoff})")
    return tuple(lines)


def end_of(word: str, world: World) -> str:
    """An end as a person writes it: a node's name, the beginning of its id, or an address."""
    if not word.strip() or word.startswith("-"):
        raise UsageError(f"{word!r} is no end of a path: write the name of a node, or an address.")
    if world.node(word) is not None or ":" in word or word.replace(".", "").isdecimal():
        return word
    if nearest(word, world) or not any(each.id.startswith(word) for each in world.nodes):
        return word
    return find_node(word, world).name


def _notes(world: World, found: Path) -> None:
    """What of the nodes on the way was not read."""
    crossed = {hop.node for trip in found.branches for way in (trip.forward, trip.back) if way for hop in way.hops}
    for node in world.nodes:
        if node.name in crossed and node.problem:
            note(f"{node.name}: {node.problem}")
