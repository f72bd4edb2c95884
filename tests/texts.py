"""What the tests of reading share: recorded texts, real machine states, and random routes."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from tui.core.addresses import Address, Prefix
from tui.core.names import PROTOCOLS, SCOPES, TABLES
from tui.core.world import NextHop, Route

HERE = Path(__file__).parent
WILD = HERE.parent.parent / "shared" / "oracle" / "wild"
"""Real outputs found in public repositories: other people's texts, which are no part of this project."""

needs_wild = pytest.mark.skipif(not WILD.exists(), reason="other people's texts lie beside this project, not in it")


def recording(folder: str, name: str) -> str:
    return (HERE / "recordings" / folder / f"{name}.txt").read_text()


def recordings(folder: str) -> list[str]:
    return sorted(path.stem for path in (HERE / "recordings" / folder).glob("*.txt"))


def _lines(name: str) -> list[dict[str, Any]]:
    with gzip.open(HERE / "worlds" / f"{name}.jsonl.gz", "rt") as file:
        return [json.loads(line) for line in file]


@cache
def cases() -> tuple[dict[str, Any], ...]:
    """Complete states of one namespace, with links, sysctls and queries, and the listings as text and as JSON."""
    return tuple(_lines("cases-sample"))


@cache
def topologies() -> tuple[dict[str, Any], ...]:
    """Several namespaces on bridges, each with its listings."""
    return tuple(_lines("topo-sample"))


@cache
def states() -> tuple[dict[str, Any], ...]:
    """Every machine of cases and topologies that has listings."""
    found = [node | {"family": each["family"]} for each in topologies() for node in each["nodes"].values()]
    return (*cases(), *found)


def wild(*kinds: str) -> list[Any]:
    """Cases of the index of WILD of some kinds: (text, how many routes or rules it has)."""
    if not WILD.exists():
        return []
    with (WILD / "index.tsv").open() as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t") if row["kind"] in kinds]
    return [pytest.param((WILD / row["file"]).read_text(), int(row["routes"]), id=row["file"]) for row in rows]


def without_lock(route: Route) -> Route:
    """A route as JSON can tell it: the lock of a metric is not there, and only -d has the next-hop object's line."""
    kept = tuple(each.replace(" lock ", " ") for each in route.attributes if not each.startswith("nh_info"))
    return replace(route, attributes=kept)


def lines_with_something(text: str) -> Iterator[str]:
    return (line for line in text.split("\n") if line.strip())


NAMES = st.sampled_from(("eth0", "lo", "proto", "via", "dev", "br-0123456789ab", "vlan.10", "wg0", "default", "a"))


def addresses(family: int) -> st.SearchStrategy[Address]:
    return st.builds(Address, st.just(family), st.integers(0, (1 << (32 if family == 4 else 128)) - 1))


@st.composite
def prefixes(draw: st.DrawFn, family: int) -> Prefix:
    width = 32 if family == 4 else 128
    return Prefix(family, draw(st.integers(0, (1 << width) - 1)), draw(st.integers(0, width))).network


FLAG_WORDS = st.lists(st.sampled_from(("dead", "onlink", "pervasive", "offload", "linkdown")), unique=True, max_size=2)
ENCAPS = ("encap mpls 100", "encap ip id 5 src 0.0.0.0 dst 1.2.3.4 ttl 0 tos 0", "encap seg6 mode encap segs 1 [ ::1 ]")
"""Only where a way out follows: nothing else tells where a tunnel's words end."""
_KNOWN = "realm 5|mtu lock 1300|window 9|rtt 100ms|rto_min 1.5s|congctl cubic|features ecn|hoplimit 64"
ATTRIBUTES = st.lists(st.sampled_from(_KNOWN.split("|")), unique=True, max_size=4)


@st.composite
def next_hops(draw: st.DrawFn, family: int, weighed: bool) -> NextHop:
    other = draw(st.sampled_from((family, family, 10 - family)))
    return NextHop(
        draw(NAMES),
        draw(st.none() | addresses(other)),
        draw(st.integers(1, 256)) if weighed else 1,
        tuple(draw(FLAG_WORDS)),
    )


@st.composite
def routes(draw: st.DrawFn) -> Route:
    """A route that `ip route` can print, of any type, with any number of next hops."""
    family = draw(st.sampled_from((4, 6)))
    kind = draw(st.sampled_from(("unicast", "local", "broadcast", "unreachable", "blackhole", "prohibit", "throw")))
    several = kind == "unicast" and draw(st.booleans())
    hops = draw(st.lists(next_hops(family, several), min_size=1, max_size=3 if several else 1))
    if kind in ("unreachable", "blackhole", "prohibit", "throw") and family == 4:
        hops = []
    tunnel = [draw(st.sampled_from(ENCAPS))] if len(hops) == 1 and hops[0].weight == 1 and draw(st.booleans()) else []
    attributes = [*tunnel, *draw(ATTRIBUTES)]
    return Route(
        dst=draw(prefixes(family)),
        type=kind,
        nexthops=tuple(hops),
        table=draw(st.sampled_from((*TABLES.values(), "100", "4294967295", "docker"))),
        protocol=draw(st.sampled_from((*PROTOCOLS.values(), "196"))),
        scope=draw(st.sampled_from(tuple(SCOPES.values()))),
        prefsrc=draw(st.none() | addresses(family)),
        metric=draw(st.none() | st.integers(0, 0xFFFFFFFF)),
        tos=draw(st.integers(0, 255)),
        src=draw(st.none() | prefixes(family).filter(lambda prefix: prefix.length > 0)) if family == 6 else None,
        pref=draw(st.sampled_from((None, "low", "medium", "high"))) if family == 6 else None,
        nhid=draw(st.none() | st.integers(1, 0xFFFFFFFF)),
        attributes=tuple(attributes),
        words=tuple(draw(st.lists(st.sampled_from(("zebra", "7", "[x]", "nope")), max_size=2))),
    )
