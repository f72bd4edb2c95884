"""Lookups against what kernels answered, against a slow second opinion, and step by step as people read them."""

import ipaddress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slow_lookup import slow_lookup

from tui.core.addresses import Address, parse_address, parse_prefix
from tui.core.lookup import lookup
from tui.core.lookup.fib import Fib
from tui.core.query import Query, QueryError, parse_query
from tui.core.steps import (
    CandidateStep,
    CheckStep,
    Failure,
    Fate,
    LegsStep,
    RuleStep,
    SkippedStep,
    SourceStep,
    TableStep,
)
from tui.core.world import Interface, InterfaceAddress, NextHop, Node, Route, Rule, default_rules


def address(text, length, **more):
    return InterfaceAddress(parse_address(text), length, **more)


def route(dst, via=None, dev="eth0", version=4, **more):
    hop = (NextHop(dev, parse_address(via) if via else None),) if dev else ()
    return Route(parse_prefix(dst, version), nexthops=hop, **more)


def local(text, dev="eth0"):
    own = parse_address(text)
    return Route(parse_prefix(text), "local", (NextHop(dev),), "local", "kernel", "host", own)


def node(routes, *, rules=(), addresses=(("eth0", "172.19.0.2", 16),), **more):
    links = {"lo": Interface("lo", 1, addresses=(address("127.0.0.1", 8, scope="host"),), kind="loopback")}
    for index, (dev, text, length) in enumerate(addresses, 2):
        links[dev] = Interface(dev, index, addresses=(address(text, length),))
    own = [local(text, dev) for dev, text, _ in addresses if ":" not in text]
    custom = bool(rules)
    rules = tuple(sorted((*rules, *default_rules(4), *default_rules(6)), key=lambda rule: rule.priority))
    more.setdefault("merged", not custom)
    return Node("box", interfaces=tuple(links.values()), routes=(*routes, *own), rules=rules, **more)


CONNECTED = route("172.19.0.0/16", scope="link", protocol="kernel", prefsrc=parse_address("172.19.0.2"))
DEFAULT = route("default", "172.19.0.1")
CENTOS_NET1 = node([DEFAULT, CONNECTED])


def ask(subject, text, **more):
    return lookup(subject, parse_query(text), **more)


# --- the walk-through, step by step ---------------------------------------------------------------------------------


def test_the_walk_through_says_where_each_bit_differs_and_why_the_default_wins():
    told = ask(CENTOS_NET1, "172.20.0.2")
    candidates = [step for step in told.steps if isinstance(step, CandidateStep)]
    connected = next(step for step in candidates if step.route == CONNECTED)
    assert (connected.fate, connected.differs_at) == (Fate.NO_MATCH, 14)
    assert connected.reason == "differs at bit 14 of 16: no candidate"
    assert (candidates[-1].route, candidates[-1].fate, candidates[-1].best) == (DEFAULT, Fate.CHOSEN, DEFAULT)
    decision = told.decision
    assert (decision.dev, decision.gateway, decision.prefsrc) == (
        "eth0",
        parse_address("172.19.0.1"),
        parse_address("172.19.0.2"),
    )
    assert (decision.table, decision.failure) == ("main", None)


def test_the_node_s_own_entries_are_counted_unless_they_match():
    told = ask(CENTOS_NET1, "172.20.0.2")
    assert [(step.table, step.count) for step in told.steps if isinstance(step, SkippedStep)] == [("local", 1)]
    told = ask(CENTOS_NET1, "172.19.0.2")
    first = next(step for step in told.steps if isinstance(step, CandidateStep))
    assert (first.route.table, first.fate) == ("local", Fate.CHOSEN)
    assert not any(isinstance(step, SkippedStep) for step in told.steps)


def test_candidates_stand_longest_first_and_losers_say_why():
    routes = [
        DEFAULT,
        route("10.0.0.0/8", "172.19.0.9"),
        route("10.1.0.0/16", "172.19.0.8", metric=20),
        route("10.1.0.0/16", "172.19.0.7", metric=10),
        route("10.1.0.0/16", "172.19.0.6", metric=10),
        route("10.1.0.0/16", "172.19.0.5", tos=0x10),
        CONNECTED,
    ]
    told = ask(node(routes), "10.1.2.3")
    main = [step for step in told.steps if isinstance(step, CandidateStep) and step.route.table == "main"]
    assert [step.route.dst.length for step in main] == [16, 16, 16, 16, 16, 8, 0]
    fates = {str(step.route.gateway): step.fate for step in main if step.route.gateway}
    assert fates == {
        "172.19.0.5": Fate.TOS,
        "172.19.0.7": Fate.CHOSEN,
        "172.19.0.6": Fate.LATER,
        "172.19.0.8": Fate.METRIC,
        "172.19.0.9": Fate.SHORTER,
        "172.19.0.1": Fate.SHORTER,
    }


def test_without_a_trace_the_decision_is_the_same_and_no_step_is_kept():
    quick = ask(CENTOS_NET1, "172.20.0.2", trace=False)
    assert quick.steps == ()
    assert quick.decision == ask(CENTOS_NET1, "172.20.0.2").decision


def test_a_large_table_tells_only_what_matches_and_counts_the_rest():
    many = [route(f"10.{a}.{b}.0/24", "172.19.0.9") for a in range(4) for b in range(250)]
    told = ask(node([DEFAULT, CONNECTED, *many]), "10.2.7.1")
    candidates = [step for step in told.steps if isinstance(step, CandidateStep)]
    assert [step.route.dst.brief for step in candidates] == ["10.2.7.0/24", "default"]
    skipped = next(step for step in told.steps if isinstance(step, SkippedStep))
    assert skipped.count == 1003 - 2  # 1,000 routes, default, connected and the own address, but for the two told


def test_merged_local_and_main_are_one_trie_until_a_rule_was_added():
    routes = [
        Route(parse_prefix("40.0.0.0/16"), "local", (NextHop("lo"),), "local", scope="host"),
        route("40.0.0.5", "172.19.0.7"),
        CONNECTED,
    ]
    assert str(ask(node(routes), "40.0.0.5").decision.gateway) == "172.19.0.7"
    assert ask(node(routes, merged=False), "40.0.0.5").decision.type == "local"


def test_rules_are_told_with_the_selector_that_does_not_fit():
    rules = (
        Rule(100, src=parse_prefix("10.9.0.0/16"), table="100"),
        Rule(200, iif="eth1", table="100"),
        Rule(300, mark=7, table="100"),
        Rule(400, dst=parse_prefix("9.0.0.0/8"), action="prohibit"),
    )
    told = ask(node([DEFAULT, CONNECTED], rules=rules), "8.8.8.8")
    reasons = {step.rule.priority: step for step in told.steps if isinstance(step, RuleStep)}
    assert "source 10.9.0.0/16" in reasons[100].reason and "not chosen yet" in reasons[100].reason
    assert "come in by eth1" in reasons[200].reason
    assert "mark 0x7" in reasons[300].reason
    assert not any(reasons[priority].matched for priority in (100, 200, 300, 400))
    assert reasons[32766].matched
    assert 32767 not in reasons, "nothing is asked after the answer"


def test_goto_suppress_and_throw_lead_on():
    rules = (
        Rule(10, action="goto", target=30),
        Rule(20, action="prohibit"),
        Rule(30, table="main", suppress_prefixlength=0),
        Rule(40, table="50"),
    )
    routes = [
        DEFAULT,
        CONNECTED,
        Route(parse_prefix("8.0.0.0/8"), "throw", table="50"),
        route("8.8.0.0/16", "172.19.0.4", table="50"),
    ]
    told = ask(node(routes, rules=rules), "8.8.8.8")
    assert str(told.decision.gateway) == "172.19.0.4"
    assert 20 not in [step.rule.priority for step in told.steps if isinstance(step, RuleStep)]
    # The throw gives the question back; then main answers with the default after all.
    told = ask(node(routes, rules=rules), "8.9.0.1")
    assert str(told.decision.gateway) == "172.19.0.1"
    assert any(isinstance(step, TableStep) and "suppress_prefixlength" in step.reason for step in told.steps)
    assert any(isinstance(step, CandidateStep) and step.fate is Fate.THROWS for step in told.steps)


@pytest.mark.parametrize(
    ("kind", "failure", "errno"),
    [
        ("unreachable", Failure.UNREACHABLE, "EHOSTUNREACH"),
        ("prohibit", Failure.PROHIBIT, "EACCES"),
        ("blackhole", Failure.BLACKHOLE, "EINVAL"),
    ],
)
def test_rejects_answer_each_in_its_own_way(kind, failure, errno):
    refuse = Route(parse_prefix("10.0.0.0/8"), kind)
    decision = ask(node([DEFAULT, CONNECTED, refuse]), "10.1.1.1").decision
    assert (decision.failure, decision.errno, decision.route) == (failure, errno, refuse)
    # Bound to a device, the kernel takes the address to be on that link all the same.
    bound = ask(node([DEFAULT, CONNECTED, refuse]), "10.1.1.1 oif eth0").decision
    assert (bound.failure, bound.dev, bound.gateway, bound.route) == (None, "eth0", None, None)


def test_no_route_and_other_refusals_before_any_table():
    lonely = node([CONNECTED])
    assert ask(lonely, "8.8.8.8").decision.errno == "ENETUNREACH"
    assert ask(lonely, "172.19.0.9 from 1.2.3.4").decision.failure is Failure.BAD_SOURCE
    assert ask(lonely, "172.19.0.9 from 224.0.0.5").decision.failure is Failure.MARTIAN
    assert ask(lonely, "172.19.0.9 oif eth7").decision.failure is Failure.NO_DEVICE


def test_next_hops_that_are_down_are_passed_over_only_when_the_kernel_is_told_to():
    down = (NextHop("eth0", parse_address("172.19.0.5"), flags=("linkdown",)),)
    routes = [DEFAULT, CONNECTED, Route(parse_prefix("10.0.0.0/8"), nexthops=down)]
    assert str(ask(node(routes), "10.0.0.1").decision.gateway) == "172.19.0.5"
    told = ask(node(routes, sysctls=(("net.ipv4.conf.all.ignore_routes_with_linkdown", 1),)), "10.0.0.1")
    assert str(told.decision.gateway) == "172.19.0.1"
    lost = [step for step in told.steps if isinstance(step, CandidateStep) and step.fate is Fate.LINK_DOWN]
    assert [step.route.dst.brief for step in lost] == ["10.0.0.0/8"]


def test_multipath_shows_every_leg_and_leaves_the_choice_to_the_hash():
    legs = tuple(NextHop("eth0", parse_address(f"172.19.0.{n}"), weight) for n, weight in ((5, 1), (6, 3)))
    told = ask(node([CONNECTED, Route(parse_prefix("default"), nexthops=legs)]), "8.8.8.8")
    step = next(step for step in told.steps if isinstance(step, LegsStep))
    assert [leg.reason for leg in step.legs] == ["takes about 1 of 4 flows", "takes about 3 of 4 flows"]
    assert step.chosen is None
    assert "hash" in step.reason
    assert told.decision.nexthops == legs


def test_sources_come_from_the_route_then_the_device_then_anywhere():
    named = node([CONNECTED, route("9.0.0.0/8", "172.19.0.1", prefsrc=parse_address("172.19.0.77"))])
    assert str(ask(named, "9.1.1.1").decision.prefsrc) == "172.19.0.77"
    step = [step for step in ask(CENTOS_NET1, "8.8.8.8").steps if isinstance(step, SourceStep)][-1]
    assert str(step.address) == "172.19.0.2"
    bare = node([route("9.0.0.0/8", dev="eth1", scope="link")])
    assert str(ask(bare, "9.1.1.1").decision.prefsrc) == "172.19.0.2"


# --- packets that come in -------------------------------------------------------------------------------------------


def router(**sysctls):
    pairs = {"net.ipv4.conf.eth0.forwarding": 1, "net.ipv4.conf.all.rp_filter": 0}
    pairs.update({f"net.ipv4.conf.{key.replace('__', '.')}": value for key, value in sysctls.items()})
    routes = [
        route("172.19.0.0/16", dev="eth0", scope="link"),
        route("172.20.0.0/16", dev="eth1", scope="link"),
        route("10.9.0.0/16", "172.20.0.9", dev="eth1"),
    ]
    addresses = (("eth0", "172.19.0.3", 16), ("eth1", "172.20.0.3", 16))
    return node(routes, addresses=addresses, sysctls=tuple(sorted(pairs.items())))


def test_a_router_forwards_only_where_its_ingress_interface_does():
    assert ask(router(), "172.20.0.2 from 172.19.0.2 iif eth0").decision.dev == "eth1"
    refused = ask(router(eth0__forwarding=0), "172.20.0.2 from 172.19.0.2 iif eth0").decision
    assert (refused.failure, refused.errno) == (Failure.NOT_FORWARDING, "EHOSTUNREACH")
    own = ask(router(eth0__forwarding=0), "172.20.0.3 from 172.19.0.2 iif eth0").decision
    assert own.type == "local", "its far address answers whatever forwarding says"


def test_rp_filter_refuses_what_would_be_answered_by_another_way():
    query = "172.20.0.2 from 10.9.0.1 iif eth0"
    assert ask(router(), query).decision.failure is None
    told = ask(router(all__rp_filter=1), query)
    assert (told.decision.failure, told.decision.errno) == (Failure.REVERSE_PATH, "EINVAL")
    check = [step for step in told.steps if isinstance(step, CheckStep) and not step.passed]
    assert check[0].reason == "rp_filter is 1, and the way back to 10.9.0.1 leaves by eth1, not by eth0"
    assert ask(router(eth0__rp_filter=2), query).decision.failure is None
    nowhere = "172.20.0.2 from 99.9.9.9 iif eth0"
    assert ask(router(eth0__rp_filter=2), nowhere).decision.failure is Failure.REVERSE_PATH


def test_martians_are_named():
    for query in (
        "172.20.0.2 from 127.0.0.1 iif eth0",
        "172.20.0.2 from 224.0.0.1 iif eth0",
        "172.20.0.2 from 172.20.0.3 iif eth0",
        "0.0.0.0 from 172.19.0.2 iif eth0",
    ):
        assert ask(router(), query).decision.failure is Failure.MARTIAN, query


# --- what was not read ----------------------------------------------------------------------------------------------


def test_what_was_not_read_is_said_and_never_guessed():
    blind = node([DEFAULT, CONNECTED], missing=("rules4", "tables4"))
    decision = ask(blind, "172.20.0.2").decision
    assert str(decision.gateway) == "172.19.0.1"
    assert decision.assumptions == (
        "The IPv4 rules were not read; the kernel's own default rules are taken for granted.",
    )
    unread = node([], missing=("routes4",), problem="No shell in the container.")
    decision = ask(unread, "172.20.0.2").decision
    assert (decision.failure, decision.reason) == (Failure.UNKNOWN, "No shell in the container.")
    silent = node([DEFAULT, CONNECTED], sysctls=())
    assert ask(silent, "8.8.8.8 from 172.19.0.5 iif eth0").decision.failure is Failure.UNKNOWN


def test_table_local_is_made_from_addresses_where_only_main_was_read():
    bare = Node(
        "pasted",
        interfaces=(Interface("eth0", 2, addresses=(address("172.19.0.2", 16),)),),
        routes=(DEFAULT, CONNECTED),
        missing=("tables4", "rules4"),
    )
    assert ask(bare, "172.19.0.2").decision.type == "local"
    assert ask(bare, "172.19.255.255").decision.type == "broadcast"


# --- queries --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "destination"),
        ("nonsense", "'nonsense' is no address"),
        ("1.2.3.4 via 1.1.1.1", "'via' is no part of a query"),
        ("1.2.3.4 from", "'from' needs a value"),
        ("1.2.3.4 mark -1", "number from 0 to"),
        ("1.2.3.4 dport 70000", "0 to 65535"),
        ("1.2.3.4 from fd00::1", "one family"),
    ],
)
def test_a_wrong_query_is_one_sentence(text, says):
    with pytest.raises(QueryError) as caught:
        parse_query(text)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


QUERIES = st.builds(
    Query,
    st.builds(Address, st.just(4), st.integers(0, 2**32 - 1)),
    st.none() | st.builds(Address, st.just(4), st.integers(0, 2**32 - 1)),
    st.none() | st.sampled_from(["eth0", "br-0123456789ab"]),
    st.none() | st.sampled_from(["eth1"]),
    st.integers(0, 2**32 - 1),
    st.integers(0, 255),
    st.none() | st.integers(0, 255),
    st.none() | st.integers(0, 65535),
    st.none() | st.integers(0, 65535),
)


@given(QUERIES)
def test_a_query_is_written_as_it_is_read(query):
    assert parse_query(" ".join(query.command())) == query


# --- a second opinion -----------------------------------------------------------------------------------------------


@st.composite
def random_tables(draw):
    version = draw(st.sampled_from([4, 6]))
    width = 32 if version == 4 else 128
    base = draw(st.integers(1 << (width - 8), (1 << width) - 1))
    rows, seen = [], set()
    for position in range(draw(st.integers(0, 14))):
        length = draw(st.integers(0, width))
        value = base ^ (1 << draw(st.integers(0, width - 1)))
        network = ipaddress.ip_network((value >> (width - length) << (width - length), length))
        metric = draw(st.integers(0, 3))
        if (network, metric) not in seen:
            seen.add((network, metric))
            kind = draw(st.sampled_from(["unicast", "unicast", "unicast", "blackhole", "prohibit"]))
            rows.append((str(network), metric, position, kind, draw(st.sampled_from(["eth0", "eth1"]))))
    probes = [base, *(base ^ (1 << draw(st.integers(0, width - 1))) for _ in range(6))]
    return version, rows, [ipaddress.ip_address(probe) for probe in probes]


@settings(max_examples=300, deadline=None)
@given(random_tables())
def test_random_tables_agree_with_a_slow_and_independent_lookup(case):
    version, rows, probes = case
    routes = tuple(
        Route(parse_prefix(net), kind, (NextHop(dev),) if kind == "unicast" else (), metric=metric)
        for net, metric, _, kind, dev in rows
    )
    fib = Fib(Node("box", routes=routes, rules=(*default_rules(4), *default_rules(6)), merged=False))
    for probe in probes:
        if probe.is_multicast or int(probe) in (0, 0xFFFFFFFF) or (version == 6 and probe.is_link_local):
            continue
        expected = slow_lookup(rows, str(probe))
        told = lookup(fib, parse_query(str(probe)))
        decision = told.decision
        if expected is None:
            assert decision.failure is Failure.NO_ROUTE
            continue
        assert decision.route == routes[rows.index(expected)]
        assert (decision.failure is None) == (expected[3] == "unicast")
        winner = [s for s in told.steps if isinstance(s, CandidateStep) and s.fate in (Fate.CHOSEN, Fate.REJECTS)]
        assert [step.route for step in winner] == [decision.route]
        for step in told.steps:
            if isinstance(step, CandidateStep) and step.fate is Fate.NO_MATCH:
                assert probe not in ipaddress.ip_network(str(step.route.dst))


def test_the_merged_trie_is_searched_once():
    told = ask(node([CONNECTED]), "8.8.8.8")
    tables = [step.table for step in told.steps if isinstance(step, TableStep)]
    assert tables == ["local+main", "default"]
    main = next(step for step in told.steps if isinstance(step, RuleStep) and step.rule.priority == 32766)
    assert main.reason == "table main was searched together with local"
