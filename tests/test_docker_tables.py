"""A container's tables on a real engine: every rung reads the same, and lookups over them agree with its kernel."""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from listening import named
from private_engine import images
from private_engine.lab import Lab

from tui.core.addresses import Address, parse_address
from tui.core.lookup import lookup
from tui.core.query import Query
from tui.core.steps import Decision
from tui.core.world import Node, Route, World
from tui.engines.docker.engine import connect

ROUTES = """
    route add 10.1.0.0/16 via 172.31.0.77
    route add 10.1.2.0/24 via 172.31.0.78 metric 50
    route add 10.1.2.0/24 dev eth0 metric 100
    route add 10.1.2.3/32 via 172.31.0.79 src 172.31.0.200
    route add blackhole 10.2.0.0/16
    route add unreachable 10.3.0.0/16
    route add prohibit 10.4.0.0/16
    route add throw 10.5.0.0/16
    route add 10.6.0.0/16 via 172.31.0.80 dev eth0 onlink
    route add 10.7.0.0/16 dev eth0 mtu lock 1300 advmss 1200
    -6 route add fd00:1::/32 via fd00:31::77
    -6 route add fd00:1:2::/48 via fd00:31::78 metric 50
    -6 route add unreachable fd00:3::/32
    -6 route add blackhole fd00:2::/32
"""
"""What makes a table worth reading, for every image."""
RULES = """
    rule add from 172.31.0.200 lookup 100 priority 1000
    rule add to 10.9.0.0/16 lookup 100 priority 1001
    route add default via 172.31.0.81 table 100
    route add 10.10.0.0/16 table 100 nexthop via 172.31.0.82 weight 1 nexthop via 172.31.0.83 weight 3
    -6 rule add to fd00:9::/32 lookup 100 priority 1000
    -6 route add default via fd00:31::81 table 100
"""
"""Policy routing, which /proc does not show."""


def build(lab: Lab, name: str, image: str, *scripts: str) -> str:
    """A container on `many` with an address of its own, and these commands of `ip` done in it."""
    made = lab.container(name, {"many": None}, image)
    lab.enter(made, "ip", "address", "add", "172.31.0.200/16", "dev", "eth0")
    lab.enter(made, "ip", "-6", "address", "add", "fd00:31::200/64", "dev", "eth0", "nodad")
    for command in filter(str.strip, "".join(scripts).splitlines()):
        lab.enter(made, "ip", *command.split())
    return made


@pytest.fixture(scope="module")
def many(docker_engine_url: str) -> Iterator[Lab]:
    """A container of each image, with one and the same rich set of routes; two have rules besides."""
    made = Lab(docker_engine_url)
    try:
        made.network("many", "172.31.0.0/16", "fd00:31::/64")
        built = [build(made, image.partition(":")[2], image, ROUTES) for image in images.CONTENTS]
        built.append(build(made, "full-rules", images.FULL, ROUTES, RULES))
        built.append(build(made, "busybox-rules", images.BUSYBOX, ROUTES, RULES))
        for each in built:
            # A fe80:: address is tentative for a second: wait, so that all readings are of one state.
            made.enter(each, "sh", "-c", "while ip -6 address show tentative | grep -q inet6; do sleep 0.05; done")
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def world_by(many: Lab, two_bridges: Lab) -> Callable[[str], World]:
    """The World as one rung reads it, each read once."""

    @functools.cache
    def read(rung: str) -> World:
        engine = connect(many.url, rungs=(rung,))
        try:
            return engine.snapshot()
        finally:
            engine.close()

    return read


SOURCES = {
    ("full", "netlink"): "netlink",
    ("bare", "netlink"): "netlink",
    ("full", "exec"): "ip -j",
    ("busybox", "exec"): "BusyBox ip",
    ("plain", "exec"): "/proc/net",
    ("ip-only", "exec"): "ip -j",
    ("full-rules", "exec"): "ip -j",
    ("busybox-rules", "exec"): "BusyBox ip",
    ("bare", "proc"): "/proc of this machine",
    ("full-rules", "proc"): "/proc of this machine",
}


@pytest.mark.parametrize(("name", "rung"), SOURCES)
def test_every_rung_reads_the_same_tables(many: Lab, world_by: Callable[[str], World], name: str, rung: str) -> None:
    truth = named(world_by("netlink"), name)
    assert truth.missing == ()
    node = named(world_by(rung), name)
    assert node.source == SOURCES[name, rung]
    assert node.unread == ()
    assert node.missing == () or node.problem
    assert {each.name for each in node.interfaces} == {each.name for each in truth.interfaces}
    if node.merged is None:  # neither /proc nor a program that shows its files was at hand
        truth = replace(truth, merged=None)
    if node.source.startswith("/proc"):
        node, truth = without_kinds(node), without_kinds(truth)
    for topic, told in TOLD.items():
        if topic not in node.missing and not (
            topic == "routes6" and "tables6" in node.missing and name == "full-rules"
        ):
            assert told(node) == told(truth), topic


def without_kinds(node: Node) -> Node:
    """IPv6 rejects all of one kind: /proc does not tell them apart."""
    return replace(
        node,
        routes=tuple(
            replace(each, type="unreachable") if each.family == 6 and each.is_reject else each for each in node.routes
        ),
    )


def routes_of(version: int, main: bool) -> Callable[[Node], set[tuple[object, ...]]]:
    def told(node: Node) -> set[tuple[object, ...]]:
        return {
            essence(route)
            for route in node.routes
            if route.family == version and (route.table == "main") == main and route.table != "unspec"
        }

    return told


def essence(route: Route) -> tuple[object, ...]:
    """What every form tells of a route that decides a lookup. Without the own source address and further next hops.

    BusyBox shows of a multipath route nothing, /proc the first next hop; a reject's device is the kernel's affair.
    """
    hop = (None, None) if route.type != "unicast" or len(route.nexthops) != 1 else (route.dev, route.gateway)
    many_hops = route.dst == parse_address("10.10.0.0") or str(route.dst) == "10.10.0.0/16"
    return (route.dst, route.type, route.table, route.metric or 0, None if many_hops else hop)


def addresses_of(node: Node) -> dict[str, list[tuple[Address, int]]]:
    return {each.name: sorted((own.address, own.length) for own in each.addresses) for each in node.interfaces}


TOLD: dict[str, Callable[[Node], object]] = {
    "routes4": routes_of(4, True),
    "tables4": routes_of(4, False),
    "routes6": routes_of(6, True),
    "tables6": routes_of(6, False),
    "rules4": lambda node: ([replace(each, protocol=None) for each in node.rules if each.family == 4], node.merged),
    "rules6": lambda node: [replace(each, protocol=None) for each in node.rules if each.family == 6],
    "addresses": addresses_of,
    "links": lambda node: [(each.name, each.mac, each.up, each.carrier) for each in node.interfaces],
    "sysctls": lambda node: node.sysctls,
}


@pytest.mark.parametrize(("name", "rung"), SOURCES)
def test_only_what_a_rung_cannot_tell_is_missing(
    many: Lab, world_by: Callable[[str], World], name: str, rung: str
) -> None:
    node = named(world_by(rung), name)
    if node.source.endswith("ip") or node.source in ("ip -j", "netlink"):
        assert set(node.missing) <= ({"sysctls"} if name == "ip-only" and rung == "exec" else set())
    else:
        assert {"rules6", "tables6", "links"} <= set(node.missing)
        assert {"routes4", "routes6"}.isdisjoint(node.missing)
        assert ("rules4" in node.missing) == (name == "full-rules")
        assert ("sysctls" in node.missing) == (rung == "proc")
        assert node.problem


@functools.cache
def kernel_says(lab: Lab, name: str, version: int) -> list[str]:
    """The first line of `ip route get` for each of `destinations`, in a container."""
    script = f"for each; do ip -{version} route get $each 2>&1 | head -n 1; done"
    return lab.enter(name, "sh", "-c", script, "sh", *destinations(version)).splitlines()


def destinations(version: int) -> list[str]:
    """Own addresses, neighbours, broadcast, and addresses inside, beside and far from every prefix."""
    if version == 6:
        ends = ("::", "::1", "::77", "::200", "::ffff", ":2::1", ":2:ffff::1")
        heads = ("fd00", "fd00:1", "fd00:2", "fd00:3", "fd00:9", "fd00:31", "2001:db8", "fc00", "fdff")
        return ["::1", *(f"{head}{end}" for head in heads for end in ends)]
    tails = ("0.0", "0.1", "0.2", "0.77", "0.200", "0.255", "2.0", "2.3", "2.4", "2.255", "255.254", "255.255")
    heads = [f"10.{number}" for number in range(12)]
    heads += ["172.30", "172.31", "172.32", "127.0", "192.0", "8.8", "100.64", "198.51", "203.0", "1.1", "223.255"]
    return [f"{head}.{tail}" for head in heads for tail in tails]


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize(("name", "rung"), SOURCES)
def test_lookups_agree_with_the_containers_own(
    many: Lab, world_by: Callable[[str], World], name: str, rung: str, version: int
) -> None:
    node = named(world_by(rung), name)
    asked = destinations(version)
    assert len(asked) > (250 if version == 4 else 60)
    told = kernel_says(many, name, version)
    assert len(told) == len(asked)
    decisions = [lookup(node, Query(parse_address(each))).decision for each in asked]
    if f"rules{version}" in node.missing and name.endswith("rules"):
        # Table 100 is not known, nor who asks it. Then no answer is certain, and each says so.
        assert all(decision.assumptions or decision.failure == "UNKNOWN" for decision in decisions)
        return
    by_proc = node.source.startswith("/proc")
    pairs = list(zip(told, decisions, strict=True))
    assert [pair for pair in pairs if not agree(*pair, roughly=by_proc)] == []


ERRORS = {
    "Network is unreachable": "ENETUNREACH",
    "No route to host": "EHOSTUNREACH",
    "Permission denied": "EACCES",
    "Invalid argument": "EINVAL",
}


def _is_six(decision: Decision) -> bool:
    return decision.route is not None and decision.route.family == 6


def agree(line: str, decision: Decision, roughly: bool) -> bool:
    """Whether a line of `ip route get` and a decision say the same: kind, gateway, device and source address.

    `roughly` allows what /proc cannot tell: the source address, and which of its kinds an IPv6 reject is.
    """
    error = re.match(r"RTNETLINK answers: (.*)", line)
    if error:
        return decision.errno == ERRORS[error[1]] or (roughly and decision.errno is not None and _is_six(decision))
    words = line.split()
    kind = words[0] if words[0] in ("local", "broadcast", "anycast", "multicast") else "unicast"
    fields = dict(itertools.pairwise(words))
    if decision.failure is not None or decision.type != kind:
        return False
    ways = decision.nexthops or ()
    hops = {(str(hop.gateway) if hop.gateway else None, hop.dev) for hop in ways}
    hops.add((str(decision.gateway) if decision.gateway else None, decision.dev))
    same_source = roughly or fields.get("src") == str(decision.prefsrc)
    return (fields.get("via"), fields.get("dev")) in hops and same_source


def test_the_host_by_proc_alone(two_bridges: Lab, world_by: Callable[[str], World]) -> None:
    host, truth = (named(world_by(rung), "host") for rung in ("proc", "netlink"))
    assert host.source == "/proc of this machine"
    assert host.problem
    assert {"rules6", "sysctls"} <= set(host.missing)
    assert routes_of(4, True)(host) == routes_of(4, True)(truth)
    assert {each.network for each in host.interfaces} == {each.network for each in truth.interfaces}
