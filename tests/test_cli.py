"""The command line: its contract of JSON and exit codes, its words, and one sentence for every mistake."""

from __future__ import annotations

import errno
import io
import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import tui.cli.files
from tui import __version__, cli
from tui.cli.arguments import parse
from tui.cli.choose import choose
from tui.core.addresses import parse_address, parse_prefix
from tui.core.saved import dumps, loads
from tui.core.world import (
    TOPICS,
    Interface,
    InterfaceAddress,
    Network,
    NextHop,
    Node,
    Route,
    Subnet,
    World,
    default_rules,
)
from tui.engines.base import EngineError
from tui.engines.sim import Simulator

ROOT = Path(__file__).parent.parent
LO = Interface("lo", 1, addresses=(InterfaceAddress(parse_address("127.0.0.1"), 8, "host"),), kind="loopback")


def plug(dev: str, address: str, network: str) -> Interface:
    own = parse_address(address)
    return Interface(dev, 2, "02:42:ac:00:00:02", (InterfaceAddress(own, 16),), network)


def node(name: str, *interfaces: Interface, via: str | None = None, **more: Any) -> Node:
    """A running node with its connected routes, table local, and a default route where `via` names a gateway."""
    routes = [Route(parse_prefix("default"), nexthops=(NextHop("eth0", parse_address(via)),))] if via else []
    for each in interfaces:
        own = each.addresses[0]
        hop = (NextHop(each.name),)
        routes.append(Route(own.prefix, nexthops=hop, protocol="kernel", scope="link", prefsrc=own.address))
        host = parse_prefix(str(own.address))
        routes.append(Route(host, "local", hop, "local", "kernel", "host", own.address))
    rules = (*default_rules(4), *default_rules(6))
    return Node(name, interfaces=(LO, *interfaces), routes=tuple(routes), rules=rules, **more)


ONE = node(
    "centos-net1", plug("eth0", "172.19.0.2", "net1"), via="172.19.0.1", id="aaaa11112222", image="centos",
    sysctls=(("net.ipv4.ip_forward", 0),),
)  # fmt: skip
TWO = node("centos-net2", plug("eth0", "172.20.0.2", "net2"), id="aaaa33334444")
ROUTER = node("centos-router", plug("eth0", "172.19.0.3", "net1"), plug("eth1", "172.20.0.3", "net2"), id="bbbb1111")
HOST = node("host", plug("br-1", "172.19.0.1", "net1"), plug("br-2", "172.20.0.1", "net2"), kind="host")
STOPPED = Node("[/foo]", state="exited", missing=TOPICS, problem="[/foo] is exited; start it to see its tables.")
SHARING = Node("sidecar", network_mode="container:centos-net1", shares="centos-net1")
NETWORKS = (
    Network(
        "net1", driver="bridge", subnets=(Subnet(parse_prefix("172.19.0.0/16"), parse_address("172.19.0.1")),),
        options=(("com.docker.network.bridge.name", "br-1"),),
    ),
    Network("net2", subnets=(Subnet(parse_prefix("172.20.0.0/16"), parse_address("172.20.0.1")),), internal=True),
)  # fmt: skip
WORLD = World("sim", NETWORKS, (ONE, TWO, ROUTER, STOPPED, SHARING, HOST))


class Said:
    """What a command answered."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Ask = Callable[..., Said]


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "world.json"
    path.write_text(dumps(WORLD), "utf-8")
    return path


@pytest.fixture
def bare(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Run the command line in this process. `stdin` is text or bytes."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")

    def ask(*argv: str, stdin: str | bytes = "") -> Said:
        data = stdin if isinstance(stdin, bytes) else stdin.encode()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), "utf-8"))
        code = cli.run(argv)
        said = capsys.readouterr()
        assert "Traceback" not in said.out + said.err
        return Said(code, said.out, said.err)

    return ask


@pytest.fixture
def ask(bare: Ask, saved: Path) -> Ask:
    """The same, looking at WORLD."""

    def look(*argv: str, stdin: str | bytes = "") -> Said:
        return bare(*argv, "--open", str(saved), stdin=stdin)

    return look


def process(*argv: str, **more: Any) -> subprocess.CompletedProcess[str]:
    """Run `python -m tui` as it is installed, with warnings as errors."""
    environment = {**os.environ, "PYTHONWARNINGS": "error", "DOCKER_HOST": "unix:///nowhere/docker.sock"}
    environment |= more.pop("env", {})
    command = [sys.executable, "-m", "tui", *argv]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, cwd=ROOT, env=environment, **more
    )


# Listings


def test_nodes_in_columns(ask: Ask) -> None:
    said = ask("nodes")
    lines = said.out.splitlines()
    assert said.code == 0 and said.err == ""
    assert lines[0].split() == ["NAME", "KIND", "STATE", "IMAGE", "ADDRESSES", "NOTE"]
    at = lines[0].index("ADDRESSES")
    assert lines[1][at:].rstrip() == "net1 172.19.0.2"
    assert lines[3][at:].rstrip() == "net1 172.19.0.3, net2 172.20.0.3"
    assert "those of centos-net1" in lines[5]
    assert "[/foo] is exited; start it to see its tables." in lines[4]


def test_nodes_as_json(ask: Ask) -> None:
    found = {each["name"]: each for each in ask("nodes", "--json").json}
    assert list(found["centos-net1"]) == [
        "name", "kind", "state", "image", "networks", "network_mode", "shares", "forwarding", "source", "problem",
        "missing", "id",
    ]  # fmt: skip
    assert found["centos-net1"]["networks"] == [
        {"network": "net1", "dev": "eth0", "address": "172.19.0.2", "prefixlen": 16, "mac": "02:42:ac:00:00:02"}
    ]
    assert [found[name]["forwarding"] for name in ("centos-net1", "centos-net2")] == [False, None]
    assert found["[/foo]"]["missing"] == list(TOPICS)
    assert found["sidecar"]["shares"] == "centos-net1"


def test_networks(ask: Ask) -> None:
    said = ask("networks")
    assert said.out.splitlines()[1].split()[:4] == ["net1", "bridge", "172.19.0.0/16", "172.19.0.1"]
    assert "internal" in said.out.splitlines()[2]
    first = ask("networks", "--json").json[0]
    assert list(first) == ["name", "driver", "scope", "subnets", "internal", "options", "containers"]
    assert first["subnets"] == [{"subnet": "172.19.0.0/16", "gateway": "172.19.0.1"}]
    assert first["options"] == {"com.docker.network.bridge.name": "br-1"}
    assert [each["name"] for each in first["containers"]] == ["centos-net1", "centos-router"]
    assert first["containers"][0] == {
        "name": "centos-net1", "address": "172.19.0.2", "prefixlen": 16, "mac": "02:42:ac:00:00:02",
    }  # fmt: skip


def test_routes_in_columns_say_what_they_mean(ask: Ask) -> None:
    lines = ask("routes", "centos-net1").out.splitlines()
    assert lines[0].split() == ["DESTINATION", "NEXT", "HOP", "DEV", "METRIC", "SRC", "SAYS"]
    assert lines[1].split(maxsplit=5) == ["default", "172.19.0.1", "eth0", "-", "-", "anything else, to the host"]
    assert lines[2].endswith("172.19.0.2  neighbours on net1")
    assert len(lines) == 3


def test_routes_of_all_tables_stand_in_blocks(ask: Ask) -> None:
    out = ask("routes", "centos-net1", "--table", "all").out
    assert "IPv4, table main\n" in out and "\n\nIPv4, table local\n" in out


def test_routes_as_json_are_those_of_ip(ask: Ask) -> None:
    main = ask("routes", "centos-net1", "--json").json
    assert [each["dst"] for each in main] == ["default", "172.19.0.0/16"]
    assert main[0]["gateway"] == "172.19.0.1" and main[0]["dev"] == "eth0"
    assert main[1]["prefsrc"] == "172.19.0.2" and main[1]["protocol"] == "kernel" and main[1]["scope"] == "link"
    every = ask("routes", "centos-net1", "--json", "--table", "all").json
    assert [each["table"] for each in every if each["dst"] == "172.19.0.2"] == ["local"]
    assert ask("routes", "centos-net1", "--json", "-6").json == []


def test_a_table_by_its_number_and_one_that_is_not_there(ask: Ask) -> None:
    assert ask("routes", "centos-net1", "--table", "254").out == ask("routes", "centos-net1").out
    assert ask("routes", "centos-net1", "--table", "77").out == "centos-net1 has no routes in table 77.\n"
    said = ask("routes", "centos-net1", "--table", "blue")
    assert (said.code, said.out) == (2, "")
    assert "no table named 'blue': it has local, main" in said.err


def test_a_table_that_was_not_read_is_no_empty_table(ask: Ask) -> None:
    said = ask("routes", "[/foo]")
    assert (said.code, said.out) == (3, "")
    assert "[/foo] is exited; start it to see its tables." in said.err


def test_only_what_was_asked_for_is_said_to_be_missing(bare: Ask, tmp_path: Path) -> None:
    path = tmp_path / "half.json"
    path.write_text(dumps(World(nodes=(replace(ONE, missing=("tables4", "tables6", "routes6")),))))
    assert "IPv6" in bare("routes", "centos-net1", "--open", str(path)).err
    assert bare("routes", "centos-net1", "-4", "--open", str(path)).err == ""
    said = bare("routes", "centos-net1", "-4", "--table", "all", "--open", str(path))
    assert said.code == 0 and "note: not read: its IPv4 tables other than main." in said.err


def test_a_node_that_shares_a_network_has_its_tables(ask: Ask) -> None:
    assert ask("routes", "sidecar").out == ask("routes", "centos-net1").out


# Lookups

DECISION = [
    "type", "dst", "gateway", "dev", "prefsrc", "table", "metric", "protocol", "scope", "flags", "nexthops", "sentence",
]  # fmt: skip


def test_lookup_as_json(ask: Ask) -> None:
    said = ask("lookup", "centos-net1", "172.20.0.2", "--json")
    assert said.code == 0
    assert list(said.json) == ["dst", "node", "query", "decision", "assumptions", "steps"]
    assert list(said.json["decision"]) == DECISION
    sentence = said.json["decision"].pop("sentence")
    assert said.json["decision"] | {"sentence": 0} == {
        "type": "unicast", "dst": "default", "gateway": "172.19.0.1", "dev": "eth0", "prefsrc": "172.19.0.2",
        "table": "main", "metric": None, "protocol": "boot", "scope": "global", "flags": [], "nexthops": [],
        "sentence": 0,
    }  # fmt: skip
    assert sentence == (
        "172.20.0.2 matches only the default route, so centos-net1 hands the packet to 172.19.0.1 (the host) on eth0, "
        "with source 172.19.0.2."
    )


def test_every_step_has_its_kind_and_a_sentence(ask: Ask) -> None:
    steps = ask("lookup", "centos-net1", "172.20.0.2", "--json").json["steps"]
    assert {each["step"] for each in steps} == {"rule", "candidate", "skipped", "table", "source"}
    assert all(each["says"].endswith(".") for each in steps)
    candidate = next(each for each in steps if each["step"] == "candidate" and each["dst"] == "172.19.0.0/16")
    assert (candidate["fate"], candidate["differs_at"], candidate["table"]) == ("no match", 14, "local+main")
    assert steps[-1]["prefsrc"] == "172.19.0.2"


def test_an_on_link_answer_has_no_gateway(ask: Ask) -> None:
    decision = ask("lookup", "centos-net1", "172.19.0.3", "--json").json["decision"]
    assert (decision["dst"], decision["gateway"], decision["dev"]) == ("172.19.0.0/16", None, "eth0")


def test_an_own_address_is_local(ask: Ask) -> None:
    decision = ask("lookup", "centos-net1", "172.19.0.2", "--json").json["decision"]
    assert (decision["type"], decision["dst"], decision["dev"], decision["table"]) == (
        "local", "172.19.0.2", "lo", "local",
    )  # fmt: skip


def test_no_way_is_a_negative_answer(ask: Ask) -> None:
    said = ask("lookup", "centos-net2", "172.19.0.2", "--json")
    assert said.code == 1
    decision = said.json["decision"]
    assert (decision["error"], decision["errno"]) == ("NO_ROUTE", "ENETUNREACH")
    assert "`ip route add 172.19.0.0/16 via 172.20.0.3 dev eth0`" in decision["sentence"]


def test_a_lookup_that_nobody_can_decide_is_no_answer(ask: Ask) -> None:
    said = ask("lookup", "[/foo]", "1.1.1.1")
    assert said.code == 3
    assert said.out.startswith("Nobody can say where [/foo] sends a packet to 1.1.1.1.")


def test_lookup_in_words(ask: Ask) -> None:
    said = ask("lookup", "centos-net1", "centos-net2")
    assert said.code == 0
    assert said.out.splitlines() == [
        "centos-net2 is 172.20.0.2 on net2.",
        "172.20.0.2 matches only the default route, so centos-net1 hands the packet to 172.19.0.1 (the host) on eth0, "
        "with source 172.19.0.2.",
        "  answer via 172.19.0.1 dev eth0 src 172.19.0.2",
        "  route  default via 172.19.0.1 dev eth0 (table main)",
        "  ask    ip route get 172.20.0.2",
    ]


def test_steps_come_before_the_answer_and_only_when_asked_for(ask: Ask) -> None:
    assert ask("lookup", "centos-net1", "8.8.8.8", "--steps").out.startswith("  1. Rule 0 (every packet) looks in")


def test_a_name_means_its_address_on_a_shared_network(ask: Ask) -> None:
    assert ask("lookup", "centos-net1", "centos-router", "--json").json["dst"] == "172.19.0.3"
    assert ask("lookup", "centos-net2", "centos-router", "--json").json["dst"] == "172.20.0.3"


def test_every_part_of_a_packet_reaches_the_query(ask: Ask) -> None:
    argv = ["--from", "172.19.0.9", "--iif", "eth0", "--mark", "0x10", "--tos", "8", "--ipproto", "tcp"]
    said = ask("lookup", "centos-router", "172.20.0.2", *argv, "--sport", "5", "--dport", "80", "--json").json
    assert said["query"] == ("172.20.0.2 from 172.19.0.9 iif eth0 mark 16 tos 0x8 ipproto tcp sport 5 dport 80")
    assert ask("lookup", "centos-router", "9.9.9.9", "--oif", "eth1", "--json").json["decision"]["dev"] == "eth1"


def test_a_node_by_the_beginning_of_its_id(ask: Ask) -> None:
    assert ask("lookup", "aaaa1111", "1.1.1.1", "--json").json["node"] == "centos-net1"
    said = ask("lookup", "aaaa", "1.1.1.1")
    assert said.code == 2 and "several nodes (centos-net1, centos-net2)" in said.err


def test_queries_from_standard_input(ask: Ask) -> None:
    said = ask("lookup", "centos-net1", "-", stdin="# a remark\n\n172.20.0.2\n8.8.8.8 from 172.19.0.2 mark 5\n")
    answers = [json.loads(line) for line in said.out.splitlines()]
    assert said.code == 0
    assert [each["query"] for each in answers] == ["172.20.0.2", "8.8.8.8 from 172.19.0.2 mark 5"]
    assert list(answers[0]) == ["dst", "node", "query", "decision", "assumptions"]
    assert list(answers[0]["decision"]) == DECISION
    with_steps = ask("lookup", "centos-net1", "-", "--steps", stdin="172.20.0.2\n").out
    assert json.loads(with_steps)["steps"][0]["step"] == "rule"


def test_a_bad_line_is_answered_on_its_line_and_the_rest_goes_on(ask: Ask) -> None:
    said = ask("lookup", "centos-net1", "-", stdin=b"1.2.3\n1.1.1.1 sideways\n\xff\xfe\n\x1b[2J1.1.1.1\n9.9.9.9\n")
    answers = [json.loads(line) for line in said.out.splitlines()]
    assert said.code == 2
    assert [set(each) == {"query", "error"} for each in answers] == [True, True, True, False, False]
    assert answers[0]["query"] == "1.2.3" and answers[0]["error"].startswith("'1.2.3' is no address")


def test_an_unreachable_address_among_many_is_no_mistake(ask: Ask) -> None:
    said = ask("lookup", "centos-net2", "-", stdin="9.9.9.9\n")
    assert said.code == 0 and json.loads(said.out)["decision"]["error"] == "NO_ROUTE"


# Mistakes: one sentence each, on standard error, and nothing on standard output

MISTAKES: list[tuple[list[str], str]] = [
    (["routes", "centos-net3"], "no node named 'centos-net3': did you mean centos-net"),
    (["routes", "zzz"], "no node named 'zzz': there is centos-net1, centos-net2"),
    (["routes"], "The following arguments are required: NODE"),
    (["lookup", "centos-net1"], "arguments are required: DST (`routetui lookup --help` shows how)."),
    (["lookup", "centos-net1", "1.2.3"], "'1.2.3' is no address: write four numbers"),
    (["lookup", "centos-net1", "centos-nat2"], "Nothing here is named 'centos-nat2': did you mean centos-net2"),
    (["lookup", "centos-net1", "[/foo]"], "[/foo] has no address that a packet could be sent to: it is exited."),
    (["lookup", "centos-net1", ""], "'' is no destination"),
    (["lookup", "centos-net1", "1.1.1.1", "--from", "fd00::1"], "must be of one family"),
    (["lookup", "centos-net1", "1.1.1.1", "--mark", "x"], "'x' is no mark: write a number from 0 to 4294967295."),
    (["lookup", "centos-net1", "1.1.1.1", "--oif", "a b"], "--oif needs one word, not 'a b'."),
    (["lookup", "centos-net1", "1.1.1.1", "--iif", "eth0"], "--iif needs --from"),
    (["lookup", "centos-net1", "-", "--from", "1.1.1.1"], "described on each line: leave --from out."),
    (["lookup", "centos-net1", "1.1.1.1", "--nope"], "nrecognized arguments: --nope"),
    (["fly"], "nvalid choice: 'fly'"),
    (["nodes", "--engine", "sim2"], "nvalid choice: 'sim2'"),
    (["nodes", "--engine", "docker"], "--open looks at a file, --engine docker at an engine: give one."),
    (["nodes", "-H", "tcp://1.2.3.4"], "--open looks at a file, -H at an engine: give one."),
    (["nodes", "--context", ""], "--open looks at a file, --context at an engine"),
    (["nodes", "-H", "a", "--context", "b"], "-H and --context both name an engine"),
    (["--json"], "--json needs a command"),
    (["completion", "csh"], "nvalid choice: 'csh'"),
]


@pytest.mark.parametrize(
    ("argv", "sentence"), MISTAKES, ids=lambda each: " ".join(each) if isinstance(each, list) else ""
)
def test_a_mistake_is_one_sentence(ask: Ask, argv: list[str], sentence: str) -> None:
    said = ask(*argv)
    assert (said.code, said.out) == (2, "")
    assert sentence in said.err
    assert said.err.startswith("routetui: ") and said.err.count("\n") == 1


def test_options_stand_before_or_after_the_command(bare: Ask, saved: Path) -> None:
    after = bare("routes", "centos-net1", "--open", str(saved), "--json")
    before = bare("--open", str(saved), "--json", "routes", "centos-net1")
    assert after.code == before.code == 0
    assert after.out == before.out != ""


def test_the_world_may_come_from_standard_input(bare: Ask) -> None:
    said = bare("lookup", "centos-net1", "172.20.0.2", "--open", "-", "--json", stdin=dumps(WORLD))
    assert said.json["decision"]["gateway"] == "172.19.0.1"


def test_two_readers_of_standard_input_are_refused(bare: Ask) -> None:
    said = bare("lookup", "centos-net1", "-", "--open", "-", stdin=dumps(WORLD))
    assert said.code == 2 and "both want standard input" in said.err


def test_no_engine_is_told_from_a_mistake(bare: Ask) -> None:
    said = bare("nodes")
    assert (said.code, said.out) == (3, "")
    assert said.err.startswith("routetui: ") and "/nowhere/docker.sock" in said.err
    assert "--open FILE looks at a file" in said.err


def test_the_simulated_lab_answers_when_it_is_asked_for(bare: Ask) -> None:
    said = bare("lookup", "centos-net1", "centos-net2", "--engine", "sim", "--json")
    assert said.code == 0 and said.json["decision"]["dst"] == "default"


def test_where_docker_is_away_the_screen_opens_on_a_lab_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the kernel where this machine allows it, else simulated; a script never gets it unasked."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    choice = choose(parse([]), fall_back=True)
    try:
        assert {"centos-net1", "centos-net2", "centos-router"} <= {each.name for each in choice.engine.snapshot().nodes}
        assert "/nowhere/docker.sock" in choice.note and "two-bridges" in choice.note
        assert choice.simulated is isinstance(choice.engine, Simulator)
        assert ("simulated" in choice.note) is choice.simulated
    finally:
        choice.engine.close()
    with pytest.raises(EngineError):
        choose(parse(["nodes"]), fall_back=False)
    with pytest.raises(EngineError):
        choose(parse(["--engine", "docker"]), fall_back=True)


# Files

COMPOSE = """\
services:
  web:
    image: busybox
    networks: [front]
networks:
  front:
    ipam: {config: [{subnet: 10.7.0.0/24}]}
"""
TRANSCRIPT = """\
root@r1:/# ip route
default via 10.0.0.1 dev eth0
10.0.0.0/24 dev eth0 proto kernel scope link src 10.0.0.2
root@r1:/# \x1b[31mip rule\x1b[0m
0:\tfrom all lookup local
32766:\tfrom all lookup main
32767:\tfrom all lookup default
"""
TABLE = "default via 10.0.0.1 dev eth0 \n10.0.0.0/24 dev eth0 proto kernel scope link src 10.0.0.2 \n"


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("world.json", dumps(WORLD), ("centos-net1", "172.19.0.1")),
        ("compose.yaml", COMPOSE, ("web", "10.7.0.1")),
        ("a-compose-file-by-another-name", COMPOSE, ("web", "10.7.0.1")),
        ("paste.txt", TRANSCRIPT, ("r1", "10.0.0.1")),
        ("bom.txt", "\ufeff" + TRANSCRIPT.replace("\n", "\r\n"), ("r1", "10.0.0.1")),
        ("table.txt", TABLE, ("pasted", "10.0.0.1")),
        ("ip-j", '[{"dst":"default","gateway":"10.0.0.1","dev":"eth0","flags":[]}]', ("pasted", "10.0.0.1")),
    ],
    ids=lambda each: each if isinstance(each, str) and len(each) < 40 else "",
)
def test_what_a_file_holds_is_seen_by_its_text(
    bare: Ask, tmp_path: Path, name: str, text: str, expected: tuple[str, str]
) -> None:
    node_name, gateway = expected
    path = tmp_path / name
    path.write_bytes(text.encode())
    nodes = [each["name"] for each in bare("nodes", "--json", "--open", str(path)).json]
    full = next(each for each in nodes if node_name in each)
    said = bare("lookup", full, "9.9.9.9", "--json", "--open", str(path))
    assert said.json["decision"]["gateway"] == gateway


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "is empty: it should hold"),
        (b" \n\n", "is empty: it should hold"),
        (b"\x7fELF\0\0\0", "is a binary file"),
        (b"default via \xe9\n", "is not UTF-8 text (byte 13)"),
        ("ip route\n".encode("utf-16"), "is UTF-16 text: save it as UTF-8."),
        (b'{"routetui": 1, "nodes": [{"name": 5}]}', "nodes[0].name: expected text, not 5."),
        (b'{"routetui": 99}', "saved by a newer routetui"),
        (b"{}", "This is no saved world"),
        (b'{"routetui": 1,', "The JSON is broken at line 1"),
        (b"services: [\n", "line "),
    ],
)
def test_a_file_that_cannot_be_read_is_one_sentence(bare: Ask, tmp_path: Path, data: bytes, sentence: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    said = bare("nodes", "--open", str(path))
    assert (said.code, said.out) == (2, "")
    assert sentence in said.err and said.err.count("\n") == 1
    assert bare("nodes", "--open", "-", stdin=data).err.startswith("routetui: standard input")


def test_no_file_a_directory_and_one_too_large(bare: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "nope cannot be read: No such file or directory." in bare("nodes", "--open", str(tmp_path / "nope")).err
    assert "is a directory" in bare("nodes", "--open", str(tmp_path)).err
    assert "cannot be read" in bare("nodes", "--open", "a\0b").err
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(tui.cli.files.LIMIT + 1)
    assert "is too large: routetui reads files of up to 256 MiB." in bare("nodes", "--open", str(path)).err
    monkeypatch.setattr(tui.cli.files, "LIMIT", 10)
    said = bare("nodes", "--open", "-", stdin=b"x" * 11)
    assert said.code == 2 and "standard input is too large" in said.err


def test_saving_and_opening_again(ask: Ask, bare: Ask, tmp_path: Path) -> None:
    path = tmp_path / "again.json"
    said = ask("save", str(path))
    assert (said.code, said.out) == (0, "")
    assert loads(path.read_text("utf-8")) == WORLD
    assert ask("save", "-").out == path.read_text("utf-8")
    before = path.stat().st_mode
    assert ask("save", str(path)).code == 0  # a saved world may be replaced
    assert path.stat().st_mode == before
    assert sorted(each.name for each in tmp_path.iterdir()) == ["again.json", "world.json"]


def test_saving_overwrites_nothing_else(ask: Ask, tmp_path: Path) -> None:
    path = tmp_path / "thesis.tex"
    path.write_text("years of work")
    said = ask("save", str(path))
    assert said.code == 2 and "exists and is no saved world: it stays as it is." in said.err
    assert path.read_text() == "years of work"
    assert "is a directory" in ask("save", str(tmp_path)).err
    assert "cannot be written: No such file or directory." in ask("save", str(tmp_path / "no" / "where")).err


def test_a_full_disk_leaves_the_old_file(ask: Ask, saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = saved.read_bytes()

    def full(_self: Path, _target: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "replace", full)
    said = ask("save", str(saved))
    assert said.code == 2 and "No space left on device" in said.err
    assert saved.read_bytes() == before
    assert [each.name for each in saved.parent.iterdir()] == [saved.name]


# Hostile text

HOSTILE = "a\x1b]0;owned\x07\x1b[2Jb\u202e\nc"


def test_hostile_names_are_shown_and_do_nothing(bare: Ask, tmp_path: Path) -> None:
    path = tmp_path / "hostile.json"
    hostile = replace(ONE, name=HOSTILE, image="[@click=app.quit]x[/]", problem="\x1b[31mred\rgone")
    path.write_text(json.dumps({"routetui": 1, "nodes": json.loads(dumps(World(nodes=(hostile,))))["nodes"]}))
    for argv in (["nodes"], ["nodes", "--json"], ["networks"], ["save", "-"], ["routes", "nope"], ["routes", "ab\nc"]):
        said = bare(*argv, "--open", str(path))
        for each in ("\x1b", "\x07", "\r", "\u202e"):
            assert each not in said.out + said.err
    lines = bare("nodes", "--open", str(path)).out.splitlines()
    assert len(lines) == 2 and lines[1].startswith("ab c ") and "[@click=app.quit]x[/]" in lines[1]
    assert bare("lookup", "\x1b[2J\n", "1.1.1.1", "--open", str(path)).err.count("\n") == 1


# The process: output that nobody reads, colours, interrupts, bugs


def test_version_and_help() -> None:
    for argv in (["--version"], ["nodes", "--version"]):
        said = process(*argv)
        assert said.returncode == (0 if argv == ["--version"] else 2)
    assert process("--version").stdout == f"routetui {__version__}\n"
    said = process("--help")
    assert said.returncode == 0 and "examples:" in said.stdout and "exit codes:" in said.stdout
    for command in ("nodes", "networks", "routes", "lookup", "save", "completion"):
        assert command in said.stdout
        assert process(command, "--help").returncode == 0
    assert "_complete" not in said.stdout


def test_without_a_terminal_the_screen_does_not_open() -> None:
    said = process(stdin=subprocess.DEVNULL)
    assert (said.returncode, said.stdout) == (2, "")
    assert said.stderr.startswith("routetui: The screen needs a terminal") and said.stderr.count("\n") == 1


def test_piped_output_is_plain_and_a_terminal_gets_bold_unless_told_not_to(saved: Path) -> None:
    argv = ["nodes", "--open", str(saved)]
    assert "\x1b" not in process(*argv).stdout

    def on_terminal(**environment: str) -> str:
        ours, theirs = pty.openpty()
        command = [sys.executable, "-m", "tui", *argv]
        clean = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
        with subprocess.Popen(
            command, stdout=theirs, stdin=theirs, cwd=ROOT, env={**clean, "TERM": "xterm", **environment}
        ) as running:
            os.close(theirs)
            said = b""
            while True:
                try:
                    piece = os.read(ours, 65536)
                except OSError:  # EIO: the other end is closed
                    break
                if not piece:
                    break
                said += piece
            assert running.wait(60) == 0
        os.close(ours)
        return said.decode()

    assert on_terminal().startswith("\x1b[1mNAME")
    assert "\x1b" not in on_terminal(NO_COLOR="1")
    assert "\x1b" not in on_terminal(TERM="dumb")


def test_a_reader_that_goes_away_is_no_trouble(saved: Path) -> None:
    """The pipe is closed before anything is written: quiet, and the exit code of a process that SIGPIPE ends."""
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "tui", "save", "-", "--open", str(saved)]
    said = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, cwd=ROOT, timeout=60, check=False)
    os.close(writing)
    assert (said.returncode, said.stderr) == (141, "")


def test_an_interrupt_is_quiet(saved: Path) -> None:
    """It waits for queries; Ctrl-C ends it without a word, after the answers so far."""
    command = [sys.executable, "-m", "tui", "lookup", "centos-net1", "-", "--open", str(saved)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    ) as running:
        assert running.stdin and running.stdout and running.stderr
        running.stdin.write("172.20.0.2\n")
        running.stdin.flush()
        assert json.loads(running.stdout.readline())["dst"] == "172.20.0.2"  # each answer comes at once
        running.send_signal(signal.SIGINT)
        assert running.wait(60) == 130
        assert running.stderr.read() == ""


def test_a_bug_is_shown_as_one(ask: Ask, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def broken(_options: object) -> int:
        raise KeyError("no\x1bsuch")

    monkeypatch.setitem(cli._COMMANDS, "nodes", broken)
    said = ask("nodes")
    assert said.code == 70
    assert said.err.startswith("routetui: This is a bug in routetui, not your mistake (KeyError: ")
    assert "\x1b" not in said.err
    monkeypatch.setenv("ROUTETUI_DEBUG", "1")
    assert cli.run(["nodes"]) == 70
    assert "Traceback" in capsys.readouterr().err


def test_a_terminal_without_unicode_gets_escapes(tmp_path: Path) -> None:
    path = tmp_path / "world.json"
    path.write_text(dumps(World(nodes=(Node("café-日本"),))), "utf-8")
    said = process("nodes", "--open", str(path), env={"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"})
    assert said.returncode == 0 and "caf\\xe9" in said.stdout


@pytest.mark.parametrize("argv", [["lookup", "centos-net1", "172.20.0.2"], ["routes", "centos-net1"], ["nodes"]])
def test_answers_from_a_file_load_neither_textual_nor_docker(saved: Path, argv: list[str]) -> None:
    program = (
        "import sys; from tui.cli import run; run(sys.argv[1:]);"
        "print(sorted({'textual', 'rich', 'docker', 'yaml', 'asyncio'} & set(sys.modules)), file=sys.stderr)"
    )
    command = [sys.executable, "-c", program, *argv, "--open", str(saved)]
    said = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60, check=True)
    assert said.stderr.splitlines()[-1] == "[]"


# Large


def test_a_table_of_200_000_routes_and_6_000_queries(bare: Ask, tmp_path: Path) -> None:
    path = tmp_path / "big.txt"
    lines = ["root@big:/# ip route", "default via 10.0.0.1 dev eth0", "10.0.0.0/24 dev eth0 scope link src 10.0.0.2"]
    lines += [
        f"{11 + n // 65536}.{n // 256 % 256}.{n % 256}.0/24 via 10.0.0.{3 + n % 200} dev eth0 proto bgp metric 20"
        for n in range(200_000)
    ]
    path.write_text("\n".join(lines))
    numbers = range(0, 200_000, 35)
    queries = "".join(f"{11 + n // 65536}.{n // 256 % 256}.{n % 256}.7\n" for n in numbers) + "203.0.113.1\n" * 300
    said = bare("lookup", "big", "-", "--open", str(path), stdin=queries)
    answers = [json.loads(line)["decision"] for line in said.out.splitlines()]
    assert said.code == 0 and len(answers) >= 6_000
    assert [each["gateway"] for each in answers[: len(numbers)]] == [f"10.0.0.{3 + n % 200}" for n in numbers]
    assert {each["gateway"] for each in answers[len(numbers) :]} == {"10.0.0.1"}


# Completion


def bash(script: str, saved: Path, folder: Path) -> list[str]:
    """Source the script in a bash that knows nothing else, and print what it completes."""
    command = folder / "routetui"
    command.write_text(f'#!/bin/sh\ncd "{ROOT}" && exec "{sys.executable}" -m tui "$@"\n')
    command.chmod(0o755)
    program = f'source <("$0" completion bash); {script}; printf "%s\\n" "${{COMPREPLY[@]}}"'
    said = subprocess.run(
        ["bash", "--norc", "--noprofile", "-c", program, str(command)],
        capture_output=True, text=True, check=True, timeout=60,
        env={"PATH": f"{folder}:/usr/bin:/bin", "WORLD": str(saved), "DOCKER_HOST": "unix:///nowhere/docker.sock"},
    )  # fmt: skip
    assert said.stderr == ""
    return said.stdout.split("\n")[:-1]


def typed(*words: str) -> str:
    """The state in which bash calls a completion function, and the call."""
    listed = " ".join(f'"{word}"' for word in ("routetui", *words))
    return f'COMP_WORDS=({listed}); COMP_CWORD={len(words)}; _routetui routetui "{words[-1]}" "x"'


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["lo"], ["lookup"]),
        (["n"], ["nodes", "networks"]),
        (["--open", "$WORLD", "routes", "centos-"], ["centos-net1", "centos-net2", "centos-router"]),
        (["--open", "$WORLD", "lookup", "centos-net1", "centos-r"], ["centos-router"]),
        (["--open", "$WORLD", "lookup", "host", "1.1.1.1", "--oif", "br"], ["br-1", "br-2"]),
        (["--open", "$WORLD", "lookup", "centos-net1", "1.1.1.1", "--from", "172"], ["172.19.0.2"]),
        (["--open", "$WORLD", "routes", "centos-net1", "--table", ""], ["all", "local", "main"]),
        (["--open", "$WORLD", "routes", "["], ["'[/foo]'"]),
        (["--engine", ""], ["docker", "kernel", "sim"]),
        (["completion", ""], ["bash", "zsh", "fish"]),
        (["lookup", "--st"], ["--steps"]),
        (["routes", "x"], []),  # no engine: nothing to offer, and no noise
        (["--open", "-", "routes", "x"], []),
        (["--open", "/nope", "routes", "x"], []),
    ],
)
def test_bash_completes(saved: Path, tmp_path: Path, words: list[str], found: list[str]) -> None:
    assert bash(typed(*words), saved, tmp_path) == (found or [""])


def test_bash_completes_files(saved: Path, tmp_path: Path) -> None:
    assert bash(typed("save", f"{tmp_path}/wor"), saved, tmp_path) == [str(saved)]
    assert bash(typed("nodes", "--open", f"{tmp_path}/wor"), saved, tmp_path) == [str(saved)]


def test_a_name_that_is_a_command_is_never_run_by_completion(tmp_path: Path) -> None:
    path, mark = tmp_path / "evil.json", tmp_path / "ran"
    path.write_text(dumps(World(nodes=(Node(f"$(touch {mark})"), Node(f"`touch {mark}`")))), "utf-8")
    offered = bash(typed("--open", "$WORLD", "routes", ""), path, tmp_path)
    assert offered == [f"'$(touch {mark})'", f"'`touch {mark}`'"]
    assert not mark.exists()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_are_printed(bare: Ask, shell: str) -> None:
    said = bare("completion", shell)
    assert said.code == 0 and "_complete" in said.out
    if shell == "bash":
        checked = subprocess.run(["bash", "-n"], input=said.out, text=True, capture_output=True, check=False)
        assert (checked.returncode, checked.stderr) == (0, "")
