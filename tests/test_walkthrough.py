"""The walk-through by keys alone, on the kernel's lab and on Docker; real pings judge: lost, mended, undone."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from private_engine.lab import Lab
from private_engine.lab import two_bridges as make_two_bridges
from test_app import ask, opened, press, screen
from test_walk_change import words

from tui.app import RoutetuiApp
from tui.engines.base import Engine
from tui.engines.docker.engine import DockerEngine


@pytest.fixture
def on_kernel(kernel_lab: Engine) -> Engine:
    return kernel_lab


@pytest.fixture
def on_docker(lab: Lab, engine_by: Callable[..., DockerEngine]) -> Engine:
    make_two_bridges(lab)
    return engine_by()


@pytest.fixture(params=["on_kernel", "on_docker"])
def engine(request: pytest.FixtureRequest) -> Engine:
    found: Engine = request.getfixturevalue(request.param)
    return found


def answers(engine: Engine, node: str, address: str) -> bool:
    """Whether a real ping from the node gets an answer."""
    run = engine.run(node, ("ping", "-c", "1", "-W", "1", address))
    lines = list(run)
    assert lines, "ping printed nothing"
    return run.code == 0


async def test_the_walk_through(engine: Engine) -> None:
    app = RoutetuiApp(engine, node="centos-net1")
    async with opened(app, (120, 50)) as pilot:
        shown = screen(app)
        assert re.search(r"default +172\.19\.0\.1 +eth0", shown)
        assert re.search(r"172\.19\.0\.0/16 +on-link +eth0", shown)

        await ask(pilot, "172.20.0.2")
        await press(pilot, "greater_than_sign")
        told = words(app)
        assert "⇒ via 172.19.0.1 dev eth0 src 172.19.0.2" in told
        assert "The kernel agrees" in told
        assert "gets lost at the host" in told
        assert not answers(engine, "centos-net1", "172.20.0.2")

        # The route there: the form has the network, the router and the device already.
        await press(pilot, "g")
        told = words(app)
        assert "ip route add 172.20.0.0/16 via 172.19.0.3 dev eth0" in told
        assert "route add -net 172.20.0.0 netmask 255.255.0.0 gw 172.19.0.3" in told
        assert "no way back" in told
        await press(pilot, "enter", "a")
        assert re.search(r"172\.20\.0\.0/16 +172\.19\.0\.3 +eth0", screen(app))
        assert not answers(engine, "centos-net1", "172.20.0.2"), "the reply has no way back yet"

        # The way back, on the other side.
        await press(pilot, "1", "slash", *"net2", "enter", "end")
        while app.selected != "centos-net2":
            await press(pilot, "up")
        await ask(pilot, "172.19.0.2")
        await press(pilot, "g")
        assert "ip route add 172.19.0.0/16 via 172.20.0.3 dev eth0" in words(app)
        await press(pilot, "enter", "a")
        assert re.search(r"172\.19\.0\.0/16 +172\.20\.0\.3 +eth0", screen(app))
        assert answers(engine, "centos-net1", "172.20.0.2")
        assert answers(engine, "centos-net2", "172.19.0.2")

        await press(pilot, "z")
        assert not answers(engine, "centos-net1", "172.20.0.2")
        await press(pilot, "z")
        assert not answers(engine, "centos-net1", "172.20.0.2")
        for name, prefix in (("centos-net1", "172.20.0.0/16"), ("centos-net2", "172.19.0.0/16")):
            node = engine.snapshot(fresh=True).node(name)
            assert node is not None
            assert all(each.dst.brief != prefix for each in node.routes), "both are undone"
        assert app.history.done == ()
