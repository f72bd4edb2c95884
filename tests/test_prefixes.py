"""The three shapes of a prefix map answer alike, and as a plain scan does."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.core.lookup import prefixes
from tui.core.lookup.prefixes import build

SHAPES = {"scan": prefixes.by_scan, "length": prefixes.by_length}


def scan(width, entries, address):
    """Every (length, bits) that covers the address, longest first: the definition."""
    return sorted((e for e in entries if address >> (width - e[0]) == e[1]), reverse=True)


def shelved(entries):
    shelves = {}
    for length, bits in entries:
        shelves.setdefault(length, {})[bits] = (length, bits)
    return shelves


@st.composite
def tables(draw):
    width = draw(st.sampled_from([32, 128]))
    lengths = draw(st.lists(st.integers(0, width), max_size=12))
    base = draw(st.integers(0, (1 << width) - 1))
    entries = set()
    for length in lengths:
        # Near relatives of one address, so that prefixes nest.
        flip = draw(st.integers(0, width))
        address = base ^ (1 << flip if flip < width else 0)
        entries.add((length, address >> (width - length)))
    return width, entries, base


@pytest.mark.parametrize("shape", SHAPES)
@given(tables(), st.integers(0, 127))
def test_small_shapes_agree_with_a_scan(shape, table, flip):
    width, entries, base = table
    address = base ^ (1 << flip) if flip < width else base
    made = SHAPES[shape](4 if width == 32 else 6, shelved(entries))
    expected = scan(width, entries, address)
    assert list(made.covering(address)) == expected
    assert made.longest(address) == (expected[0] if expected else None)


def test_a_full_table_agrees_with_a_scan_by_length():
    rnd = random.Random(20)
    entries = set()
    for _ in range(80_000):
        length = rnd.choice((0, 1, 8, 9, 12, 16, 19, 22, 23, 24, 24, 24, 25, 26, 28, 30, 31, 32))
        entries.add((length, (rnd.getrandbits(12) << 20 | rnd.getrandbits(20)) >> (32 - length)))
    made = build(4, shelved(entries))
    assert made.shape == "index", "a table of this size is meant to use the direct index"
    slow = prefixes.by_length(4, shelved(entries))
    probes = [rnd.getrandbits(32) for _ in range(20_000)]
    probes += [
        (bits << (32 - length)) + delta & 0xFFFFFFFF for length, bits in list(entries)[:5000] for delta in (-1, 0)
    ]
    for address in probes:
        assert list(made.covering(address)) == list(slow.covering(address))
        assert made.longest(address) == slow.longest(address)


def test_the_shape_follows_the_size():
    few = {24: {n: n for n in range(prefixes.FEW)}}
    some = {24: {n: n for n in range(prefixes.FEW + 1)}}
    assert build(4, few).shape == "scan"
    assert build(4, some).shape == "length"
    assert build(6, {64: {n: n for n in range(prefixes.MANY)}}).shape == "length"
