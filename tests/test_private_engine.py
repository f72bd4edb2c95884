"""The private engine keeps its promises: no way out, and nothing left, however the tests end."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from private_engine import PrivateEngine, traces
from private_engine.lab import Lab

START = """
import sys
sys.path.insert(0, sys.argv[1])
from private_engine import PrivateEngine
from private_engine.lab import Lab
engine = PrivateEngine()
lab = Lab(engine.url)
lab.container("alive", "bridge")
lab.api.pause(lab.container("paused", "bridge"))  # what is frozen does not even die
print(engine.directory, flush=True)
sys.stdin.read()
"""


def test_nothing_leads_out_of_it(private_engine: PrivateEngine, two_bridges: Lab) -> None:
    proc = Path(f"/proc/{private_engine.daemon_pid}/net")
    devices = {line.split(":")[0].strip() for line in (proc / "dev").read_text().splitlines()[2:]}
    assert "docker0" in devices
    assert all(name.startswith(("lo", "docker0", "br-", "veth")) for name in devices)
    destinations = [line.split()[1] for line in (proc / "route").read_text().splitlines()[1:]]
    assert destinations
    assert "00000000" not in destinations


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_when_the_runner_is_killed(private_engine: PrivateEngine, how: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", START, str(Path(__file__).parent)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as runner:
        assert runner.stdout
        directory = Path(runner.stdout.readline().strip())
        assert len(traces.processes(directory)) >= 5  # keeper, containerd, dockerd, a shim and the container
        keeper = int((directory / "keeper.pid").read_text().split()[0])
        gone = os.pidfd_open(keeper)
        runner.send_signal(how)
        assert select.select([gone], [], [], 30)[0]
        os.close(gone)
    assert traces.find(directory) == []


def test_what_a_killed_keeper_left_is_swept_by_the_next_run(
    private_engine: PrivateEngine,
) -> None:
    engine = PrivateEngine()
    lab = Lab(engine.url)
    lab.container("alive", "bridge")
    lab.api.pause(lab.container("paused", "bridge"))
    lab.api.close()
    engine._keeper.kill()
    engine._keeper.communicate()
    assert traces.processes(engine.directory)
    traces.sweep(engine.directory.parent)
    assert traces.find(engine.directory) == []
