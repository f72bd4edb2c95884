"""What the start of a program loads: a screen and a command line that came up quickly do so tomorrow too.

Nothing is timed here (tests/benchmarks does that): what counts is which modules a fresh interpreter holds.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TOOLS = {"docker", "dpkt", "pyroute2", "requests", "yaml"}
"""What only some engines, files and captures need."""

LATER = {
    *("tui.core.changes", "tui.core.explain", "tui.core.firewall.hooks", "tui.core.follow", "tui.core.labs"),
    *("tui.core.lookup", "tui.core.matrix", "tui.core.packets", "tui.core.path", "tui.core.probes", "tui.core.steps"),
    *("tui.panels.changing", "tui.panels.follow", "tui.panels.gateway", "tui.panels.help", "tui.panels.labs"),
    *("tui.panels.map", "tui.panels.matrix", "tui.panels.plan", "tui.panels.probe", "tui.panels.recipes"),
    *("tui.panels.story", "tui.panels.wayview"),
}
"""What nobody has asked for while the first screen is drawn: forms, other screens, and what answers questions."""

DRAWN = f"""
import asyncio, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from tui.app import RoutetuiApp
from tui.engines.sim import Simulator
from two_bridges import two_bridges

async def draw():
    app = RoutetuiApp(Simulator(two_bridges("drawn-first")))
    async with app.run_test(size=(120, 36)) as pilot:
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert app.node is not None and "drawn-first" in app.export_screenshot()

asyncio.run(draw())
"""
"""The app on a simulator until the first data is on the screen."""


def loaded(code: str) -> set[str]:
    """The modules that a fresh interpreter holds once it has run the code."""
    shown = f"{code}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", shown], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("code", ["import tui.app", DRAWN], ids=["imported", "drawn"])
def test_the_first_screen_loads_nothing_that_it_does_not_show(code: str) -> None:
    found = loaded(code)
    assert {"tui.app", "tui.panels.path", "textual.app"} <= found
    assert not found & (TOOLS | LATER)


def test_the_screen_is_chosen_before_textual_is_loaded() -> None:
    """The first snapshot is on its way by then; what reads labs waits until one is opened."""
    found = loaded("import tui.cli.opening\nfrom tui.cli.lab.opening import DockerLabs, KernelLabs\nKernelLabs()")
    assert {"tui.cli.choose", "tui.cli.lab.opening"} <= found
    assert not found & {*TOOLS, *LATER, "tui.labs", "textual", "rich", "asyncio"}


def test_docker_is_looked_at_without_what_makes_labs_and_changes() -> None:
    found = loaded("import tui.engines.docker.engine")
    assert not found & {*TOOLS, *LATER, "tui.labs"}


@pytest.mark.parametrize("command", ["nodes", "networks", "routes centos-net1", "lookup centos-net1 1.1.1.1"])
def test_a_command_loads_neither_the_screen_nor_what_other_commands_need(command: str) -> None:
    code = f"from tui.cli import run\nassert run([*{command.split()!r}, '--engine', 'sim']) == 0"
    found = loaded(code)
    assert "tui.engines.sim" in found
    assert not found & {"textual", "rich", "asyncio", "docker", "dpkt", "pyroute2", "requests"}
    others = ("path", "matrix", "probes", "follow", "packets", "firewall.hooks")
    assert not found & {f"tui.core.{each}" for each in others}
