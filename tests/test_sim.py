"""The simulator: the World that it holds, who is told of a change, and answers shaped as the real tools print them."""

from __future__ import annotations

import gzip
import itertools
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tui.core.addresses import parse_address, parse_prefix
from tui.core.reading.route_text import read_ip_route
from tui.core.reading.rules import read_rules
from tui.core.world import Interface, InterfaceAddress, NextHop, Node, Route, Rule, World, default_rules
from tui.engines.base import EngineError, Run
from tui.engines.sim import Simulator

HERE = Path(__file__).parent


def node(name: str = "web", **more: Any) -> Node:
    """A node with one address, its routes and table local as a kernel has them, and the rules that nobody touched."""
    own, dev = parse_address("10.0.0.5"), (NextHop("eth0"),)
    link = Interface(
        "eth0", 2, "02:42:0a:00:00:05", (InterfaceAddress(own, 24, broadcast=parse_address("10.0.0.255")),), mtu=1500
    )
    return Node(
        name,
        interfaces=(Interface("lo", 1, kind="loopback"), link),
        routes=(
            Route(parse_prefix("default"), nexthops=(NextHop("eth0", parse_address("10.0.0.1")),)),
            Route(parse_prefix("10.0.0.0/24"), nexthops=dev, protocol="kernel", scope="link", prefsrc=own),
            Route(parse_prefix("10.9.0.0/16"), "unreachable"),
            Route(parse_prefix("10.0.0.5"), "local", dev, "local", "kernel", "host", own),
            Route(parse_prefix("20.0.0.0/8"), nexthops=(NextHop("eth0", parse_address("10.0.0.2")),), table="100"),
        ),
        rules=(*default_rules(4), *default_rules(6)),
        sysctls=(("net.ipv4.conf.eth0/5.rp_filter", 2), ("net.ipv4.ip_forward", 1)),
        **more,
    )


@pytest.fixture
def engine() -> Iterator[Simulator]:
    with_two = Simulator(World("test", nodes=(node("web"), node("weaver", state="exited"))))
    yield with_two
    with_two.close()


def out(run: Run) -> tuple[list[str], int | None]:
    lines = list(run)
    return lines, run.code


def ask(engine: Simulator, command: str) -> tuple[list[str], int | None]:
    return out(engine.run("web", command.split()))


def test_the_snapshot_is_the_world(engine: Simulator) -> None:
    assert [each.name for each in engine.snapshot().nodes] == ["web", "weaver"]
    other = World("other")
    engine.replace(other)
    assert engine.snapshot(0.0) is other


def test_a_watcher_hears_of_replacements_since_its_call_and_ends_on_close(engine: Simulator) -> None:
    watcher = engine.watch()
    engine.replace(World("one"))
    engine.replace(World("two"))
    assert next(watcher) is None  # both at once: a watcher that was busy has one snapshot to take
    heard = []
    thread = threading.Thread(target=lambda: heard.extend(watcher))
    thread.start()
    engine.replace(World("three"))
    engine.close()
    thread.join(10)
    assert not thread.is_alive()
    assert len(heard) <= 1  # close may come before the third was heard of
    assert list(engine.watch()) == []
    engine.close()


def test_an_unknown_node_is_an_error_that_offers_names(engine: Simulator) -> None:
    with pytest.raises(EngineError, match=r"no node named 'wev'.*web"):
        engine.run("wev", ["ip", "route"])


def test_nothing_runs_in_a_stopped_node(engine: Simulator) -> None:
    with pytest.raises(EngineError, match="weaver is exited"):
        engine.run("weaver", ["ip", "route"])


def test_a_run_has_its_code_when_it_was_read_or_closed(engine: Simulator) -> None:
    run = engine.run("web", ["ip", "route"])
    assert run.code is None
    next(iter(run))
    run.close()
    run.close()
    assert (list(run), run.code) == ([], 0)


MAIN = [
    "default via 10.0.0.1 dev eth0",
    "10.0.0.0/24 dev eth0 proto kernel scope link src 10.0.0.5",
    "unreachable 10.9.0.0/16",
]


@pytest.mark.parametrize(
    "command", ["ip route", "ip r", "ip -4 ro show", "ip route list table main", "ip route ls table 254"]
)
def test_ip_route_in_every_spelling(engine: Simulator, command: str) -> None:
    assert ask(engine, command) == (MAIN, 0)


def test_a_listing_of_one_table_leaves_its_name_out_and_of_all_has_it(engine: Simulator) -> None:
    assert ask(engine, "ip route show table 100") == (["20.0.0.0/8 via 10.0.0.2 dev eth0"], 0)
    lines, _ = ask(engine, "ip route show table all")
    assert "20.0.0.0/8 via 10.0.0.2 dev eth0 table 100" in lines
    assert "local 10.0.0.5 dev eth0 table local proto kernel scope host src 10.0.0.5" in lines
    assert ask(engine, "ip -6 route") == ([], 0)


def test_ip_route_as_json(engine: Simulator) -> None:
    lines, code = ask(engine, "ip -j route")
    first = json.loads(lines[0])[0]
    assert (first["dst"], first["gateway"], first["dev"], code) == ("default", "10.0.0.1", "eth0", 0)


def test_ip_rule(engine: Simulator) -> None:
    lines, code = ask(engine, "ip rule")
    assert (lines, code) == (
        ["0:\tfrom all lookup local", "32766:\tfrom all lookup main", "32767:\tfrom all lookup default"],
        0,
    )
    assert [each["priority"] for each in json.loads(ask(engine, "ip -6 -j rule show")[0][0])] == [0, 32766]


def test_ip_addr(engine: Simulator) -> None:
    lines, code = ask(engine, "ip addr show dev eth0")
    assert code == 0
    assert lines[0].startswith("2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 ")
    assert lines[1] == "    link/ether 02:42:0a:00:00:05"
    assert lines[2] == "    inet 10.0.0.5/24 brd 10.0.0.255 scope global eth0"
    assert ask(engine, "ip addr show dev eth7") == (['Device "eth7" does not exist.'], 1)
    found = json.loads(ask(engine, "ip -j -4 addr")[0][0])
    assert found[1]["addr_info"][0]["local"] == "10.0.0.5"


def test_route_n_shows_the_main_table_in_columns(engine: Simulator) -> None:
    lines, code = ask(engine, "route -n")
    assert code == 0
    assert lines[0] == "Kernel IP routing table"
    assert lines[1].split() == ["Destination", "Gateway", "Genmask", "Flags", "Metric", "Ref", "Use", "Iface"]
    assert lines[2].split() == ["0.0.0.0", "10.0.0.1", "0.0.0.0", "UG", "0", "0", "0", "eth0"]
    assert len(lines) == 2 + 3


@pytest.mark.parametrize(
    ("command", "lines", "code"),
    [
        ("cat /proc/sys/net/ipv4/ip_forward", ["1"], 0),
        ("cat /proc/sys/net/ipv4/conf/eth0.5/rp_filter", ["2"], 0),
        ("cat /proc/sys/net/ipv4/nope", ["cat: /proc/sys/net/ipv4/nope: No such file or directory"], 1),
        ("sysctl net.ipv4.ip_forward", ["net.ipv4.ip_forward = 1"], 0),
        ("sysctl net/ipv4/conf/eth0.5/rp_filter", ["net.ipv4.conf.eth0/5.rp_filter = 2"], 0),
        (
            "sysctl net.ipv4.ip_forward net.nope",
            ["net.ipv4.ip_forward = 1", "sysctl: cannot stat /proc/sys/net/nope: No such file or directory"],
            1,
        ),
    ],
)
def test_settings(engine: Simulator, command: str, lines: list[str], code: int) -> None:
    assert ask(engine, command) == (lines, code)


@pytest.mark.parametrize(
    ("words", "lines", "code"),
    [
        ("8.8.8.8", ["8.8.8.8 via 10.0.0.1 dev eth0 src 10.0.0.5 uid 0 ", "    cache "], 0),
        ("10.0.0.9", ["10.0.0.9 dev eth0 src 10.0.0.5 uid 0 ", "    cache "], 0),
        ("10.0.0.5", ["local 10.0.0.5 dev lo src 10.0.0.5 uid 0 ", "    cache <local> "], 0),
        ("8.8.8.8 from 10.0.0.5", ["8.8.8.8 from 10.0.0.5 via 10.0.0.1 dev eth0 uid 0 ", "    cache "], 0),
        ("8.8.8.8 mark 23", ["8.8.8.8 via 10.0.0.1 dev eth0 src 10.0.0.5 mark 0x17 uid 0 ", "    cache "], 0),
        ("10.9.1.1", ["RTNETLINK answers: No route to host"], 2),
        ("fd00::1", ["RTNETLINK answers: Network is unreachable"], 2),
        ("8.8.8.8 oif eth9", ['Cannot find device "eth9"'], 1),
    ],
)
def test_ip_route_get(engine: Simulator, words: str, lines: list[str], code: int) -> None:
    assert ask(engine, f"ip route get {words}") == (lines, code)


def test_ip_route_get_names_table_local_once_a_rule_was_added() -> None:
    """Local and main are one trie until then (fib_trie_unmerge), and iproute2 prints only what the kernel tells."""
    sim = Simulator(World(nodes=(replace(node(), rules=(*default_rules(4), Rule(100, table="100"))),)))
    assert ask(sim, "ip route get 10.0.0.5")[0][0] == "local 10.0.0.5 dev lo table local src 10.0.0.5 uid 0 "
    assert ask(sim, "ip route get 20.1.1.1")[0][0] == "20.1.1.1 via 10.0.0.2 dev eth0 table 100 src 10.0.0.5 uid 0 "


def test_ip_route_get_of_a_bad_query_is_an_error_line(engine: Simulator) -> None:
    lines, code = ask(engine, "ip route get 1.2.3")
    assert code == 1 and lines[0].startswith("Error: ")


@pytest.mark.parametrize(
    "command",
    [
        "arping -c1 10.0.0.1", "ip", "ip link set eth0 up", "ip route add 1.0.0.0/8 via 10.0.0.1",
        "ip route flush cache",
        "ip -br addr", "cat /etc/passwd", "sysctl -w net.ipv4.ip_forward=0", "sysctl", "route add default", "",
    ],
)  # fmt: skip
def test_what_it_cannot_run_it_says_and_changes_nothing(engine: Simulator, command: str) -> None:
    before = engine.snapshot()
    lines, code = ask(engine, command)
    assert code == 127
    assert len(lines) == 1 and "simulator cannot run" in lines[0]
    assert engine.snapshot() is before


UNTOLD = ("redirect", "rt_offload_failed", "realms")
"""What the route alone does not tell: whether a redirect would be sent, a flag that multicast answers bear by chance,
and the realm of the way back."""


def kernel_answers() -> list[dict[str, Any]]:
    """The first states of the recorded kernels whose tables are complete as text (see tests/recordings)."""
    found = next(HERE.glob("worlds/cases*.jsonl.gz"))
    with gzip.open(found, "rt") as file:
        return [json.loads(line) for line in file]


def state_node(case: dict[str, Any]) -> Node:
    """A recorded machine state as a node."""
    flags = {each["name"]: each for each in case["links"]}
    routes = read_ip_route(case["routes_text"], family=case["family"]).routes
    rules = read_rules(case["rules_text"], case["family"]).rules
    links: dict[str, list[InterfaceAddress]] = {name: [] for name in flags}
    for each in case["addrs"]:
        brd = parse_address(each["broadcast"]) if each.get("broadcast") else None
        marks = tuple(mark for mark in ("secondary", "deprecated") if each.get(mark))
        links[each["dev"]].append(
            InterfaceAddress(parse_address(each["local"]), each["prefixlen"], each["scope"], brd, None, marks)
        )
    interfaces = tuple(
        Interface(
            name, flags[name]["ifindex"], "", tuple(own), up="UP" in flags[name]["flags"],
            carrier="LOWER_UP" in flags[name]["flags"],
        )
        for name, own in links.items()
    )  # fmt: skip
    sysctls = tuple(
        sorted(
            (f"net.ipv{case['family']}.conf.{dev}.{name}", value)
            for dev, values in case["sysctls"].items()
            if isinstance(values, dict)
            for name, value in values.items()
        )
    )
    return Node(
        "it", interfaces=interfaces, routes=routes, rules=rules, sysctls=sysctls, merged=not case["custom_rules"]
    )


def way(text: str) -> list[str]:
    """The gateway and the device of an answer."""
    words = text.split()
    return [after for word, after in itertools.pairwise(words) if word in ("via", "dev")]


def test_the_lines_of_ip_route_get_are_those_of_recorded_kernels() -> None:
    """Where the lookup agrees with the kernel about the way, the printed line does too, blank by blank."""
    same = compared = 0
    differing = []
    for case in kernel_answers():
        if case.get("hidden_routes"):
            continue
        sim = Simulator(World(nodes=(state_node(case),)))
        for query in case["queries"]:
            if (
                query.get("nondet")
                or query.get("note")
                or "text" not in query
                or set(UNTOLD) & set(re.split(r"[\s<>,]", query["text"]))
            ):
                continue
            lines, code = out(sim.run("it", ["ip", *query["q"].split()]))
            if code != 0 or way(lines[0]) != way(query["text"]):  # a hash of the flow may choose another leg
                continue
            compared += 1
            text = "\n".join(lines).rstrip()
            if text == query["text"].rstrip():
                same += 1
            else:
                differing.append((query["q"], text, query["text"]))
    assert compared > 1_500
    assert same == compared, differing[:5]
