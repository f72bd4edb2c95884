"""Sentences about one pair of nodes, told about another: names and addresses that differ are exchanged."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from tui.core.world import Node, World

_OPEN, _CLOSE = "\ue000", "\ue001"
"""Around the number of a marked node: of the private use area, so that no name and no sentence holds them."""

_AFTER = {False: r"(?![0-9]|\.[0-9]|/(?!32\b))", True: r"(?![0-9a-f]|:[0-9a-f:]|/(?!128\b))"}
"""What must not follow an IPv4 and an IPv6 address in a sentence: more digits, or the length of a wider prefix."""

Part = tuple[int, int | None]
"""A word of a sentence about two nodes: 0 or 1 says which, then the place of its address, None: its name."""


class Marks:
    """A World in which some nodes are named by marks, so that their names are found in any sentence about it."""

    def __init__(self, world: World, names: Iterable[str]) -> None:
        self._names = sorted(set(names))
        self._marks = {name: f"{_OPEN}{place}{_CLOSE}" for place, name in enumerate(self._names)}
        self._nodes = {each.name: each for each in world.nodes}
        self._addresses: dict[str, list[str]] = {}
        self._parts: dict[tuple[str, tuple[str, str]], tuple[str | Part, ...]] = {}
        self.world = replace(world, nodes=tuple(self._marked(each) for each in world.nodes))

    def of(self, name: str) -> str:
        """What the node is called in `world`."""
        return self._marks.get(name, name)

    def _marked(self, node: Node) -> Node:
        shares = self.of(node.shares) if node.shares is not None else None
        return node if self.of(node.name) == node.name and shares == node.shares else self._renamed(node, shares)

    def _renamed(self, node: Node, shares: str | None) -> Node:
        return replace(node, name=self.of(node.name), shares=shares)

    def told(self, text: str, about: tuple[str, str], instead: tuple[str, str]) -> str:
        """A sentence about two nodes (their real names), told about two others of the same classes."""
        parts = self._parts.get((text, about))
        if parts is None:
            parts = self._parts[text, about] = tuple(self._split(text, about))
        if len(parts) == 1 and isinstance(parts[0], str):
            return parts[0]
        return "".join(each if isinstance(each, str) else self._word(each, instead) for each in parts)

    def _word(self, part: Part, instead: tuple[str, str]) -> str:
        which, place = part
        name = instead[which]
        return name if place is None else self._own(name)[place]

    def _split(self, text: str, about: tuple[str, str]) -> Iterator[str | Part]:
        """The sentence cut where it names one of the two or an address of theirs."""
        own = {each: (which, place) for which in (1, 0) for place, each in enumerate(self._own(about[which]))}
        words = "".join(f"|(?<![0-9a-f.:]){re.escape(each)}{_AFTER[':' in each]}" for each in sorted(own, reverse=True))
        start = 0
        for found in re.finditer(f"{_OPEN}(\\d+){_CLOSE}{words}", text):
            yield text[start : found.start()]
            start = found.end()
            if found[1] is None:
                yield own[found[0]]
            else:
                name = self._names[int(found[1])]
                yield (about.index(name), None) if name in about else name
        yield text[start:]

    def _own(self, name: str) -> list[str]:
        found = self._addresses.get(name)
        if found is None:
            addresses = (each.address for _, each in self._nodes[name].addresses())
            found = self._addresses[name] = [str(each) for each in addresses if not each.is_loopback]
        return found
