"""Longest prefix match: which of many prefixes cover an address, longest first; three shapes chosen by size.

A container has five routes, a border router a million. A handful is scanned; more are kept in one dictionary a prefix
length; a full IPv4 table gets a direct index of its first 24 bits (DIR-24-8: Gupta, Lin and McKeown, INFOCOM 1998).
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Mapping
from typing import Generic, NamedTuple, TypeVar

from tui.core.addresses import WIDTH

V = TypeVar("V")
Shelves = Mapping[int, Mapping[int, V]]
"""Values by prefix length, then by leading bits: the address shifted right by the bits beyond the length."""

FEW = 8
MANY = 50_000
"""From so many IPv4 prefixes on, 64 MB for a direct index pay off."""


class PrefixMap(NamedTuple, Generic[V]):
    """Prefixes of one family, each with a value; an address is an integer of the family's width.

    `longest(address)` is the value of the longest prefix that covers it, or None; `covering(address)` iterates the
    values of all that do, longest first. Functions, not methods: a lookup costs little more than a call.
    """

    shape: str
    longest: Callable[[int], V | None]
    covering: Callable[[int], Iterator[V]]


def build(version: int, shelves: Shelves[V]) -> PrefixMap[V]:
    """Make the map that suits the number of prefixes."""
    count = sum(len(prefixes) for prefixes in shelves.values())
    if count <= FEW:
        return by_scan(version, shelves)
    if version == 4 and count >= MANY:
        return by_index(shelves)
    return by_length(version, shelves)


def by_scan(version: int, shelves: Shelves[V]) -> PrefixMap[V]:
    """A list, longest prefix first: nothing beats it for the few routes of a container."""
    width = WIDTH[version]
    entries = [
        (width - length, bits, value)
        for length in sorted(shelves, reverse=True)
        for bits, value in shelves[length].items()
    ]

    def longest(address: int) -> V | None:
        for shift, bits, value in entries:
            if address >> shift == bits:
                return value
        return None

    def covering(address: int) -> Iterator[V]:
        return (value for shift, bits, value in entries if address >> shift == bits)

    return PrefixMap("scan", longest, covering)


def by_length(version: int, shelves: Shelves[V]) -> PrefixMap[V]:
    """A dictionary for each prefix length, asked from the longest to the shortest."""
    width = WIDTH[version]
    ordered = [(width - length, shelves[length]) for length in sorted(shelves, reverse=True)]

    def longest(address: int) -> V | None:
        for shift, prefixes in ordered:
            value = prefixes.get(address >> shift)
            if value is not None:
                return value
        return None

    def covering(address: int) -> Iterator[V]:
        for shift, prefixes in ordered:
            value = prefixes.get(address >> shift)
            if value is not None:
                yield value

    return PrefixMap("length", longest, covering)


_LONG = 1 << 31
"""Marks an entry of the first index that leads to a block of 256 longer prefixes."""
_BLOCK = _LONG - 1


def by_index(shelves: Shelves[V]) -> PrefixMap[V]:
    """IPv4 only: one array by the first 24 bits, and a block of 256 where longer prefixes are; each knows its parent.

    Prefixes are written from the shortest to the longest, so what stands in a place before it is overwritten is the
    next shorter prefix that covers it.
    """
    values: list[V | None] = [None]
    parents = array("I", [0])
    first = array("I", bytes(4 << 24))
    blocks: list[array[int]] = []
    for length in sorted(shelves):
        for bits, value in shelves[length].items():
            place, start, span = first, bits << 24 - length if length <= 24 else 0, 1 << max(24 - length, 0)
            if length > 24:
                place = _block(first, blocks, bits >> length - 24)
                start, span = bits << 32 - length & 0xFF, 1 << 32 - length
            parents.append(place[start])
            place[start : start + span] = array("I", [len(values)]) * span
            values.append(value)

    def entry_of(address: int) -> int:
        entry = first[address >> 8]
        return blocks[entry & _BLOCK][address & 0xFF] if entry & _LONG else entry

    def longest(address: int) -> V | None:
        entry = first[address >> 8]
        if entry & _LONG:
            entry = blocks[entry & _BLOCK][address & 0xFF]
        return values[entry]

    def covering(address: int) -> Iterator[V]:
        entry = entry_of(address)
        while entry:
            value = values[entry]
            if value is not None:
                yield value
            entry = parents[entry]

    return PrefixMap("index", longest, covering)


def _block(first: array[int], blocks: list[array[int]], place: int) -> array[int]:
    """The block behind a place of the first index; a new one begins as 256 copies of what stood there."""
    entry = first[place]
    if not entry & _LONG:
        blocks.append(array("I", [entry]) * 256)
        entry = first[place] = _LONG | len(blocks) - 1
    return blocks[entry & _BLOCK]
