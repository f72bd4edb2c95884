"""IPv6 in packet filters, rule by rule, and the questions between neighbours that meet them: each measured again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from firewall_judge import LOOPBACK_6, SIX, Probe, Row, able
from two_bridges import default, interface, node

from tui.core.addresses import parse_address
from tui.core.changes import SetSysctl
from tui.core.firewall.iptables import HOOKS, read_save
from tui.core.firewall.nft import read_rule
from tui.core.firewall.values import Match, Ruleset
from tui.core.path import Outcome, Path, Service, path
from tui.core.path.discovery import KNOWN_BEFORE
from tui.core.path.links_between import Links
from tui.core.path.remedies import remedies
from tui.core.world import Network, World

ASKS = "-p ipv6-icmp -m icmp6 --icmpv6-type neighbour-solicitation"
ANSWERS = "-p ipv6-icmp -m icmp6 --icmpv6-type neighbour-advertisement"
FAR, NEAR = Probe("a", SIX.b), Probe("a", SIX.ra)
OUT, HOME = Probe("r", SIX.b), Probe("r", SIX.a)
OWN = Probe("r", SIX.ra, 80)
LINKS = {"a0": "fe80::a", "ra": "fe80::1a", "rb": "fe80::1b", "b0": "fe80::b"}


def saved(*rules: str) -> str:
    """A text for ip6tables-restore; a rule begins with its table where that is not filter."""
    tables: dict[str, list[str]] = {}
    for each in rules:
        table, _, rule = each.rpartition(": ") if each.partition(": ")[0].isalpha() else ("", "", each)
        tables.setdefault(table or "filter", []).append(rule)
    chains = {name: [f":{each.upper()} ACCEPT [0:0]" for each in HOOKS[name]] for name in tables}
    return "".join("\n".join((f"*{name}", *chains[name], *tables[name], "COMMIT", "")) for name in tables)


def row_world(**filters: Ruleset) -> World:
    """The judge's row, a - r - b, with link-local addresses that stay the same."""
    near = {dev: f"{address}/64" for dev, address in LINKS.items()}
    on = (("net.ipv6.conf.all.forwarding", 1),)
    nodes = (
        node("a", interface("a0", "left", f"{SIX.a}/64", near["a0"]), routes=(default(SIX.ra, "a0"), LOOPBACK_6)),
        node("b", interface("b0", "right", f"{SIX.b}/64", near["b0"]), routes=(default(LINKS["rb"], "b0"),)),
        node("r", interface("ra", "left", f"{SIX.ra}/64", near["ra"]),
             interface("rb", "right", f"{SIX.rb}/64", near["rb"]), routes=(LOOPBACK_6,)),
    )  # fmt: skip
    made = tuple(replace(each, sysctls=on, filters=filters.get(each.name, Ruleset())) for each in nodes)
    return World("namespaces", (Network("left"), Network("right")), made)


def followed(world: World, probe: Probe) -> Path:
    service = None if probe.port is None else Service(probe.proto, probe.port, 5000)
    return path(world, probe.src, parse_address(probe.dst), service=service)


def with_rules(*rules: str) -> World:
    return row_world(r=Ruleset(*read_save(saved(*rules), "ip6")))


IPTABLES = [
    # The question for the next hop, or its answer, is dropped on the way; who was asked knows who asked.
    ((f"-A INPUT {ASKS} -j DROP",), FAR, False),
    ((f"-A INPUT {ASKS} -j DROP",), OUT, True),
    ((f"-A INPUT {ANSWERS} -j DROP",), NEAR, True),
    ((f"-A INPUT {ANSWERS} -j DROP",), HOME, False),
    ((f"-A OUTPUT {ASKS} -j DROP",), NEAR, True),
    ((f"-A OUTPUT {ASKS} -j DROP",), FAR, False),
    ((f"-A OUTPUT {ANSWERS} -j DROP",), NEAR, False),
    ((f"mangle: -A POSTROUTING -o rb {ASKS} -j DROP",), FAR, False),
    ((f"-A FORWARD {ASKS} -j DROP",), FAR, True),
    (("raw: -A PREROUTING -m pkttype --pkt-type multicast -j DROP",), NEAR, False),
    (("raw: -A PREROUTING -m pkttype --pkt-type multicast -j DROP",), HOME, True),
    # A router asks with its link-local address for what it passes on, with the packet's own for what it made.
    (("-A OUTPUT -s fe80::/10 -j DROP",), FAR, False),
    (("-A OUTPUT -s fe80::/10 -j DROP",), OUT, True),
    (("-A OUTPUT -d ff02::/16 -j DROP",), OUT, False),
    # Neither is ever tracked.
    (("-A INPUT -m conntrack --ctstate UNTRACKED -j DROP",), NEAR, False),
    (("-A INPUT -m conntrack --ctstate NEW,ESTABLISHED -j ACCEPT", "-A INPUT -j DROP"), NEAR, False),
    (("-A INPUT -m conntrack ! --ctstate INVALID -j ACCEPT", "-A INPUT -j DROP"), NEAR, True),
    (("-A INPUT -m hl --hl-eq 255 -j ACCEPT", "-A INPUT -p ipv6-icmp -m icmp6 --icmpv6-type echo-request -j ACCEPT",
      "-A INPUT -j DROP"), NEAR, True),
    # Unicast is all that is not multicast, and is asked together with the others.
    (("-A INPUT -m addrtype --dst-type UNICAST -j DROP",), NEAR, False),
    (("-A INPUT -p ipv6-icmp -m addrtype --dst-type UNICAST -j DROP",), Probe("a", SIX.ra, 80), True),
    (("-A INPUT -p udp -m addrtype --dst-type LOCAL,UNICAST -j DROP",), Probe("a", SIX.ra, 80), False),
    (("-A FORWARD -m addrtype --dst-type LOCAL,UNICAST -j DROP",), FAR, True),
    # Addresses that are put in place of others are of IPv6.
    (("nat: -A PREROUTING -p udp -j REDIRECT --to-ports 8053",), Probe("a", SIX.b, 80), True),
    (("nat: -A OUTPUT -p udp -j REDIRECT --to-ports 8053",), Probe("r", SIX.b, 80), True),
    # What came by loopback is tracked already, and stays so.
    (("raw: -A PREROUTING -p udp -j CT --notrack", "-A INPUT -m conntrack --ctstate UNTRACKED -j DROP"), OWN, True),
    # Where there is no entry, nothing that is asked of one is so, negated or not.
    (("raw: -A PREROUTING -p udp -j CT --notrack", "-A FORWARD -m conntrack ! --ctstatus CONFIRMED -j DROP"),
     Probe("a", SIX.b, 80), True),
]  # fmt: skip


@pytest.mark.parametrize(("rules", "probe", "works"), IPTABLES)
def test_a_rule_of_ip6tables_does_what_was_measured(rules: tuple[str, ...], probe: Probe, works: bool) -> None:
    assert followed(with_rules(*rules), probe).works is works


@pytest.fixture(scope="module")
def row() -> Iterator[Row]:
    able()
    made = Row(SIX)
    yield made
    made.close()


@pytest.mark.parametrize("number", range(len(IPTABLES)))
def test_the_kernel_does_that_with_ip6tables(row: Row, number: int) -> None:
    rules, probe, works = IPTABLES[number]
    row.load("r", saved(*rules))
    row.forget()
    assert row.reached({probe: works}, 20000 + number)[probe] is works


NFT = [
    # nft makes these conditions of a packet's family or protocol, and leaves them out of what it prints.
    ("ip6", "input", "reject with tcp reset", Probe("a", SIX.ra, 80), True),
    ("ip6", "input", "reject with tcp reset", Probe("a", SIX.ra, 80, 6), False),
    ("inet", "input", "reject with icmp type admin-prohibited", NEAR, True),
    ("inet", "input", "reject with icmpv6 type admin-prohibited", NEAR, False),
    ("inet", "prerouting nat", "dnat ip to 10.0.0.1", FAR, True),
    ("inet", "prerouting nat", f"dnat ip6 to {SIX.rb}", FAR, True),
    ("ip6", "input", "meta l4proto udp fib daddr type unicast drop", Probe("a", SIX.ra, 80), True),
    ("ip6", "input", "meta pkttype multicast drop", NEAR, False),
    ("inet", "output", "icmpv6 type nd-neighbor-advert drop", NEAR, False),
    ("inet", "input", "ct state untracked drop", NEAR, False),
    ("inet", "input", "ct status assured drop", Probe("a", SIX.ra, 80), True),
    # Made for a device, a question or its answer seems to come in by it at the end; what else a node makes does not.
    ("inet", "postrouting", 'iifname "ra" ct state untracked drop', NEAR, False),
    ("inet", "postrouting", 'iifname "ra" meta l4proto ipv6-icmp drop', HOME, False),
    ("inet", "postrouting", 'iifname "ra" icmpv6 type { echo-request, echo-reply } drop', NEAR, True),
    ("inet", "postrouting", "meta pkttype multicast drop", OUT, True),
    # Every name that nft has for a type.
    (
        "ip6",
        "input",
        "icmpv6 type { mld-listener-query, mld-listener-report, mld-listener-done, mld2-listener-report,"
        " nd-router-solicit, nd-router-advert, nd-redirect, router-renumbering, ind-neighbor-solicit, time-exceeded,"
        " ind-neighbor-advert, packet-too-big, parameter-problem, destination-unreachable, echo-reply } drop",
        NEAR,
        True,
    ),
    ("inet", "input", "icmpv6 type < nd-neighbor-solicit drop", NEAR, False),
    ("inet", "input", "icmpv6 code { port-unreachable, policy-fail, reject-route, admin-prohibited } drop", NEAR, True),
    ("inet", "input", "icmpv6 code no-route drop", NEAR, False),
    ("inet", "input", "ct state new,established accept; ct direction != original drop", NEAR, True),
]


def nft_text(family: str, hook: str, rules: str) -> str:
    name, _, kind = hook.partition(" ")
    base = f"type {kind or 'filter'} hook {name} priority {-100 if kind else 0};"
    return f"table {family} t {{\nchain c {{\n{base}\n{rules}\n}}\n}}\n"


@pytest.mark.parametrize("number", range(len(NFT)))
def test_a_rule_of_nft_does_with_ipv6_what_is_predicted(row: Row, number: int) -> None:
    *words, probe, works = NFT[number]
    row.load("r", "", nft_text(*words))
    row.forget()
    assert row.reached({probe: works}, 21000 + number)[probe] is works
    assert followed(row_world(r=row.ruleset("r")), probe).works is works


NAT = "chain {} {{ type nat hook prerouting priority {}; {}; }}"
FIRST, SECOND = f"dnat ip6 to {SIX.b}", "redirect"
TRANSLATING = [
    # To translate to what it was before is to translate too: no later chain is asked.
    ((NAT.format("one", -100, FIRST), NAT.format("two", -90, SECOND)), False),
    ((NAT.format("one", -90, FIRST), NAT.format("two", -100, SECOND)), True),
    # Translation has a place of its own, whatever the priority of its chains.
    ((NAT.format("one", -80, SECOND),
      f"chain f {{ type filter hook prerouting priority -95; ip6 daddr {SIX.b} udp dport 80 drop; }}"), True),
    # Of two with one priority the one that was made last is asked first, which nobody can tell from a listing.
    ((NAT.format("one", -100, FIRST), NAT.format("two", -100, SECOND)), True),
    ((NAT.format("one", -100, SECOND), NAT.format("two", -100, FIRST)), False),
    ((NAT.format("one", -100, FIRST), NAT.format("two", -100, FIRST)), False),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(TRANSLATING)))
def test_the_first_chain_that_translates_is_the_last_that_is_asked(row: Row, number: int) -> None:
    """What is translated to r is answered there, what is not is dropped on its way to b."""
    chains, works = TRANSLATING[number]
    forward = "chain g { type filter hook forward priority 0; udp dport 80 drop; }"
    row.load("r", "", "\n".join(("table inet t {", *chains, forward, "}", "")))
    row.forget()
    probe = Probe("a", SIX.b, 80)
    assert row.reached({probe: works}, 22000 + number)[probe] is works
    got = followed(row_world(r=row.ruleset("r")), probe)
    if number in (3, 4):
        assert got.works is None and "which is asked first, inet t one or inet t two" in got.verdict
    else:
        assert got.works is works


def test_the_codes_of_icmpv6_are_others_than_those_of_icmp() -> None:
    left = {"payload": {"protocol": "icmpv6", "field": "code"}}
    rule = {"match": {"op": "==", "left": left, "right": {"set": ["port-unreachable", "admin-prohibited"]}}}
    assert read_rule([rule]).matches == (Match("proto", ("58",)), Match("icmp6-code", ("4", "1")))


# --- what is said ---------------------------------------------------------------------------------------------------


def test_a_question_that_is_dropped_makes_the_next_hop_silent_and_its_rule_is_named() -> None:
    got = followed(with_rules(f"-A OUTPUT {ASKS} -j DROP"), FAR)
    rule = f"OUTPUT {ASKS} -j DROP"
    assert (got.forward.outcome, got.forward.node, got.forward.cause) == (Outcome.NEXT_HOP_SILENT, "r", rule)
    assert got.forward.reason == f"r must ask on the link who has {SIX.b}, and the question is lost: r drops it: {rule}"
    assert got.forward.assumptions[-1] == KNOWN_BEFORE
    got = followed(with_rules(f"-A OUTPUT {ANSWERS} -j DROP"), NEAR)
    assert (got.forward.outcome, got.forward.node) == (Outcome.NEXT_HOP_SILENT, "a")
    assert f"a must ask on the link who has {SIX.ra}, and the answer is lost: r drops it" in got.forward.reason
    assert KNOWN_BEFORE not in followed(with_rules(f"-A FORWARD {ASKS} -j DROP"), FAR).forward.assumptions


def test_a_reply_for_another_address_of_the_sender_is_no_answer_to_a_socket_that_has_one() -> None:
    """b takes a's packets for those of its other address, and its answers are not translated back (the judge found it).

    A ping's socket has no address of its own unless it was given one, and takes the reply.
    """
    rules = ("nat: -A INPUT -j SNAT --to-source fd00:71::2", "raw: -A OUTPUT -j CT --notrack")
    world = row_world(b=Ruleset(*read_save(saved(*rules), "ip6")))
    both = interface("a0", "left", f"{SIX.also}/64", f"{SIX.a}/64", f"{LINKS['a0']}/64")
    a = node("a", both, routes=(default(SIX.ra, "a0"), LOOPBACK_6), filters=Ruleset())
    world = replace(world, nodes=(a, *world.nodes[1:]))
    got = followed(world, Probe("a", SIX.b, 80))
    assert got.works is False and got.back is not None and got.back.outcome is Outcome.DELIVERED
    assert got.verdict == f"a reply comes back, but is no answer to what was asked: it is from {SIX.b} for {SIX.a}"
    assert followed(world, FAR).works is True
    assert path(world, "a", parse_address(SIX.b), source=parse_address(SIX.also)).works is False
    assert path(world, "a", parse_address(SIX.b), source=parse_address(SIX.a)).works is True


def test_a_question_that_may_be_dropped_leaves_it_open() -> None:
    got = followed(with_rules(f"-A INPUT {ASKS} -m recent --rcheck --name x -j DROP"), NEAR)
    assert (got.works, got.forward.outcome) == (None, Outcome.UNKNOWN)
    assert f"whether a learns who has {SIX.ra} is not known" in got.verdict and "--rcheck" in got.verdict


def test_a_masqueraded_packet_gets_the_source_for_where_it_goes_not_for_its_next_hop() -> None:
    """b's router has a link-local address; with that as its source no answer would come back."""
    rules = Ruleset(*read_save(saved("nat: -A POSTROUTING -j MASQUERADE"), "ip6"))
    got = path(row_world(b=rules), "b", parse_address(SIX.a))
    assert (got.works, str(got.forward.src)) == (True, SIX.b)


@pytest.mark.parametrize(
    ("rule", "switch", "works"),
    [
        (f"-A FORWARD {ASKS} -j DROP", 0, True),
        (f"-A FORWARD {ASKS} -j DROP", 1, False),
        (f"-A FORWARD -i br0 -o br0 {ANSWERS} -j DROP", 1, False),
        ("-A FORWARD -m conntrack --ctstate UNTRACKED -j DROP", 1, False),
        ("-A FORWARD -m physdev --physdev-is-bridged -m pkttype --pkt-type multicast -j DROP", 1, False),
        (f"-A INPUT {ASKS} -j DROP", 1, True),
        (f"-A FORWARD {ASKS} -j DROP", None, None),
    ],
)
def test_a_bridge_that_filters_its_frames_filters_the_questions_too(
    rule: str, switch: int | None, works: bool | None
) -> None:
    """Measured with br_netfilter (but for the last, which was not read)."""
    name = "net.bridge.bridge-nf-call-ip6tables"
    sysctls = (("net.ipv6.conf.all.forwarding", 1), *(((name, switch),) if switch is not None else ()))
    ends = (node(each, interface("eth0", "lan", f"fd01::{number}/64", f"fe80::{number}/64"))
            for each, number in (("a", 2), ("b", 3)))  # fmt: skip
    host = node("host", interface("br0", "lan", "fd01::1/64", "fe80::1/64"), kind="host", sysctls=sysctls,
                filters=Ruleset(*read_save(saved(rule), "ip6")))  # fmt: skip
    world = World("namespaces", (Network("lan", bridge="br0"),), (*ends, host))
    got = path(world, "a", parse_address("fd01::3"))
    assert got.works is works
    if works is False:
        assert got.forward.outcome is Outcome.NEXT_HOP_SILENT and f"since {name} is 1" in got.forward.reason
        assert SetSysctl("host", name, 0) in [each.change for each in remedies(Links(world), got)]
