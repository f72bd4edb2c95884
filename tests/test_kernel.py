"""Labs on the real kernel: brought up, equal to what the lab promises, walked through, and gone without a trace."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from namespaces import WHY_NOT
from processes import processes

from tui import labs
from tui.core.addresses import parse_address
from tui.core.labs import Lab
from tui.core.labs.layout import world
from tui.core.query import parse_query
from tui.core.world import Node, World
from tui.engines import kernel
from tui.engines.base import EngineError
from tui.engines.kernel import KernelLab, lab_channel
from tui.engines.kernel.namespaces import NamespaceEngine
from tui.engines.netlink.asking import ask
from tui.engines.netlink.switches import BRIDGING

needs_root = pytest.mark.skipif(WHY_NOT is not None, reason=WHY_NOT or "")
ROOT = Path(__file__).parent.parent
SOON = 15.0
UNPRIVILEGED = (
    # An ordinary user, who may however read every file: the tests and their Python may lie in root's own folders.
    *("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--inh-caps", "-all,+dac_read_search"),
    *("--ambient-caps", "+dac_read_search", "--bounding-set", "-all,+dac_read_search"),
)


def why_no_lab() -> str | None:
    """Why this machine lets us make no lab, or None."""
    try:
        channel, _ = lab_channel.start()
    except EngineError as error:
        return str(error)
    channel.close()
    return None


WHY_NO_LAB = why_no_lab()
pytestmark = pytest.mark.skipif(WHY_NO_LAB is not None and not os.environ.get("CI"), reason=WHY_NO_LAB or "")


@pytest.fixture
def two_bridges() -> Iterator[KernelLab]:
    engine = kernel.start(labs.load("two-bridges"))
    yield engine
    engine.close()


def as_promised(node: Node) -> Node:
    """A node without what a lab's file cannot tell: the ports of the host's bridges, where pairs of veth end, its
    filters, and whether this machine's bridges ask them.
    """
    ports = {each.name for each in node.interfaces if each.master}
    return replace(
        node,
        filters=None,
        interfaces=tuple(replace(each, peer_index=None) for each in node.interfaces if each.name not in ports),
        sysctls=tuple(
            pair
            for pair in node.sysctls
            if not any(f".conf.{port}." in pair[0] for port in ports) and pair[0] not in BRIDGING
        ),
        source="",
    )


def lab_processes() -> set[int]:
    """The processes that hold labs."""
    return processes(lambda words: any(word.endswith(b"lab_host.py") for word in words))


def until(condition: Callable[[], object]) -> None:
    """Wait for what another process is about to do."""
    give_up = time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < give_up, "it never came"
        threading.Event().wait(0.01)


def ping(engine: KernelLab, node: str, address: str, *options: str) -> tuple[int | None, str]:
    run = engine.run(node, ("ping", "-n", "-c1", "-W1", *options, address))
    text = "\n".join(run)
    return run.code, text


# --- what comes up ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", labs.names())
def test_a_lab_is_the_world_that_it_promises(name: str) -> None:
    lab = labs.load(name)
    engine = kernel.start(lab)
    try:
        found, promised = engine.snapshot(), world(lab)
        assert found.networks == promised.networks
        assert [node.name for node in found.nodes] == [node.name for node in promised.nodes]
        for node in promised.nodes:
            assert as_promised(found.node(node.name) or Node("")) == as_promised(node)
        assert engine.isolation == "nft"
        assert not engine.notes
    finally:
        engine.close()


def test_the_walk_through(two_bridges: KernelLab) -> None:
    """The first ping is lost at the host, one route is not enough, and with both the answer comes with ttl 63."""
    assert ping(two_bridges, "centos-net1", "172.20.0.2")[0] == 1
    traced = list(two_bridges.run("centos-net1", ("traceroute", "-n", "-q1", "-w1", "-m3", "172.20.0.2")))
    assert traced[1].split()[1] == "172.19.0.1"
    assert traced[2].split() == ["2", "*"]
    assert ping(two_bridges, "centos-net1", "172.20.0.1")[0] == 0  # the host's own addresses answer everybody
    assert ping(two_bridges, "centos-net1", "172.19.0.3")[0] == 0
    there = two_bridges.run("centos-net1", ("ip", "route", "add", "172.20.0.0/16", "via", "172.19.0.3"))
    assert (list(there), there.code) == ([], 0)
    assert ping(two_bridges, "centos-net1", "172.20.0.2")[0] == 1
    list(two_bridges.run("centos-net2", ("ip", "route", "add", "172.19.0.0/16", "via", "172.20.0.3")))
    code, text = ping(two_bridges, "centos-net1", "172.20.0.2")
    assert code == 0
    assert "ttl=63" in text
    traced = list(two_bridges.run("centos-net1", ("traceroute", "-n", "-q1", "-w1", "-m3", "172.20.0.2")))
    assert [line.split()[1] for line in traced[1:]] == ["172.19.0.3", "172.20.0.2"]


def test_routing_rules_keep_the_bridges_apart_where_there_is_no_nf_tables() -> None:
    engine = kernel.start(labs.load("two-bridges"), isolation=("rules",))
    try:
        assert engine.isolation == "rules"
        assert ping(engine, "centos-net1", "172.20.0.2")[0] == 1
        traced = list(engine.run("centos-net1", ("traceroute", "-n", "-q1", "-w1", "-m2", "172.20.0.2")))
        assert traced[1].split()[1] == "172.19.0.1"
        assert ping(engine, "centos-net1", "172.20.0.1")[0] == 0
        assert ping(engine, "host", "172.20.0.2")[0] == 0
        host = engine.snapshot().node("host")
        assert host is not None
        assert {rule.iif for rule in host.rules if rule.table == "7000"} == {"br-net1", "br-net2"}
    finally:
        engine.close()


def test_a_lab_leads_nowhere_outside(two_bridges: KernelLab) -> None:
    host = two_bridges.snapshot().node("host")
    assert host is not None
    assert not any(route.is_default for route in host.routes)
    assert {each.kind for each in host.interfaces} == {"loopback", "bridge", "veth"}
    assert all(each.master in ("br-net1", "br-net2") for each in host.interfaces if each.kind == "veth")


COMPOSE = """
networks:
  lan: {ipam: {config: [{subnet: 10.1.0.0/24}]}, driver_opts: {com.docker.network.bridge.enable_icc: "false"}}
  wan: {ipam: {config: [{subnet: 10.2.0.0/24}]}, driver_opts: {com.docker.network.driver.mtu: "1400"}}
  side: {driver: macvlan, ipam: {config: [{subnet: 10.3.0.0/24}]}}
services:
  a:
    networks: [lan, side]
    post_start:
      - {command: ip route add 10.2.0.0/24 via 10.1.0.9}
      - {command: ip rule add from 10.9.0.0/16 lookup 77}
      - {command: sysctl -w net.ipv4.conf.all.rp_filter=1}
      - {command: sh -c "ip route add 10.8.0.0/16 via 10.7.7.7 || true"}
      - {command: no-such-program --at-all}
  b: {networks: [lan, wan, side]}
  c: {network_mode: "service:a"}
  d: {network_mode: none}
"""


def test_a_lab_of_ones_own_with_what_the_built_in_ones_lack() -> None:
    engine = kernel.start(labs.read(COMPOSE))
    try:
        found = engine.snapshot()
        a, b, c, d = (found.node(name) for name in "abcd")
        assert a is not None and b is not None and c is not None and d is not None
        assert (c.shares, c.routes, c.interfaces) == ("a", a.routes, a.interfaces)
        assert [each.name for each in d.interfaces] == ["lo"]
        assert [each.network for each in a.interfaces] == [None, "lan", "side"]
        assert {each.name: each.mtu for each in b.interfaces} == {"lo": 65536, "eth0": 1500, "eth1": 1500, "eth2": 1400}
        assert {rule.priority for rule in a.rules if rule.table == "77"} == {32765}
        assert a.sysctl("net.ipv4.conf.all.rp_filter") == 1
        assert len(engine.notes) == 1
        assert "no-such-program" in engine.notes[0]
        assert ping(engine, "a", "10.1.0.3")[0] == 1  # enable_icc is false
        assert ping(engine, "a", "10.1.0.1")[0] == 0
        assert ping(engine, "c", "10.3.0.3")[0] == 0  # macvlan has no such switch
    finally:
        engine.close()


# --- refused ---------------------------------------------------------------------------------------------------------


def _broken(hook: str) -> Lab:
    return labs.read(f"services:\n  a:\n    post_start:\n      - {{command: {hook}}}\n")


@pytest.mark.parametrize(
    ("lab", "sentence"),
    [
        (_broken("ip route add 9.0.0.0/8 via 203.0.113.9"), r"line 4: .*on a is refused: Error: Nexthop has invalid"),
        (_broken("ip route add 9.0.0.0/8 dev eth7"), r'Cannot find device "eth7"'),
        (_broken("sysctl -w net.ipv4.conf.nosuch.rp_filter=1"), "is refused: .*No such file"),
        (_broken("false"), "'false' on a is refused: it ended with code 1"),
        (labs.read("services:\n  a:\n    sysctls: {net.ipv4.nosuch: 1}\n"), r"net.ipv4.nosuch of a cannot be set"),
    ],
    ids=["gateway", "device", "sysctl in a hook", "program", "sysctl"],
)
def test_a_lab_that_fails_half_way_is_a_sentence_and_nothing_is_left(lab: Lab, sentence: str) -> None:
    before = lab_processes()
    with pytest.raises(EngineError, match=sentence):
        kernel.start(lab)
    assert lab_processes() == before


@needs_root
def test_where_the_system_forbids_it_the_sentence_names_the_setting() -> None:
    script = (
        "from tui.engines.base import EngineError\nfrom tui.engines.kernel import lab_channel\n"
        "try:\n lab_channel.start()\nexcept EngineError as error:\n print(error, error.hint)"
    )
    # The limits are those of a user namespace of the test's own, so that nobody else meets them.
    limits = "; ".join(f"echo 0 > /proc/sys/user/max_{kind}_namespaces" for kind in ("user", "net"))
    done = subprocess.run(
        (
            "unshare",
            "--user",
            "--map-root-user",
            "sh",
            "-c",
            f'{limits}; exec "$@"',
            "sh",
            sys.executable,
            "-c",
            script,
        ),
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    assert "user.max_user_namespaces is 0" in done.stdout, done.stderr
    assert "sysctl -w user.max_user_namespaces=" in done.stdout


# --- nothing stays ---------------------------------------------------------------------------------------------------


def traces() -> tuple[object, ...]:
    """What a lab could leave: processes, mounts, named namespaces, devices of this namespace."""
    mounts = Path("/proc/self/mountinfo").read_text()
    named = sorted(each.name for each in Path("/run/netns").iterdir()) if Path("/run/netns").is_dir() else []
    return lab_processes(), mounts, named, sorted(each.name for each in Path("/sys/class/net").iterdir())


def test_closing_leaves_nothing_and_ends_what_runs() -> None:
    before, descriptors = traces(), sorted(Path("/proc/self/fd").iterdir())
    engine = kernel.start(labs.load("two-bridges"))
    engine.snapshot()
    run = engine.run("centos-net1", ("sleep", "1000"))
    watch = engine.watch()
    engine.close()
    engine.close()
    assert list(run) == []
    assert run.code == 137
    assert list(watch) == []
    assert traces() == before
    assert sorted(Path("/proc/self/fd").iterdir()) == descriptors
    with pytest.raises(EngineError, match="closed"):
        engine.snapshot()


PROGRAM = """
import sys
from tui import labs
from tui.engines import kernel
engine = kernel.start(labs.load("two-bridges"))
run = engine.run("centos-net1", ("sh", "-c", "setsid sleep 4321 & sleep 4322"))
code, = [each.code for each in [engine.run("centos-net1", ("ping", "-c1", "-W1", "172.19.0.3"))] if list(each)]
print("ready", code, len(engine.snapshot().nodes), flush=True)
sys.stdin.read()
"""


def _sleepers() -> list[int]:
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                words = (folder / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if words[:1] == [b"sleep"] and words[1:2] in ([b"4321"], [b"4322"]):
                found.append(int(folder.name))
    return found


@pytest.mark.parametrize("user", [pytest.param("root", marks=needs_root), "ordinary"])
@pytest.mark.parametrize("end", ["kill -9", "end of input"])
def test_with_its_program_the_lab_is_gone(user: str, end: str) -> None:
    """Also a command that hid in a session of its own, and also when the program had no time to clean up."""
    before = traces()
    as_user = UNPRIVILEGED if os.geteuid() == 0 and user == "ordinary" else ()
    program = subprocess.Popen(
        (*as_user, sys.executable, "-c", PROGRAM), cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert program.stdin is not None and program.stdout is not None
    with program.stdout:
        assert program.stdout.readline() == "ready 0 4\n"
        until(lambda: len(_sleepers()) == 2)
        assert lab_processes() > before[0]  # type: ignore[operator]
        if end == "kill -9":
            program.send_signal(signal.SIGKILL)
        program.stdin.close()
        program.wait()
        until(lambda: traces() == before and not _sleepers())


def test_when_its_host_is_killed_the_lab_says_so(two_bridges: KernelLab) -> None:
    heard: list[object] = []

    def listen() -> None:
        try:
            heard.extend(two_bridges.watch())
        except EngineError as error:
            heard.append(str(error))

    listener = threading.Thread(target=listen)
    listener.start()
    run = two_bridges.run("centos-net1", ("sleep", "1000"))
    for pid in lab_processes():
        if Path(f"/proc/{pid}/stat").read_text().split()[3] == str(os.getpid()):
            os.kill(pid, signal.SIGKILL)
    assert list(run) == []
    assert run.code == 137
    listener.join(SOON)
    assert heard[-1] == "The lab is gone: the process that held it has ended."
    with pytest.raises(EngineError, match="The lab is gone"):
        two_bridges.snapshot()
    with pytest.raises(EngineError, match="The lab is gone"):
        two_bridges.run("centos-net1", ("true",))


# --- commands --------------------------------------------------------------------------------------------------------


def test_a_command_that_is_closed_ends_with_its_whole_group(two_bridges: KernelLab) -> None:
    run = two_bridges.run("centos-net1", ("sh", "-c", "echo here; sleep 4321 & sleep 4322"))
    lines = iter(run)
    assert next(lines) == "here"
    until(lambda: len(_sleepers()) == 2)
    run.close()
    assert list(lines) == []
    assert run.code == 137
    until(lambda: not _sleepers())


def test_output_is_made_safe_and_endless_lines_are_cut(two_bridges: KernelLab) -> None:
    script = r"printf '\033[31mred\033[0m\r\n'; head -c 100000 /dev/zero | tr '\0' x; exit 3"
    run = two_bridges.run("centos-net1", ("sh", "-c", script))
    lines = list(run)
    assert lines[0] == "red"
    assert "".join(lines[1:]) == "x" * 100000
    assert max(map(len, lines)) <= 1 << 16
    assert run.code == 3


def test_what_a_command_leaves_behind_does_not_hold_up_its_end(two_bridges: KernelLab) -> None:
    run = two_bridges.run("centos-net1", ("sh", "-c", "echo done; setsid sleep 4321 &"))
    assert list(run) == ["done"]
    assert run.code == 0


def test_a_command_sees_its_nodes_network_and_the_names_of_the_others(two_bridges: KernelLab) -> None:
    assert any("172.20.0.2/16" in line for line in two_bridges.run("centos-net2", ("ip", "-4", "addr")))
    named = sorted(line.split()[0] for line in two_bridges.run("host", ("ip", "netns")))
    assert named == ["centos-net1", "centos-net2", "centos-router"]


# --- where there is no `ip` ------------------------------------------------------------------------------------------


@pytest.fixture
def bare(two_bridges: KernelLab, monkeypatch: pytest.MonkeyPatch) -> KernelLab:
    """The lab on a machine that has no iproute2."""
    which = shutil.which

    def without(name: str, *, path: str | None = None) -> str | None:
        return None if name in ("ip", "sysctl", "route", "netstat") else which(name, path=path)

    monkeypatch.setattr("tui.engines.kernel.lab_ip.shutil.which", without)
    return two_bridges


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        ("ip route add 9.0.0.0/8 via 172.19.0.3", 0, ""),
        ("ip route add 9.0.0.0/8 via 10.0.0.1", 2, "Error: Nexthop has invalid gateway."),
        ("ip route del 9.0.0.0/8", 2, "RTNETLINK answers: No such process"),
        ("ip route add 9.0.0.0/8 dev eth9", 2, 'Cannot find device "eth9"'),
        ("ip route add default via 172.19.0.3", 2, "RTNETLINK answers: File exists"),
        ("sysctl -w net.ipv4.ip_forward=1", 0, ""),
        ("ip link set eth0 down", 0, ""),
        ("ip rule add from 10.0.0.0/8 lookup 77 pref 9", 0, ""),
        ("ip route get 172.20.0.2", 0, "172.20.0.2 via 172.19.0.1 dev eth0 src 172.19.0.2 uid 0"),
        ("ip route get 172.20.0.2 oif nosuch", 1, "Cannot find device 'nosuch'"),
        ("ip route get 172.20.0.2 from 9.9.9.9", 2, "RTNETLINK answers: Network is unreachable"),
        ("ip route", 0, "default via 172.19.0.1 dev eth0"),
    ],
)
def test_the_same_without_ip(bare: KernelLab, command: str, code: int, said: str) -> None:
    run = bare.run("centos-net1", command.split())
    text = "\n".join(line.strip() for line in run)
    assert (run.code, text.split("\n")[0]) == (code, said)


def test_without_ip_a_change_is_really_made(bare: KernelLab) -> None:
    list(bare.run("centos-net1", ("ip", "route", "add", "9.0.0.0/8", "via", "172.19.0.3", "metric", "7")))
    window = bare.window("centos-net1")
    answer = ask(window, parse_query("9.1.2.3"))
    window.close()
    assert (answer.gateway, answer.dev) == (parse_address("172.19.0.3"), "eth0")


# --- the machine's own namespaces ------------------------------------------------------------------------------------

INSIDE = """
set -e
mount -t tmpfs tmpfs /run
ip link set lo up
ip link add sw0 type bridge; ip address add 10.5.0.1/24 dev sw0; ip link set sw0 up
for n in 1 2; do
  ip netns add rt-h$n
  ip link add p$n type veth peer name eth0 netns rt-h$n
  ip link set p$n master sw0 up
  ip -n rt-h$n link set eth0 up; ip -n rt-h$n address add 10.5.0.1$n/24 dev eth0
done
ip netns add other
touch /run/netns/rt-stale
exec "$@"
"""

LOOK = """
import threading, subprocess
from tui.engines.base import EngineError
from tui.engines.kernel.namespaces import NamespaceEngine
engine = NamespaceEngine("rt-")
world = engine.snapshot()
assert [node.name for node in world.nodes] == ["rt-h1", "rt-h2", "rt-stale", "host"], world
assert [(each.name, str(each.subnets[0].prefix)) for each in world.networks] == [("sw0", "10.5.0.0/24")]
assert {node.name for node, _ in world.members("sw0")} == {"rt-h1", "rt-h2", "host"}
assert world.node("rt-stale").problem == "It cannot be entered: Invalid argument."
run = engine.run("rt-h1", ("ping", "-c1", "-W1", "10.5.0.12"))
assert "1 received" in " ".join(run) and run.code == 0
run = engine.run("rt-h1", ("no-such-program",))
assert "no-such-program" in " ".join(run) and run.code == 127
try:
    engine.run("rt-h3", ("true",))
except EngineError as error:
    assert "rt-h1" in str(error)
watch = engine.watch()
subprocess.run("ip -n rt-h2 route add 9.0.0.0/8 via 10.5.0.11".split(), check=True)
assert next(watch) is None
assert any(str(route.dst) == "9.0.0.0/8" for route in engine.snapshot().node("rt-h2").routes)
subprocess.run("ip netns add rt-new".split(), check=True)
assert next(watch) is None
assert engine.snapshot().node("rt-new")
subprocess.run("ip -n rt-new link set lo up".split(), check=True)
assert next(watch) is None
engine.close()
assert list(watch) == [] and list(engine.watch()) == []
try:
    NamespaceEngine("nothing-")
except EngineError as error:
    assert "nothing-" in str(error)
print("seen")
"""


@needs_root
def test_named_namespaces_are_nodes() -> None:
    """In mount and network namespaces of the test's own, so that the machine's are neither seen nor touched."""
    done = subprocess.run(
        ("unshare", "-mn", "sh", "-c", INSIDE, "sh", sys.executable, "-W", "error", "-c", LOOK),
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("seen\n", "")


def test_namespaces_need_root_and_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(EngineError, match="Only root"):
        NamespaceEngine("x", tmp_path)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    with pytest.raises(EngineError, match=r"no namespace x\*"):
        NamespaceEngine("x", tmp_path)


def test_a_lab_answers_a_ping_at_once() -> None:
    """The whole way from a new process, with nothing waited for; tests/benchmarks/start.py tells what it costs."""
    program = (
        "from tui import labs\nfrom tui.engines import kernel\n"
        "engine = kernel.start(labs.load('two-bridges'))\n"
        "run = engine.run('centos-net1', ('ping', '-c1', '-W1', '172.19.0.1'))\nlist(run)\n"
        "engine.close()\nraise SystemExit(run.code)"
    )
    done = subprocess.run((sys.executable, "-c", program), cwd=ROOT, check=False)
    assert done.returncode == 0


def test_a_world_is_the_same_twice(two_bridges: KernelLab) -> None:
    first = two_bridges.snapshot()
    assert isinstance(first, World)
    assert two_bridges.snapshot() == first
