"""Labs that outlive the program that made them: up, found again, used from elsewhere, down; and what goes wrong."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_kernel import ROOT, SOON, WHY_NO_LAB, lab_processes, traces, until

from tui import labs
from tui.engines.base import EngineError
from tui.engines.kernel import kept

pytestmark = pytest.mark.skipif(WHY_NO_LAB is not None and not os.environ.get("CI"), reason=WHY_NO_LAB or "")
LAB = labs.load("two-bridges")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of the test's own for running labs; what the test leaves up goes down, and nothing may be left."""
    before = traces()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    yield tmp_path / "routetui"
    for name in kept.running():
        kept.down(name)
    until(lambda: traces() == before)
    assert list((tmp_path / "routetui").iterdir()) == []


def up() -> None:
    """The lab, brought up by a program that has ended."""
    script = (
        "from tui import labs\nfrom tui.engines.kernel import kept\n"
        "kept.up(labs.load('two-bridges'), persist=True).close()\nprint(kept.running())"
    )
    done = subprocess.run(
        (sys.executable, "-W", "error", "-c", script), cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("['two-bridges']\n", "")


def test_a_kept_lab_is_found_used_and_ended() -> None:
    up()
    assert kept.running() == ["two-bridges"]
    first, second = kept.attach("two-bridges"), kept.attach("two-bridges")
    assert (first.isolation, first.label) == ("nft", "kernel: two-bridges")
    watch = second.watch()
    run = first.run("centos-net1", ("ip", "route", "add", "9.0.0.0/8", "via", "172.19.0.3"))
    assert (list(run), run.code) == ([], 0)
    assert next(watch) is None
    seen = second.snapshot()
    assert seen == first.snapshot()
    assert [str(route.dst) for route in seen.nodes[0].routes if route.table == "main"][1] == "9.0.0.0/8"
    first.close()
    assert kept.running() == ["two-bridges"]
    kept.down("two-bridges")
    assert lab_processes() == set()
    with pytest.raises(EngineError, match="The lab is gone"):
        list(watch)
    with pytest.raises(EngineError, match="The lab is gone"):
        second.snapshot()
    second.close()
    assert kept.running() == []


def test_without_persist_it_ends_with_its_engine() -> None:
    engine = kept.up(LAB)
    assert kept.running() == []
    engine.close()


HOLDS = """
import sys
from tui import labs
from tui.engines.kernel import kept
lab = labs.load("two-bridges")
engine = kept.hold(lab)
print(kept.held_name(lab), kept.running(), flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_held_lab_is_found_and_ends_with_the_program_that_holds_it(how: signal.Signals, folder: Path) -> None:
    with subprocess.Popen(
        (sys.executable, "-W", "error", "-c", HOLDS), cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout is not None
        name = f"two-bridges.{program.pid}"
        assert program.stdout.readline() == f"{name} []\n"
        engine = kept.attach(name)
        assert engine.snapshot().node("centos-router")
        program.send_signal(how)
        program.wait()
        until(lambda: not lab_processes())
        with pytest.raises(EngineError, match="The lab is gone"):
            engine.snapshot()
        engine.close()
    assert list(folder.iterdir()) == []


def test_what_runs_in_a_kept_lab_ends_with_the_engine_that_started_it() -> None:
    up()
    engine = kept.attach("two-bridges")
    run = engine.run("centos-net1", ("sh", "-c", "echo here; sleep 1000"))
    lines = iter(run)
    assert next(lines) == "here"
    engine.close()
    assert list(lines) == []
    assert run.code == 137


def test_a_name_that_is_taken_and_one_that_is_not_there() -> None:
    kept.up(LAB, persist=True).close()
    with pytest.raises(EngineError, match="A lab named two-bridges is already up") as taken:
        kept.up(LAB, persist=True)
    assert taken.value.hint == "End it: routetui lab down two-bridges"
    for use in (kept.attach, kept.down):
        with pytest.raises(EngineError, match="There is no lab named other up") as missing:
            use("other")
        assert missing.value.hint == "Up are: two-bridges"
    with pytest.raises(EngineError, match="cannot name a lab"):
        kept.attach("../../etc")
    assert kept.running() == ["two-bridges"]


def test_a_lab_that_was_killed_leaves_no_name_taken(folder: Path) -> None:
    up()
    holders = [os.pidfd_open(pid) for pid in lab_processes()]
    for holder in holders:
        signal.pidfd_send_signal(holder, signal.SIGKILL)
    for holder in holders:
        assert select.select([holder], [], [], SOON)[0]
        os.close(holder)
    kept.up(LAB, persist=True).close()  # its socket's file may still be there
    assert kept.running() == ["two-bridges"]


def test_what_is_left_of_a_killed_lab_is_removed(folder: Path) -> None:
    folder.mkdir(mode=0o700)
    dead = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    dead.bind(str(folder / "dead.lab"))
    dead.close()
    assert kept.running() == []
    assert list(folder.iterdir()) == []


def test_a_lab_that_fails_is_not_kept(folder: Path) -> None:
    broken = labs.read("services:\n  a:\n    post_start:\n      - {command: ip route add 9.0.0.0/8 via 203.0.113.9}\n")
    with pytest.raises(EngineError, match="Nexthop has invalid gateway"):
        kept.up(broken, persist=True)
    until(lambda: not lab_processes())
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("mode", [0o755, 0o770])
def test_a_folder_that_others_may_enter_is_not_used(folder: Path, mode: int) -> None:
    folder.mkdir()
    folder.chmod(mode)
    with pytest.raises(EngineError, match="must be a folder of your own"):
        kept.running()
    folder.chmod(0o700)
