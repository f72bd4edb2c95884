"""What stands between links and paths: devices on top of others, redirects, and addresses of every kind."""

from __future__ import annotations

import subprocess
import time
from dataclasses import replace
from typing import Any

import pytest
from namespaces import WHY_NOT, Space
from two_bridges import default, interface, node

from tui.core.addresses import parse_address, parse_prefix
from tui.core.path import path
from tui.core.path.as_json import path_json
from tui.core.path.as_text import path_lines
from tui.core.path.hops import Outcome
from tui.core.path.symptoms import symptom
from tui.core.world import Interface, Network, NextHop, Node, Route, World

ON = (("net.ipv4.conf.all.rp_filter", 0), ("net.ipv4.ip_forward", 1), ("net.ipv6.conf.all.forwarding", 1))


def box(name: str, *links: Interface, routes: tuple[Route, ...] = (), **fields: Any) -> Node:
    return node(name, *links, routes=routes, **{"kind": "namespace", "sysctls": ON, **fields})


# --- macvlan and ipvlan ---


def on_top(driver: str = "macvlan", *options: tuple[str, str]) -> World:
    """Two containers on a macvlan on the host's eth0, where the host has an address of the same subnet."""
    network = Network("lan", driver=driver, options=tuple(sorted((("parent", "eth0"), *options))))
    return World("docker://local 26.1.5", (network,), (
        box("a", interface("eth0", "lan", "192.0.2.10/24"), routes=(default("192.0.2.254"),), kind="container"),
        box("b", interface("eth0", "lan", "192.0.2.11/24"), kind="container"),
        box("host", interface("eth0", None, "192.0.2.1/24"), kind="host"),
    ))  # fmt: skip


@pytest.mark.parametrize("driver", ["macvlan", "ipvlan"])
def test_the_host_and_what_stands_on_its_device_do_not_reach_each_other(driver: str) -> None:
    world = on_top(driver)
    assert path(world, "a", "b").works
    for src, dst in (("host", "192.0.2.10"), ("a", "192.0.2.1")):
        found = path(world, src, dst)
        assert found.works is False and found.forward.outcome is Outcome.NEXT_HOP_SILENT
        assert "hands no frame" in found.verdict
        assert symptom(found).endswith("Destination Host Unreachable")
    # Beyond the parent is a wire of which nothing is known.
    assert path(world, "a", "192.0.2.77").forward.outcome is Outcome.LEAVES


def test_the_mode_private_keeps_the_members_apart() -> None:
    found = path(on_top("macvlan", ("macvlan_mode", "private")), "a", "b")
    assert found.works is False and "mode private" in found.verdict


@pytest.mark.skipif(WHY_NOT is not None, reason=WHY_NOT or "")
def test_the_kernel_keeps_a_macvlan_and_its_parent_apart() -> None:
    with Space() as host, Space() as child:
        host.ip("link add wire type bridge")
        host.ip("link add eth0 type veth peer name port")
        for words in ("wire up", "port master wire up", "eth0 up"):
            host.ip(f"link set {words}")
        host.ip("addr add 192.0.2.1/24 dev eth0")
        host.ip(f"link add link eth0 name mv0 netns {child.pid} type macvlan mode bridge")
        child.ip("link set mv0 up")
        child.ip("addr add 192.0.2.10/24 dev mv0")
        assert_live(child, "mv0")
        assert "1 received" in child.run("ping", "-c1", "-W1", "192.0.2.10").stdout
        assert "0 received" in child.run("ping", "-c1", "-W1", "192.0.2.1").stdout
        assert "0 received" in host.run("ping", "-c1", "-W1", "192.0.2.10").stdout


def assert_live(space: Space, dev: str) -> None:
    end = time.monotonic() + 5
    while "LOWER_UP" not in space.run("ip", "-o", "link", "show", dev).stdout:
        assert time.monotonic() < end


# --- redirects ---


def one_link(accepts: int = 1, sends: int = 1, forwards: int = 0) -> World:
    """a's default router r is on the same link as s, by which r sends everything on."""
    switches = (
        ("net.ipv4.conf.all.accept_redirects", accepts), ("net.ipv4.conf.eth0.accept_redirects", 0),
        ("net.ipv4.conf.eth0.forwarding", forwards), ("net.ipv4.conf.all.rp_filter", 0),
    )  # fmt: skip
    sending = (*ON, ("net.ipv4.conf.all.send_redirects", sends))
    way = Route(parse_prefix("10.2.0.0/24"), nexthops=(NextHop("eth0", parse_address("10.1.0.3")),))
    return World("here", (Network("left"), Network("right")), (
        box("a", interface("eth0", "left", "10.1.0.2/24"), routes=(default("10.1.0.1"),), sysctls=switches),
        box("b", interface("eth0", "right", "10.2.0.2/24"), routes=(default("10.2.0.3"),)),
        box("r", interface("eth0", "left", "10.1.0.1/24"), routes=(way,), sysctls=sending),
        box("s", interface("eth0", "left", "10.1.0.3/24"), interface("eth1", "right", "10.2.0.3/24")),
    ))  # fmt: skip


def test_a_router_that_is_a_detour_tells_of_the_nearer_one() -> None:
    found = path(one_link(), "a", "b")
    assert found.works
    assert found.redirects == ("r tells a to send to 10.2.0.2 by 10.1.0.3 (an ICMP redirect); from then on it does",)
    assert f"note   {found.redirects[0]}" in path_lines(found)
    assert path_json(found)["redirects"] == list(found.redirects)


@pytest.mark.parametrize(
    ("world", "told"),
    [
        (one_link(accepts=0), "which it does not heed"),
        (one_link(forwards=1), "which it does not heed"),  # a router wants both switches
        (one_link(sends=0), None),
    ],
)
def test_a_redirect_is_sent_and_heeded_by_the_switches(world: World, told: str | None) -> None:
    found = path(world, "a", "b").redirects
    assert len(found) == (told is not None)
    assert told is None or found[0].endswith(told)


def test_a_router_that_no_sender_sees_sends_none() -> None:
    world = one_link()
    nodes = (replace(each, routes=(default("10.1.0.3"), *each.routes[1:])) if each.name == "a" else each
             for each in world.nodes)  # fmt: skip
    assert path(replace(world, nodes=tuple(nodes)), "a", "b").redirects == ()


@pytest.mark.skipif(WHY_NOT is not None, reason=WHY_NOT or "")
def test_the_kernel_sends_that_redirect() -> None:
    """Three on one link, as above: ping shows the redirect, from the router that was predicted to send it."""
    with Space() as wire, Space() as a, Space() as r, Space() as s:
        wire.ip("link add wire type bridge")
        wire.ip("link set wire up")
        for name, space, address in (("a", a, "10.1.0.2"), ("r", r, "10.1.0.1"), ("s", s, "10.1.0.3")):
            wire.ip(f"link add to-{name} type veth peer name eth0 netns {space.pid}")
            wire.ip(f"link set to-{name} master wire up")
            space.ip("link set eth0 up")
            space.ip(f"addr add {address}/24 dev eth0")
            space.write("net.ipv4.ip_forward", int(name != "a"))
            space.write("net.ipv4.conf.all.rp_filter", 0)
            assert_live(space, "eth0")
        s.ip("addr add 10.2.0.2/32 dev lo")
        a.ip("route add default via 10.1.0.1")
        r.ip("route add 10.2.0.0/24 via 10.1.0.3")
        done: subprocess.CompletedProcess[str] = a.run("ping", "-n", "-c1", "-W2", "10.2.0.2")
        assert "From 10.1.0.1: icmp_seq=1 Redirect Host(New nexthop: 10.1.0.3)" in done.stdout


# --- addresses of every kind ---


def test_a_host_route_a_second_address_and_a_link_local_one_are_reached() -> None:
    alone = Route(parse_prefix("fd09::9/128"), nexthops=(NextHop("eth0", parse_address("fe80::3")),), metric=1024)
    world = World("here", (Network("left"),), (
        box("a", interface("eth0", "left", "fd01::2/64", "fe80::2/64"), routes=(alone,)),
        box("b", interface("eth0", "left", "fd01::3/64", "fd01::33/64", "fe80::3/64", "fd09::9/128")),
    ))  # fmt: skip
    for address in ("fd01::3", "fd01::33", "fe80::3", "fd09::9"):
        found = path(world, "a", address)
        assert found.works, (address, found.verdict)
        assert found.forward.src == parse_address("fe80::2" if address == "fe80::3" else "fd01::2")
