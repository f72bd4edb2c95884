"""The judge agrees only with what is the same, names every difference, and says when the kernel was not asked."""

import pytest

from tui.core.addresses import parse_address, parse_prefix
from tui.core.judge import compare
from tui.core.lookup import lookup
from tui.core.query import parse_query
from tui.core.world import Interface, InterfaceAddress, NextHop, Node, Route, default_rules

ADDRESS = parse_address


def node(*routes, missing=()):
    eth0 = Interface("eth0", 2, addresses=(InterfaceAddress(ADDRESS("172.19.0.2"), 16),))
    rules = (*default_rules(4), *default_rules(6))
    return Node("centos-net1", interfaces=(eth0,), routes=routes, rules=rules, missing=missing)


def via(*gateways):
    hops = tuple(NextHop("eth0", ADDRESS(text)) for text in gateways)
    return Route(parse_prefix("default"), nexthops=hops)


def judged(subject, printed, code=0, query="172.20.0.2"):
    return compare(lookup(subject, parse_query(query)), printed.split("\n"), code)


PLAIN = node(via("172.19.0.1"))


@pytest.mark.parametrize(
    "printed",
    [
        "172.20.0.2 via 172.19.0.1 dev eth0 src 172.19.0.2 uid 0 \n    cache ",
        "172.20.0.2 via 172.19.0.1 dev eth0  src 172.19.0.2 \n    cache  mtu 1500 advmss 1460 hoplimit 64",
        "172.20.0.2 via 172.19.0.1 dev eth0  src 172.19.0.2",
    ],
)
def test_the_same_answer_in_old_and_new_words_agrees(printed):
    verdict = judged(PLAIN, printed)
    assert verdict.agrees is True
    assert verdict.kernel == "via 172.19.0.1 dev eth0 src 172.19.0.2"
    assert verdict.sentence == "The kernel agrees: via 172.19.0.1 dev eth0 src 172.19.0.2."


@pytest.mark.parametrize(
    ("printed", "says"),
    [
        ("172.20.0.2 via 172.19.0.9 dev eth0 src 172.19.0.2", "via 172.19.0.9 by eth0, not via 172.19.0.1 by eth0"),
        ("172.20.0.2 via 172.19.0.1 dev eth1 src 172.19.0.2", "by eth1"),
        ("172.20.0.2 dev eth0 src 172.19.0.2", "it sends it by eth0"),
        ("172.20.0.2 via 172.19.0.1 dev eth0 src 172.19.0.7", "172.19.0.7 as source, not 172.19.0.2"),
        ("172.20.0.2 via 172.19.0.1 dev eth0 table 100 src 172.19.0.2", "table 100, not main"),
        ("local 172.20.0.2 dev lo src 172.20.0.2", "calls the packet local, not unicast"),
        ("RTNETLINK answers: Network is unreachable", "it says ENETUNREACH"),
    ],
)
def test_every_difference_is_named(printed, says):
    verdict = judged(PLAIN, printed)
    assert verdict.agrees is False
    assert says in verdict.sentence


def test_refusals_agree_by_errno():
    nowhere = node()
    assert judged(nowhere, "RTNETLINK answers: Network is unreachable", 2).agrees is True
    assert judged(nowhere, "ip: RTNETLINK answers: Network is unreachable", 2).agrees is True
    assert judged(nowhere, "RTNETLINK answers: No route to host", 2).agrees is False
    assert judged(nowhere, "172.20.0.2 via 172.19.0.1 dev eth0 src 172.19.0.2").agrees is False


def test_any_leg_of_a_multipath_route_agrees():
    both = node(via("172.19.0.1", "172.19.0.5"))
    for gateway in ("172.19.0.1", "172.19.0.5"):
        assert judged(both, f"172.20.0.2 via {gateway} dev eth0 src 172.19.0.2").agrees is True
    assert judged(both, "172.20.0.2 via 172.19.0.6 dev eth0 src 172.19.0.2").agrees is False


def test_a_kernel_that_was_not_asked_is_neither():
    missing = judged(PLAIN, "sh: ip: not found", 127)
    assert missing.agrees is None
    assert "no `ip` command" in missing.sentence
    old = judged(PLAIN, 'Error: argument "ipproto" is wrong', 255)
    assert old.agrees is None
    assert "not asked" in old.sentence
    assert judged(PLAIN, "", 1).agrees is None


def test_what_routetui_did_not_know_is_told_by_the_kernel():
    verdict = judged(node(missing=("routes4",)), "172.20.0.2 via 172.19.0.1 dev eth0 src 172.19.0.2")
    assert verdict.agrees is None
    assert "via 172.19.0.1 dev eth0" in verdict.sentence
