"""What a person types as a destination: an address, or the name of a node, with the rest of a query behind it."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import NamedTuple

from tui.core.addresses import Address, AddressError, parse_address
from tui.core.query import Query, QueryError, parse_query
from tui.core.world import Node, World


class Place(NamedTuple):
    """An address that a node has: the node's name, the address, and the network it is on (None: none known)."""

    name: str
    address: Address
    network: str | None


def places(world: World, near: Node | None = None) -> tuple[Place, ...]:
    """Every address in the World that a packet may be sent to, what shares a network with `near` first, its own last.

    Loopback and link-local addresses are left out, nodes that share another's network too: the other one has them.
    """
    shared = {each.network for each in near.interfaces if each.network} if near else set()
    mine = near.name if near else None
    return tuple(sorted(_places(world), key=lambda each: (each.name == mine, each.network not in shared)))


def _places(world: World) -> Iterator[Place]:
    for node in world.nodes:
        if node.shares is not None:
            continue
        for interface, each in node.addresses():
            if not (each.address.is_loopback or each.address.is_link_local):
                yield Place(node.name, each.address, interface.network)


def resolve(text: str, world: World, near: Node | None = None, version: int | None = None) -> Query:
    """Read a query whose destination may be a node's name; raises QueryError with one sentence.

    A name stands for the node's address on a network that it shares with `near`, else its first, of family
    `version` where it has one of that.
    """
    words = text.split()
    while words and words[0] in ("ip", "-4", "-6", "route", "get", "to"):
        words.pop(0)
    if not words:
        raise QueryError("Write where the packet goes: an address such as 172.20.0.2, or the name of a container.")
    name, rest = next(_names(world, text.strip()), (words[0], words[1:]))
    node = world.node(name)
    if node is None:
        return parse_query(" ".join(words)) if _is_address(words[0]) else _unknown(words[0], world)
    owner = world.node(node.shares) if node.shares else node
    found = [each for each in places(world, near) if owner is not None and each.name == owner.name]
    if not found:
        raise QueryError(f"{name} has no address that a packet could be sent to: {_why(node)}.")
    place = next((each for each in found if each.address.version == version), found[0])
    return parse_query(" ".join((str(place.address), *rest)))


def _names(world: World, text: str) -> Iterator[tuple[str, list[str]]]:
    """The longest node name that the text begins with (a name may hold blanks), and the words after it."""
    fitting = [each.name for each in world.nodes if text == each.name or text.startswith(f"{each.name} ")]
    for name in sorted(fitting, key=len, reverse=True):
        yield name, text[len(name) :].split()


def _is_address(text: str) -> bool:
    try:
        parse_address(text.partition("%")[0])
    except AddressError:
        return False
    return True


def _unknown(word: str, world: World) -> Query:
    if word.replace(".", "").replace("/", "").isdigit() or ":" in word:
        return parse_query(word)  # meant as an address: its own sentence says what is wrong with it
    near = nearest(word, world)
    offer = f"did you mean {' or '.join(near)}?" if near else "write an address such as 172.20.0.2."
    raise QueryError(f"Nothing here is named {word!r}: {offer}")


def nearest(word: str, world: World) -> tuple[str, ...]:
    """Up to three names of nodes that look like `word`."""
    return tuple(difflib.get_close_matches(word, [each.name for each in world.nodes], n=3, cutoff=0.5))


def _why(node: Node) -> str:
    return f"it is {node.state}" if node.state != "running" else "it is on no network"
