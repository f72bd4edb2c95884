"""Packet filters: what iptables-save and nft print is read, and followed to the rule that decides, as engines do."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from test_path import lab_on
from two_bridges import two_bridges

from tui.core.addresses import parse_address
from tui.core.firewall.evidence import rose
from tui.core.firewall.iptables import read_save
from tui.core.firewall.iptables_words import read_rule
from tui.core.firewall.nft import read_ruleset
from tui.core.firewall.values import Match, Ruleset
from tui.core.path import Outcome, Service, path
from tui.core.path.hops import Notice
from tui.core.path.symptoms import symptom, traceroute
from tui.core.saved import dumps, loads
from tui.core.world import Rule, World

RECORDINGS = Path(__file__).parent / "recordings" / "firewall"
BRIDGES = {"br-5d5ae109dd6d": "br-net1", "br-6cbd5cc2f68e": "br-net2"}
"""The bridges of the recording of 20.10, whose names are its networks' ids, and those of the World."""


def recorded(name: str) -> Ruleset:
    text = (RECORDINGS / name).read_text()
    if name.endswith(".json"):
        return Ruleset(read_ruleset(text))
    for real, ours in BRIDGES.items():
        text = text.replace(real, ours)
    return Ruleset(*read_save(text, "ip"))


def saved(*lines: str) -> Ruleset:
    """Rules of iptables-save, written in a test."""
    return Ruleset(*read_save("\n".join(lines), "ip"))


def with_filters(world: World, **filters: Ruleset) -> World:
    nodes = tuple(replace(each, filters=filters.get(each.name.replace("-", "_"), each.filters)) for each in world.nodes)
    return replace(world, nodes=nodes)


def lab(rules: Ruleset, bridge_nf: int | None = 1, *, there: bool = False, back: bool = False) -> World:
    """The two bridges on a host with these filters. The engine's label must not matter where they were read."""
    return with_filters(lab_on("docker://local 99.0", bridge_nf, there=there, back=back), host=rules)


# --- the engines' own rules -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "bridge_nf", "works"),
    [
        ("docker20.save", 0, True),
        ("docker20.save", 1, True),
        ("docker26.save", 0, True),
        ("docker26.save", 1, True),
        ("docker28.save", 0, True),
        ("docker28.save", 1, False),
        ("docker28.save", None, None),
        ("docker29-nft.json", 0, True),
        ("docker29-nft.json", 1, False),
    ],
)
def test_each_engine_s_rules_treat_the_two_bridges_as_measured(
    name: str, bridge_nf: int | None, works: bool | None
) -> None:
    rules = recorded(name)
    assert rules.unread == ()
    assert path(lab(rules, bridge_nf), "centos-net1", "centos-net2").works is False
    one = path(lab(rules, bridge_nf, there=True), "centos-net1", "centos-net2")
    assert one.works in (False, None) and (one.works is False or bridge_nf is None)
    both = path(lab(rules, bridge_nf, there=True, back=True), "centos-net1", "centos-net2")
    assert both.works is works


@pytest.mark.parametrize(
    ("name", "routes", "cause", "trace"),
    [
        ("docker20.save", False, "DOCKER-ISOLATION-STAGE-2 -o br-net2 -j DROP", ["172.19.0.1", "*"]),
        ("docker26.save", False, "DOCKER-ISOLATION-STAGE-2 -o br-net2 -j DROP", ["172.19.0.1", "*"]),
        ("docker28.save", False, "raw PREROUTING -d 172.20.0.2/32 ! -i br-net2 -j DROP", ["*", "*"]),
        ("docker28.save", True, "raw PREROUTING -d 172.20.0.2/32 ! -i br-net2 -j DROP", ["*"]),
        (
            "docker29-nft.json",
            False,
            "ip docker-bridges raw-PREROUTING "
            'ip daddr 172.20.0.2 iifname != "br-net2" drop comment "DROP DIRECT ACCESS"',
            ["*", "*"],
        ),
    ],
)
def test_the_rule_that_decides_is_named_as_its_program_prints_it(
    name: str, routes: bool, cause: str, trace: list[str]
) -> None:
    world = lab(recorded(name), there=routes, back=routes)
    got = path(world, "centos-net1", "centos-net2")
    assert (got.forward.outcome, got.forward.node, got.forward.cause) == (Outcome.FILTERED, "host", cause)
    assert not got.forward.model and cause in got.verdict
    assert ("since net.bridge.bridge-nf-call-iptables is 1" in got.forward.reason) is routes
    assert [str(each) for each in traceroute(world, "centos-net1", "centos-net2")] == trace


@pytest.mark.parametrize("name", ["docker20.save", "docker26.save", "docker28.save", "docker29-nft.json"])
def test_the_host_s_own_addresses_and_the_router_answer_under_all_of_them(name: str) -> None:
    world = lab(recorded(name))
    for address in ("172.19.0.1", "172.20.0.1", "172.19.0.3"):
        assert path(world, "centos-net1", parse_address(address)).works
    assert path(world, "host", "centos-net2").works


def test_docker_user_opens_20_10_in_both_directions_and_the_source_is_masqueraded() -> None:
    """Measured: the far container then sees its own gateway, and needs no route back. One direction is not enough."""
    world = lab(recorded("docker20.save"))
    base = world.node("host")
    assert base is not None and base.filters is not None

    def opened(*directions: tuple[str, str]) -> World:
        text = (RECORDINGS / "docker20.save").read_text()
        for real, ours in BRIDGES.items():
            text = text.replace(real, ours)
        accepts = [f"-A DOCKER-USER -i {came} -o {goes} -j ACCEPT" for came, goes in directions]
        return with_filters(
            world, host=saved(*text.replace("-A DOCKER-USER", "\n".join([*accepts, "-A DOCKER-USER"])).splitlines())
        )

    got = path(opened(("br-net1", "br-net2"), ("br-net2", "br-net1")), "centos-net1", "centos-net2")
    assert got.works and got.back is not None
    assert str(got.forward.src) == "172.20.0.1"
    assert (str(got.back.src), str(got.back.dst)) == ("172.20.0.2", "172.19.0.2")
    assert symptom(got) == "64 bytes from 172.20.0.2: ttl=63"
    got = path(opened(("br-net1", "br-net2")), "centos-net1", "centos-net2")
    assert got.forward.outcome is Outcome.DELIVERED and got.works is False
    assert got.back is not None and got.back.cause == "DOCKER-ISOLATION-STAGE-2 -o br-net1 -j DROP"


def test_a_published_port_changes_the_destination_and_the_answer_is_turned_back() -> None:
    world = lab(recorded("docker29-nft.json"))
    got = path(world, "host", parse_address("172.20.0.1"), service=Service(6, 8080))
    assert got.works and got.back is not None
    assert (got.forward.node, str(got.forward.dst), got.forward.ports[1]) == ("centos-net2", "172.20.0.2", 80)
    assert (str(got.back.src), got.back.ports[0]) == ("172.20.0.1", 8080)
    # From the other network the destination is translated too, and the port is open to it.
    got = path(world, "centos-net1", parse_address("172.19.0.1"), service=Service(6, 8080))
    assert got.works and str(got.forward.dst) == "172.20.0.2"
    assert path(world, "host", parse_address("172.20.0.1"), service=Service(6, 8081)).forward.node == "host"


# --- what is not known ----------------------------------------------------------------------------------------------

EMPTY = ("*filter", ":INPUT ACCEPT [0:0]", ":FORWARD ACCEPT [0:0]", ":OUTPUT ACCEPT [0:0]")


@pytest.mark.parametrize(
    ("rules", "outcome", "cause"),
    [
        (["-m recent --rcheck --name x -j DROP"], Outcome.UNKNOWN, "FORWARD -m recent --rcheck --name x -j DROP"),
        (["-m limit --limit 1/s -j ACCEPT", "-j DROP"], Outcome.UNKNOWN, "FORWARD -m limit --limit 1/s -j ACCEPT"),
        (["-m limit --limit 1/s -j LOG"], Outcome.DELIVERED, None),
        (["-m limit --limit 1/s -j DROP", "-j DROP"], Outcome.FILTERED, "FORWARD -j DROP"),
        (["-p tcp -m recent --rcheck --name x -j DROP"], Outcome.DELIVERED, None),
        (["-m set --match-set blocked src -j DROP"], Outcome.UNKNOWN, "FORWARD -m set --match-set blocked src -j DROP"),
        (["-j NFQUEUE --queue-num 0"], Outcome.UNKNOWN, "FORWARD -j NFQUEUE --queue-num 0"),
        (["-j SOMETHING --new"], Outcome.UNKNOWN, "FORWARD -j SOMETHING --new"),
        (["-m rpfilter -j DROP"], Outcome.UNKNOWN, "FORWARD -m rpfilter -j DROP"),
        (["-m comment --comment \"a ! -j DROP 'b'\" -j ACCEPT", "-j DROP"], Outcome.DELIVERED, None),
    ],
)
def test_a_condition_that_is_not_known_is_not_skipped(rules: list[str], outcome: Outcome, cause: str | None) -> None:
    world = lab(saved(*EMPTY, *(f"-A FORWARD {each}" for each in rules), "COMMIT"))
    got = path(world, "centos-net1", "centos-net2")
    assert got.forward.outcome is outcome
    assert cause is None or got.forward.cause == cause
    assert outcome is not Outcome.UNKNOWN or (got.works is None and cause is not None and cause in got.verdict)


def test_where_something_was_not_understood_nothing_passes_for_sure() -> None:
    got = path(lab(saved(*EMPTY, '-A FORWARD -m comment --comment "broken', "COMMIT")), "centos-net1", "centos-net2")
    assert (got.works, got.forward.cause) == (None, 'FORWARD -m comment --comment "broken')
    rules = saved(*EMPTY, "COMMIT", "-X never seen")
    assert rules.unread == ("-X never seen",)
    got = path(lab(rules), "centos-net1", "centos-net2")
    assert got.works is None and "-X never seen" in got.verdict


def test_a_rule_that_rejects_tells_the_sender_in_its_own_words() -> None:
    world = lab(saved(*EMPTY, "-A FORWARD -i br-net1 -j REJECT --reject-with icmp-host-prohibited", "COMMIT"))
    got = path(world, "centos-net1", "centos-net2")
    assert got.forward.error is not None and got.forward.error.notice is Notice.HOST_PROHIBITED
    assert symptom(got) == "From 172.19.0.1: Destination Host Prohibited"


def test_a_container_s_own_rules_count_too() -> None:
    world = lab(saved(*EMPTY, "COMMIT"))
    silent = with_filters(world, centos_net2=saved("*filter", ":INPUT DROP [0:0]", "COMMIT"))
    got = path(silent, "centos-net1", "centos-net2")
    assert (got.forward.outcome, got.forward.node, got.forward.cause) == (
        Outcome.FILTERED, "centos-net2", "INPUT policy DROP",
    )  # fmt: skip
    mute = with_filters(world, centos_net2=saved(*EMPTY, "-A OUTPUT -m state --state ESTABLISHED -j DROP", "COMMIT"))
    got = path(mute, "centos-net1", "centos-net2")
    assert got.forward.outcome is Outcome.DELIVERED and got.back is not None
    assert got.back.cause == "OUTPUT -m state --state ESTABLISHED -j DROP"


def test_a_mark_decides_the_route_where_a_rule_looks_at_it() -> None:
    """The mark of mangle PREROUTING is there when the route is looked up, and gone on the next node."""
    world = lab(saved("*mangle", ":PREROUTING ACCEPT [0:0]", "-A PREROUTING -i br-net1 -j MARK --set-mark 7", "COMMIT"))
    rule = Rule(100, action="prohibit", mark=7)
    nodes = tuple(
        replace(each, rules=(rule, *each.rules), merged=False) if each.kind == "host" else each for each in world.nodes
    )
    got = path(replace(world, nodes=nodes), "centos-net1", "centos-net2")
    assert got.forward.outcome is Outcome.REFUSED_BY_ROUTE and got.forward.cause == rule


# --- reading --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("-s 10.0.0.0/8 ! -o br0 -j ACCEPT", [Match("src", ("10.0.0.0/8",)), Match("oif", ("br0",), True)]),
        ("-i veth+ -j ACCEPT", [Match("iif", ("veth*",))]),
        ("-p udp -m udp ! --dport 10:20 -j DROP", [Match("proto", ("17",)), Match("dport", ("10-20",), True)]),
        ("-p tcp -m multiport --dports 80,443,1000:2000 -j DROP",
         [Match("proto", ("6",)), Match("dport", ("80", "443", "1000-2000"))]),
        ("-m conntrack ! --ctstate RELATED,ESTABLISHED -j DROP", [Match("ctstate", ("related", "established"), True)]),
        ("-m mark --mark 0x1/0xff -j DROP", [Match("mark", ("0x1/0xff",))]),
        ("-m connmark --mark 0x1 -j DROP", [Match("unknown", ("--mark 0x1",))]),
        ("-p icmp -m icmp --icmp-type port-unreachable -j DROP", [Match("proto", ("1",)), Match("icmp", ("3/3",))]),
        ("-m iprange --src-range 10.0.0.1-10.0.0.9 -j DROP", [Match("src", ("10.0.0.1-10.0.0.9",))]),
        ("-m statistic --mode random --probability 0.5 -j DROP",
         [Match("unknown", ("--mode random",)), Match("unknown", ("--probability 0.5",))]),
    ],
)  # fmt: skip
def test_the_words_of_iptables(text: str, matches: list[Match]) -> None:
    assert list(read_rule(text.split(), ())[0]) == matches


def test_rules_of_nft_are_written_as_nft_writes_them() -> None:
    """All but marks, which nft pads with zeros, the flags of TCP, and what changes a set."""
    listed = {
        re.sub(r"counter packets \d+ bytes \d+ ", "", line.strip())
        for line in (RECORDINGS / "words-nft.txt").read_text().splitlines()
    }
    ours = [rule.text for _, _, rule in recorded("words-nft.json").rules()]
    odd = [each for each in ours if each not in listed]
    assert len(ours) > 30
    assert [each for each in odd if not re.search(r"mark|tcp flags|set op|map \{|\{ a \. b", each)] == []


def test_counters_take_no_part_in_equality_and_are_not_saved() -> None:
    counted = recorded("docker20.save")
    text = re.sub(r"^\[\d+:\d+\] ", "", (RECORDINGS / "docker20.save").read_text(), flags=re.MULTILINE)
    for real, ours in BRIDGES.items():
        text = text.replace(real, ours)
    bare = Ruleset(*read_save(text, "ip"))
    assert bare == counted and hash(bare) == hash(counted)
    assert [rule.packets for *_, rule in bare.rules()] != [rule.packets for *_, rule in counted.rules()]
    world = with_filters(two_bridges(), host=counted)
    assert loads(dumps(world)) == world and "packets" not in dumps(world)


def test_the_rules_whose_counters_rose_are_the_evidence() -> None:
    after = recorded("docker20.save")
    zeroed = re.sub(r"^\[\d+:\d+\] ", "[0:0] ", (RECORDINGS / "docker20.save").read_text(), flags=re.MULTILINE)
    for real, ours in BRIDGES.items():
        zeroed = zeroed.replace(real, ours)
    rises = rose(Ruleset(*read_save(zeroed, "ip")), after)
    assert [(each.text, each.packets) for each in rises if each.drops] == [
        ("DOCKER-ISOLATION-STAGE-2 -o br-net2 -j DROP", 2)
    ]
    assert rose(after, after) == ()


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"nftables": 3}', '{"nftables": [{"rule": {}}, {"table": {}}]}'])
def test_what_is_no_ruleset_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no output of nft"):
        read_ruleset(text)


def test_an_expression_of_tomorrow_makes_its_rule_unknown() -> None:
    objects = [
        {"table": {"family": "ip", "name": "t"}},
        {"chain": {"family": "ip", "table": "t", "name": "f", "type": "filter", "hook": "forward", "prio": 0,
                   "policy": "accept"}},
        {"rule": {"family": "ip", "table": "t", "chain": "f", "expr": [{"quantum": {"spin": "up"}}, {"drop": None}]}},
    ]  # fmt: skip
    rules = Ruleset(read_ruleset(json.dumps({"nftables": objects})))
    got = path(lab(rules), "centos-net1", "centos-net2")
    assert (got.forward.outcome, got.forward.cause) == (Outcome.UNKNOWN, "ip t f quantum spin up drop")
