"""A World is saved and read back equal; whatever does not fit is refused with the place where it stands."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui.core.addresses import WIDTH, Address, Prefix, parse_address, parse_prefix
from tui.core.firewall.values import Act, Chain, FilterRule, FilterSet, Match, Ruleset, Signed, Table
from tui.core.saved import FORMAT, SavedError, dump, dumps, load, loads
from tui.core.text import clean
from tui.core.world import (
    TOPICS,
    Interface,
    InterfaceAddress,
    Network,
    NextHop,
    Node,
    Route,
    Rule,
    Subnet,
    World,
)

versions = st.sampled_from((4, 6))
words = st.text(max_size=8).map(clean)
small = st.integers(0, 0xFFFFFFFF)
texts = st.lists(words, max_size=2).map(tuple)


def addresses_of(version: int) -> st.SearchStrategy[Address]:
    return st.integers(0, (1 << WIDTH[version]) - 1).map(lambda value: Address(version, value))


def prefixes_of(version: int) -> st.SearchStrategy[Prefix]:
    """Host bits included: a Prefix keeps what was written."""
    return st.builds(
        Prefix, st.just(version), addresses_of(version).map(lambda a: a.value), st.integers(0, WIDTH[version])
    )


addresses = versions.flatmap(addresses_of)
ports = st.tuples(small, small).map(lambda pair: (min(pair), max(pair)))
maybe = st.none


def routes_of(version: int) -> st.SearchStrategy[Route]:
    hops = st.builds(NextHop, maybe() | words, maybe() | addresses, small, texts)
    return st.builds(
        Route,
        dst=prefixes_of(version),
        type=words,
        nexthops=st.lists(hops, max_size=2).map(tuple),
        table=words,
        protocol=words,
        scope=words,
        prefsrc=maybe() | addresses,
        metric=maybe() | small,
        tos=small,
        src=maybe() | prefixes_of(version),
        pref=maybe() | words,
        nhid=maybe() | small,
        attributes=texts,
        words=texts,
    )


def rules_of(version: int) -> st.SearchStrategy[Rule]:
    return st.builds(
        Rule,
        priority=small,
        family=st.just(version),
        action=words,
        table=words,
        src=maybe() | prefixes_of(version),
        dst=maybe() | prefixes_of(version),
        iif=maybe() | words,
        oif=maybe() | words,
        mark=maybe() | small,
        mask=small,
        tos=small,
        ipproto=maybe() | small,
        sport=maybe() | ports,
        dport=maybe() | ports,
        uidrange=maybe() | ports,
        invert=st.booleans(),
        suppress_prefixlength=maybe() | small,
        target=maybe() | small,
        unresolved=st.booleans(),
        iif_detached=st.booleans(),
        oif_detached=st.booleans(),
        protocol=maybe() | words,
        attributes=texts,
        words=texts,
    )


def interface_addresses_of(version: int) -> st.SearchStrategy[InterfaceAddress]:
    return st.builds(
        InterfaceAddress,
        addresses_of(version),
        st.integers(0, WIDTH[version]),
        words,
        maybe() | addresses,
        maybe() | prefixes_of(version),
        texts,
    )


interfaces = st.builds(
    Interface,
    name=words,
    index=small,
    mac=words,
    addresses=st.lists(versions.flatmap(interface_addresses_of), max_size=2).map(tuple),
    network=maybe() | words,
    kind=words,
    up=st.booleans(),
    carrier=st.booleans(),
    mtu=maybe() | small,
    master=maybe() | words,
    peer_index=maybe() | small,
)
rulesets = st.builds(
    Ruleset,
    tables=st.lists(
        st.builds(
            Table,
            *(words, words),
            chains=st.lists(
                st.builds(
                    Chain,
                    words,
                    st.lists(
                        st.builds(
                            FilterRule,
                            words,
                            st.lists(st.builds(Match, words, texts, st.booleans()), max_size=1).map(tuple),
                            st.lists(st.builds(Act, words, texts), max_size=1).map(tuple),
                            maybe() | small,
                        ),
                        max_size=1,
                    ).map(tuple),
                    words,
                    st.integers(-(1 << 31), (1 << 31) - 1).map(Signed),
                    *(words, words, words),
                ),
                max_size=1,
            ).map(tuple),
            sets=st.lists(st.builds(FilterSet, words, texts), max_size=1).map(tuple),
            origin=words,
        ),
        max_size=2,
    ).map(tuple),
    unread=texts,
)
nodes = st.builds(
    Node,
    name=words.filter(bool),
    kind=words,
    id=words,
    state=words,
    image=words,
    network_mode=words,
    shares=maybe() | words,
    interfaces=st.lists(interfaces, max_size=2, unique_by=lambda each: each.name).map(tuple),
    routes=st.lists(versions.flatmap(routes_of), max_size=3).map(tuple),
    rules=st.lists(versions.flatmap(rules_of), max_size=2).map(tuple),
    merged=maybe() | st.booleans(),
    sysctls=st.dictionaries(words, st.integers(-(1 << 63), (1 << 63) - 1), max_size=3).map(
        lambda d: tuple(sorted(d.items()))
    ),
    capabilities=maybe() | texts,
    source=words,
    missing=st.lists(st.sampled_from(TOPICS), max_size=2).map(tuple),
    unread=texts,
    problem=maybe() | words,
    filters=maybe() | rulesets,
)
networks = st.builds(
    Network,
    name=words,
    id=words,
    driver=words,
    scope=words,
    subnets=st.lists(
        versions.flatmap(lambda v: st.builds(Subnet, prefixes_of(v), maybe() | addresses_of(v))), max_size=2
    ).map(tuple),
    internal=st.booleans(),
    bridge=maybe() | words,
    options=st.dictionaries(words, words, max_size=2).map(lambda d: tuple(sorted(d.items()))),
)
worlds = st.builds(
    World,
    engine=words,
    networks=st.lists(networks, max_size=2, unique_by=lambda each: each.name).map(tuple),
    nodes=st.lists(nodes, max_size=2, unique_by=lambda each: each.name).map(tuple),
)


@settings(max_examples=60, deadline=None)
@given(worlds)
def test_a_world_is_read_back_equal(world: World) -> None:
    assert load(json.loads(json.dumps(dump(world)))) == world


@settings(max_examples=20, deadline=None)
@given(worlds)
def test_the_text_of_a_saved_file_is_read_back_equal(world: World) -> None:
    assert loads(dumps(world)) == world


@pytest.mark.parametrize("text", ["a0::/8", "dead::/16", "fd00::/8"])
def test_a_prefix_that_begins_like_a_word_is_one(text: str) -> None:
    world = World(nodes=(Node("a", routes=(Route(parse_prefix(text)),)),))
    assert load(dump(world)) == world


def test_the_strategies_leave_no_field_of_the_model_out() -> None:
    """A field that these tests never fill would be a field whose saving nobody tests."""
    named = {
        Route: 14,
        Rule: 24,
        Node: 18,
        Interface: 11,
        InterfaceAddress: 6,
        Network: 8,
        NextHop: 4,
        World: 3,
        Subnet: 2,
        Ruleset: 2,
        Table: 5,
        Chain: 7,
        FilterRule: 4,
        FilterSet: 2,
        Match: 3,
        Act: 2,
    }
    assert {cls: len(fields(cls)) for cls in named} == named


def test_defaults_are_left_out_and_values_are_plain() -> None:
    node = Node(
        "a",
        routes=(Route(parse_prefix("172.19.0.0/16"), nexthops=(NextHop("eth0", parse_address("172.19.0.1")),)),),
        sysctls=(("net.ipv4.ip_forward", 1),),
    )
    assert dump(World(nodes=(node,))) == {
        "routetui": FORMAT,
        "nodes": [
            {
                "name": "a",
                "routes": [{"dst": "172.19.0.0/16", "nexthops": [{"dev": "eth0", "gateway": "172.19.0.1"}]}],
                "sysctls": {"net.ipv4.ip_forward": 1},
            }
        ],
    }


def at(*path: Any, value: Any) -> dict[str, Any]:
    """A small sound file with one value put at a path."""
    data: dict[str, Any] = {
        "routetui": 1,
        "networks": [{"name": "net1", "subnets": [{"prefix": "10.0.0.0/8"}]}],
        "nodes": [
            {
                "name": "a",
                "interfaces": [{"name": "eth0", "addresses": [{"address": "10.0.0.1", "length": 8}]}, {"name": "lo"}],
                "routes": [{"dst": "10.0.0.0/8"}],
                "rules": [{"priority": 0}],
                "sysctls": {},
            },
            {"name": "b"},
        ],
    }
    inner: Any = data
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return data


def test_the_file_that_the_refusals_start_from_is_sound() -> None:
    assert load(at("engine", value="x")).engine == "x"


ROUTE = ("nodes", 0, "routes", 0)
RULE = ("nodes", 0, "rules", 0)
REFUSED: list[tuple[tuple[Any, ...], Any, str]] = [
    ((*ROUTE, "dst"), 5, "nodes[0].routes[0].dst: expected a prefix"),
    ((*ROUTE, "dst"), "10.0.0.0/33", "nodes[0].routes[0].dst: expected a prefix"),
    ((*ROUTE, "dst"), "default", "nodes[0].routes[0].dst: expected a prefix"),
    ((*ROUTE, "dst"), "", "nodes[0].routes[0].dst: expected a prefix"),
    ((*ROUTE, "dst"), None, "nodes[0].routes[0].dst: expected a prefix"),
    ((*ROUTE, "dts"), "10.0.0.0/8", "nodes[0].routes[0].dts: the key is unknown; known are dst"),
    ((*ROUTE, "metric"), "1", "nodes[0].routes[0].metric: expected a whole number"),
    ((*ROUTE, "metric"), -1, "nodes[0].routes[0].metric: expected a whole number"),
    ((*ROUTE, "metric"), True, "nodes[0].routes[0].metric: expected a whole number"),
    ((*ROUTE, "metric"), 1 << 32, "nodes[0].routes[0].metric: expected a whole number"),
    ((*ROUTE, "metric"), 1.5, "nodes[0].routes[0].metric: expected a whole number"),
    ((*ROUTE, "prefsrc"), "10.0.0", "nodes[0].routes[0].prefsrc: expected an address"),
    ((*ROUTE, "src"), "fd00::/64", "nodes[0].routes[0].src: must be of the same family"),
    ((*ROUTE, "nexthops"), {}, "nodes[0].routes[0].nexthops: expected a list, not an object"),
    ((*ROUTE, "nexthops"), [[]], "nodes[0].routes[0].nexthops[0]: expected an object, not a list"),
    ((*RULE, "family"), 5, "nodes[0].rules[0].family: expected 4 or 6"),
    ((*RULE, "src"), "fd00::/64", "nodes[0].rules[0].src: must be of family 4"),
    ((*RULE, "sport"), [1], "nodes[0].rules[0].sport: expected a list of two numbers"),
    ((*RULE, "sport"), [2, 1], "nodes[0].rules[0].sport: the range 2 to 1 runs backwards"),
    ((*RULE, "invert"), 1, "nodes[0].rules[0].invert: expected true or false"),
    (("nodes", 0, "rules"), [{}], "nodes[0].rules[0]: the key 'priority' is missing"),
    (("nodes", 0, "name"), 1, "nodes[0].name: expected text, not 1"),
    (("nodes", 0, "name"), "", "nodes[0].name: a node needs a name"),
    (("nodes", 1, "name"), "a", "nodes[1].name: the name 'a' is taken by nodes[0]"),
    (("networks",), [{"name": "n"}, {"name": "n"}], "networks[1].name: the name 'n' is taken by networks[0]"),
    (("nodes", 0, "missing"), ["routes"], "nodes[0].missing[0]: expected one of routes4"),
    (("nodes", 0, "sysctls"), [], "nodes[0].sysctls: expected an object of names"),
    (("nodes", 0, "sysctls"), {"x": "1"}, "nodes[0].sysctls.x: expected a whole number"),
    (
        ("nodes", 0, "interfaces", 0, "addresses", 0, "length"),
        33,
        "interfaces[0].addresses[0].length: expected 0 to 32",
    ),
    (
        ("nodes", 0, "interfaces", 1, "name"),
        "eth0",
        "nodes[0].interfaces[1].name: the name 'eth0' is taken by interfaces[0]",
    ),
    (("nodes",), None, "nodes: expected a list, not null"),
    (("colour",), "red", "colour: the key is unknown"),
    (("routetui",), 2, "saved by a newer routetui (format 2, this one reads 1)"),
    (("routetui",), "1", "This is no saved world"),
    (("routetui",), True, "This is no saved world"),
]


@pytest.mark.parametrize(("path", "value", "sentence"), REFUSED, ids=lambda each: str(each)[:40])
def test_what_does_not_fit_is_refused_with_its_place(path: tuple[Any, ...], value: Any, sentence: str) -> None:
    with pytest.raises(SavedError) as refusal:
        load(at(*path, value=value))
    assert sentence in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "The JSON is broken at line 1, column 1"),
        ('{"routetui": 1,\n "nodes": [}', "The JSON is broken at line 2, column 12"),
        ("[]", "A saved world is a JSON object, not a list"),
        ("{}", "This is no saved world"),
        ('{"routetui": 1, "engine": "a", "engine": "b"}', "the key 'engine' occurs twice"),
        ('{"routetui": NaN}', "NaN is no JSON number"),
        ('{"routetui": 1, "nodes": ' + "[" * 100_000, "nested too deeply"),
        ('{"routetui": ' + "9" * 5000 + "}", "far too long"),
    ],
)
def test_broken_text_is_refused_with_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(SavedError) as refusal:
        loads(text)
    assert sentence in str(refusal.value)


def test_every_string_is_cleaned_even_when_json_hides_its_escapes() -> None:
    text = '{"routetui": 1, "nodes": [{"name": "a\\u001b]0;owned\\u0007b", "sysctls": {"x\\u001b[2J": 1}}]}'
    node = loads(text).nodes[0]
    assert (node.name, node.sysctls) == ("ab", (("x", 1),))


def test_names_that_cleaning_makes_equal_are_refused() -> None:
    with pytest.raises(SavedError, match="taken"):
        loads('{"routetui": 1, "nodes": [{"name": "a"}, {"name": "a\\u0000"}]}')
