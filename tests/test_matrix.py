"""Who reaches whom, by classes: every cell says what the path of its two nodes says, in the same words."""

from __future__ import annotations

import os
import random
from dataclasses import replace

import pytest
from many_containers import many
from topologies import topologies

from tui import labs
from tui.core.addresses import Address, Prefix, parse_address, parse_prefix
from tui.core.firewall.values import Act, Chain, FilterRule, Match, Ruleset, Table
from tui.core.labs.layout import world as laid_out
from tui.core.matrix import Cell, Matrix, State, cell_of
from tui.core.matrix.classes import classes
from tui.core.path import path
from tui.core.path.links_between import Links
from tui.core.query import QueryError
from tui.core.world import InterfaceAddress, NextHop, Node, Route, Rule, World

SEED = int(os.environ.get("ROUTETUI_RANDOM_SEED") or random.SystemRandom().randrange(1 << 32))
WORLDS = int(os.environ.get("ROUTETUI_RANDOM_WORLDS", "25"))
"""How many random Worlds are walked pair by pair."""


def walked(links: Links, src: str, dst: str) -> Cell:
    """The cell as the path says it."""
    try:
        return cell_of(path(links, src, dst), src, dst)
    except QueryError as error:
        return Cell(src, dst, State.NO, None, None, "", str(error))


def assert_equal(world: World, why: object = "") -> Matrix:
    """Every cell equals the walk of its pair; so do the rows, and the groups count them all."""
    matrix, links = Matrix(world), Links(world)
    rows = dict(matrix.rows())
    assert tuple(rows) == matrix.names
    for src in matrix.names:
        for column, dst in enumerate(matrix.names):
            cell = walked(links, src, dst)
            assert matrix.cell(src, dst) == cell, why
            assert rows[src][column] == matrix.state(src, dst) == cell.state, why
    assert sum(many for _, many in matrix.groups()) == sum(
        matrix._owner[one] != matrix._owner[other] for one in matrix.names for other in matrix.names
    )
    return matrix


def test_every_cell_of_every_measured_topology() -> None:
    for world, record in topologies():
        assert_equal(world, record["tid"])


@pytest.mark.parametrize("name", labs.names())
def test_every_cell_of_every_lab(name: str) -> None:
    assert_equal(laid_out(labs.load(name)))


@pytest.mark.parametrize("engine", ["docker://local 20.10.24", "docker://local 28.5.2", "podman://local 4.3.1", "here"])
def test_many_containers_of_an_engine_are_few_classes(engine: str) -> None:
    matrix = assert_equal(many(24, 3, engine))
    assert len(set(classes(many(24, 3, engine)).values())) == 5
    assert matrix.walks == 5 * 4 + 5 + 3
    assert matrix.alike()[0] == ("c0000", "c0003", "c0006", "c0009", "c0012", "c0015", "c0018", "c0021")


# --- random Worlds: many that are alike, and some that are set apart by one thing ---


def some_world(rng: random.Random) -> World:
    """A few networks of containers; then routes, switches, rules, states and addresses that set some apart."""
    engine = rng.choice(("docker://local 26.1.5", "docker://local 28.0.4", "lab some", "kernel: some", "elsewhere"))
    world = many(rng.randint(3, 14), rng.randint(2, 4), engine)
    nodes = {each.name: each for each in world.nodes}
    addresses = [each.address for node in world.nodes for _, each in node.addresses() if each.address.version == 4]
    for _ in range(rng.randint(0, 9)):
        name = rng.choice([each for each in nodes if each != "host"])
        nodes[name] = _set_apart(rng, nodes[name], addresses, sorted(nodes))
    if rng.random() < 0.5:
        nodes["host"] = replace(nodes["host"], filters=_filters(rng, addresses))
    return replace(world, nodes=tuple(nodes.values()))


def _filters(rng: random.Random, addresses: list[Address]) -> Ruleset:
    """Rules for single addresses, for each of many, for prefixes and for devices, in any order."""
    rules: list[FilterRule] = []
    for _ in range(rng.randint(1, 6)):
        key, act = rng.choice(("src", "dst")), rng.choice(("drop", "accept", "return", "mystery"))
        drawn = rng.random()
        some = [str(each) for each in rng.sample(addresses, rng.randint(1, len(addresses)))]
        values = some if drawn < 0.4 else some[:1]
        for value in values if drawn < 0.8 else (f"{some[0].rpartition('.')[0]}.16/30", f"{some[0]}-{some[-1]}"):
            match = Match(key, (value,), negated=rng.random() < 0.1)
            acts = (Act(act),) if act != "mystery" else (Act("unknown", ("mystery",)),)
            rules.append(FilterRule(f"{'! ' if match.negated else ''}--{key} {value} -j {act.upper()}", (match,), acts))
    chains = (Chain("FORWARD", tuple(rules), "forward", policy=rng.choice(("accept", "drop"))),)
    return Ruleset((Table("ip", "filter", chains, origin="iptables"),))


def _set_apart(rng: random.Random, node: Node, addresses: list[Address], names: list[str]) -> Node:
    address = rng.choice(addresses)
    host, wide = Prefix(4, address.value, 32), Prefix(4, address.value & 0xFFFFFFF0, 28)
    hop = (NextHop("eth0", rng.choice(addresses)),)
    drawn = rng.randrange(11)
    if drawn < 4:
        route = Route(rng.choice((host, wide, wide.network)), nexthops=hop)
        return replace(node, routes=(*node.routes, route))
    if drawn == 4:
        return replace(node, routes=(*node.routes, Route(host, rng.choice(("unreachable", "blackhole")))))
    if drawn == 5:
        rule = Rule(100, src=rng.choice((host, wide)), action=rng.choice(("unreachable", "table")), table="100")
        return replace(node, rules=(rule, *node.rules), merged=False)
    if drawn == 6:
        name = rng.choice(("rp_filter", "forwarding", "proxy_arp", "arp_ignore"))
        return replace(node, sysctls=(*node.sysctls, (f"net.ipv4.conf.eth0.{name}", 1)))
    if drawn == 7:
        return replace(node, state=rng.choice(("exited", "paused")))
    if drawn == 8 and node.interfaces and node.interfaces[-1].addresses:
        link = node.interfaces[-1]
        twice = (*link.addresses, InterfaceAddress(address, 16))
        return replace(node, interfaces=(*node.interfaces[:-1], replace(link, addresses=twice)))
    if drawn == 9:
        return replace(node, shares=rng.choice(names), interfaces=(), routes=(), rules=())
    return replace(node, missing=("routes4",), problem=f"{node.name} was not asked.")


def test_every_cell_of_random_worlds() -> None:
    print(f"ROUTETUI_RANDOM_SEED={SEED} ROUTETUI_RANDOM_WORLDS={WORLDS}")
    rng = random.Random(SEED)
    saved = cells = 0
    for number in range(WORLDS):
        world = some_world(rng)
        matrix = assert_equal(world, (SEED, number))
        cells += len(matrix.names) ** 2
        saved += len(matrix.names) ** 2 - matrix.walks
    assert saved > cells * 0.1  # the classes are there to be found


# --- what sets nodes apart, and what does not ---


def change(world: World, name: str, **fields: object) -> World:
    nodes = (replace(each, **fields) if each.name == name else each for each in world.nodes)  # type: ignore[arg-type]
    return replace(world, nodes=tuple(nodes))


def test_a_route_to_one_container_sets_that_one_apart_and_no_other() -> None:
    world = many(12, 2)
    target = world.node("c0002")
    assert target is not None
    address = next(each.address for _, each in target.addresses() if each.address.value >> 24 == 172)
    host = world.node("host")
    assert host is not None
    found = classes(change(world, "host", routes=(*host.routes, Route(Prefix(4, address.value, 32), "blackhole"))))
    assert found["c0000"] == found["c0004"] != found["c0002"]
    assert found["c0001"] == found["c0003"]


def test_two_that_have_one_address_are_each_alone() -> None:
    world = many(8, 2)
    one, other = world.node("c0000"), world.node("c0002")
    assert one is not None and other is not None
    world = change(world, "c0002", interfaces=one.interfaces, routes=one.routes)
    found = classes(world)
    assert found["c0000"] != found["c0002"] != found["c0004"]
    assert_equal(world)


def filtered(world: World, *rules: FilterRule) -> World:
    """The host with these rules in FORWARD."""
    chains = (Chain("FORWARD", rules, "forward"),)
    return change(world, "host", filters=Ruleset((Table("ip", "filter", chains, origin="iptables"),)))


def about(address: str, act: str = "drop") -> FilterRule:
    return FilterRule(f"-d {address}/32 -j {act.upper()}", (Match("dst", (f"{address}/32",)),), (Act(act),))


def test_a_rule_for_each_container_sets_none_apart_but_a_rule_for_one_does() -> None:
    world = many(8, 2)
    own = ["172.16.0.16", "172.17.0.16", "172.16.0.17", "172.17.0.17", "172.16.0.18", "172.17.0.18", "172.16.0.19",
           "172.17.0.19"]  # fmt: skip
    plain = len(set(classes(world).values()))
    assert len(set(classes(filtered(world, *map(about, own))).values())) == plain
    assert len(set(classes(filtered(world, *map(about, own[:4]))).values())) == plain + 2
    # What lets pass must keep its place before or after what drops.
    mixed = (about(own[0]), about(own[2], "accept"), about(own[4]), about(own[6], "accept"))
    assert len(set(classes(filtered(world, *mixed)).values())) == plain + 3
    for rules in (map(about, own), map(about, own[:4]), mixed):
        assert_equal(filtered(world, *rules))


def test_names_that_are_words_of_the_sentences_stay_right() -> None:
    world = many(6, 2)
    names = {"c0000": "the", "c0001": "172.16.0.16", "c0002": "host's", "c0003": "request", "c0004": "a", "c0005": "1"}
    nodes = (replace(each, name=names.get(each.name, each.name)) for each in world.nodes)
    assert_equal(replace(world, nodes=tuple(nodes)))


def test_an_address_that_begins_like_another_is_not_taken_for_it() -> None:
    world = many(22, 2)  # 172.16.0.16 to 172.16.0.26: none may be read inside of a longer one
    host = world.node("host")
    assert host is not None
    route = Route(parse_prefix("172.16.0.160/32"), nexthops=(NextHop("br-0", parse_address("172.16.0.200")),))
    assert_equal(change(world, "host", routes=(*host.routes, route)))


def test_one_way_only_is_said_where_the_answer_is_lost() -> None:
    matrix = Matrix(laid_out(labs.load("missing-return-route")))
    assert matrix.state("client", "server") is State.ONE_WAY
    assert matrix.cell("client", "server").node == "host"
    assert matrix.state("client", "router") is State.YES
