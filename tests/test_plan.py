"""Who can be a gateway, and the fewest changes that let two nodes talk: over the labs, whole and broken at random."""

from __future__ import annotations

import random
import re
import shlex
from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui import labs
from tui.core.addresses import parse_address, parse_prefix
from tui.core.changes import (
    AddRoute,
    ChangeRefused,
    Connect,
    DeleteRoute,
    Disconnect,
    SetSysctl,
    StartNode,
    apply,
    command,
    forwarding,
)
from tui.core.changes.gateways import gateways, withheld
from tui.core.changes.plan import connect
from tui.core.commands import adding, meaning
from tui.core.labs.layout import world as build
from tui.core.path import path
from tui.core.world import NextHop, Route

TWO = build(labs.load("two-bridges"))
NET2 = parse_prefix("172.20.0.0/16")


def to(dst, via=None, dev=None, **more):
    hops = (NextHop(dev, parse_address(via) if via else None),) if via or dev else ()
    return Route(parse_prefix(dst), nexthops=hops, **more)


def commands(plan, world):
    """Each item's node and command, in order, on the World as it becomes."""
    told = []
    for item in plan.items:
        told += [f"{item.change.node}: {shlex.join(words)}" for words in command(item.change, world)]
        world = apply(item.change, world)
    return told


# --- gateways --------------------------------------------------------------------------------------------------------


def test_the_router_on_both_networks_is_offered_and_the_host_is_withheld_with_the_reason():
    (only,) = gateways(TWO, "centos-net1", NET2)
    assert (only.node, str(only.address), only.dev, only.rank) == ("centos-router", "172.19.0.3", "eth0", 0)
    assert only.reason == "on-link, forwards, is on net2"
    (host,) = withheld(TWO, "centos-net1", NET2)
    assert (host.node, str(host.address)) == ("host", "172.19.0.1")
    assert host.reason == "on-link, but the host keeps net1 and net2 apart: give a router on both instead"


def test_routers_come_first_then_those_that_would_need_forwarding_then_the_rest():
    world = TWO
    for name in ("bystander", "idle"):
        links = (Connect("", "net1"), Connect("", "net2")) if name == "idle" else (Connect("", "net1"),)
        world = apply(StartNode(name, "busybox", links), world)
    offered = gateways(world, "centos-net1", parse_address("172.20.0.2"))
    assert [(each.node, each.rank) for each in offered] == [("centos-router", 0), ("idle", 2), ("bystander", 3)]
    assert [each.reason for each in offered[1:]] == [
        "on-link, does not forward yet, is on net2",
        "on-link, does not forward yet, has no way there",
    ]


def test_a_destination_that_is_on_link_needs_no_gateway():
    assert gateways(TWO, "centos-net1", parse_address("172.19.0.3")) == ()


def test_the_host_is_offered_for_the_world_outside():
    offered = gateways(TWO, "centos-net1", parse_prefix("default"))
    host = next(each for each in offered if each.node == "host")
    assert host.reason == "on-link, forwards, is the host, the way out"


def test_a_stopped_container_and_an_unreachable_one_are_no_gateways():
    nodes = tuple(replace(each, state="exited") if each.name == "centos-router" else each for each in TWO.nodes)
    assert gateways(replace(TWO, nodes=nodes), "centos-net1", NET2) == ()
    connected = next(each for each in TWO.node("centos-net1").routes if str(each.dst) == "172.19.0.0/16")
    assert gateways(apply(DeleteRoute("centos-net1", connected), TWO), "centos-net1", NET2) == ()
    with pytest.raises(ChangeRefused, match="There is no node nobody"):
        gateways(TWO, "nobody", NET2)


@pytest.mark.parametrize("name", labs.names())
def test_every_gateway_that_is_offered_is_one_that_the_kernel_would_take(name):
    world = build(labs.load(name))
    for node, network in ((node, each) for node in world.nodes for each in world.networks):
        for subnet in network.subnets:
            for each in gateways(world, node.name, subnet.prefix):
                route = Route(parse_prefix("203.0.113.0/24"), nexthops=(NextHop(each.dev, each.address),))
                if each.address.version == 6:
                    route = Route(parse_prefix("2001:db8:77::/64"), nexthops=route.nexthops)
                apply(AddRoute(node.name, route), world)


# --- plans -----------------------------------------------------------------------------------------------------------


def test_the_walk_through_needs_one_route_on_each_end():
    plan = connect(TWO, "centos-net1", "centos-net2")
    assert plan.works
    assert plan.via == ("centos-router",)
    assert commands(plan, TWO) == [
        "centos-net1: ip route add 172.20.0.0/16 via 172.19.0.3 dev eth0",
        "centos-net2: ip route add 172.19.0.0/16 via 172.20.0.3 dev eth0",
    ]
    assert [item.reason for item in plan.items] == [
        "to reach 172.20.0.2 through centos-router, which is on net1 too",
        "for the way back to 172.19.0.2 through centos-router, which is on net2 too",
    ]
    assert path(plan.after(TWO), "centos-net1", "centos-net2").works is True


def test_a_router_that_does_not_forward_is_switched_on():
    world = apply(forwarding("centos-router", False), TWO)
    plan = connect(world, "centos-net1", "centos-net2")
    assert plan.works
    assert commands(plan, world)[2:] == ["centos-router: sysctl -w net.ipv4.ip_forward=1"]


def test_one_device_that_does_not_forward_is_switched_on_alone():
    world = apply(SetSysctl("centos-router", "net.ipv4.conf.eth1.forwarding", 0), TWO)
    plan = connect(world, "centos-net1", "centos-net2")
    assert plan.works
    assert commands(plan, world)[2:] == ["centos-router: sysctl -w net.ipv4.conf.eth1.forwarding=1"]


def test_what_is_there_already_is_not_asked_for_again():
    world = apply(AddRoute("centos-net1", to("172.20.0.0/16", "172.19.0.3")), TWO)
    plan = connect(world, "centos-net1", "centos-net2")
    assert commands(plan, world) == ["centos-net2: ip route add 172.19.0.0/16 via 172.20.0.3 dev eth0"]
    world = plan.after(world)
    assert connect(world, "centos-net1", "centos-net2").items == ()
    assert connect(world, "centos-net1", "centos-net2").works


def test_a_wrong_route_is_replaced_and_a_narrower_one_is_outdone():
    world = apply(AddRoute("centos-net1", to("172.20.0.0/16", "172.19.0.1")), TWO)
    plan = connect(world, "centos-net1", "centos-net2")
    assert plan.works
    assert commands(plan, world)[0] == "centos-net1: ip route replace 172.20.0.0/16 via 172.19.0.3 dev eth0"
    world = apply(AddRoute("centos-net1", to("172.20.0.0/24", type="blackhole")), TWO)
    plan = connect(world, "centos-net1", "centos-net2")
    assert plan.works
    assert commands(plan, world)[0] == "centos-net1: ip route add 172.20.0.2/32 via 172.19.0.3 dev eth0"


def test_several_routers_in_a_row_each_get_their_routes():
    world = build(labs.load("three-in-a-row"))
    for node in world.nodes:
        for route in node.routes:
            if node.kind != "host" and route.gateway is not None and not route.is_default:
                world = apply(DeleteRoute(node.name, route), world)
    world = apply(forwarding("router2", False), world)
    plan = connect(world, "alice", "bob")
    assert plan.works
    assert plan.via == ("router1", "router2")
    assert {item.change.node for item in plan.items} == {"alice", "bob", "router1", "router2"}
    assert path(plan.after(world), "bob", "alice").works is True


def test_without_a_router_the_plan_is_empty_and_says_what_to_do():
    world = apply(Disconnect("centos-router", "net2"), TWO)
    plan = connect(world, "centos-net1", "centos-net2")
    assert (plan.items, plan.works) == ((), False)
    assert plan.verdict == (
        "no container leads from net1 to net2: connect centos-net1 to net2, or start a router on both "
        "(the host keeps its networks apart)"
    )


def test_the_host_is_never_a_router_of_a_plan():
    for name in labs.names():
        world = build(labs.load(name))
        names = [each.name for each in world.nodes if each.kind != "host"]
        for one, other in combinations(names, 2):
            assert "host" not in connect(world, one, other).via


@pytest.mark.parametrize("name", labs.names())
def test_in_every_lab_any_two_nodes_can_be_brought_to_talk_and_nothing_in_the_plan_is_idle(name):
    world = build(labs.load(name))
    names = [each.name for each in world.nodes if each.kind != "host"]
    for one, other in combinations(names, 2):
        plan = connect(world, one, other)
        assert plan.works, (one, other, plan.verdict)
        assert path(plan.after(world), one, plan.target).works is True
        for left_out in plan.items:
            rest = world
            for item in plan.items:
                rest = apply(item.change, rest) if item is not left_out else rest
            assert path(rest, one, plan.target).works is not True, (one, other, left_out)


BREAKS = ("three-in-a-row", "two-bridges", "longest-match", "missing-return-route")


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(BREAKS), st.integers(0, 1 << 32))
def test_a_lab_broken_at_random_is_mended(name, seed):
    rng = random.Random(seed)
    world = build(labs.load(name))
    nodes = [each.name for each in world.nodes if each.kind != "host"]
    for _ in range(rng.randrange(1, 6)):
        world = broken(rng, world, rng.choice(nodes))
    for one, other in combinations(nodes, 2):
        plan = connect(world, one, other)
        assert plan.works, (one, other, plan.verdict, [item.change for item in plan.items])
        assert path(plan.after(world), one, plan.target).works is True


def broken(rng, world, name):
    """A route less, forwarding off, or a route that leads astray."""
    node = world.node(name)
    drawn = rng.randrange(3)
    if drawn == 0:
        routes = [each for each in node.routes if each.table == "main" and each.protocol != "kernel"]
        return apply(DeleteRoute(name, rng.choice(routes)), world) if routes else world
    if drawn == 1:
        return apply(forwarding(name, False), world)
    subnet = rng.choice([subnet.prefix for network in world.networks for subnet in network.subnets])
    kind = rng.choice(("blackhole", "unreachable", "prohibit"))
    try:
        return apply(AddRoute(name, Route(subnet, kind)), world)
    except ChangeRefused:
        return world


def test_a_rule_that_no_route_can_outdo_is_named():
    node = TWO.node("centos-net1")
    ruled = adding.apply(node, meaning(shlex.split("ip rule add to 172.20.0.0/16 prohibit pref 10")))
    world = replace(TWO, nodes=tuple(ruled if each is node else each for each in TWO.nodes))
    plan = connect(world, "centos-net1", "centos-net2")
    assert not plan.works
    assert re.search("A rule on centos-net1", plan.verdict)
