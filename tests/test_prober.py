"""The own prober in the nodes of a lab: what it tells of pings, traces and connects, and that it ends in time."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from processes import AT_ONCE, processes
from test_kernel import ROOT, SOON, UNPRIVILEGED, WHY_NO_LAB, needs_root, until

from tui import labs
from tui.engines import kernel
from tui.engines.base import Enters, Run
from tui.engines.kernel import KernelLab
from tui.engines.prober.ask import PROGRAM, prober

pytestmark = pytest.mark.skipif(WHY_NO_LAB is not None and not os.environ.get("CI"), reason=WHY_NO_LAB or "")

ROUTER, FAR = "172.19.0.3", "172.20.0.2"
NOBODY = "172.19.0.99"


@pytest.fixture(scope="module")
def lab() -> Iterator[KernelLab]:
    """Two bridges with a way there and back over the router."""
    engine = kernel.start(labs.load("two-bridges"))
    for node, prefix, gateway in (
        ("centos-net1", "172.20.0.0/16", "172.19.0.3"),
        ("centos-net2", "172.19.0.0/16", "172.20.0.3"),
    ):
        run = engine.run(node, ("ip", "route", "add", prefix, "via", gateway))
        assert (list(run), run.code) == ([], 0)
    yield engine
    engine.close()


def told(run: Run) -> list[dict[str, Any]]:
    return [json.loads(line) for line in run]


def ask(
    lab: KernelLab, tool: str, node: str = "centos-net1", **options: object
) -> tuple[int | None, list[dict[str, Any]]]:
    run = lab.enter(node, prober(tool, **options))
    events = told(run)
    return run.code, events


def named(events: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [each for each in events if each["event"] == name]


def prober_processes() -> set[int]:
    return processes(lambda words: os.fsencode(PROGRAM) in words)


def test_a_lab_can_be_entered(lab: KernelLab) -> None:
    assert isinstance(lab, Enters)


def test_a_ping_tells_of_each_reply_with_the_ttl_it_came_with(lab: KernelLab) -> None:
    code, events = ask(lab, "ping", dst=FAR, count=3, interval=0.05, id=77, token="0102030405060708")
    assert code == 0
    assert events[0] == {
        "event": "start",
        "dst": FAR,
        "src": "172.19.0.2",
        "id": 77,
        "token": "0102030405060708",
        "size": 56,
    }
    replies = named(events, "reply")
    assert [(each["seq"], each["ttl"], each["from"], each["bytes"]) for each in replies] == [
        (seq, 63, FAR, 64) for seq in (1, 2, 3)
    ]
    assert all(0 < each["ms"] < 1000 for each in replies)
    assert events[-1] == {"event": "end", "sent": 3, "received": 3}


def test_a_ping_with_a_small_ttl_is_told_by_the_router(lab: KernelLab) -> None:
    code, events = ask(lab, "ping", dst=FAR, count=1, ttl=1)
    (error,) = named(events, "error")
    assert (code, error["from"], error["says"], error["seq"]) == (1, ROUTER, "time exceeded", 1)


def test_ipv6(lab: KernelLab) -> None:
    code, events = ask(lab, "ping", dst="::1", count=1)
    assert (code, named(events, "reply")[0]["ttl"]) == (0, 64)
    for node, number in (("centos-net1", 2), ("centos-router", 3)):
        list(lab.run(node, ("sysctl", "-w", "net.ipv6.conf.eth0.disable_ipv6=0")))
        run = lab.run(node, ("ip", "-6", "addr", "add", f"fd00:19::{number}/64", "dev", "eth0", "nodad"))
        assert (list(run), run.code) == ([], 0)
    code, events = ask(lab, "ping", dst="fd00:19::3", count=1, timeout=5)
    assert (code, named(events, "reply")[0]["from"], named(events, "reply")[0]["ttl"]) == (0, "fd00:19::3", 64)
    code, events = ask(lab, "ping", dst="fd00:19::99", count=1, timeout=5)
    assert (code, named(events, "error")[0]["says"]) == (1, "host unreachable")
    for mode, says in (("udp", "port unreachable"), ("icmp", "reply"), ("tcp", "closed")):
        code, events = ask(lab, "traceroute", dst="fd00:19::3", mode=mode, queries=1)
        assert (code, [each["says"] for each in named(events, "hop")]) == (0, [says])
    code, events = ask(lab, "connect", dst="fd00:19::3", port=9)
    assert (code, named(events, "failed")[0]["says"]) == (1, "refused")


OTHER_PYTHON = """
import sys
from pathlib import Path
from tui.engines.prober import ask
sys.executable, ask.PROGRAM = {python!r}, Path({program!r})
from tui.cli import run
sys.exit(run(["follow", "centos-net1", "centos-router", "--engine", "kernel", "--lab", "two-bridges"]))
"""


@pytest.mark.parametrize("user", [pytest.param("root", marks=needs_root), "ordinary"])
def test_by_root_and_by_an_ordinary_user(user: str) -> None:
    """A lab that an ordinary user made gives the rights that raw and packet sockets need."""
    as_user = UNPRIVILEGED if os.geteuid() == 0 and user == "ordinary" else ()
    with tempfile.TemporaryDirectory() as folder:
        # Inside the lab no folder of root's can be read: neither the tests' own Python, nor perhaps this checkout.
        Path(folder).chmod(0o755)
        program = Path(folder) / "tui" / "engines" / "prober" / "__main__.py"
        shutil.copytree(PROGRAM.parent, program.parent)
        for package in (program.parents[1], program.parents[2]):
            (package / "__init__.py").touch()
        script = OTHER_PYTHON.format(
            python=shutil.which("python3", path="/usr/bin:/bin:/usr/local/bin"), program=str(program)
        )
        command = (*as_user, sys.executable, "-c", script)
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "the request arrived and the reply came back" in done.stdout
    assert "not watched" not in done.stdout


def test_a_neighbour_that_does_not_answer_is_told_by_ones_own_kernel(lab: KernelLab) -> None:
    code, events = ask(lab, "ping", dst=NOBODY, count=1, timeout=5)
    (error,) = named(events, "error")
    assert (code, error["from"], error["says"]) == (1, "172.19.0.2", "host unreachable")


def test_silence_is_told_when_its_time_is_over(lab: KernelLab) -> None:
    started = time.monotonic()
    code, events = ask(lab, "ping", node="centos-router", dst=NOBODY, count=2, interval=0.05, timeout=0.3)
    assert (code, [each["seq"] for each in named(events, "silent")]) == (1, [1, 2])
    assert time.monotonic() - started < AT_ONCE


@pytest.mark.parametrize(
    ("command", "errno"),
    [
        ("blackhole", "EINVAL"),
        ("unreachable", "EHOSTUNREACH"),
        ("prohibit", "EACCES"),
    ],
)
def test_a_route_that_refuses_is_told_in_the_kernels_words(lab: KernelLab, command: str, errno: str) -> None:
    prefix = "198.51.100.0/24"
    list(lab.run("centos-net2", ("ip", "route", "replace", command, prefix)))
    for tool in ("ping", "traceroute"):
        code, events = ask(lab, tool, node="centos-net2", dst="198.51.100.7")
        assert (code, events[-1]["event"], events[-1]["errno"]) == (2, "refused", errno)
    code, events = ask(lab, "connect", node="centos-net2", dst="198.51.100.7", port=80)
    assert (code, named(events, "failed")[0]["errno"]) == (1, errno)


@pytest.mark.parametrize("mode", ["icmp", "udp", "tcp"])
def test_a_traceroute_shows_the_router_and_the_target(lab: KernelLab, mode: str) -> None:
    # One probe a hop: a kernel sends six errors to the same machine, and then one a second (icmp(7), icmp_ratelimit).
    code, events = ask(lab, "traceroute", dst=FAR, mode=mode, queries=1)
    hops = {(each["ttl"], each["from"]) for each in named(events, "hop")}
    assert (code, hops, events[-1]) == (0, {(1, ROUTER), (2, FAR)}, {"event": "end", "reached": 2})
    assert len(named(events, "hop")) == 2


def test_a_traceroute_that_gets_nowhere_ends(lab: KernelLab) -> None:
    code, events = ask(lab, "traceroute", dst="198.51.100.9", max=2, queries=1, timeout=0.2, mode="icmp")
    assert not any(each["from"] == "198.51.100.9" for each in named(events, "hop"))
    assert (code, events[-1]["reached"]) == (1, None)
    assert 1 in {each["ttl"] for each in events if "ttl" in each}


def test_connects_that_are_refused_and_that_come_about(lab: KernelLab) -> None:
    code, events = ask(lab, "connect", dst=FAR, port=9)
    assert (code, named(events, "failed")[0]["says"]) == (1, "refused")
    listener = "import socket; s = socket.create_server(('', 7007)); print('ready', flush=True); s.accept()"
    server = lab.enter("centos-net2", (prober("ping")[0], "-c", listener))
    lines = iter(server)  # it is held on to: given up, it would end the server
    assert next(lines) == "ready"
    code, events = ask(lab, "connect", dst=FAR, port=7007)
    server.close()
    assert (code, named(events, "connected")[0]["src"]) == (0, "172.19.0.2")


@pytest.mark.parametrize(
    ("tool", "options"),
    [
        ("ping", {"dst": "web"}),
        ("ping", {"dst": FAR, "colour": "red"}),
        ("ping", {"dst": FAR, "count": "many"}),
        ("traceroute", {"dst": FAR, "mode": "smoke"}),
        ("divine", {}),
        ("capture", {"dev": "eth9"}),
    ],
)
def test_a_mistake_is_one_line_and_no_traceback(lab: KernelLab, tool: str, options: dict[str, str]) -> None:
    code, events = ask(lab, tool, **options)
    assert (code, [each["event"] for each in events]) == (2, ["refused"])


def test_a_hundred_probes_started_and_stopped_leave_no_process(lab: KernelLab) -> None:
    before = prober_processes()

    def one(number: int) -> float:
        tool = ("ping", "traceroute", "capture")[number % 3]
        options = {"dst": NOBODY} if tool != "capture" else {"seconds": 60}
        run = lab.enter("centos-net1", prober(tool, **options))
        lines = iter(run)
        if number % 2:
            next(lines, None)
        started = time.monotonic()
        run.close()
        return time.monotonic() - started

    with ThreadPoolExecutor(8) as pool:
        slowest = max(pool.map(one, range(100)))
    assert slowest < AT_ONCE
    until(lambda: prober_processes() <= before)


@pytest.mark.parametrize("words", [("ping", "dst=127.0.0.1", "count=100", "interval=60"), ("capture", "dev=lo")])
def test_a_prober_that_nobody_reads_any_more_ends(words: tuple[str, ...]) -> None:
    """Whoever started it may be killed: then its pipe closes, and nothing else tells."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to open a raw socket here")
    process = subprocess.Popen([*prober(words[0]), *words[1:]], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline()
    process.stdout.close()
    assert process.wait(SOON) == 2


def test_it_needs_nothing_but_the_standard_library() -> None:
    """In isolated mode and without site-packages every module of it can be imported."""
    folder = PROGRAM.parent
    modules = [each.stem for each in folder.glob("*.py") if each.stem not in ("__init__", "__main__")]
    lines = "; ".join(f"import tui.engines.prober.{each}" for each in modules)
    script = f"import sys; sys.path.insert(0, {str(folder.parents[2])!r}); {lines}; assert 'netaddr' not in sys.modules"
    done = subprocess.run([prober("ping")[0], "-I", "-S", "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
