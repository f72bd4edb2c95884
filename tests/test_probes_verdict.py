"""What probes are predicted to see, what the simulator says, and the verdict on what was seen, in words and causes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from topologies import topologies

from tui import labs
from tui.core.addresses import parse_address
from tui.core.firewall.iptables import read_save
from tui.core.firewall.values import Ruleset
from tui.core.labs.layout import world as lab_world
from tui.core.probes import Ping, TcpConnect, Traceroute, wording
from tui.core.probes.as_json import probe_json, result_json, verdict_json
from tui.core.probes.dialects import Dialect
from tui.core.probes.prediction import hops_of, links_of, predict
from tui.core.probes.reading import read
from tui.core.probes.results import Connection, ConnectResult, Fault, PingResult, TraceHop
from tui.core.probes.verdict import against, beside
from tui.core.world import World
from tui.engines.sim import Simulator
from tui.probing import Probes

NET2 = parse_address("172.20.0.2")
ROUTER = parse_address("172.19.0.3")


def lab(name: str) -> World:
    return lab_world(labs.load(name))


def pinged(*lines: str, probe: Ping | None = None, dialect: Dialect | None = None) -> PingResult:
    result = read(probe or Ping(NET2), lines, dialect, code=1)
    assert isinstance(result, PingResult)
    return result


SILENT = ("2 packets transmitted, 0 received, 100% packet loss, time 1ms",)
ANSWERED = ("64 bytes from {}: icmp_seq=1 ttl={} time=1.0 ms", "1 packets transmitted, 1 received, 0% packet loss")


# --- the simulator answers, and is right by construction ---


@pytest.mark.parametrize("name", labs.names())
def test_in_the_simulator_every_probe_agrees(name: str) -> None:
    world = lab(name)
    engine = Simulator(world)
    probes = Probes(engine)
    first = world.nodes[0]
    others = [list(each.addresses())[-1][1].address for each in world.nodes[1:]]
    for target in others:
        if target.version != 4 or target.is_loopback:
            continue
        for probe in (Ping(target, 2), Ping(target, 1, ttl=1), Traceroute(target, max_hops=9), TcpConnect(target, 80)):
            running = probes.start(world, first.name, probe)
            list(running)
            assert running.how == "in the simulator"
            verdict = against(world, first.name, probe, running.result)
            assert verdict.agrees is True, (target, probe, verdict, running.result)
            assert running.result.lost_lines == 0


_CONNECT = "nc: connect to {} port 80 (tcp) {}"
SIMULATED = [
    ("two-bridges", "ping -n -c 2 centos-router", 0, "64 bytes from 172.19.0.3: icmp_seq=2 ttl=64 time=0.000 ms"),
    ("two-bridges", "ping -O -c 2 172.20.0.2", 1, "2 packets transmitted, 0 received, 100% packet loss, time 1000ms"),
    ("two-bridges", "ping -c 1 10.9.9.9", 1, "From 172.19.0.1 icmp_seq=1 Destination Net Unreachable"),
    ("two-bridges", "ping -c 1 172.19.0.99", 1, "From 172.19.0.2 icmp_seq=1 Destination Host Unreachable"),
    ("two-bridges", "ping -c 0 172.19.0.3", 2, "ping: The count must be from 1 to 10000, not 0."),
    ("two-bridges", "ping -c x 172.19.0.3", 2, "ping: an option needs a number."),
    ("two-bridges", "ping -Z 172.19.0.3", 2, "ping: the simulator knows no such option: option -Z not recognized."),
    ("two-bridges", "traceroute -n -m 3 172.20.0.2", 0, " 1  172.19.0.1  0.000 ms  0.000 ms  0.000 ms"),
    ("two-bridges", "traceroute -n -m 3 172.20.0.2", 0, " 3  * * *"),
    ("three-in-a-row", "traceroute -n bob", 0, " 3  10.77.3.2  0.000 ms  0.000 ms  0.000 ms"),
    ("three-in-a-row", "ping -c 1 -t 2 bob", 1, "From 10.77.2.4 icmp_seq=1 Time to live exceeded"),
    ("two-bridges", "nc -z -w 2 172.19.0.3 80", 1, _CONNECT.format("172.19.0.3", "failed: Connection refused")),
    ("two-bridges", "nc -z 172.20.0.2 80", 1, _CONNECT.format("172.20.0.2", "timed out: Operation now in progress")),
]  # fmt: skip


@pytest.mark.parametrize(("name", "command", "code", "line"), SIMULATED, ids=[each[1] for each in SIMULATED])
def test_the_simulator_prints_what_the_programs_print(name: str, command: str, code: int, line: str) -> None:
    world = lab(name)
    run = Simulator(world).run(world.nodes[0].name, command.split())
    lines = list(run)
    assert line in lines
    assert run.code == code
    assert run.how == "in the simulator"


def test_a_loop_is_traced_round_and_round() -> None:
    world = lab("routing-loop")
    run = Simulator(world).run("alice", ("traceroute", "-n", "-m", "8", "10.77.9.9"))
    hops = [line.split()[1] for line in list(run)[1:]]
    assert len(hops) == 8
    assert len(set(hops)) == 2
    assert hops[2:4] == hops[4:6] == hops[6:8]


# --- the verdict ---


def test_what_was_predicted_and_seen_agrees() -> None:
    world = lab("two-bridges")
    verdict = against(world, "centos-net1", Ping(NET2), pinged(*SILENT))
    assert (verdict.agrees, verdict.predicted, verdict.causes) == (True, "silence", ())
    near = Ping(ROUTER)
    verdict = against(world, "centos-net1", near, pinged(*(each.format(ROUTER, 64) for each in ANSWERED), probe=near))
    assert verdict.agrees is True
    assert "ttl 64" in verdict.sentence


def test_an_answer_that_nobody_expected_has_causes_in_order() -> None:
    verdict = against(lab("two-bridges"), "centos-net1", Ping(NET2), pinged(*(s.format(NET2, 63) for s in ANSWERED)))
    assert verdict.agrees is False
    assert verdict.sentence == "Differs: predicted silence, seen an answer with ttl 63."
    assert "read them again" in verdict.causes[0]
    assert any("a model" in each for each in verdict.causes)
    assert "proxy ARP" in verdict.causes[-1]


def test_silence_where_an_answer_was_expected_has_causes_in_order() -> None:
    probe = Ping(ROUTER)
    verdict = against(lab("two-bridges"), "centos-net1", probe, pinged(*SILENT, probe=probe))
    assert verdict.agrees is False
    words = ("read them again", "A firewall in centos-net1 or centos-router", "icmp_echo_ignore_all", "bridge-nf-call")
    assert [word for cause in verdict.causes for word in words if word in cause] == list(words)


def test_another_ttl_is_a_difference() -> None:
    probe = Ping(ROUTER)
    verdict = against(
        lab("two-bridges"), "centos-net1", probe, pinged(*(s.format(ROUTER, 61) for s in ANSWERED), probe=probe)
    )
    assert verdict.agrees is False
    assert "another way" in verdict.causes[-1]


def test_a_tool_that_tells_no_errors_is_not_blamed() -> None:
    world, probe = lab("two-bridges"), Ping(parse_address("10.9.9.9"))
    assert against(world, "centos-net1", probe, pinged(*SILENT, probe=probe)).agrees is False
    deaf = against(world, "centos-net1", probe, pinged(*SILENT, probe=probe, dialect=Dialect.BUSYBOX))
    assert deaf.agrees is True
    assert "tells of no errors" in deaf.sentence


def test_an_error_that_takes_three_seconds_is_not_missed_by_a_shorter_probe() -> None:
    world, nobody = lab("two-bridges"), parse_address("172.19.0.99")
    short, long = Ping(nobody, 1, wait=2), Ping(nobody, 5)
    assert against(world, "centos-net1", short, pinged(*SILENT, probe=short)).agrees is True
    assert against(world, "centos-net1", long, pinged(*SILENT, probe=long)).agrees is False


def test_a_ping_from_a_given_source_does_not_tell_that_its_own_kernel_refuses() -> None:
    world = lab("two-bridges")
    nodes = (replace(each, routes=each.routes[1:]) if each.name == "centos-net1" else each for each in world.nodes)
    world = replace(world, nodes=tuple(nodes))
    assert world.nodes[0].routes[0].dst.length, "the default route is gone"
    given = Ping(NET2, source=parse_address("172.19.0.2"))
    silent = pinged(*SILENT, probe=given)
    verdict = against(world, "centos-net1", given, silent)
    assert verdict.agrees is True
    assert "does not tell of it where its source is given" in verdict.sentence
    assert against(world, "centos-net1", Ping(NET2), silent).agrees is False, "without one it does"


def test_losses_among_answers_are_said() -> None:
    probe = Ping(ROUTER)
    lines = ("64 bytes from 172.19.0.3: icmp_seq=1 ttl=64 time=1.0 ms", "3 packets transmitted, 1 received, 66% loss")
    verdict = against(lab("two-bridges"), "centos-net1", probe, pinged(*lines, probe=probe))
    assert verdict.agrees is True
    assert "2 of 3 had no answer" in verdict.sentence


def test_where_nothing_can_be_predicted_that_is_the_verdict() -> None:
    bound = Ping(parse_address("172.19.0.2"), dev="eth1")
    verdict = against(lab("two-bridges"), "centos-router", bound, pinged(*SILENT, probe=bound))
    assert verdict.agrees is None
    assert verdict.sentence.endswith("could not be predicted: a packet that is bound to eth1 is looked up otherwise.")


@pytest.mark.parametrize("text", ["There is no ping in web.", "socket: Operation not permitted"])
def test_a_probe_that_was_never_sent_says_nothing_of_the_network(text: str) -> None:
    line = text if text.startswith("There") else f"ping: {text}"
    verdict = against(lab("two-bridges"), "centos-net1", Ping(NET2), pinged(line))
    assert verdict.agrees is None
    assert "could not be made" in verdict.sentence


TRACE = ("traceroute to 172.20.0.2 (172.20.0.2), 30 hops max", " 1  172.19.0.1  0.1 ms", " 2  * * *", " 3  * * *")


@pytest.mark.parametrize(
    ("lines", "agrees", "word"),
    [
        (TRACE, True, "predicted"),
        (TRACE[:2], True, "as far as it goes"),
        ((TRACE[0], " 1  172.19.0.3  0.1 ms", TRACE[2]), False, "ttl 1"),
        ((TRACE[0], " 1  * * *", TRACE[2]), False, "ttl 1"),
        ((*TRACE[:2], " 2  172.20.0.2  0.1 ms"), False, "ttl 2"),
        ((TRACE[0], " 1  172.19.0.1  0.1 ms !N"), False, "ttl 1"),
        ((TRACE[0], "connect: Network is unreachable"), False, "no route here"),
    ],
)
def test_hops_beside_the_predicted(lines: tuple[str, ...], agrees: bool, word: str) -> None:
    probe = Traceroute(NET2)
    verdict = against(lab("two-bridges"), "centos-net1", probe, read(probe, lines))
    assert verdict.agrees is agrees
    assert word in verdict.sentence
    assert bool(verdict.causes) is not agrees


def test_hops_are_set_side_by_side_while_they_come() -> None:
    from tui.core.path.symptoms import traceroute

    world, probe = lab("three-in-a-row"), Traceroute(parse_address("10.77.3.2"))
    lines = traceroute(world, "alice", probe.target)
    result = read(probe, [" 1  10.77.1.3  0.1 ms  0.1 ms *", " 2  10.77.9.9  0.1 ms"])
    rows = beside(lines, result)
    assert [(row.ttl, row.agrees) for row in rows] == [(1, True), (2, False), (3, None)]
    assert rows[2].predicted is not None
    assert str(rows[2].predicted) == "10.77.3.2"


def test_stars_before_a_target_that_answers_are_no_difference() -> None:
    world, probe = lab("three-in-a-row"), Traceroute(parse_address("10.77.3.2"))
    lines = [" 1  10.77.1.3  0.1 ms", " 2  * * *", " 3  10.77.3.2  0.1 ms"]
    verdict = against(world, "alice", probe, read(probe, lines))
    assert verdict.agrees is True
    assert "stars at ttl 2" in verdict.sentence


@pytest.mark.parametrize(
    ("target", "state", "agrees"),
    [
        ("172.19.0.3", Connection.REFUSED, True),
        ("172.19.0.3", Connection.CONNECTED, True),
        ("172.19.0.3", Connection.TIMED_OUT, False),
        ("172.20.0.2", Connection.TIMED_OUT, True),
        ("172.20.0.2", Connection.REFUSED, False),
        ("10.9.9.9", Connection.UNREACHABLE, True),
        ("172.19.0.99", Connection.UNREACHABLE, True),
        ("172.19.0.99", Connection.TIMED_OUT, True),
        ("172.19.0.3", Connection.UNKNOWN, None),
    ],
)
def test_a_connect_held_against_the_path(target: str, state: Connection, agrees: bool | None) -> None:
    probe = TcpConnect(parse_address(target), 80)
    assert against(lab("two-bridges"), "centos-net1", probe, ConnectResult(state)).agrees is agrees


FILTERS = [
    ("-A INPUT -p tcp -m tcp --dport 80 -j DROP", "*", "172.19.0.3", "172.19.0.3", Connection.TIMED_OUT),
    ("-A INPUT -p udp -j DROP", "172.19.0.3", "*", "172.19.0.3", Connection.REFUSED),
    ("-A INPUT -p icmp -j DROP", "172.19.0.3", "172.19.0.3", "*", Connection.REFUSED),
    ("-A OUTPUT -p tcp -m tcp --sport 80 -j DROP", "*", "172.19.0.3", "172.19.0.3", Connection.TIMED_OUT),
    ("-A INPUT -p tcp -j REJECT --reject-with tcp-reset", "172.19.0.3", "172.19.0.3", "172.19.0.3", Connection.REFUSED),
    ("-A INPUT -p tcp -m tcp --dport 443 -j DROP", "172.19.0.3", "172.19.0.3", "172.19.0.3", Connection.CONNECTED),
]
"""A rule on the router, what a traceroute by TCP, UDP and ICMP sees of it, and how a connect to port 80 ends."""


@pytest.mark.parametrize(("rule", "tcp", "udp", "icmp", "state"), FILTERS, ids=[each[0] for each in FILTERS])
def test_each_probe_is_held_against_the_way_of_its_own_packets(
    rule: str, tcp: str, udp: str, icmp: str, state: Connection
) -> None:
    rules = Ruleset(*read_save("\n".join(("*filter", ":INPUT ACCEPT", ":OUTPUT ACCEPT", rule, "COMMIT")), "ip"))
    world = lab("two-bridges")
    nodes = tuple(replace(each, filters=rules if each.name == "centos-router" else None) for each in world.nodes)
    links = links_of(replace(world, nodes=nodes))
    for proto, sees in (("tcp", tcp), ("udp", udp), ("icmp", icmp)):
        probe = Traceroute(ROUTER, proto)
        hops = hops_of(links, "centos-net1", probe, predict(links, "centos-net1", probe))
        assert {str(each) for each in hops} == {sees}, proto
    connect = TcpConnect(ROUTER, 80)
    assert against(links, "centos-net1", connect, ConnectResult(state)).agrees is True
    other = Connection.TIMED_OUT if state is not Connection.TIMED_OUT else Connection.REFUSED
    assert against(links, "centos-net1", connect, ConnectResult(other)).agrees is False


# --- against the kernel ---

MEASURED = [(f"{record['kind']}-{record['tid']}", world, record) for world, record in topologies()]


@pytest.mark.parametrize(("world", "record"), [each[1:] for each in MEASURED], ids=[each[0] for each in MEASURED])
def test_what_a_kernel_did_is_read_and_agrees(world: World, record: dict[str, Any]) -> None:
    """Every ping and traceroute of the measured topologies, from its text to the verdict."""
    links = links_of(world)
    for pair in record["pairs"]:
        for prefix, sender in (("", "src"), ("r", "dst_node")):
            if f"{prefix}ping" not in pair or pair.get("redirected") or pair[f"{prefix}ping"]["redirect"]:
                continue
            text = pair[f"{prefix}trace"]["text"]
            target = parse_address(text.split()[2])
            for probe, said in ((Traceroute(target), text), (Ping(target, 1, wait=4), pair[f"{prefix}ping"]["text"])):
                result = read(probe, said.splitlines())
                verdict = against(links, pair[sender], probe, result)
                assert verdict.agrees is True, (said, verdict)
                assert result.lost_lines == 0


@pytest.mark.parametrize(
    ("lines", "wait", "agrees", "word"),
    [
        ((" 1  172.19.0.2  3060.1 ms !H",), 4, True, "those predicted"),
        ((" 1  * * *", " 2  * * *", " 3  172.19.0.2  60.1 ms !H"), 1, True, "those predicted"),
        ((" 1  * * *", " 2  * * *"), 1, True, "takes longer"),
        ((" 1  * * *", " 2  * * *"), 4, False, "ttl 1"),
        ((" 1  172.19.0.1  1.0 ms",), 4, False, "ttl 1"),
    ],
)
def test_an_error_may_come_late_but_comes(lines: tuple[str, ...], wait: float, agrees: bool, word: str) -> None:
    probe = Traceroute(parse_address("172.19.0.99"), wait=wait)
    verdict = against(lab("two-bridges"), "centos-net1", probe, read(probe, lines))
    assert verdict.agrees is agrees
    assert word in verdict.sentence


# --- words ---


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (
            Fault("Network is unreachable"),
            "No route here: centos-net1 has no route to 172.20.0.2, so nothing was sent.",
        ),
        (
            Fault("Destination Host Unreachable", ROUTER),
            "centos-router (eth0) could not find the next hop: nobody on its link answered for it.",
        ),
        (
            Fault("Destination Host Unreachable", parse_address("172.19.0.2")),
            "centos-net1 says so itself: nobody on its link answered for the next hop to 172.20.0.2.",
        ),
        (Fault("Time to live exceeded", parse_address("172.19.0.1")), "The ttl ran out at the host (br-net1): a loop,"),
        (Fault("Destination unreachable: Administratively prohibited", ROUTER), "centos-router (eth0) refuses it:"),
        (Fault("Operation not permitted"), "A firewall on centos-net1 itself dropped it"),
        (Fault("something new", ROUTER), "centos-router (eth0) says: something new."),
    ],
)
def test_a_failure_is_explained(fault: Fault, sentence: str) -> None:
    world = lab("two-bridges")
    assert wording.fault(fault, world.nodes[0], world, NET2).startswith(sentence)


def test_an_address_is_named_as_the_sender_sees_it() -> None:
    world = lab("two-bridges")
    assert wording.behind(ROUTER, world.nodes[0], world) == "centos-router (eth0)"
    assert wording.behind(parse_address("172.20.0.1"), world.nodes[0], world) == "the host (br-net2)"
    assert wording.behind(parse_address("8.8.8.8"), world.nodes[0], world) is None
    assert wording.place(parse_address("8.8.8.8"), world.nodes[0], world) == "8.8.8.8"


def test_stars_and_marks_are_explained() -> None:
    world = lab("two-bridges")
    assert "icmp_ratelimit" in wording.star(TraceHop(1, (), 3))
    assert "no route to" in wording.mark("!N", ROUTER, world.nodes[0], world, NET2)
    assert "refuses it" in wording.mark("!X", ROUTER, world.nodes[0], world, NET2)


def test_the_json_has_prediction_and_verdict() -> None:
    world, probe = lab("two-bridges"), Traceroute(NET2)
    result = read(probe, TRACE)
    told = verdict_json(against(world, "centos-net1", probe, result))
    assert told["agrees"] is True
    assert told["hops"][0] == {"ttl": 1, "predicted": "172.19.0.1", "node": "host", "agrees": True}
    assert probe_json(probe)["target"] == "172.20.0.2"
    assert result_json(result, world.nodes[0], world)["hops"][0]["answers"][0]["who"] == "the host (br-net1)"
