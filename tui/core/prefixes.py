"""Longest prefix match: which of many prefixes cover an address, longest first; three shapes chosen by size.

A container has five routes, a border router a million. A handful is scanned; more are kept in one dictionary a prefix
length; a full IPv4 table gets a direct index of its first 24 bits (DIR-24-8: Gupta, Lin and McKeown, INFOCOM 1998).
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping
from typing import Generic, Protocol, TypeVar

from tui.core.addresses import WIDTH

Value_co = TypeVar("Value_co", covariant=True)
V = TypeVar("V")

FEW = 8
MANY = 50_000
"""From so many IPv4 prefixes on, 64 MB for a direct index pay off."""


class PrefixMap(Protocol[Value_co]):
    """Prefixes of one family, each with a value. Addresses are given as integers of the family's width."""

    def longest(self, address: int) -> Value_co | None:
        """The value of the longest prefix that covers the address, or None."""
        ...

    def covering(self, address: int) -> Iterator[Value_co]:
        """The values of every prefix that covers the address, longest first."""
        ...


def build(version: int, by_length: Mapping[int, Mapping[int, V]]) -> PrefixMap[V]:
    """Make the map that suits the number of prefixes.

    `by_length` holds for each prefix length a mapping from the prefix's leading bits (its address shifted right by the
    bits beyond the length) to its value.
    """
    count = sum(len(prefixes) for prefixes in by_length.values())
    if count <= FEW:
        return _Scan(version, by_length)
    if version == 4 and count >= MANY:
        return _Direct(by_length)
    return _Lengths(version, by_length)


class _Scan(Generic[V]):
    """A list, longest prefix first: nothing beats it for the few routes of a container."""

    def __init__(self, version: int, by_length: Mapping[int, Mapping[int, V]]) -> None:
        width = WIDTH[version]
        self._entries = [
            (width - length, bits, value)
            for length in sorted(by_length, reverse=True)
            for bits, value in by_length[length].items()
        ]

    def longest(self, address: int) -> V | None:
        for shift, bits, value in self._entries:
            if address >> shift == bits:
                return value
        return None

    def covering(self, address: int) -> Iterator[V]:
        return (value for shift, bits, value in self._entries if address >> shift == bits)


class _Lengths(Generic[V]):
    """A dictionary for each prefix length, asked from the longest to the shortest."""

    def __init__(self, version: int, by_length: Mapping[int, Mapping[int, V]]) -> None:
        width = WIDTH[version]
        self._shelves = [(width - length, by_length[length]) for length in sorted(by_length, reverse=True)]

    def longest(self, address: int) -> V | None:
        for shift, prefixes in self._shelves:
            value = prefixes.get(address >> shift)
            if value is not None:
                return value
        return None

    def covering(self, address: int) -> Iterator[V]:
        for shift, prefixes in self._shelves:
            value = prefixes.get(address >> shift)
            if value is not None:
                yield value


_LONG = 1 << 31
"""Marks an entry of the first index that leads to a block of 256 longer prefixes."""


class _Direct(Generic[V]):
    """IPv4 only: one array by the first 24 bits, and a block of 256 where longer prefixes are; each knows its parent.

    Prefixes are written from the shortest to the longest, so what stands in a place before it is overwritten is the
    next shorter prefix that covers it.
    """

    def __init__(self, by_length: Mapping[int, Mapping[int, V]]) -> None:
        self._values: list[V | None] = [None]
        self._parents = array("I", [0])
        self._first = array("I", bytes(4 << 24))
        self._blocks: list[array[int]] = []
        for length in sorted(by_length):
            for bits, value in by_length[length].items():
                if length <= 24:
                    self._write(bits << (24 - length), 1 << (24 - length), value)
                else:
                    self._write_long(bits << (32 - length), 1 << (32 - length), value)

    def _add(self, value: V, parent: int) -> int:
        self._values.append(value)
        self._parents.append(parent)
        return len(self._values) - 1

    def _write(self, start: int, count: int, value: V) -> None:
        entry = self._add(value, self._first[start])
        self._first[start : start + count] = array("I", [entry]) * count

    def _write_long(self, address: int, count: int, value: V) -> None:
        entry = self._first[address >> 8]
        if not entry & _LONG:
            self._blocks.append(array("I", [entry]) * 256)
            entry = _LONG | (len(self._blocks) - 1)
            self._first[address >> 8] = entry
        block = self._blocks[entry & ~_LONG]
        start = address & 0xFF
        block[start : start + count] = array("I", [self._add(value, block[start])]) * count

    def longest(self, address: int) -> V | None:
        entry = self._first[address >> 8]
        if entry & _LONG:
            entry = self._blocks[entry & 0x7FFFFFFF][address & 0xFF]
        return self._values[entry]

    def covering(self, address: int) -> Iterator[V]:
        entry = self._first[address >> 8]
        if entry & _LONG:
            entry = self._blocks[entry & 0x7FFFFFFF][address & 0xFF]
        while entry:
            value = self._values[entry]
            if value is not None:
                yield value
            entry = self._parents[entry]
