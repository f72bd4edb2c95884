"""The kernel as judge of filters: random rules with real packets, in both families."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

import pytest
from firewall_judge import FOUR, SIX, Family, Probe, Row, able, probes
from firewall_rules import iptables_rules, nft_rules

from tui.core.addresses import parse_address
from tui.core.path import Path, Service, path
from tui.core.path.links_between import Links

ROUNDS = int(os.environ.get("ROUTETUI_FIREWALL_ROUNDS", "20"))


@pytest.fixture
def row(request: pytest.FixtureRequest) -> Iterator[Row]:
    able()
    made = Row(request.param)
    yield made
    made.close()


def chance() -> random.Random:
    seed = int(os.environ.get("ROUTETUI_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
    print(f"seed: ROUTETUI_SEED={seed}")
    return random.Random(seed)


def predicted(links: Links, probe: Probe, sport: int) -> Path:
    service = None if probe.port is None else Service(probe.proto, probe.port, sport)
    source = parse_address(probe.source) if probe.source else None
    return path(links, probe.src, parse_address(probe.dst), service=service, source=source)


class Tally:
    """What was predicted and what came, counted; those that differ are kept."""

    def __init__(self) -> None:
        self.count = self.passed = self.unknown = 0
        self.wrong: list[str] = []

    def take(self, said: Path, probe: Probe, came: bool, about: object) -> None:
        self.count += 1
        self.passed += came
        self.unknown += said.works is None
        if said.works is None:
            print(f"unknown: {said.verdict}")
        if said.works is not None and said.works is not came:
            self.wrong.append(f"--- {probe} came={came}; {said.verdict}\n{about}")

    def hold(self) -> None:
        print(*self.wrong[:3], sep="\n")
        print(f"{self.count} packets, {self.passed} answered, {self.unknown} unknown, {len(self.wrong)} wrong")
        assert not self.wrong
        assert self.unknown <= 5 + self.count * 0.05
        assert 0 < self.passed < self.count


def loaded(row: Row, random_: random.Random, turn: int, *, plain: bool) -> tuple[Links, str]:
    """New rules in r, and sometimes in b."""
    family: Family = row.family
    rules = {"r": (iptables_rules(random_, family, plain=plain), nft_rules(random_, family, plain=plain))}
    if turn % 4 == 0:
        rules["b"] = (iptables_rules(random_, family, plain=plain), "")
    for name, texts in rules.items():
        row.load(name, *texts)
    links = Links(row.world({name: row.ruleset(name) for name in "rb"}))
    told = "\n".join(f"-- {name}\n{text}" for name, texts in row.loaded.items() for text in texts)
    return links, f"turn {turn}\n{told}"


@pytest.mark.parametrize("row", [FOUR, SIX], ids=["ipv4", "ipv6"], indirect=True)
def test_random_rules_do_to_packets_what_was_predicted(row: Row) -> None:
    """In IPv6 with rules that let neighbours ask and answer each other; the next test is about those that do not."""
    random_, tally, asked = chance(), Tally(), probes(row.family)
    for turn in range(ROUNDS):
        links, about = loaded(row, random_, turn, plain=row.family == SIX)
        first = 10000 + turn * len(asked)
        said = {each: predicted(links, each, first + number) for number, each in enumerate(asked)}
        for probe, came in row.reached({each: bool(said[each].works) for each in asked}, first).items():
            tally.take(said[probe], probe, came, about)
    tally.hold()


@pytest.mark.parametrize("row", [SIX], ids=["ipv6"], indirect=True)
def test_rules_that_stop_neighbours_asking_each_other_are_known_to(row: Row) -> None:
    """One packet at a time, each time with nobody knowing anybody: the first question goes through the filters too."""
    random_, tally, asked = chance(), Tally(), probes(row.family)
    for turn in range(ROUNDS // 2):
        links, about = loaded(row, random_, turn, plain=False)
        for number, probe in enumerate(random_.sample(asked, 5)):
            first = 10000 + turn * 5 + number
            said = predicted(links, probe, first)
            row.forget()
            came = row.reached({probe: bool(said.works)}, first)[probe]
            tally.take(said, probe, came, about)
    tally.hold()
