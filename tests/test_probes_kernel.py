"""Probes on a lab of the kernel: the walk-through's sights, each tool and the own prober alike, stopped and bounded."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
from processes import AT_ONCE
from test_kernel import ROOT, WHY_NO_LAB

from tui import labs
from tui.core.addresses import parse_address
from tui.core.probes import Ping, Probe, TcpConnect, Traceroute
from tui.core.probes.dialects import Dialect
from tui.core.probes.results import Connection, Result
from tui.core.probes.verdict import Verdict, against
from tui.engines.kernel import KernelLab, start
from tui.probing import Probes, Probing, own_argv

pytestmark = pytest.mark.skipif(WHY_NO_LAB is not None and not os.environ.get("CI"), reason=WHY_NO_LAB or "")

NET2, ROUTER, HOST = (parse_address(each) for each in ("172.20.0.2", "172.19.0.3", "172.19.0.1"))
ROUTES = (
    ("centos-net1", "ip route add 172.20.0.0/16 via 172.19.0.3"),
    ("centos-net2", "ip route add 172.19.0.0/16 via 172.20.0.3"),
)


@pytest.fixture(scope="module")
def lab() -> Iterator[KernelLab]:
    """The walk-through as it comes."""
    engine = unlimited(start(labs.load("two-bridges")))
    yield engine
    engine.close()


def unlimited(engine: KernelLab) -> KernelLab:
    """Its nodes send every ICMP error: else the tests take each other's share of six and one a second."""
    for node in ("host", "centos-router", "centos-net2"):
        run = engine.run(node, ("sh", "-c", "echo 0 > /proc/sys/net/ipv4/icmp_ratelimit"))
        assert list(run) == []
    return engine


@pytest.fixture(scope="module")
def routed() -> Iterator[KernelLab]:
    """The walk-through with both routes."""
    engine = unlimited(start(labs.load("two-bridges")))
    for node, command in ROUTES:
        assert list(engine.run(node, command.split())) == []
    yield engine
    engine.close()


def own(engine: KernelLab, node: str, probe: Probe) -> Probing:
    return Probing(engine.enter(node, own_argv(probe)), probe, Dialect.OWN, "by the own prober")


def seen(engine: KernelLab, probe: Probe, by: str, node: str = "centos-net1") -> tuple[Result, Verdict]:
    world = engine.snapshot()
    running = own(engine, node, probe) if by == "own" else Probes(engine).start(world, node, probe)
    list(running)
    assert running.result.lost_lines == 0, running.result.unread
    return running.result, against(world, node, probe, running.result)


BOTH = pytest.mark.parametrize("by", ["tool", "own"])


@BOTH
def test_a_lost_ping(lab: KernelLab, by: str) -> None:
    result, verdict = seen(lab, Ping(NET2, 2, 0.2, wait=0.5), by)
    assert (result.sent, result.received, result.faulty) == (2, 0, 0)
    assert verdict.agrees is True
    assert verdict.seen == "silence"


@BOTH
@pytest.mark.parametrize("proto", ["udp", "icmp"])
def test_a_traceroute_to_the_host_only(lab: KernelLab, by: str, proto: str) -> None:
    result, verdict = seen(lab, Traceroute(NET2, proto, wait=0.5), by)
    assert result.hops[0].addresses == (HOST,)
    assert not any(each.answers for each in result.hops[1:])
    assert not result.reached
    assert verdict.agrees is True


@BOTH
def test_with_both_routes_the_answer_has_ttl_63(routed: KernelLab, by: str) -> None:
    result, verdict = seen(routed, Ping(NET2, 3, 0.2), by)
    assert [each.ttl for each in result.replies] == [63, 63, 63]
    assert (result.sent, result.received, result.loss) == (3, 3, 0)
    assert verdict.agrees is True
    assert "ttl 63" in verdict.sentence


@BOTH
@pytest.mark.parametrize("proto", ["udp", "icmp", "tcp"])
def test_with_both_routes_there_are_two_hops_by_the_router(routed: KernelLab, by: str, proto: str) -> None:
    result, verdict = seen(routed, Traceroute(NET2, proto), by)
    assert [each.addresses for each in result.hops] == [(ROUTER,), (NET2,)]
    assert result.reached
    assert verdict.agrees is True


@pytest.mark.skipif(shutil.which("nft") is None and not os.environ.get("CI"), reason="needs nft")
@pytest.mark.parametrize(
    "rule",
    [
        "tcp dport 80 drop",
        "tcp dport 80 reject with tcp reset",
        "tcp dport 443 drop",
        "udp dport 33434-33534 drop",
        "icmp type echo-request drop",
        "icmp type echo-request reject with icmp type admin-prohibited",
    ],
)
def test_each_probe_meets_the_filters_of_its_own_packets(routed: KernelLab, rule: str) -> None:
    """A rule of the router's, read with the snapshot; every kind of probe against what is predicted for its kind."""
    table = ("add table ip f", "add chain ip f c { type filter hook forward priority 0; }", f"add rule ip f c {rule}")
    try:
        for command in table:
            assert list(routed.run("centos-router", ("nft", command))) == []
        for probe in (
            TcpConnect(NET2, 80, 1.0),
            Ping(NET2, 2, 0.2, wait=0.5),
            *(Traceroute(NET2, proto, 3, 1, 0.5) for proto in ("udp", "tcp", "icmp")),
        ):
            _, verdict = seen(routed, probe, "tool")
            assert verdict.agrees is True, (probe, verdict)
    finally:
        list(routed.run("centos-router", ("nft", "delete table ip f")))


@BOTH
def test_a_ttl_that_runs_out_on_the_router(routed: KernelLab, by: str) -> None:
    result, verdict = seen(routed, Ping(NET2, 1, ttl=1, wait=1), by)
    assert result.faults[0].sender == ROUTER
    assert verdict.agrees is True
    assert "time exceeded" in verdict.sentence


@BOTH
def test_nobody_has_the_address(lab: KernelLab, by: str) -> None:
    result, verdict = seen(lab, Ping(parse_address("172.19.0.99"), 1, wait=4), by)
    assert verdict.agrees is True
    assert result.faulty == 1
    assert verdict.predicted == '"host unreachable" from 172.19.0.2'


@BOTH
@pytest.mark.parametrize(("kind", "words"), [("unreachable", "refused here"), ("blackhole", "blackhole")])
def test_a_route_that_refuses_here(routed: KernelLab, by: str, kind: str, words: str) -> None:
    target = parse_address("10.99.0.1" if kind == "blackhole" else "10.98.0.1")
    list(routed.run("centos-net1", ("ip", "route", "replace", kind, str(target))))
    result, verdict = seen(routed, Ping(target, 1, wait=0.5), by)
    assert result.faults[0].sender is None
    assert verdict.agrees is True
    assert words in verdict.predicted


@BOTH
def test_a_connect_that_is_refused_and_one_that_is_silent(lab: KernelLab, by: str) -> None:
    refused, verdict = seen(lab, TcpConnect(ROUTER, 9, 1), by)
    assert (refused.state, verdict.agrees) == (Connection.REFUSED, True)
    silent, verdict = seen(lab, TcpConnect(NET2, 9, 1), by)
    assert (silent.state, verdict.agrees) == (Connection.TIMED_OUT, True)


def test_what_the_snapshot_does_not_know_is_a_difference(lab: KernelLab) -> None:
    world = lab.snapshot()
    run = ("ip", "route", "add", "blackhole", "172.19.0.3/32")
    list(lab.run("centos-net1", run))
    try:
        probe = Ping(ROUTER, 1, wait=0.5)
        running = Probes(lab).start(world, "centos-net1", probe)
        list(running)
        verdict = against(world, "centos-net1", probe, running.result)
        assert verdict.agrees is False
        assert "read them again" in verdict.causes[0]
        assert against(lab.snapshot(), "centos-net1", probe, running.result).agrees is True
    finally:
        list(lab.run("centos-net1", ("ip", "route", "del", "blackhole", "172.19.0.3/32")))


@pytest.mark.parametrize("probe", [Ping(NET2, 100), Traceroute(NET2, wait=10), TcpConnect(NET2, 9, 30)], ids=str)
@BOTH
def test_a_probe_is_stopped_within_a_second(lab: KernelLab, probe: Probe, by: str) -> None:
    running = own(lab, "centos-net1", probe) if by == "own" else Probes(lab).start(lab.snapshot(), "centos-net1", probe)
    ended = threading.Event()

    def listen() -> None:
        list(running)
        ended.set()

    threading.Thread(target=listen, daemon=True).start()
    running.close()
    assert ended.wait(AT_ONCE)
    assert processes(lab) == []


def test_a_probe_that_takes_too_long_is_ended(lab: KernelLab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.probing.GRACE", -1.5)
    running = Probes(lab).start(lab.snapshot(), "centos-net1", Ping(NET2, 2))
    list(running)
    assert "longer than it ever should" in running.cut


def test_a_hundred_probes_leave_nothing_behind(lab: KernelLab) -> None:
    world, probes = lab.snapshot(), Probes(lab)
    running: list[Probing] = []
    for number in range(100):
        probe = (Ping(NET2, 100), Traceroute(NET2), TcpConnect(NET2, 9))[number % 3]
        running.append(probes.start(world, "centos-net1", probe))
        if len(running) == 10:
            for each in running:
                each.close()
            running.clear()
    assert processes(lab) == []


def processes(lab: KernelLab) -> list[str]:
    """The probes that run in the lab's node, waiting for those that are about to be gone."""
    for _ in range(50):
        listed = lab.run("centos-net1", ("ip", "netns", "pids", "centos-net1"))
        found = [line for line in listed if line.strip().isdigit()]
        names = [_name(int(pid)) for pid in found]
        left = [each for each in names if each in ("ping", "traceroute", "timeout", "bash", "nc")]
        if not left:
            return []
        threading.Event().wait(0.02)
    return left


def _name(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/comm") as file:  # noqa: PTH123
            return file.read().strip()
    except OSError:
        return ""


# --- the command line ---

PROGRAM = (sys.executable, "-W", "error", "-m", "tui")


def test_ctrl_c_ends_a_ping_with_what_was_found() -> None:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("ROUTETUI_")}
    with subprocess.Popen(
        (*PROGRAM, "--lab", "two-bridges", "ping", "centos-net1", "centos-router", "-c", "100", "-i", "0.2"),
        cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as program:  # fmt: skip
        assert program.stdout is not None
        assert program.stderr is not None
        lines = [program.stdout.readline() for _ in range(4)]
        assert "ttl 64" in lines[-1], lines
        program.send_signal(signal.SIGINT)
        rest = program.stdout.read()
        assert program.stderr.read() == ""
    assert program.returncode == 0
    assert "0% lost" in rest
    assert "ended by Ctrl-C" in rest
    assert "Agrees" in rest


def test_a_probe_of_a_real_lab_as_json() -> None:
    said = subprocess.run(
        (*PROGRAM, "--lab", "two-bridges", "traceroute", "centos-net1", "centos-net2", "--json", "-w", "0.5"),
        cwd=ROOT, text=True, capture_output=True, check=False,
    )  # fmt: skip
    assert said.returncode == 1, said.stderr
    told = json.loads(said.stdout)
    assert told["result"]["hops"][0]["answers"][0]["who"] == "the host (br-net1)"
    assert told["verdict"]["agrees"] is True
    assert told["verdict"]["hops"][0]["predicted"] == "172.19.0.1"
