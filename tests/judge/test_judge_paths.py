"""Random networks on the kernel, with faults: real pings, their arrival and traceroutes against what was predicted."""

from __future__ import annotations

import os
import random
import re
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from test_path import told, traces_agree

from judge import count, seed
from judge.networks import CALM, Plan, compose, plan
from tui import labs
from tui.core.addresses import parse_address
from tui.core.path import path
from tui.core.path.hops import Outcome, Path
from tui.core.path.links_between import Links
from tui.core.path.symptoms import symptoms, traceroute
from tui.core.world import World
from tui.engines import kernel
from tui.engines.base import EngineError
from tui.engines.kernel import KernelLab, lab_channel

PAIRS = count("PAIRS", 320)
A_NETWORK = 12
"""So many pairs are tried in one network."""
MOST_HOPS = 9
AT_ONCE = 12
"""Networks tried side by side: most of the time is spent on waiting for answers that do not come."""


def why_not() -> str | None:
    """Why this machine cannot judge paths, or None."""
    if not all(map(shutil.which, ("ping", "traceroute", "ip"))):
        return "needs ping, traceroute and ip"
    try:
        channel, _ = lab_channel.start()
    except EngineError as error:
        return str(error)
    channel.close()
    return None


WHY_NOT = why_not()
pytestmark = pytest.mark.skipif(WHY_NOT is not None and not os.environ.get("CI"), reason=WHY_NOT or "")

Seen = tuple[bool, int | None, str, str | None]


@dataclass
class Judged:
    """What came of a run: pairs tried, those of which nobody could say, and sentences about what differs."""

    pairs: int = 0
    unknown: int = 0
    traced: int = 0
    arrivals: int = 0
    wrong: tuple[str, ...] = ()


class Court:
    """One network that is up, and what is asked of it."""

    def __init__(self, engine: KernelLab, made: Plan) -> None:
        self.engine, self.made = engine, made
        self.names = [each.name for each in made.nodes]

    def run(self, node: str, *argv: str) -> list[str]:
        """The lines that a command prints in a node."""
        return list(self.engine.run(node, argv))

    def set_up(self) -> None:
        """Everybody calm, then each node's own commands; what the kernel refuses of them is not there."""
        for name in (*self.names, "host"):
            self.run(name, "sh", "-c", CALM)
        for node in self.made.nodes:
            self.run(node.name, "sh", "-c", "\n".join(node.commands) or "true")

    def forget(self) -> None:
        """No neighbour is known, as when the first packet is sent."""
        for name in (*self.names, "host"):
            self.run(name, "ip", "neigh", "flush", "all")

    def ping(self, src: str, dst: str, source: str | None, patience: str = "1") -> Seen:
        """Whether it was answered, with which ttl, else in which words and who sent them."""
        given = ("-I", source) if source is not None else ()
        text = "\n".join(self.run(src, "ping", "-n", "-c", "1", "-W", patience, *given, dst))
        if found := re.search(r"bytes from \S+ icmp_seq=1 ttl=(\d+)", text):
            return True, int(found[1]), "", None
        if found := re.search(r"From (\S+?):? icmp_seq=1 (.*)", text):
            return False, None, found[2].strip(), found[1]
        if found := re.search(r"^ping: .*", text, re.MULTILINE):
            return False, None, found[0], None
        return False, None, "no reply", None

    def arrived(self, node: str) -> int:
        """How many echo requests the node has taken in so far."""
        if self.made.family == 6:
            lines = self.run(node, "cat", "/proc/net/snmp6")
            return next(int(line.split()[1]) for line in lines if line.startswith("Icmp6InEchos "))
        lines = [line.split() for line in self.run(node, "cat", "/proc/net/snmp") if line.startswith("Icmp:")]
        return int(lines[1][lines[0].index("InEchos")])


def arrival(found: Path, world: World) -> tuple[str, int] | None:
    """Where the request is taken in, and how often; None where that depends."""
    ends = {(trip.forward.outcome is Outcome.DELIVERED, trip.forward.node) for trip in found.branches}
    unsure = any(trip.forward.outcome in (Outcome.UNKNOWN, Outcome.LEAVES) for trip in found.branches)
    if len(ends) != 1 or unsure:
        return None
    delivered, node = ends.pop()
    if delivered:
        return node, 1
    holder = world.owner(found.address)
    return (holder[0].name, 0) if holder is not None else None


def judged(drawn: int, family: int, number: int) -> Judged:
    """One network made, and its pairs tried."""
    rng = random.Random(f"{drawn} paths {family} {number}")
    made = plan(rng, family)
    engine = kernel.start(labs.read(compose(made), "judged"))
    try:
        court = Court(engine, made)
        court.set_up()
        world = engine.snapshot()
        links = Links(world)
        pairs = [drawn_pair(rng, made, world) for _ in range(A_NETWORK)]
        result = Judged()
        wrong = [f"{family} {number}: {each}" for pair in pairs for each in tried(court, links, pair, result)]
        return Judged(result.pairs, result.unknown, result.traced, result.arrivals, tuple(wrong))
    finally:
        engine.close()


Pair = tuple[str, str, str | None]


def drawn_pair(rng: random.Random, made: Plan, world: World) -> Pair:
    """Who asks, whom, and from which of its addresses where it does not choose itself."""
    name, dst = rng.choice(made.nodes).name, rng.choice(made.addresses())
    node = world.node(name)
    own = [each.address for link, each in node.addresses() if link.kind != "loopback"] if node is not None else []
    own = [each for each in own if each.version == made.family and not each.is_link_local]
    return name, dst, str(rng.choice(own)) if own and rng.random() < 0.25 else None


def tried(court: Court, links: Links, pair: Pair, result: Judged) -> Iterator[str]:
    """One pair: what differs, a sentence each."""
    src, dst, source = pair
    given = parse_address(source) if source is not None else None
    found = path(links, src, parse_address(dst), source=given)
    expected = [told(each) for each in symptoms(found)]
    if source is not None and found.forward.refused_at_home:
        expected = [(False, None, "no reply", None)]  # ping tells nothing of it where its source is given
    result.pairs += 1
    if any(each[0] is None for each in expected):
        result.unknown += 1
        return
    where = arrival(found, links.world)
    court.forget()
    before = court.arrived(where[0]) if where else 0
    seen = court.ping(src, dst, source)
    if where:
        result.arrivals += 1
        if court.arrived(where[0]) - before != where[1]:
            yield f"{src} {dst} from {source}: {where[1]} was to arrive at {where[0]}; {found.verdict}"
    if seen not in expected:
        court.forget()  # once more, with patience: on a busy machine an answer may come late
        again = court.ping(src, dst, source, "4")
        if again not in expected:
            yield f"{src} {dst} from {source}: ping saw {again}, expected {expected}; {found.verdict}"
            return
    if result.pairs % 3 == 0 and len(found.branches) == 1:
        yield from traced(court, links, found, pair, result)


def shown(line: str) -> str:
    """A line of traceroute without its number and times: `10.1.0.1`, `10.1.0.1 !H` or `*`."""
    return re.sub(r"\s+[\d.]+ ms", "", line.split(maxsplit=1)[1]).strip()


def traced(court: Court, links: Links, found: Path, pair: Pair, result: Judged) -> Iterator[str]:
    """The way there as traceroute shows it."""
    src, dst, source = pair
    given = parse_address(source) if source is not None else None
    told_lines = [str(each) for each in traceroute(links, src, parse_address(dst), source=given)]
    way = found.forward
    if "?" in told_lines or not told_lines or way.loop == 0:
        return
    while way.loop is not None and len(told_lines) < MOST_HOPS:
        told_lines.append(told_lines[way.loop - len(way.hops)])  # round and round
    result.traced += 1
    way_out = ("-s", source) if source is not None else ()
    lines: list[str] = []
    for patience in ("1", "3"):
        court.forget()
        printed = court.run(
            src, "traceroute", "-n", "-q", "1", "-w", patience, "-m", str(MOST_HOPS), "-N", "9", *way_out, dst
        )
        lines = [shown(line) for line in printed if re.match(r" ?\d+ ", line)]
        if traces_agree(told_lines, lines):
            return
    yield f"{src} {dst} from {source}: traceroute shows {lines}, expected {told_lines}"


@pytest.mark.parametrize("family", [4, 6])
def test_every_ping_goes_as_predicted(family: int) -> None:
    drawn = seed()
    print(f"ROUTETUI_JUDGE_SEED={drawn} ROUTETUI_JUDGE_PAIRS={PAIRS}")
    networks = -(-PAIRS // 2 // A_NETWORK)
    with ThreadPoolExecutor(AT_ONCE) as threads:
        results = list(threads.map(lambda number: judged(drawn, family, number), range(networks)))
    wrong = [each for result in results for each in result.wrong]
    pairs, unknown = sum(each.pairs for each in results), sum(each.unknown for each in results)
    traces, arrivals = sum(each.traced for each in results), sum(each.arrivals for each in results)
    print(f"{pairs} pairs, {arrivals} arrivals, {traces} traceroutes, {unknown} not known")
    assert not wrong, f"seed {drawn}: {len(wrong)} of {pairs} differ: {wrong[:6]}"
    assert unknown < 0.02 * pairs
    assert arrivals > 0.8 * pairs
    assert traces > 0.1 * pairs
