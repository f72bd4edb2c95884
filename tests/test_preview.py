"""A change looked at before it is made: refusals, the tables after it, lookup, paths, commands and undo."""

from __future__ import annotations

import random
import shlex

import pytest
import recorded
from hypothesis import given, settings
from hypothesis import strategies as st
from random_changes import some_change

from tui import labs
from tui.core.addresses import parse_address, parse_prefix
from tui.core.changes import (
    AddRoute,
    ChangeRefused,
    Connect,
    DeleteRoute,
    Disconnect,
    RemoveNode,
    ReplaceRoute,
    Several,
    apply,
    forwarding,
    placed,
)
from tui.core.changes.differences import rows
from tui.core.changes.inverse import inverse
from tui.core.changes.preview import brief, preview, stand_in
from tui.core.commands import parse_route
from tui.core.labs.layout import world as build
from tui.core.path import path
from tui.core.world import World

TWO = build(labs.load("two-bridges"))


def route(text):
    return parse_route(text.split(), 6 if ":" in text else 4)


def add(text, node="centos-net1"):
    return AddRoute(node, route(text))


def shown(commands):
    return [
        (each.node, shlex.join(each.words), shlex.join(each.classic) if each.classic else None) for each in commands
    ]


THERE = add("172.20.0.0/16 via 172.19.0.3 dev eth0")
BACK = add("172.19.0.0/16 via 172.20.0.3 dev eth0", "centos-net2")


def test_a_route_of_the_walk_through_is_shown_with_all_that_it_does():
    net2 = parse_address("172.20.0.2")
    found = preview(THERE, TWO, look=net2, paths=[("centos-net1", net2)])
    assert found.refused == found.words == found.no_undo == ""
    assert shown(found.commands) == [
        (
            "centos-net1",
            "ip route add 172.20.0.0/16 via 172.19.0.3 dev eth0",
            "route add -net 172.20.0.0 netmask 255.255.0.0 gw 172.19.0.3 dev eth0",
        )
    ]
    assert shown(found.undo) == [
        (
            "centos-net1",
            "ip route del 172.20.0.0/16 via 172.19.0.3 dev eth0",
            "route del -net 172.20.0.0 netmask 255.255.0.0 gw 172.19.0.3 dev eth0",
        )
    ]
    (table,) = found.tables
    assert (table.node, table.family, table.table) == ("centos-net1", 4, "main")
    assert [(each.sign, each.route.dst.brief) for each in table.rows] == [
        ("=", "default"),
        ("=", "172.19.0.0/16"),
        ("+", "172.20.0.0/16"),
    ]
    assert "matches only the default route" in found.look.now
    assert "172.20.0.2 matches 172.20.0.0/16, so centos-net1 hands the packet to 172.19.0.3" in found.look.then
    (way,) = found.paths
    assert brief(way.before) == "gets lost at host"
    assert brief(way.before, TWO) == "gets lost at the host"
    assert brief(way.after) == "arrives; the reply has no way back"


def test_both_ends_at_once_work():
    found = preview(Several((THERE, BACK)), TWO, paths=[("centos-net1", "centos-net2")])
    assert brief(found.paths[0].after) == "arrives, and the reply comes back"
    assert [each.node for each in found.commands] == ["centos-net1", "centos-net2"]
    assert [each.node for each in found.undo] == ["centos-net2", "centos-net1"], "the last one is taken back first"
    assert [each.node for each in found.tables] == ["centos-net1", "centos-net2"]


REFUSED = {
    "172.20.0.1/16 via 172.19.0.3": ("Error: Invalid prefix for given prefix length.", "172.20.0.0/16"),
    "172.20.0.0/16 via 172.18.0.3": ("Error: Nexthop has invalid gateway.", "not on-link for centos-net1"),
    "default via 172.19.0.3": ("RTNETLINK answers: File exists", "already a route to default"),
    "172.20.0.0/16 dev eth9": ('Cannot find device "eth9"', "centos-net1 has lo, eth0"),
}


@pytest.mark.parametrize("text", REFUSED)
def test_a_refusal_is_told_in_the_kernels_words_and_in_a_sentence(text):
    words, sentence = REFUSED[text]
    found = preview(add(text), TWO, look=parse_address("172.20.0.2"), paths=[("centos-net1", "centos-net2")])
    assert found.after is None
    assert found.words == words
    assert sentence in found.refused
    assert len(found.commands) == 1, "the command that would be refused is shown"
    assert (found.undo, found.tables, found.look.then, found.paths[0].after) == ((), (), "", None)


def test_the_commands_of_several_end_at_the_one_that_is_refused():
    found = preview(Several((THERE, add("default via 172.19.0.3"), BACK)), TWO)
    assert [shlex.join(each.words) for each in found.commands] == [
        "ip route add 172.20.0.0/16 via 172.19.0.3 dev eth0",
        "ip route add default via 172.19.0.3",
    ]
    assert "already" in found.refused


def test_a_replaced_route_is_one_row_that_was_another():
    found = preview(ReplaceRoute("centos-net1", route("default via 172.19.0.3 dev eth0")), TWO)
    (row,) = found.tables[0].changed
    assert (row.sign, str(row.route.gateway), str(row.was.gateway)) == ("~", "172.19.0.3", "172.19.0.1")


def test_a_deleted_route_keeps_its_place_in_the_listing():
    first = TWO.node("centos-net1").routes[0]
    found = preview(DeleteRoute("centos-net1", first), TWO)
    assert [each.sign for each in found.tables[0].rows] == ["-", "="]
    assert found.tables[0].rows[0].route is first


def test_what_changes_beside_routes_is_told():
    assert "net.ipv4.ip_forward of centos-router is 0, was 1" in preview(forwarding("centos-router", False), TWO).others
    plugged = preview(Connect("centos-net1", "net2", (parse_address("172.20.0.9"),)), TWO)
    assert plugged.others == ("centos-net1 gets eth1 on net2 172.20.0.9/16",)
    assert preview(Disconnect("centos-net1", "net1"), TWO).others == ("centos-net1 loses eth0 on net1",)
    assert "centos-net2 is gone" in preview(RemoveNode("centos-net2"), TWO).others


def test_the_path_from_a_node_that_would_be_gone_is_not_made_up():
    (way,) = preview(RemoveNode("centos-net2"), TWO, paths=[("centos-net2", "centos-net1")]).paths
    assert way.before is not None
    assert way.after is None


def test_a_container_stands_for_its_network_before_the_router_and_the_host():
    assert stand_in(TWO, "centos-net1", parse_prefix("172.20.0.0/16")) == parse_address("172.20.0.2")
    assert stand_in(TWO, "centos-net1", parse_prefix("172.20.0.3/32")) == parse_address("172.20.0.3")
    assert stand_in(TWO, "centos-net1", parse_prefix("172.30.0.0/16")) == parse_address("172.30.0.1")
    assert stand_in(TWO, "centos-net1", parse_prefix("default")) == parse_address("192.0.2.1")
    assert stand_in(TWO, "centos-net1", parse_address("10.9.9.9")) == parse_address("10.9.9.9")


NODES = [recorded.node(each) for each in recorded.cases()]


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 10**9))
def test_a_preview_says_exactly_what_the_change_and_its_inverse_do(seed):
    """Its World is the changed one, its commands those that run, its rows both listings; a refusal is the same one."""
    rng = random.Random(seed)
    node = rng.choice(NODES)
    world = World(nodes=(node,))
    change = some_change(rng, node)
    found = preview(change, world)
    try:
        after = apply(change, world)
    except ChangeRefused as refused:
        assert (found.after, found.refused, found.words) == (None, str(refused), refused.words)
        return
    assert found.after == after
    assert [(each.node, each.words) for each in found.commands] == list(placed(change, world))
    for table in found.tables:
        assert_rows(table, node.routes, after.nodes[0].routes)
    told = {(each.family, each.table) for each in found.tables}
    for name in {(each.family, each.table) for each in (*node.routes, *after.nodes[0].routes)} - told:
        assert listing(node.routes, *name) == listing(after.nodes[0].routes, *name)
    if found.no_undo:
        with pytest.raises(ChangeRefused):
            inverse(change, world)
    else:
        back = inverse(change, world)
        assert [(each.node, each.words) for each in found.undo] == list(placed(back, after))


def listing(routes, family, table):
    return [each for each in routes if (each.family, each.table) == (family, table)]


def assert_rows(table, before, after):
    new = [each.route for each in table.rows if each.sign != "-"]
    old = {each.was if each.sign == "~" else each.route for each in table.rows if each.sign != "+"}
    assert new == listing(after, table.family, table.table)
    assert old == set(listing(before, table.family, table.table))
    assert table.changed


def test_rows_of_a_large_table_are_found_at_once():
    """Ten thousand routes with changes at both ends: the part between is matched, not compared pair by pair."""
    before = [route(f"10.{n // 256}.{n % 256}.0/24 via 10.0.0.2 dev e0") for n in range(10_000)]
    after = [route("9.0.0.0/8 via 10.0.0.2 dev e0"), *before[1:], route("11.0.0.0/8 via 10.0.0.2 dev e0")]
    signs = [each.sign for each in rows(before, after)]
    assert (signs.count("="), signs.count("+"), signs.count("-")) == (9_999, 2, 1)


@pytest.mark.parametrize("name", labs.names())
def test_the_few_words_agree_with_the_verdict_in_every_lab(name):
    """`brief` never says more or less than the path itself does."""
    world = build(labs.load(name))
    for one in world.nodes:
        for other in world.nodes:
            if one is other or not any(True for _ in other.addresses()):
                continue
            try:
                found = path(world, one.name, other.name)
            except ValueError:
                continue
            told = brief(found)
            assert (told == "arrives, and the reply comes back") == (found.works is True)
            if not found.works and found.forward.outcome == "DELIVERED" and len(found.branches) == 1:
                assert told.startswith("arrives")
