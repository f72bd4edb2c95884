"""What mends a path: every offer makes it work on the changed World, and the best is what a person would take."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from topologies import topologies
from two_bridges import default, interface, node, two_bridges

from tui import labs
from tui.core.addresses import parse_address, parse_prefix
from tui.core.changes import SetSysctl, Several, apply
from tui.core.labs.layout import world as laid_out
from tui.core.path import path
from tui.core.path.hops import Outcome, Path
from tui.core.path.links_between import Links
from tui.core.path.mends import Mend, command_lines, mends
from tui.core.world import Interface, Network, NextHop, Node, Route, World

SWITCHES = (("net.ipv4.conf.all.rp_filter", 0), ("net.ipv4.ip_forward", 1), ("net.ipv6.conf.all.forwarding", 1))


def way(dst: str, gateway: str | None = None, dev: str = "eth0", **more: Any) -> Route:
    hop = NextHop(dev, parse_address(gateway) if gateway else None)
    return Route(parse_prefix(dst), nexthops=(hop,), **more)


def box(name: str, *interfaces: Interface, routes: tuple[Route, ...] = (), **fields: Any) -> Node:
    return node(name, *interfaces, routes=routes, **{"kind": "namespace", "sysctls": SWITCHES, **fields})


def wired(*nodes: Node) -> World:
    names = sorted({each.network for one in nodes for each in one.interfaces if each.network})
    return World("here", tuple(Network(name) for name in names), nodes)


def in_a_row(
    *, a: tuple[Route, ...] = (), r: tuple[Route, ...] = (), b: tuple[Route, ...] | None = None, **fields: Any
) -> World:
    """a on left, r on both, b on right; a and b have default routes to r unless given."""
    return wired(
        box("a", interface("eth0", "left", "10.1.0.2/24"), routes=a or (default("10.1.0.1"),)),
        box(
            "r", interface("eth0", "left", "10.1.0.1/24"), interface("eth1", "right", "10.2.0.1/24"), routes=r, **fields
        ),
        box("b", interface("eth0", "right", "10.2.0.2/24"), routes=(default("10.2.0.1"),) if b is None else b),
    )


def offered(world: World, src: str, dst: str) -> tuple[Path, tuple[Mend, ...]]:
    """The path and its mends, each tried once more: the changed World delivers both ways."""
    found = path(world, src, dst)
    assert not found.works
    answer = mends(world, found)
    for each in answer:
        assert path(apply(each.change, world), src, dst).works, each
        assert each.sentence and each.commands
    assert [each.cost for each in answer] == sorted(each.cost for each in answer)
    return found, answer


@pytest.mark.parametrize(
    ("world", "outcome", "best"),
    [
        (in_a_row(a=(way("10.9.0.0/24", "10.1.0.1"),)), Outcome.NO_ROUTE,
         ("a: ip route add 10.2.0.0/24 via 10.1.0.1 dev eth0",)),
        (in_a_row(a=(default("10.1.0.9"),)), Outcome.NEXT_HOP_SILENT,
         ("a: ip route replace default via 10.1.0.1 dev eth0",)),
        (in_a_row(a=(default("10.1.0.1"), way("10.2.0.0/24", "10.1.0.9"))), Outcome.NEXT_HOP_SILENT,
         ("a: ip route replace 10.2.0.0/24 via 10.1.0.1 dev eth0",)),
        (in_a_row(sysctls=(*SWITCHES[:1], ("net.ipv4.ip_forward", 0))), Outcome.NOT_FORWARDING,
         ("r: sysctl -w net.ipv4.ip_forward=1",)),
        (in_a_row(sysctls=(*SWITCHES, ("net.ipv4.conf.eth0.forwarding", 0))), Outcome.NOT_FORWARDING,
         ("r: sysctl -w net.ipv4.conf.eth0.forwarding=1",)),
        (in_a_row(r=(Route(parse_prefix("10.2.0.2/32"), "unreachable"),)), Outcome.REFUSED_BY_ROUTE,
         ("r: ip route del unreachable 10.2.0.2/32",)),
        (in_a_row(r=(way("10.2.0.2/32", "10.1.0.2"),)), Outcome.REVERSE_PATH,
         ("r: ip route del 10.2.0.2/32 via 10.1.0.2 dev eth0",)),
        (in_a_row(b=()), Outcome.DELIVERED, ("b: ip route add 10.1.0.0/24 via 10.2.0.1 dev eth0",)),
        (in_a_row(b=(default("10.2.0.9"),)), Outcome.DELIVERED, ("b: ip route replace default via 10.2.0.1 dev eth0",)),
        (in_a_row(a=(way("10.9.0.0/24", "10.1.0.1"),), b=()), Outcome.NO_ROUTE,
         ("a: ip route add 10.2.0.0/24 via 10.1.0.1 dev eth0", "b: ip route add 10.1.0.0/24 via 10.2.0.1 dev eth0")),
    ],
)  # fmt: skip
def test_each_outcome_has_its_mend(world: World, outcome: Outcome, best: tuple[str, ...]) -> None:
    found, answer = offered(world, "a", "b")
    assert found.forward.outcome is outcome, found.verdict
    assert command_lines(answer[0].commands) == best


def test_a_set_of_three_is_found_where_three_are_needed() -> None:
    world = in_a_row(a=(way("10.9.0.0/24", "10.1.0.1"),), b=(), sysctls=(("net.ipv4.ip_forward", 0),))
    _, answer = offered(world, "a", "b")
    assert isinstance(answer[0].change, Several)
    assert set(command_lines(answer[0].commands)) == {
        "a: ip route add 10.2.0.0/24 via 10.1.0.1 dev eth0",
        "b: ip route add 10.1.0.0/24 via 10.2.0.1 dev eth0",
        "r: sysctl -w net.ipv4.ip_forward=1",
    }
    assert "r then passes on whatever is sent to it." in answer[0].tradeoff


def test_reverse_path_filtering_gets_a_symmetric_route_or_is_loosened() -> None:
    lab = laid_out(labs.load("asymmetric-rp-filter"))
    found, answer = offered(lab, "client", "10.77.2.2")
    assert found.forward.outcome is Outcome.REVERSE_PATH
    lines = [command_lines(each.commands) for each in answer]
    assert lines[0] == ("server: ip route replace 10.77.1.0/24 via 10.77.2.3 dev eth0",)
    assert ("server: sysctl -w net.ipv4.conf.eth0.rp_filter=2",) in lines
    loose = next(each for each in answer if isinstance(each.change, SetSysctl))
    assert "any source" in loose.tradeoff


def test_a_loop_is_broken_where_the_way_is_known() -> None:
    world = wired(
        box("a", interface("eth0", "left", "10.1.0.2/24"), routes=(default("10.1.0.1"),)),
        box("r", interface("eth0", "left", "10.1.0.1/24"), interface("eth1", "mid", "10.3.0.1/24"),
            routes=(way("10.2.0.0/24", "10.3.0.2", "eth1"),)),
        box("s", interface("eth0", "mid", "10.3.0.2/24"), interface("eth1", "right", "10.2.9.1/24"),
            routes=(way("10.2.0.0/24", "10.3.0.1"), way("10.1.0.0/24", "10.3.0.1"))),
        box("t", interface("eth0", "right", "10.2.9.2/24"), interface("eth1", "far", "10.2.0.1/24"),
            routes=(default("10.2.9.1"),)),
        box("b", interface("eth0", "far", "10.2.0.2/24"), routes=(default("10.2.0.1"),)),
    )  # fmt: skip
    found, answer = offered(world, "a", "b")
    assert found.forward.outcome is Outcome.TTL_EXCEEDED
    assert command_lines(answer[0].commands) == ("s: ip route replace 10.2.0.0/24 via 10.2.9.2 dev eth1",)


def on(engine: str, nf: int) -> World:
    world = two_bridges(engine)
    filtered = ("net.bridge.bridge-nf-call-iptables", nf)
    nodes = (replace(each, sysctls=(filtered, *SWITCHES[:2])) for each in world.nodes)
    return replace(world, nodes=tuple(nodes))


def test_docker_s_isolation_is_passed_by_the_shared_router_or_by_joining_the_network() -> None:
    _, answer = offered(on("docker://local 26.1.5", nf=1), "centos-net1", "centos-net2")
    lines = [command_lines(each.commands) for each in answer]
    assert lines[0] == (
        "centos-net1: ip route add 172.20.0.0/16 via 172.19.0.3 dev eth0",
        "centos-net2: ip route add 172.19.0.0/16 via 172.20.0.3 dev eth0",
    )
    assert ("docker network connect net2 centos-net1",) in lines
    assert not any(line.startswith("host:") for each in lines for line in each)


def test_what_works_is_told_even_where_patience_ends_before_cheaper_sets_are_through() -> None:
    world = on("docker://local 26.1.5", nf=1)
    world = replace(world, nodes=tuple(each for each in world.nodes if each.name != "centos-router"))
    found = path(world, "centos-net1", "centos-net2")
    lines = [command_lines(each.commands) for each in mends(world, found, patience=2)]
    assert lines == [("docker network connect net2 centos-net1",)]


def test_where_the_bridges_filter_the_switch_is_offered_with_its_price() -> None:
    world = on("docker://local 28.5.2", nf=1)
    there = Route(parse_prefix("172.20.0.0/16"), nexthops=(NextHop("eth0", parse_address("172.19.0.3")),))
    back = Route(parse_prefix("172.19.0.0/16"), nexthops=(NextHop("eth0", parse_address("172.20.0.3")),))
    more = {"centos-net1": (there,), "centos-net2": (back,)}
    nodes = (replace(each, routes=(*each.routes, *more.get(each.name, ()))) for each in world.nodes)
    _, answer = offered(replace(world, nodes=tuple(nodes)), "centos-net1", "centos-net2")
    lines = [command_lines(each.commands) for each in answer]
    assert ("host: sysctl -w net.bridge.bridge-nf-call-iptables=0",) in lines
    price = answer[lines.index(("host: sysctl -w net.bridge.bridge-nf-call-iptables=0",))].tradeoff
    assert "enable_icc=false" in price


def test_where_nobody_can_say_since_the_switch_was_not_read_it_is_offered_too() -> None:
    world = on("docker://local 28.5.2", nf=1)
    there = Route(parse_prefix("172.20.0.0/16"), nexthops=(NextHop("eth0", parse_address("172.19.0.3")),))
    back = Route(parse_prefix("172.19.0.0/16"), nexthops=(NextHop("eth0", parse_address("172.20.0.3")),))
    more = {"centos-net1": (there,), "centos-net2": (back,)}
    nodes = (
        replace(each, routes=(*each.routes, *more.get(each.name, ())), sysctls=SWITCHES[:2]) for each in world.nodes
    )
    found, answer = offered(replace(world, nodes=tuple(nodes)), "centos-net1", "centos-net2")
    assert found.works is None and found.forward.outcome is Outcome.UNKNOWN
    lines = [command_lines(each.commands) for each in answer]
    assert ("host: sysctl -w net.bridge.bridge-nf-call-iptables=0",) in lines
    assert any(each[0].startswith("docker network connect") for each in lines)


def test_a_node_that_ignores_echo_is_made_to_answer() -> None:
    world = in_a_row()
    nodes = (
        replace(each, sysctls=(*each.sysctls, ("net.ipv4.icmp_echo_ignore_all", 1))) if each.name == "b" else each
        for each in world.nodes
    )
    _, answer = offered(replace(world, nodes=tuple(nodes)), "a", "b")
    assert command_lines(answer[0].commands) == ("b: sysctl -w net.ipv4.icmp_echo_ignore_all=0",)


def test_nothing_is_offered_for_what_works_or_what_nobody_has() -> None:
    world = in_a_row()
    assert mends(world, path(world, "a", "b")) == ()
    nobody = path(world, "a", "10.2.0.99")
    assert nobody.works is False
    assert mends(world, nobody) == ()


def test_ipv6_has_its_own_commands() -> None:
    world = wired(
        box("a", interface("eth0", "left", "fd01::2/64"), routes=(replace(default("fd01::9"), metric=1024),)),
        box("r", interface("eth0", "left", "fd01::1/64"), interface("eth1", "right", "fd02::1/64"), sysctls=()),
        box("b", interface("eth0", "right", "fd02::2/64"), routes=(default("fd02::1"),)),
    )
    nodes = (replace(each, sysctls=(("net.ipv6.conf.all.forwarding", 0),)) for each in world.nodes)
    _, answer = offered(replace(world, nodes=tuple(nodes)), "a", "b")
    assert set(command_lines(answer[0].commands)) == {
        "a: ip -6 route replace default via fd01::1 dev eth0",
        "r: sysctl -w net.ipv6.conf.all.forwarding=1",
    }


def test_every_offer_for_a_measured_topology_works_and_most_faults_have_one() -> None:
    """The faults that were injected into real topologies: what is offered delivers, whatever else is wrong there."""
    failing = mended = 0
    for world, record in list(topologies())[::3]:
        links = Links(world)
        for pair in record["pairs"][:3]:
            found = path(links, pair["src"], pair["dst_node"])
            if found.works is not False:
                continue
            failing += 1
            answer = mends(links, found)
            mended += bool(answer)
            for each in answer:
                assert path(apply(each.change, world), found.src, found.dst).works, (record["tid"], each)
    assert failing > 15
    assert mended > 0.55 * failing  # the others have no router between, or a rule refuses
