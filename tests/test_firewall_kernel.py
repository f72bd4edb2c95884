"""The kernel as judge of filters: random rules with real packets, and the counters of the rule that was named."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Iterator

import pytest
from firewall_judge import PROBES, Probe, Row, iptables_rules, nft_rules, world
from namespaces import WHY_NOT

from tui.core.addresses import parse_address
from tui.core.path import Path, Service, path
from tui.core.path.links_between import Links

ROUNDS = int(os.environ.get("ROUTETUI_FIREWALL_ROUNDS", "30"))
PROGRAMS = ("iptables-restore", "iptables-save", "nft", "python3")
NO = WHY_NOT or ("needs iptables and nft" if not all(map(shutil.which, PROGRAMS)) else None)


@pytest.fixture(scope="module")
def row() -> Iterator[Row]:
    if NO:
        if os.environ.get("CI"):
            pytest.fail(f"{NO}. In CI every test must run.")
        pytest.skip(NO)
    made = Row()
    yield made
    made.close()


def predicted(links: Links, probe: Probe, sport: int) -> Path:
    service = None if probe.port is None else Service(17, probe.port, sport)
    return path(links, probe.src, parse_address(probe.dst), service=service)


def test_random_rules_do_to_packets_what_was_predicted(row: Row) -> None:
    seed = int(os.environ.get("ROUTETUI_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
    print(f"seed: ROUTETUI_SEED={seed}")
    random_ = random.Random(seed)
    unknown, wrong, passed = 0, [], 0
    for turn in range(ROUNDS):
        texts = (iptables_rules(random_), nft_rules(random_))
        row.load("r", *texts)
        if turn % 4 == 0:
            row.load("b", iptables_rules(random_))
        first = 10000 + turn * len(PROBES)
        links = Links(world({name: row.ruleset(name) for name in "rb"}))
        expected = {each: predicted(links, each, first + number) for number, each in enumerate(PROBES)}
        seen = row.reached(first)
        for probe, came in seen.items():
            works = expected[probe].works
            unknown += works is None
            passed += came
            if works is not None and works is not came:
                wrong.append((turn, probe, came, expected[probe].verdict, texts))
    for turn, probe, came, verdict, texts in wrong[:3]:
        print(f"--- turn {turn}: {probe} came={came}; {verdict}", *texts, sep="\n")
    count = ROUNDS * len(PROBES)
    print(f"{count} packets, {passed} answered, {unknown} unknown, {len(wrong)} wrong")
    assert not wrong
    assert unknown <= count * 0.05
    assert count * 0.05 < passed < count * 0.95
