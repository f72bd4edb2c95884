"""Following by keys: the place of death on the screen, on the kernel's lab, on Docker and in the simulator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from private_engine.lab import Lab
from probing import app_of, until
from test_app import NARROW, WIDE, ask, opened, press, screen
from test_follow import DEATHS, do
from test_walk_change import words
from textual.pilot import Pilot
from two_bridges import default, interface, node
from two_bridges import two_bridges as made_by_hand

from tui import labs
from tui.app import RoutetuiApp
from tui.core.labs.layout import world as promised
from tui.engines.base import Engine
from tui.engines.docker.engine import DockerEngine
from tui.engines.sim import Simulator
from tui.panels.follow import FlightList, FollowScreen
from tui.panels.help import Help
from tui.panels.log import LogList

A, R, B = "centos-net1", "centos-router", "centos-net2"


@pytest.fixture
def on_kernel(kernel_lab: Engine) -> Engine:
    return kernel_lab


@pytest.fixture
def simulator() -> Simulator:
    return Simulator(promised(labs.load("two-bridges")))


async def follow(pilot: Pilot[None], target: str) -> str:
    """Ask, press f, wait for its end, and go to the last step; what is on the screen."""
    await until(pilot, lambda: app_of(pilot).node is not None)
    await ask(pilot, target)
    await press(pilot, "f")
    await ended(pilot)
    await press(pilot, "greater_than_sign")
    return words(app_of(pilot))


async def ended(pilot: Pilot[None]) -> None:
    found = pilot.app.screen
    assert isinstance(found, FollowScreen)
    await until(pilot, lambda: "Captures begin" not in words(app_of(pilot)))


@pytest.mark.parametrize("name", DEATHS)
async def test_the_place_and_the_cause_of_death(on_kernel: Engine, name: str) -> None:
    done, src, dst, _, where, outcome = DEATHS[name]
    do(on_kernel, *done)
    async with opened(RoutetuiApp(on_kernel, node=src), WIDE) as pilot:
        told = await follow(pilot, dst)
        assert f"✗ ends on {where}: {outcome}" in told
        assert "as predicted" in told
        assert "NOT as predicted" not in told


async def test_on_docker_it_ends_at_the_host(two_bridges: Lab, engine_by: Callable[..., DockerEngine]) -> None:
    assert two_bridges.url
    async with opened(RoutetuiApp(engine_by(), node=A), NARROW) as pilot:
        told = await follow(pilot, B)
        assert "✗ the request ended on host" in told
        assert "ends on host: FILTERED" in told


async def test_it_is_stepped_through_with_what_changed(on_kernel: Engine) -> None:
    do(
        on_kernel,
        f"{A} ip route add 172.20.0.0/16 via 172.19.0.3",
        f"{B} ip route add 172.19.0.0/16 via 172.20.0.3",
    )
    async with opened(RoutetuiApp(on_kernel, node=A), NARROW) as pilot:
        told = await follow(pilot, B)
        assert "✓ the request arrived and the reply came back · as predicted" in told
        await press(pilot, "less_than_sign", "n", "n")
        shown = words(app_of(pilot))
        assert "3 of 8" in shown
        for each in ("in eth0 out eth1", "the same", "64 63 changed", "because 172.20.0.2 matches 172.20.0.0/16"):
            assert each in shown
        await press(pilot, "b")
        assert "2 of 8" in screen(app_of(pilot))
        rows = len(pilot.app.screen.query_one(FlightList).found)
        await press(pilot, "p")
        assert len(pilot.app.screen.query_one(FlightList).found) == rows + 8, "the host's ends of the cables"
        await press(pilot, "f")
        await ended(pilot)
        await press(pilot, "escape", "at")
        log = " ".join(pilot.app.screen.query_one(LogList).text().split())
        assert log.count("Follow a ping from centos-net1 to 172.20.0.2.") == 2
        assert "capture dev=any" in log


async def test_what_is_needed_first_is_said(simulator: Simulator) -> None:
    async with opened(RoutetuiApp(simulator, node=A)) as pilot:
        app = app_of(pilot)
        await press(pilot, "f")
        assert "Say where to first" in words(app)
        await ask(pilot, "172.20.0.2")
        await press(pilot, "g", "enter", "w", "f")
        assert "A what-if is on the screen" in words(app)
        assert not isinstance(app.screen, FollowScreen)


async def test_an_engine_that_is_gone_is_a_sentence(on_kernel: Engine) -> None:
    async with opened(RoutetuiApp(on_kernel, node=A), NARROW) as pilot:
        await until(pilot, lambda: app_of(pilot).node is not None)
        await ask(pilot, B)
        on_kernel.close()
        await press(pilot, "f")
        await ended(pilot)
        assert "✗ The lab is closed." in words(app_of(pilot)) or "gone" in words(app_of(pilot))


async def test_a_result_finds_its_screen_under_another(simulator: Simulator) -> None:
    async with opened(RoutetuiApp(simulator, node=A), WIDE) as pilot:
        told = await follow(pilot, R)
        assert "simulated: nothing was sent, this is the prediction" in told
        below = app_of(pilot).screen
        await pilot.press("f")
        await app_of(pilot).push_screen(Help())
        await press(pilot, "escape")
        assert app_of(pilot).screen is below
        await ended(pilot)
        assert "1 of 4" in words(app_of(pilot))


async def test_hostile_names_and_small_windows() -> None:
    odd = "[/b][@click=app.quit]x"
    world = made_by_hand()
    nodes = (*world.nodes, node(odd, interface("eth0", "net1", "172.19.0.66/16"), routes=(default("172.19.0.1"),)))
    async with opened(RoutetuiApp(Simulator(replace(world, nodes=nodes)), node=odd), WIDE) as pilot:
        assert "[/b][@click=app.quit]x" in await follow(pilot, "172.19.0.2")
        for size in ((60, 18), (200, 60), (80, 24)):
            await pilot.resize_terminal(*size)
            await pilot.pause()
            assert "Follow" in screen(app_of(pilot))
