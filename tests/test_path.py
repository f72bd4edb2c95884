"""Paths against what kernels did with real packets, against the stories of the labs, and outcome by outcome."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from topologies import topologies
from two_bridges import default, interface, made_by_kernel, network, node, two_bridges

from tui import labs
from tui.core.addresses import parse_address, parse_prefix
from tui.core.commands.adding import apply
from tui.core.labs import Expectation
from tui.core.labs.layout import world as laid_out
from tui.core.lookup.fib import Fib
from tui.core.path import path
from tui.core.path.as_json import path_json
from tui.core.path.as_text import drawn, path_lines
from tui.core.path.hops import Outcome, Path, Way
from tui.core.path.links_between import Links
from tui.core.path.symptoms import Symptom, symptom, symptoms, traceroute
from tui.core.query import QueryError
from tui.core.world import Interface, Network, NextHop, Node, Route, Rule, World, default_rules

# --- against the kernel ---------------------------------------------------------------------------------------------

TOPOLOGIES = [(f"{record['kind']}-{record['tid']}", world, record) for world, record in topologies()]


def probes(record: dict[str, Any]) -> list[tuple[str, str, dict[str, Any], list[str], bool]]:
    """Both directions of every pair: sender, address, what ping said, traceroute's lines, whether a redirect came."""
    found = []
    for pair in record["pairs"]:
        for prefix, sender in (("", "src"), ("r", "dst_node")):
            if f"{prefix}ping" in pair:
                target = re.match(r"traceroute to (\S+)", pair[f"{prefix}trace"]["text"])
                assert target is not None
                ping, hops = pair[f"{prefix}ping"], pair[f"{prefix}trace"]["hops"]
                redirected = bool(pair.get("redirected") or ping["redirect"])
                found.append((pair[sender], target[1], ping, [" ".join(hop) for hop in hops], redirected))
    return found


def seen(ping: dict[str, Any]) -> tuple[bool, int | None, str, str | None]:
    return ping["ok"], ping["ttl"], "" if ping["ok"] else ping["msg"] or "no reply", ping["from"]


def told(each: Symptom) -> tuple[bool | None, int | None, str, str | None]:
    return each.answered, each.ttl, "" if each.answered else each.text, str(each.sender) if each.sender else None


@pytest.mark.parametrize(("world", "record"), [each[1:] for each in TOPOLOGIES], ids=[each[0] for each in TOPOLOGIES])
def test_every_ping_of_a_measured_topology_is_predicted(world: World, record: dict[str, Any]) -> None:
    """Reply or not, its ttl, the words of the error and who sent it: no difference, and nothing left open."""
    links = Links(world)
    for src, dst, ping, _, _ in probes(record):
        got = path(links, src, parse_address(dst))
        assert seen(ping) in [told(each) for each in symptoms(got)], (src, dst, got.verdict)
        assert len(got.branches) > 1 or got.works is ping["ok"]


@pytest.mark.parametrize(("world", "record"), [each[1:] for each in TOPOLOGIES], ids=[each[0] for each in TOPOLOGIES])
def test_every_traceroute_of_a_measured_topology_is_predicted(world: World, record: dict[str, Any]) -> None:
    links = Links(world)
    for src, dst, _, lines, redirected in probes(record):
        if not redirected:
            assert traces_agree([str(each) for each in traceroute(links, src, parse_address(dst))], lines), (src, dst)


def traces_agree(predicted: list[str], printed: list[str]) -> bool:
    """Line for line. An error may come some stars later: ARP takes seconds to give up, and errors are rationed."""
    predicted, printed = without_stars(predicted), without_stars(printed)
    if not predicted or predicted[-1][-2:] not in ("!H", "!N", "!X"):
        return predicted[: len(printed)] == printed and len(printed) >= min(len(predicted), 6)
    *before, end = predicted
    if printed[-1:] != [end]:
        return printed == before and end.endswith("!H")
    late = printed[len(before) : -1]
    return printed[: len(before)] == before and set(late) <= {"*"}


def without_stars(lines: list[str]) -> list[str]:
    end = len(lines)
    while end and lines[end - 1] == "*":
        end -= 1
    return lines[:end]


def test_the_measured_topologies_hold_what_they_are_read_for() -> None:
    pairs = [probe for _, _, record in TOPOLOGIES for probe in probes(record)]
    assert len(TOPOLOGIES) == 50 and len(pairs) == 430
    assert sum(redirected for *_, redirected in pairs) == 1
    assert {world.engine for _, world, _ in TOPOLOGIES} == {
        "measured", "docker://measured 20.10.24", "docker://measured 28.0.4"
    }  # fmt: skip


@pytest.mark.parametrize("name", labs.names())
def test_a_lab_s_story_is_what_its_paths_say(name: str) -> None:
    """Who answers, by which nodes, with which outcome: as it comes up, and once its solution was typed."""
    lab = labs.load(name)
    nodes = {each.name: each for each in laid_out(lab).nodes}
    check_story(World(f"lab {name}", lab.networks, tuple(nodes.values())), lab.expectations)
    for where, command in lab.solution:
        if command.meaning is not None:
            nodes[where] = apply(nodes[where], command.meaning)
    check_story(World(f"lab {name}", lab.networks, tuple(nodes.values())), lab.goals)


def check_story(world: World, expectations: tuple[Expectation, ...]) -> None:
    links = Links(world)
    for each in expectations:
        got = path(links, each.src, each.dst)
        assert each.reachable is None or got.works is each.reachable, (each, got.verdict)
        assert each.outcome is None or got.forward.outcome == each.outcome, (each, got.verdict)
        assert each.via is None or between(got.forward) == each.via, each


def between(way: Way) -> tuple[str, ...]:
    return tuple(hop.node for hop in way.hops[1:] if hop.oif != "lo")


# --- the two bridges on each generation of engine -------------------------------------------------------------------

THERE = Route(parse_prefix("172.20.0.0/16"), nexthops=(NextHop("eth0", parse_address("172.19.0.3")),))
RETURN = Route(parse_prefix("172.19.0.0/16"), nexthops=(NextHop("eth0", parse_address("172.20.0.3")),))


def lab_on(engine: str, bridge_nf: int | None = 1, *, there: bool = False, back: bool = False) -> World:
    """The walk-through's World on an engine, with the routes through the router on none, one or both ends."""
    world = two_bridges(engine)
    switches = (("net.ipv4.conf.all.rp_filter", 0), ("net.ipv4.ip_forward", 1))
    nf = (("net.bridge.bridge-nf-call-iptables", bridge_nf),) if bridge_nf is not None else ()
    nodes = {each.name: replace(each, sysctls=(*nf, *switches)) for each in world.nodes}
    for wanted, name, route in ((there, "centos-net1", THERE), (back, "centos-net2", RETURN)):
        if wanted:
            nodes[name] = replace(nodes[name], routes=(*nodes[name].routes, route))
    return replace(world, nodes=tuple(nodes.values()))


@pytest.mark.parametrize(
    ("engine", "bridge_nf", "none", "one", "both"),
    [
        ("docker://local 20.10.24", 0, False, False, True),
        ("docker://local 20.10.24", 1, False, False, True),
        ("docker://local 26.1.5", 0, False, False, True),
        ("docker://local 26.1.5", 1, False, False, True),
        ("docker://local 28.5.2", 0, False, False, True),
        ("docker://local 28.5.2", 1, False, False, False),
        ("docker://local 28.5.2", None, False, None, None),
        ("lab two-bridges", None, False, False, True),
        ("kernel: two-bridges", None, False, False, True),
        ("podman://local 4.3.1", 0, None, None, True),
        ("podman://local 4.3.1", 1, None, None, None),
        ("podman://local 4.3.1", None, None, None, None),
        ("somewhere", None, None, None, True),
    ],
)
def test_each_engine_treats_the_two_bridges_as_measured(
    engine: str, bridge_nf: int | None, none: bool | None, one: bool | None, both: bool | None
) -> None:
    assert path(lab_on(engine, bridge_nf), "centos-net1", "centos-net2").works is none
    assert path(lab_on(engine, bridge_nf, there=True), "centos-net1", "centos-net2").works is one
    assert path(lab_on(engine, bridge_nf, there=True, back=True), "centos-net1", "centos-net2").works is both


def test_the_first_ping_dies_in_the_host_s_isolation_and_says_that_this_is_a_model() -> None:
    got = path(lab_on("docker://local 26.1"), "centos-net1", "centos-net2")
    assert (got.forward.outcome, got.forward.node) == (Outcome.FILTERED, "host")
    assert got.forward.cause == "DOCKER-ISOLATION-STAGE-2 -o br-net2"
    assert got.back is None and got.works is False
    assert "a model, its rules were not read" in got.verdict
    assert symptom(got) == "no reply"
    assert drawn(got.forward) == (
        "centos-net1 ─eth0─[net1]─▶ host ✗ FILTERED DOCKER-ISOLATION-STAGE-2 -o br-net2 (a model)"
    )
    assert [str(each) for each in traceroute(lab_on("docker://local 26.1"), "centos-net1", "centos-net2")] == [
        "172.19.0.1", "*",
    ]  # fmt: skip


def test_an_engine_of_28_drops_before_the_host_could_show_in_a_traceroute() -> None:
    world = lab_on("docker://local 28.5", 0)
    got = path(world, "centos-net1", "centos-net2")
    assert got.forward.cause == "raw PREROUTING -d 172.20.0.2 ! -i br-net2 -j DROP"
    assert [str(each) for each in traceroute(world, "centos-net1", "centos-net2")] == ["*", "*"]


def test_the_forward_route_alone_loses_the_reply_and_the_verdict_says_where() -> None:
    got = path(lab_on("docker://local 26.1", there=True), "centos-net1", "centos-net2")
    assert got.forward.outcome is Outcome.DELIVERED and got.back is not None
    assert (got.back.outcome, got.back.node) == (Outcome.FILTERED, "host")
    assert got.verdict.startswith("the request arrives; the reply gets lost at the host: Docker's isolation")
    assert got.trouble is got.back


def test_both_routes_make_it_work_hop_by_hop() -> None:
    got = path(lab_on("docker://local 26.1", there=True, back=True), "centos-net1", "centos-net2")
    assert got.works and got.trouble is None
    assert [(hop.node, hop.iif, hop.oif, hop.ttl) for hop in got.forward.hops] == [
        ("centos-net1", None, "eth0", 64),
        ("centos-router", "eth0", "eth1", 63),
        ("centos-net2", "eth0", "lo", 63),
    ]
    first = got.forward.hops[0]
    assert (first.gateway, first.network, first.neighbour, first.neighbour_dev) == (
        parse_address("172.19.0.3"), "net1", "centos-router", "eth0",
    )  # fmt: skip
    assert got.forward.hops[1].gateway is None
    assert got.forward.hops[1].next_hop == parse_address("172.20.0.2")
    assert got.back is not None and between(got.back) == ("centos-router",)
    assert symptom(got) == "64 bytes from 172.20.0.2: ttl=63"


def test_any_gateway_address_of_the_host_answers_from_every_bridge() -> None:
    for address in ("172.19.0.1", "172.20.0.1"):
        assert path(lab_on("docker://local 26.1"), "centos-net1", parse_address(address)).works
    assert path(lab_on("docker://local 26.1"), "host", "centos-net2").works


@pytest.mark.parametrize(("bridge_nf", "works"), [(0, True), (1, False), (None, None)])
def test_an_internal_network_takes_no_router_where_bridges_filter(bridge_nf: int | None, works: bool | None) -> None:
    world = lab_on("docker://local 26.1", bridge_nf, there=True, back=True)
    inside = tuple(replace(each, internal=each.name == "net2") for each in world.networks)
    assert path(replace(world, networks=inside), "centos-net1", "centos-net2").works is works


def test_containers_that_may_not_talk_to_each_other_still_reach_the_gateway() -> None:
    world = lab_on("docker://local 26.1", 1)
    option = (("com.docker.network.bridge.enable_icc", "false"),)
    world = replace(world, networks=tuple(replace(each, options=option) for each in world.networks))
    got = path(world, "centos-net1", parse_address("172.19.0.3"))
    assert got.forward.outcome is Outcome.FILTERED and got.forward.cause == "-i br-net1 -o br-net1"
    assert path(world, "centos-net1", parse_address("172.19.0.1")).works


def test_a_host_of_which_only_the_bridges_are_known_is_taken_to_be_docker_s() -> None:
    world = lab_on("docker://far 26.1")
    unread = ("routes4", "tables4", "rules4", "routes6", "tables6", "rules6", "links", "sysctls")
    nodes = (replace(each, routes=(), rules=(), sysctls=(), missing=unread) if each.name == "host" else each
             for each in world.nodes)  # fmt: skip
    world = replace(world, nodes=tuple(nodes))
    fibs = {each.name: Fib(each) for each in world.nodes}
    got = path(world, "centos-net1", "centos-net2", fibs=fibs)
    assert got.forward.outcome is Outcome.FILTERED
    assert any("The host's tables were not read" in each for each in got.forward.assumptions)
    assert path(world, "centos-net1", "host").works
    assert path(world, "centos-net1", parse_address("192.0.2.1")).forward.outcome is Outcome.UNKNOWN


# --- one link, and what may be on it --------------------------------------------------------------------------------

SWITCHES = (("net.ipv4.conf.all.rp_filter", 0), ("net.ipv4.ip_forward", 1), ("net.ipv6.conf.all.forwarding", 1))


def box(name: str, *interfaces: Interface, routes: tuple[Route, ...] = (), **fields: Any) -> Node:
    """A namespace that forwards."""
    fields = {"kind": "namespace", "sysctls": SWITCHES, **fields}
    return node(name, *interfaces, routes=routes, **fields)


def way(dst: str, gateway: str | None = None, dev: str = "eth0", **more: Any) -> Route:
    hop = NextHop(dev, parse_address(gateway) if gateway else None)
    return Route(parse_prefix(dst), nexthops=(hop,), **more)


def wired(*nodes: Node) -> World:
    """A World of bridge networks named as the interfaces name them."""
    names = sorted({each.network for one in nodes for each in one.interfaces if each.network})
    return World("here", tuple(Network(name) for name in names), nodes)


def in_a_row(*more: Route, routes: tuple[Route, ...] = (), **fields: Any) -> World:
    """a on left, r on both, b on right; `more` are a's routes, `routes` and `fields` the router's."""
    return wired(
        box("a", interface("eth0", "left", "10.1.0.2/24"), routes=(default("10.1.0.1"), *more)),
        box("r", interface("eth0", "left", "10.1.0.1/24"), interface("eth1", "right", "10.2.0.1/24"),
            routes=routes, **fields),
        box("b", interface("eth0", "right", "10.2.0.2/24"), routes=(default("10.2.0.1"),)),
    )  # fmt: skip


def with_switches(world: World, name: str, **switches: int) -> World:
    more = tuple((key.replace("__", "."), value) for key, value in switches.items())
    nodes = (replace(each, sysctls=(*each.sysctls, *more)) if each.name == name else each for each in world.nodes)
    return replace(world, nodes=tuple(nodes))


def test_a_path_over_a_router_works_both_ways() -> None:
    assert path(in_a_row(), "a", "b").works
    assert path(in_a_row(), "b", "a").works


REFUSING = {kind: Route(parse_prefix("10.2.0.2/32"), kind) for kind in ("unreachable", "prohibit", "blackhole")}


@pytest.mark.parametrize(
    ("world", "outcome", "place", "sees"),
    [
        (in_a_row(REFUSING["unreachable"]), Outcome.REFUSED_BY_ROUTE, "a", "ping: connect: No route to host"),
        (in_a_row(REFUSING["blackhole"]), Outcome.REFUSED_BY_ROUTE, "a", "ping: connect: Invalid argument"),
        (in_a_row(REFUSING["prohibit"]), Outcome.REFUSED_BY_ROUTE, "a",
         "ping: Do you want to ping broadcast? Then -b. If not, check your local firewall rules"),
        (in_a_row(routes=(REFUSING["unreachable"],)), Outcome.REFUSED_BY_ROUTE, "r",
         "From 10.1.0.1: Destination Host Unreachable"),
        (in_a_row(routes=(REFUSING["prohibit"],)), Outcome.REFUSED_BY_ROUTE, "r", "From 10.1.0.1: Packet filtered"),
        (in_a_row(routes=(REFUSING["blackhole"],)), Outcome.REFUSED_BY_ROUTE, "r", "no reply"),
        (in_a_row(way("10.2.0.2/32", "10.1.0.9")), Outcome.NEXT_HOP_SILENT, "a",
         "From 10.1.0.2: Destination Host Unreachable"),
        (in_a_row(sysctls=(*SWITCHES[:1], ("net.ipv4.ip_forward", 0))), Outcome.NOT_FORWARDING, "r", "no reply"),
        (in_a_row(sysctls=()), Outcome.UNKNOWN, "r", "nobody can say"),
        (in_a_row(routes=(way("10.2.0.2/32", "10.1.0.2"),)), Outcome.REVERSE_PATH, "a", "no reply"),
        (in_a_row(missing=("routes4",), problem="r was not asked"), Outcome.UNKNOWN, "r", "nobody can say"),
    ],
)  # fmt: skip
def test_each_outcome_names_the_node_and_what_the_sender_sees(
    world: World, outcome: Outcome, place: str, sees: str
) -> None:
    got = path(world, "a", "b")
    assert (got.forward.outcome, got.forward.node) == (outcome, place), got.verdict
    assert symptom(got) == sees
    assert got.back is None and got.works is (None if outcome is Outcome.UNKNOWN else False)


def test_no_route_is_told_by_the_router_or_by_the_own_kernel() -> None:
    elsewhere = parse_address("192.0.2.1")
    got = path(in_a_row(), "a", elsewhere)
    assert (got.forward.outcome, got.forward.node) == (Outcome.NO_ROUTE, "r")
    assert symptom(got) == "From 10.1.0.1: Destination Net Unreachable"
    assert [str(each) for each in traceroute(in_a_row(), "a", elsewhere)] == ["10.1.0.1 !N"]
    got = path(in_a_row(), "r", elsewhere)
    assert got.forward.refused_at_home
    assert symptom(got) == "ping: connect: Network is unreachable"
    assert traceroute(in_a_row(), "r", elsewhere) == ()


def test_a_rule_that_refuses_is_the_cause() -> None:
    rule = Rule(100, 4, "prohibit", src=parse_prefix("10.1.0.0/24"))
    got = path(in_a_row(rules=(default_rules(4)[0], rule, *default_rules(4)[1:]), merged=False), "a", "b")
    assert got.forward.cause == rule
    assert "rule 100 of r refuses" in got.verdict


def test_a_rule_on_the_source_refuses_when_the_program_connects() -> None:
    """The packet itself is looked up without a source; ping's connect asks again with the one that was chosen."""
    world = in_a_row()
    rule = Rule(100, 4, "unreachable", src=parse_prefix("10.1.0.2/32"))
    rules = (default_rules(4)[0], rule, *default_rules(4)[1:])
    nodes = (replace(each, rules=rules, merged=False) if each.name == "a" else each for each in world.nodes)
    got = path(replace(world, nodes=tuple(nodes)), "a", "b")
    assert got.forward.refused_at_home and got.forward.cause == rule
    assert symptom(got) == "ping: connect: Network is unreachable"


def test_where_a_hash_chooses_the_source_a_rule_on_it_refuses_sometimes() -> None:
    hops = (NextHop("eth0", parse_address("10.1.0.1")), NextHop("eth1", parse_address("10.3.0.1")))
    rules = (default_rules(4)[0], Rule(100, 4, "blackhole", src=parse_prefix("10.3.0.0/24")), *default_rules(4)[1:])
    both = (interface("eth0", "left", "10.1.0.2/24"), interface("eth1", "other", "10.3.0.2/24"))
    several = Route(parse_prefix("10.2.0.0/24"), nexthops=hops)
    world = wired(
        box("a", *both, routes=(several,), rules=rules, merged=False),
        box("r", interface("eth0", "left", "10.1.0.1/24"), interface("eth1", "right", "10.2.0.1/24"),
            interface("eth2", "other", "10.3.0.1/24")),
        box("b", interface("eth0", "right", "10.2.0.2/24"), routes=(default("10.2.0.1"),)),
    )  # fmt: skip
    got = path(world, "a", "b")
    assert got.works is None and "depends on the next hop" in got.verdict
    assert symptom(got).endswith(" or ping: connect: Invalid argument")
    everywhere = replace(rules[1], src=parse_prefix("10.0.0.0/8"))
    nodes = (
        replace(each, rules=(rules[0], everywhere, *rules[2:])) if each.name == "a" else each for each in world.nodes
    )
    assert path(replace(world, nodes=tuple(nodes)), "a", "b").forward.refused_at_home


def test_reverse_path_filtering_names_its_switch() -> None:
    world = with_switches(
        in_a_row(routes=(way("10.1.0.2/32", "10.2.0.2", "eth1"),)), "r", net__ipv4__conf__eth0__rp_filter=1
    )
    # The router would answer a by eth1, so it does not even answer a's ARP question.
    got = path(world, "a", "b")
    assert (got.forward.outcome, got.forward.node) == (Outcome.NEXT_HOP_SILENT, "a")
    far = wired(*world.nodes,
                box("c", interface("eth0", "left", "10.1.0.3/24"), interface("eth1", "edge", "10.3.0.1/24")),
                box("d", interface("eth0", "edge", "10.3.0.2/24"), routes=(default("10.3.0.1"),)))  # fmt: skip
    nodes = {each.name: each for each in far.nodes}
    nodes["c"] = replace(nodes["c"], routes=(*nodes["c"].routes, way("10.2.0.0/24", "10.1.0.1")))
    nodes["r"] = replace(nodes["r"], routes=(*nodes["r"].routes, way("10.3.0.0/24", "10.2.0.2", "eth1")))
    got = path(replace(far, nodes=tuple(nodes.values())), "d", "b")
    assert (got.forward.outcome, got.forward.node) == (Outcome.REVERSE_PATH, "r")
    assert got.forward.cause == "net.ipv4.conf.eth0.rp_filter"
    assert symptom(got) == "no reply"


def test_a_source_that_the_receiver_has_itself_is_a_martian() -> None:
    world = in_a_row()
    twin = box("b", interface("eth0", "right", "10.2.0.2/24"), interface("eth1", "far", "10.1.0.2/24"))
    got = path(wired(*world.nodes[:2], twin), "a", "b")
    assert got.forward.outcome is Outcome.REVERSE_PATH and "martian" in got.forward.reason


def test_a_lost_reply_is_silence_even_where_a_router_refuses_it() -> None:
    got = path(in_a_row(routes=(Route(parse_prefix("10.1.0.2/32"), "unreachable"),)), "a", "b")
    # The router does not answer a's ARP question either, as it could not answer a at all.
    assert got.forward.outcome in (Outcome.DELIVERED, Outcome.NEXT_HOP_SILENT)
    world = in_a_row()
    deaf = replace(world.nodes[2], routes=tuple(each for each in world.nodes[2].routes if not each.is_default))
    got = path(replace(world, nodes=(*world.nodes[:2], deaf)), "a", "b")
    assert got.forward.outcome is Outcome.DELIVERED
    assert got.back is not None and (got.back.outcome, got.back.node) == (Outcome.NO_ROUTE, "b")
    assert symptom(got) == "no reply"
    assert got.verdict == "the request arrives; the reply gets lost at b: b has no route to 10.1.0.2"


def test_a_node_that_ignores_echo_is_reached_and_does_not_answer() -> None:
    world = with_switches(in_a_row(), "b", net__ipv4__icmp_echo_ignore_all=1)
    got = path(world, "a", "b")
    assert got.forward.outcome is Outcome.DELIVERED
    assert got.back is not None and got.back.cause == "net.ipv4.icmp_echo_ignore_all"
    assert got.verdict == "the request arrives, but b answers no echo request (net.ipv4.icmp_echo_ignore_all is 1)"
    assert [str(each) for each in traceroute(world, "a", "b")] == ["10.1.0.1", "10.2.0.2"]


def test_a_packet_that_leaves_what_is_known_is_not_guessed() -> None:
    world = in_a_row(routes=(default("10.9.0.1", "eth2"),))
    uplink = replace(world.nodes[1], interfaces=(*world.nodes[1].interfaces, interface("eth2", None, "10.9.0.2/24")))
    got = path(replace(world, nodes=(world.nodes[0], uplink, world.nodes[2])), "a", parse_address("192.0.2.1"))
    assert (got.forward.outcome, got.forward.node, got.works) == (Outcome.LEAVES, "r", None)
    assert got.verdict == "not known: it leaves what is known here: from r by eth2 to 10.9.0.1"


@pytest.mark.parametrize(
    ("driver", "outcome"),
    [
        ("bridge", Outcome.NEXT_HOP_SILENT),
        ("macvlan", Outcome.LEAVES),
        ("", Outcome.LEAVES),
        ("overlay", Outcome.UNKNOWN),
    ],
)
def test_only_a_bridge_s_members_are_all_known(driver: str, outcome: Outcome) -> None:
    world = in_a_row(way("192.0.2.0/24", "10.1.0.77"))
    world = replace(world, networks=tuple(replace(each, driver=driver) for each in world.networks))
    assert path(world, "a", parse_address("192.0.2.1")).forward.outcome is outcome


# --- who answers on a link ------------------------------------------------------------------------------------------


def test_a_neighbour_answers_for_the_addresses_of_its_other_interfaces() -> None:
    """The weak host model, arp_ignore 0; IPv6 answers for those of that interface alone."""
    world = in_a_row(way("192.0.2.0/24", "10.2.0.1"))
    got = path(world, "a", parse_address("192.0.2.1"))
    assert (got.forward.outcome, got.forward.node) == (Outcome.NO_ROUTE, "r")
    ignoring = with_switches(world, "r", net__ipv4__conf__all__arp_ignore=1)
    assert path(ignoring, "a", parse_address("192.0.2.1")).forward.outcome is Outcome.NEXT_HOP_SILENT
    six = wired(
        box("a", interface("eth0", "left", "fd01::2/64"), routes=(way("fd09::/64", "fd02::1"),)),
        box("r", interface("eth0", "left", "fd01::1/64"), interface("eth1", "right", "fd02::1/64")),
    )
    got = path(six, "a", parse_address("fd09::1"))
    assert got.forward.outcome is Outcome.NEXT_HOP_SILENT
    assert symptom(got) == "From fd01::2: Destination unreachable: Address unreachable"


@pytest.mark.parametrize(("scope", "works"), [("all", True), ("eth0", True), ("eth1", False)])
def test_a_proxy_answers_for_what_it_would_forward(scope: str, works: bool) -> None:
    world = in_a_row(way("10.2.0.0/24"))
    assert path(world, "a", "b").forward.outcome is Outcome.NEXT_HOP_SILENT
    world = with_switches(world, "r", **{f"net__ipv4__conf__{scope}__proxy_arp": 1})
    assert path(world, "a", "b").works is works


@pytest.mark.parametrize(
    "change",
    [
        lambda each: replace(each, state="exited"),
        lambda each: replace(each, interfaces=tuple(replace(one, up=False) for one in each.interfaces)),
        lambda each: replace(each, interfaces=tuple(replace(one, carrier=False) for one in each.interfaces)),
    ],
)
def test_what_is_stopped_down_or_without_carrier_does_not_answer(change: Any) -> None:
    world = in_a_row()
    quiet = replace(world, nodes=(*world.nodes[:2], change(world.nodes[2])))
    got = path(quiet, "a", "b")
    assert (got.forward.outcome, got.forward.node) == (Outcome.NEXT_HOP_SILENT, "r")
    assert symptom(got) == "From 10.1.0.1: Destination Host Unreachable"
    assert path(replace(world, nodes=(*world.nodes[:2], replace(world.nodes[2], state="paused"))), "a", "b").works


def test_a_bridge_that_is_down_carries_nothing() -> None:
    world = lab_on("docker://local 26.1")
    off = tuple(replace(each, up=each.name != "br-net1") for each in world.nodes[-1].interfaces)
    world = replace(world, nodes=(*world.nodes[:-1], replace(world.nodes[-1], interfaces=off)))
    assert path(world, "centos-net1", parse_address("172.19.0.3")).forward.outcome is Outcome.NEXT_HOP_SILENT
    assert path(world, "centos-net2", parse_address("172.20.0.3")).works


def test_two_nodes_with_one_address_are_two_branches() -> None:
    world = in_a_row()
    world = wired(*world.nodes, box("z", interface("eth0", "left", "10.1.0.2/24")))
    got = path(world, "b", parse_address("10.1.0.2"))
    assert {trip.forward.node for trip in got.branches} == {"a", "z"}


def test_a_reply_goes_to_the_one_who_asked_and_by_another_router_it_may_go_astray() -> None:
    """The router that a asked has a in its table; one that a never asked takes whoever answers first."""
    world = in_a_row()
    twin = box("z", interface("eth0", "left", "10.1.0.2/24"))
    assert path(wired(*world.nodes, twin), "a", "b").works
    other = box("q", interface("eth0", "left", "10.1.0.3/24"), interface("eth1", "right", "10.2.0.3/24"))
    away = replace(world.nodes[2], routes=(*world.nodes[2].routes, way("10.1.0.0/24", "10.2.0.3")))
    got = path(wired(*world.nodes[:2], away, twin, other), "a", "b")
    assert got.works is None and len(got.branches) == 2
    assert "the reply gets to z instead of a, which has 10.1.0.2 too" in got.verdict


def test_who_asks_is_known_even_if_it_answers_no_question_itself() -> None:
    world = with_switches(in_a_row(), "a", net__ipv4__conf__all__arp_ignore=8)
    assert path(world, "a", parse_address("10.1.0.1")).works
    assert path(world, "r", parse_address("10.1.0.2")).forward.outcome is Outcome.NEXT_HOP_SILENT


# --- several ways, loops, errors ------------------------------------------------------------------------------------


def forked(*, broken: bool = False) -> World:
    """a reaches b by r1 or r2, chosen by a hash; r2 does not forward when it is broken."""
    legs = (NextHop("eth0", parse_address("10.1.0.1")), NextHop("eth0", parse_address("10.1.0.3")))
    off = (("net.ipv4.conf.all.rp_filter", 0), ("net.ipv4.ip_forward", 0))
    return wired(
        box("a", interface("eth0", "left", "10.1.0.2/24"), routes=(Route(parse_prefix("10.2.0.0/24"), nexthops=legs),)),
        box("b", interface("eth0", "right", "10.2.0.2/24"), routes=(default("10.2.0.1"),)),
        box("r1", interface("eth0", "left", "10.1.0.1/24"), interface("eth1", "right", "10.2.0.1/24")),
        box("r2", interface("eth0", "left", "10.1.0.3/24"), interface("eth1", "right", "10.2.0.3/24"),
            sysctls=off if broken else SWITCHES),
    )  # fmt: skip


def test_every_next_hop_of_a_multipath_route_is_followed() -> None:
    got = path(forked(), "a", "b")
    assert [between(trip.forward) for trip in got.branches] == [("r1",), ("r2",)]
    assert got.works
    got = path(forked(broken=True), "a", "b")
    assert got.works is None
    assert got.verdict.startswith("depends on the next hop that the flow is given: 1 of 2 ways work; else")
    assert got.trouble is not None and got.trouble.outcome is Outcome.NOT_FORWARDING
    assert symptom(got) == "64 bytes from 10.2.0.2: ttl=63 or no reply"
    assert [trip["works"] for trip in path_json(got)["branches"]] == [True, False]
    assert [line[:8] for line in path_lines(got)][:4] == ["there  1", "back   1", "there  2", "back   2"]


def test_ways_that_multiply_are_cut_and_it_says_so() -> None:
    """A reply that may take as many ways as the request makes their product."""
    legs = tuple(NextHop("eth0", parse_address(f"10.1.0.{number}")) for number in range(10, 30))
    routers = [
        box(
            f"r{number}",
            interface("eth0", "left", f"10.1.0.{number}/24"),
            interface("eth1", "right", f"10.2.0.{number}/24"),
        )
        for number in range(10, 30)
    ]
    world = wired(
        box("a", interface("eth0", "left", "10.1.0.2/24"), routes=(Route(parse_prefix("10.2.0.0/24"), nexthops=legs),)),
        box("b", interface("eth0", "right", "10.2.0.2/24"), routes=(default("10.2.0.10"),)),
        *routers,
    )
    got = path(world, "a", "b")
    assert got.cut and len(got.branches) == 16
    assert "and more ways, not followed" in "\n".join(path_lines(got))


def looping(ttl: int = 64) -> World:
    """r1 and r2 send 10.9.0.0/24 to each other, as a kernel was seen to: r2 is where a ttl of 64 runs out."""
    back = way("10.1.0.0/24", "10.2.0.1")
    return wired(
        box("a", interface("eth0", "left", "10.1.0.2/24"), routes=(default("10.1.0.1"),)),
        box("r1", interface("eth0", "left", "10.1.0.1/24"), interface("eth1", "mid", "10.2.0.1/24"),
            routes=(way("10.9.0.0/24", "10.2.0.3", "eth1"),)),
        box("r2", interface("eth0", "mid", "10.2.0.3/24"), routes=(way("10.9.0.0/24", "10.2.0.1"), back)),
    )  # fmt: skip


def test_a_loop_is_shown_once_and_the_right_node_tells_of_its_end() -> None:
    got = path(looping(), "a", parse_address("10.9.0.1"))
    assert got.forward.outcome is Outcome.TTL_EXCEEDED
    names = [hop.node for hop in got.forward.hops]
    assert names[got.forward.loop or 0 :] == ["r1", "r2"] or len(names) <= 4
    assert got.forward.error is not None
    assert (got.forward.node, str(got.forward.error.source)) == ("r2", "10.2.0.3")
    assert symptom(got) == "From 10.2.0.3: Time to live exceeded"
    assert drawn(got.forward).count("↻") == 2


def test_an_error_comes_from_the_address_that_the_way_back_has() -> None:
    """Not from the interface that the packet came in by, unless the switch says so; nothing without a way back."""
    world = in_a_row(routes=(way("10.1.0.2/32", "10.2.0.2", "eth1"),))
    silent = replace(world.nodes[2], routes=(*world.nodes[2].routes, way("10.1.0.0/24", "10.2.0.1")))
    nodes = (world.nodes[0], world.nodes[1], silent)
    got = path(replace(world, nodes=nodes), "a", parse_address("192.0.2.1"))
    assert got.forward.error is not None and str(got.forward.error.source) == "10.2.0.1"
    switched = with_switches(replace(world, nodes=nodes), "r", net__ipv4__icmp_errors_use_inbound_ifaddr=1)
    got = path(switched, "a", parse_address("192.0.2.1"))
    assert got.forward.error is not None and str(got.forward.error.source) == "10.1.0.1"
    deaf = in_a_row(routes=(Route(parse_prefix("192.0.2.0/24"), "unreachable"),))
    far = (deaf.nodes[0], deaf.nodes[1], deaf.nodes[2])
    sender = box("s", interface("eth0", "edge", "10.7.0.2/24"), routes=(default("10.7.0.1"),))
    middle = box("m", interface("eth0", "edge", "10.7.0.1/24"), interface("eth1", "left", "10.1.0.9/24"),
                 routes=(default("10.1.0.1", "eth1"),))  # fmt: skip
    got = path(wired(*far, sender, middle), "s", parse_address("192.0.2.1"))
    assert (got.forward.node, got.forward.outcome) == ("r", Outcome.REFUSED_BY_ROUTE)
    assert got.forward.error is None and symptom(got) == "no reply"


SIX = (
    box("a", interface("eth0", "left", "fd01::2/64"), routes=(default("fd01::1"),)),
    box("r", interface("eth0", "left", "fd01::1/64"), interface("eth1", "right", "fd02::1/64")),
    box("b", interface("eth0", "right", "fd02::2/64"), routes=(default("fd02::1"),)),
)


def test_ipv6_has_its_own_switch_its_own_order_and_its_own_words() -> None:
    got = path(wired(*SIX), "a", "b")
    assert got.works and symptom(got) == "64 bytes from fd02::2: ttl=63"
    off = with_switches(wired(*SIX), "r")
    closed = tuple(("net.ipv6.conf.all.forwarding", 0) if name.startswith("net.ipv6") else (name, value)
                   for name, value in SWITCHES)  # fmt: skip
    host = replace(off, nodes=(SIX[0], replace(SIX[1], sysctls=closed), SIX[2]))
    got = path(host, "a", "b")
    assert (got.forward.outcome, got.forward.cause) == (Outcome.NOT_FORWARDING, "net.ipv6.conf.all.forwarding")
    # A route lookup that fails is answered before anybody asks whether the node forwards (measured).
    got = path(host, "a", parse_address("fd09::1"))
    assert got.forward.outcome is Outcome.NO_ROUTE
    assert symptom(got) == "From fd01::1: Destination unreachable: No route"


# --- names, JSON, text ----------------------------------------------------------------------------------------------


def test_a_source_may_be_an_address_and_is_then_the_packet_s() -> None:
    world = in_a_row()
    got = path(world, "10.1.0.1", "b")
    assert (got.forward.hops[0].node, str(got.forward.src)) == ("r", "10.1.0.1")
    assert got.works and got.back is not None and got.back.node == "r"


def test_a_node_that_shares_another_s_network_sends_and_answers_as_that() -> None:
    world = in_a_row()
    sidecar = replace(world.nodes[0], name="sidecar", shares="a")
    world = replace(world, nodes=(*world.nodes, sidecar))
    assert path(world, "sidecar", "b").forward.hops[0].node == "a"
    assert path(world, "b", "sidecar").works


@pytest.mark.parametrize(
    ("src", "dst", "sentence"),
    [
        ("nobody", "b", "Nothing here is named 'nobody'"),
        ("a", "nobody", "Nothing here is named 'nobody'"),
        ("10.77.0.1", "b", "No node here has the address 10.77.0.1"),
        ("10.1.0.2", "fd00::1", "of two families"),
    ],
)
def test_what_is_not_known_is_refused_with_a_sentence(src: str, dst: str, sentence: str) -> None:
    with pytest.raises(QueryError, match=sentence):
        path(in_a_row(), src, dst)


def test_the_json_is_that_of_the_contract() -> None:
    answer = path_json(path(lab_on("docker://local 26.1", there=True), "centos-net1", "centos-net2"), ("a command",))
    assert answer["forward"]["outcome"] == "DELIVERED" and answer["back"]["outcome"] == "FILTERED"
    assert [(hop["node"], hop["in"], hop["out"], hop["via"]) for hop in answer["forward"]["hops"]] == [
        ("centos-net1", None, "eth0", "172.19.0.3"),
        ("centos-router", "eth0", "eth1", None),
        ("centos-net2", "eth0", "lo", None),
    ]
    assert answer["fixes"] == ["a command"]
    assert answer["works"] is False and answer["verdict"].startswith("the request arrives; the reply gets lost")
    assert {"reason", "cause", "hops", "outcome"} <= set(answer["back"])
    answer = path_json(path(in_a_row(routes=(REFUSING["prohibit"],)), "a", "b"))
    assert answer["back"] is None and answer["forward"]["cause"] == "prohibit 10.2.0.2 table main"
    assert answer["forward"]["error"] == {"node": "r", "from": "10.1.0.1", "says": "prohibited", "arrives": True}


def test_the_lines_draw_both_ways_with_their_end() -> None:
    lines = path_lines(path(lab_on("docker://local 26.1", there=True, back=True), "centos-net1", "centos-net2"))
    assert lines[:2] == (
        "there  centos-net1 ─eth0─[net1]─▶ centos-router ─eth1─[net2]─▶ centos-net2 ✓ DELIVERED",
        "back   centos-net2 ─eth0─[net2]─▶ centos-router ─eth0─[net1]─▶ centos-net1 ✓ DELIVERED",
    )
    assert "so     works: the request arrives and the reply comes back" in lines


# --- any World ------------------------------------------------------------------------------------------------------

OCTETS = st.integers(1, 4)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Up to four nodes on up to three links, with routes, switches and states that need not make sense."""
    version = draw(st.sampled_from([4, 6]))
    form = "10.{}.0.{}" if version == 4 else "fd0{}::{}"
    length = 24 if version == 4 else 64
    nodes = []
    for name in "abcd"[: draw(st.integers(1, 4))]:
        devices = []
        for index in range(draw(st.integers(1, 3))):
            net = draw(st.integers(1, 3))
            one = interface(f"eth{index}", draw(st.sampled_from([f"n{net}", f"n{net}", None])),
                            f"{form.format(net, draw(OCTETS))}/{length}")  # fmt: skip
            devices.append(replace(one, up=draw(st.integers(0, 9)) > 0, carrier=draw(st.integers(0, 9)) > 0))
        routes = [random_route(draw, version, form, length) for _ in range(draw(st.integers(0, 4)))]
        switches = {
            "net.ipv4.ip_forward": draw(st.integers(0, 1)),
            "net.ipv6.conf.all.forwarding": draw(st.integers(0, 1)),
            "net.ipv4.conf.all.rp_filter": draw(st.integers(0, 2)),
            "net.ipv4.conf.eth0.proxy_arp": draw(st.integers(0, 1)),
        }
        read = draw(st.sampled_from([True, True, True, False]))
        nodes.append(
            Node(
                name,
                kind=draw(st.sampled_from(["namespace", "container", "host" if name == "d" else "container"])),
                state=draw(st.sampled_from(["running", "running", "exited"])),
                interfaces=tuple(devices),
                routes=tuple(routes + [each for one in devices for each in made_by_kernel(one)]),
                rules=default_rules(4) + default_rules(6),
                sysctls=tuple(sorted(switches.items())) if read else (),
                missing=draw(st.sampled_from([(), (), (), ("routes4", "routes6"), ("links",), ("sysctls",)])),
            )
        )
    networks = tuple(network(f"n{each}", f"10.{each}", f"eth{each - 1}", f"fd0{each}::") for each in (1, 2, 3))
    return World(draw(st.sampled_from(["docker://x 26.1", "docker://x 28.5", "lab x", ""])), networks, tuple(nodes))


def random_route(draw: st.DrawFn, version: int, form: str, length: int) -> Route:
    kind = draw(st.sampled_from(["unicast"] * 6 + ["unreachable", "blackhole", "throw", "local"]))
    net, host = draw(OCTETS), draw(OCTETS)
    dst = draw(
        st.sampled_from(
            [("default", version), (f"{form.format(net, 0)}/{length}", version), (form.format(net, host), version)]
        )
    )
    hops = tuple(
        NextHop(f"eth{draw(st.integers(0, 3))}",
                draw(st.sampled_from([None, parse_address(form.format(draw(OCTETS), draw(OCTETS)))])))
        for _ in range(draw(st.integers(1, 2)))
    )  # fmt: skip
    return Route(parse_prefix(*dst).network, kind, hops, metric=draw(st.sampled_from([None, 1, 2])))


@settings(max_examples=200, deadline=None)
@given(worlds(), st.data())
def test_no_world_makes_a_path_fail_and_every_way_is_a_chain_of_links(world: World, data: st.DataObject) -> None:
    src = data.draw(st.sampled_from([each.name for each in world.nodes]))
    version = world.nodes[0].interfaces[0].addresses[0].address.version
    form = "10.{}.0.{}" if version == 4 else "fd0{}::{}"
    dst = parse_address(form.format(data.draw(OCTETS), data.draw(OCTETS)))
    got = path(world, src, dst)
    path_json(got), path_lines(got), symptom(got), traceroute(world, src, dst)
    for trip in got.branches:
        assert (trip.back is None) is (trip.forward.outcome is not Outcome.DELIVERED)
        for way in (trip.forward, trip.back):
            if way is not None:
                check_chain(world, way)
    check_verdict(got)


def check_chain(world: World, way: Way) -> None:
    for hop, after in zip(way.hops, way.hops[1:], strict=False):
        assert (hop.neighbour, hop.neighbour_dev) == (after.node, after.iif)
        here, there = world.node(hop.node), world.node(after.node)
        assert here is not None and there is not None
        for one, dev in ((here, hop.oif), (there, after.iif)):
            plugged = one.interface(dev or "")
            assert plugged is not None and plugged.up and plugged.carrier
            assert plugged.network == hop.network or one.kind == "host"
        assert after.ttl == hop.ttl - (after.oif not in (None, "lo"))
    places = [(hop.node, hop.iif) for hop in way.hops]
    assert len(set(places)) == len(places)
    assert (way.outcome is Outcome.DELIVERED) is (bool(way.hops) and way.hops[-1].oif == "lo")
    assert way.reason and way.node in [each.name for each in world.nodes]


def check_verdict(got: Path) -> None:
    assert got.verdict
    assert (got.works is True) is all(trip.works for trip in got.branches)
    assert got.verdict.startswith("works") is (got.works is True)
