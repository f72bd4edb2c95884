"""Longest prefix match against frozen pytricia (C) and a plain scan, on the same addresses in the same run.

    pip install -e '.[bench]' && python tests/benchmarks/longest_match.py

Prints the ratio pytricia / ours (above 1: ours is faster) for tables of 5 to 1,000,000 prefixes with the lengths of the
Internet's table, and for the smallest the ratio to a scan over a list. Medians of several rounds; ratios only.
"""

import ipaddress
import random
import statistics
import sys
import time

import pytricia

from tui.core.lookup.prefixes import build

LENGTHS = {24: 59, 23: 9, 22: 11, 21: 5, 20: 4, 19: 3, 18: 2, 17: 1, 16: 2, 15: 0.5, 14: 0.4, 13: 0.3, 12: 0.2, 8: 0.1}


def table(count: int, seed: int) -> dict[int, dict[int, int]]:
    """Random prefixes, by length."""
    rnd = random.Random(seed)
    shelves: dict[int, dict[int, int]] = {}
    made = 0
    while made < count:
        length = rnd.choices(list(LENGTHS), list(LENGTHS.values()))[0]
        shelf = shelves.setdefault(length, {})
        bits = rnd.getrandbits(length)
        if bits not in shelf:
            made += 1
            shelf[bits] = made
    return shelves


def nanoseconds(find, addresses) -> float:
    """A call's median time over some rounds."""
    rounds = []
    for _ in range(5):
        start = time.perf_counter()
        for address in addresses:
            find(address)
        rounds.append((time.perf_counter() - start) / len(addresses) * 1e9)
    return statistics.median(rounds)


def main() -> None:
    """Print one line a size."""
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else 20261124
    rnd = random.Random(seed)
    addresses = [rnd.getrandbits(32) for _ in range(200_000)]
    print(f"seed {seed}; nanoseconds a lookup")
    for count in (5, 100, 1_000, 100_000, 1_000_000):
        shelves = table(count, seed)
        ours = build(4, shelves)
        theirs = pytricia.PyTricia(32)
        for length, shelf in shelves.items():
            for bits, value in shelf.items():
                theirs.insert(ipaddress.ip_address(bits << (32 - length)).packed, length, value)
        theirs.freeze()
        mine, yours = nanoseconds(ours.longest, addresses), nanoseconds(theirs.get, addresses)
        line = f"{count:>9,} prefixes  ours {mine:7.0f}  pytricia {yours:7.0f}  ratio {yours / mine:5.2f}"
        if count == 5:
            entries = [(32 - n, bits, v) for n in sorted(shelves, reverse=True) for bits, v in shelves[n].items()]

            def scan(address: int, entries=entries):
                for shift, bits, value in entries:
                    if address >> shift == bits:
                        return value
                return None

            line += f"  plain scan {nanoseconds(scan, addresses):7.0f}"
        assert all(ours.longest(each) == theirs.get(each) for each in addresses[:20_000]), "the answers differ"
        print(line)


if __name__ == "__main__":
    main()
