"""What the core says in words: every step, every fate and every failure, with the names that a World gives."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tui.core.addresses import Address, parse_address, parse_prefix
from tui.core.explain import decision, selectors, step
from tui.core.query import Query, parse_query
from tui.core.says import missing, route
from tui.core.steps import (
    CandidateStep,
    CheckStep,
    Decision,
    Failure,
    Fate,
    Leg,
    LegsStep,
    Lookup,
    RuleStep,
    SkippedStep,
    SourceStep,
    Step,
    TableStep,
)
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


def at(text: str) -> Address:
    return parse_address(text)


def plug(dev: str, address: str, network: str, length: int = 16) -> Interface:
    return Interface(dev, addresses=(InterfaceAddress(at(address), length),), network=network)


def line(dst: str, via: str | None = None, dev: str = "eth0", **more: object) -> Route:
    hop = NextHop(dev, at(via) if via else None)
    return Route(parse_prefix(dst), nexthops=(hop,), **more)  # type: ignore[arg-type]


NET1 = Network("net1", subnets=(Subnet(parse_prefix("172.19.0.0/16"), at("172.19.0.1")),))
NET2 = Network("net2", subnets=(Subnet(parse_prefix("172.20.0.0/16"), at("172.20.0.1")),))
ONE = Node("centos-net1", interfaces=(plug("eth0", "172.19.0.2", "net1"),))
TWO = Node("centos-net2", interfaces=(plug("eth0", "172.20.0.2", "net2"),))
ROUTER = Node("centos-router", interfaces=(plug("eth0", "172.19.0.3", "net1"), plug("eth1", "172.20.0.3", "net2")))
HOST = Node("host", kind="host", interfaces=(plug("br-1", "172.19.0.1", "net1"), plug("br-2", "172.20.0.1", "net2")))
WORLD = World("sim", (NET1, NET2), (ONE, TWO, ROUTER, HOST))
DEFAULT = line("default", "172.19.0.1")
NEAR = line("172.19.0.0/16", scope="link", prefsrc=at("172.19.0.2"))
FAR = line("172.20.0.0/16", "172.19.0.3")


def said(query: str, found: Decision, *steps: Step, node: Node = ONE, world: World | None = WORLD) -> str:
    return decision(Lookup(parse_query(query), found, steps), node, world)


SOURCE = at("172.19.0.2")
BY_DEFAULT = Decision("unicast", DEFAULT, "eth0", at("172.19.0.1"), SOURCE, "main")
SKIPPED = CandidateStep("main", FAR, Fate.DEAD, "its next hop is dead", None)
LOST = CandidateStep("main", NEAR, Fate.NO_MATCH, "differs", 14)
DECISIONS: list[tuple[str, Decision, tuple[Step, ...], str]] = [
    (
        "172.20.0.2",
        BY_DEFAULT,
        (LOST,),
        "172.20.0.2 matches only the default route, so centos-net1 hands the packet to 172.19.0.1 (the host) on eth0, "
        "with source 172.19.0.2.",
    ),
    (
        "172.20.0.2",
        BY_DEFAULT,
        (SKIPPED,),
        "172.20.0.2 is left with the default route, so centos-net1 hands the packet to 172.19.0.1 (the host) on eth0, "
        "with source 172.19.0.2.",
    ),
    (
        "172.20.0.2",
        Decision("unicast", FAR, "eth0", at("172.19.0.3"), SOURCE, "main"),
        (),
        "172.20.0.2 matches 172.20.0.0/16, so centos-net1 hands the packet to 172.19.0.3 (centos-router) on eth0, "
        "with source 172.19.0.2.",
    ),
    (
        "172.20.0.2",
        Decision("unicast", replace(FAR, table="100"), "eth0", at("172.19.0.9"), None, "100"),
        (),
        "172.20.0.2 matches 172.20.0.0/16 of table 100, so centos-net1 hands the packet to 172.19.0.9 on eth0.",
    ),
    (
        "172.19.0.3",
        Decision("unicast", NEAR, "eth0", None, SOURCE, "main"),
        (),
        "172.19.0.3 matches 172.19.0.0/16, so centos-net1 sends it straight to centos-router on net1 (eth0), "
        "with source 172.19.0.2.",
    ),
    (
        "172.19.0.77",
        Decision("unicast", NEAR, "eth0", None, None, "main"),
        (),
        "172.19.0.77 matches 172.19.0.0/16, so centos-net1 sends it straight to its neighbour on net1 (eth0), "
        "where no known node has that address.",
    ),
    (
        "30.3.0.1 oif eth0",
        Decision("unicast", None, "eth0", None, SOURCE),
        (),
        "No route decides about 30.3.0.1, and the packet is bound to eth0, so centos-net1 sends it straight to its "
        "neighbour on net1 (eth0), where no known node has that address, with source 172.19.0.2.",
    ),
    (
        "172.20.0.2",
        Decision(
            "unicast",
            FAR,
            "eth0",
            at("172.19.0.3"),
            SOURCE,
            "main",
            (NextHop("eth0", at("172.19.0.3"), 1), NextHop("eth0", at("172.19.0.1"), 3)),
        ),
        (),
        "172.20.0.2 matches 172.20.0.0/16, so centos-net1 hands the packet to 172.19.0.3 (centos-router) on eth0 or "
        "172.19.0.1 (the host) on eth0 (a hash of the flow chooses one and keeps to it, shared 1:3), "
        "with source 172.19.0.2.",
    ),
    (
        "172.19.0.2",
        Decision("local", line("172.19.0.2", type="local"), "lo", None, SOURCE, "local"),
        (),
        "172.19.0.2 is an address of centos-net1 itself: the packet never leaves it.",
    ),
    (
        "172.19.0.2 from 172.19.0.3 iif eth0",
        Decision("local", line("172.19.0.2", type="local"), "lo", None, None, "local"),
        (),
        "172.19.0.2 is an address of centos-net1 itself: the packet that came in by eth0 is delivered here.",
    ),
    (
        "40.0.0.5",
        Decision("local", line("40.0.0.0/16", type="local"), "lo", None, None, "local"),
        (),
        "40.0.0.5 lies in 40.0.0.0/16, which centos-net1 takes as its own: the packet never leaves it.",
    ),
    ("127.0.0.9", Decision("local", None, "lo"), (), "127.0.0.9 is the loopback of centos-net1: the packet never"),
    ("0.0.0.0", Decision("local", None, "lo"), (), "0.0.0.0 means centos-net1 itself: the packet never leaves it."),
    (
        "172.19.255.255",
        Decision("broadcast", None, "eth0", None, SOURCE, "local"),
        (),
        "172.19.255.255 is a broadcast address: the packet goes to everyone on net1 (eth0), with source 172.19.0.2.",
    ),
    (
        "224.0.0.5",
        Decision("multicast", None, "eth0", None, SOURCE),
        (),
        "224.0.0.5 is a multicast group: the packet goes out on net1 (eth0) to whoever joined it, "
        "with source 172.19.0.2.",
    ),
]


@pytest.mark.parametrize(("query", "found", "steps", "sentence"), DECISIONS, ids=lambda each: str(each)[:30])
def test_the_end_of_a_lookup(query: str, found: Decision, steps: tuple[Step, ...], sentence: str) -> None:
    text = said(query, found, *steps)
    assert text == sentence if sentence.endswith(".") else text.startswith(sentence)


def test_only_is_not_claimed_without_the_steps_that_prove_it() -> None:
    assert said("172.20.0.2", BY_DEFAULT).startswith("172.20.0.2 takes the default route, so")


def test_without_a_world_addresses_stand_alone() -> None:
    assert "to 172.19.0.1 on eth0" in said("172.20.0.2", BY_DEFAULT, world=None)


def fails(failure: Failure, errno: str | None = None, found: Route | None = None, reason: str = "") -> Decision:
    return Decision(route=found, failure=failure, errno=errno, reason=reason, table=found.table if found else None)


WALL = Route(parse_prefix("172.20.0.0/16"), "unreachable")
FAILURES: list[tuple[str, Decision, tuple[Step, ...], list[str]]] = [
    (
        "172.20.0.2",
        fails(Failure.NO_ROUTE, "ENETUNREACH"),
        (),
        [
            "centos-net1 has no route to 172.20.0.2",
            '"Network is unreachable"',
            "through centos-router: `ip route add 172.20.0.0/16 via 172.19.0.3 dev eth0`.",
        ],
    ),
    ("8.8.8.8", fails(Failure.NO_ROUTE, "ENETUNREACH"), (), ["`ip route add default via 172.19.0.1`"]),
    ("fd00::9", fails(Failure.NO_ROUTE, "ENETUNREACH"), (), ["`ip -6 route add default via GATEWAY`"]),
    (
        "172.20.0.2",
        fails(Failure.UNREACHABLE, "EHOSTUNREACH", WALL),
        (),
        [
            "The unreachable route 172.20.0.0/16 in table main refuses packets to 172.20.0.2",
            '"No route to host"',
            "`ip route del unreachable 172.20.0.0/16`",
            "A longer prefix wins over it",
        ],
    ),
    (
        "172.20.0.2",
        fails(Failure.PROHIBIT, "EACCES"),
        (RuleStep(Rule(100, action="prohibit"), True, "refuses the packet: prohibit"),),
        ["Rule 100 prohibits packets", '"Permission denied"', "`ip rule`"],
    ),
    (
        "172.20.0.2",
        fails(Failure.BLACKHOLE, "EINVAL", Route(parse_prefix("172.20.0.2"), "blackhole", table="7")),
        (),
        ["throws away packets to 172.20.0.2", "`ip route del blackhole 172.20.0.2 table 7` takes it away."],
    ),
    (
        "172.20.0.2 from 172.19.0.9 iif eth0.5",
        fails(Failure.NOT_FORWARDING, "EHOSTUNREACH"),
        (),
        ["net.ipv4.conf.eth0/5.forwarding is 0", "`sysctl -w net.ipv4.ip_forward=1`", "--sysctl"],
    ),
    (
        "172.20.0.2 from 172.19.0.9 iif eth0",
        fails(Failure.REVERSE_PATH, "EINVAL"),
        (),
        ["from 172.19.0.9 came in by eth0", "rp_filter", "`sysctl -w net.ipv4.conf.eth0.rp_filter=2`"],
    ),
    (
        "172.20.0.2 from 127.0.0.1 iif eth0",
        fails(Failure.MARTIAN, "EINVAL"),
        (CheckStep("martian", False, "127.0.0.1 may not come in from a wire"),),
        ["takes this packet for a martian, 127.0.0.1 may not come in from a wire: it is dropped without a word."],
    ),
    (
        "172.20.0.2 from 1.2.3.4",
        fails(Failure.BAD_SOURCE, "ENETUNREACH"),
        (),
        ["1.2.3.4 is no address of centos-net1 (it has 172.19.0.2)", "iif"],
    ),
    ("172.20.0.2 oif eth0", fails(Failure.LINK_DOWN, "ENETUNREACH"), (), ["eth0 of centos-net1 is down", "up`."]),
    ("172.20.0.2 oif eth9", fails(Failure.NO_DEVICE, "ENODEV"), (), ["no device eth9; its devices: eth0."]),
    (
        "172.20.0.2",
        fails(Failure.UNKNOWN, None, None, "the IPv4 routes could not be read"),
        (),
        ["Nobody can say where centos-net1 sends a packet to 172.20.0.2. The IPv4 routes could not be read."],
    ),
]


@pytest.mark.parametrize(("query", "found", "steps", "parts"), FAILURES, ids=lambda each: str(each)[:30])
def test_a_failure_says_why_and_what_to_do(
    query: str, found: Decision, steps: tuple[Step, ...], parts: list[str]
) -> None:
    text = said(query, found, *steps)
    for part in parts:
        assert part in text
    assert text.endswith(".") and "\n" not in text


def test_every_failure_is_among_them() -> None:
    assert {found.failure for _, found, _, _ in FAILURES} == set(Failure)


ROUTES: list[tuple[Route, str]] = [
    (DEFAULT, "anything else, to the host"),
    (line("default", "172.19.0.99"), "anything else, to 172.19.0.99"),
    (line("default"), "anything else, as if it were a neighbour on net1"),
    (NEAR, "neighbours on net1"),
    (FAR, "to net2, through centos-router"),
    (line("10.0.0.0/8", "172.19.0.3"), "to 10.0.0.0/8, through centos-router"),
    (line("172.20.0.2", "172.19.0.3"), "to centos-net2, through centos-router"),
    (line("172.19.0.3"), "centos-router alone, on net1"),
    (line("172.19.0.98"), "one neighbour alone, on net1"),
    (line("fe80::/64"), "link-local neighbours on net1"),
    (line("172.19.0.2", type="local"), "this node's own address"),
    (line("127.0.0.0/8", dev="lo", type="local"), "this node itself (loopback)"),
    (line("40.0.0.0/16", type="local"), "addresses that this node takes as its own"),
    (line("172.19.255.255", type="broadcast"), "everyone on net1"),
    (line("ff00::/8", type="multicast"), "multicast groups, on net1"),
    (line("fd00::", type="anycast"), "this node's own anycast address"),
    (WALL, "refused: unreachable"),
    (Route(parse_prefix("10.0.0.0/8"), "prohibit"), "refused: prohibited"),
    (Route(parse_prefix("10.0.0.0/8"), "blackhole"), "thrown away without a word: blackhole"),
    (Route(parse_prefix("10.0.0.0/8"), "throw"), "not in this table: on to the next rule"),
    (
        replace(FAR, nexthops=(NextHop("eth0", at("172.19.0.3")), NextHop("eth0", at("172.19.0.1")))),
        "to net2, through centos-router or the host",
    ),
    (replace(FAR, nexthops=(NextHop("eth0", at("172.19.0.3"), 1, ("dead",)),)), "to net2, through centos-router (dead"),
    (replace(NEAR, nexthops=(NextHop("eth0", None, 1, ("linkdown",)),)), "neighbours on net1 (link down)"),
]


@pytest.mark.parametrize(("each", "words"), ROUTES, ids=lambda each: str(each)[:30])
def test_what_a_route_says(each: Route, words: str) -> None:
    text = route(each, ONE, WORLD)
    assert text == words or (words.endswith("dead") and text.startswith(words))


def test_overlapping_networks_name_the_neighbour_on_the_wire() -> None:
    """Two networks with one subnet: the gateway is whoever has the address on the network that the device is on."""
    other = Node("other", interfaces=(plug("eth0", "172.19.0.3", "copy"),))
    world = World("sim", (replace(NET1, name="copy"), NET1), (other, ONE, ROUTER))
    assert route(FAR, ONE, world) == "to 172.20.0.0/16, through centos-router"


TO = Query(at("172.20.0.2"))
STEPS: list[tuple[Step, str]] = [
    (RuleStep(Rule(0, table="local"), True, "looks in table local"), "Rule 0 (every packet) looks in table local."),
    (
        RuleStep(Rule(100, src=parse_prefix("10.0.0.0/8")), False, "wants source 10.0.0.0/8"),
        "Rule 100 (from 10.0.0.0/8) does not apply: it wants source 10.0.0.0/8.",
    ),
    (LOST, "172.19.0.0/16 does not match 172.20.0.2: it differs at bit 14 of 16."),
    (
        CandidateStep("main", DEFAULT, Fate.CHOSEN, "", None, DEFAULT),
        "default (/0) compares no bits and always matches: chosen.",
    ),
    (CandidateStep("main", FAR, Fate.CHOSEN, "", None, FAR), "172.20.0.0/16 matches in its 16 bits: chosen."),
    (
        CandidateStep("main", line("172.20.0.2"), Fate.CHOSEN, ""),
        "172.20.0.2 matches in all 32 bits, it is this very address: chosen.",
    ),
    (
        CandidateStep("main", DEFAULT, Fate.SHORTER, "", None, FAR),
        "default (/0) matches too, but its 0 bits are fewer than the 16 of 172.20.0.0/16: the longest prefix wins.",
    ),
    (
        CandidateStep("main", replace(FAR, metric=20), Fate.METRIC, "", None, FAR),
        "172.20.0.0/16 is the same prefix, but its metric 20 is worse than 0: the lowest metric wins.",
    ),
    (
        CandidateStep("main", WALL, Fate.REJECTS, ""),
        "172.20.0.0/16 matches in its 16 bits, and it is a route of type unreachable: the packet is refused.",
    ),
    (
        CandidateStep("main", replace(FAR, tos=16), Fate.TOS, "it is only for tos 0x10"),
        "172.20.0.0/16 matches, but it is only for tos 0x10.",
    ),
    (SkippedStep("main", 1, ""), "Table main: 1 more route does not match 172.20.0.2."),
    (SkippedStep("main", 199_990, ""), "Table main: 199,990 more routes do not match 172.20.0.2."),
    (TableStep("main", FAR, "172.20.0.0/16 wins"), "Table main: 172.20.0.0/16 wins."),
    (TableStep("local+main", None, "nothing matches"), "Tables local and main: nothing matches."),
    (
        LegsStep(
            FAR, (Leg(FAR.nexthops[0], True, ""), Leg(NextHop("eth1"), False, "dead")), FAR.nexthops[0], "one leg"
        ),
        "172.20.0.0/16 has 2 next hops: via 172.19.0.3 dev eth0; dev eth1 dead. One leg.",
    ),
    (CheckStep("forwarding", False, "it is off"), "Check of forwarding, failed: it is off."),
    (CheckStep("source", True, "it is its own"), "Check of source, passed: it is its own."),
    (SourceStep(SOURCE, "the route names it"), "The source address is 172.19.0.2: the route names it."),
    (SourceStep(None, "it has none"), "No source address can be chosen: it has none."),
]


@pytest.mark.parametrize(("each", "sentence"), STEPS, ids=lambda each: str(each)[:30])
def test_a_step_in_a_sentence(each: Step, sentence: str) -> None:
    assert step(each, TO) == sentence


@pytest.mark.parametrize("fate", Fate)
@pytest.mark.parametrize("best", [None, FAR])
def test_every_fate_has_a_sentence_that_names_the_prefix(fate: Fate, best: Route | None) -> None:
    text = step(CandidateStep("main", DEFAULT, fate, "a reason", None, best), TO)
    assert text.startswith("default (/0)") and text.endswith(".") and len(text) > 25


def test_the_selectors_of_a_rule_are_those_of_ip_rule() -> None:
    rule = Rule(
        1, 4, invert=True, src=parse_prefix("10.0.0.0/8"), dst=parse_prefix("10.1.0.1"), iif="e0", oif="e1",
        mark=16, mask=255, tos=8, ipproto=6, sport=(1, 1), dport=(80, 90), uidrange=(0, 99),
    )  # fmt: skip
    assert selectors(rule) == (
        "not from 10.0.0.0/8 to 10.1.0.1 iif e0 oif e1 fwmark 0x10/0xff tos 0x8 ipproto 6 sport 1 dport 80-90 "
        "uidrange 0-99"
    )


def test_what_is_missing_is_said_topic_by_topic() -> None:
    words = missing(replace(ONE, missing=TOPICS))
    assert len(set(words)) == len(TOPICS)
    assert all(each.startswith(("its ", "the ")) for each in words)
    assert missing(ONE) == ()
