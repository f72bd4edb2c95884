"""From lab to lab by keys, and the forms for networks and containers."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping

import pytest
from private_engine import images
from test_app import opened, press, screen, until
from test_walk_change import ONE, perform, simulator, words  # noqa: F401  # fixtures too

from tui import labs
from tui.app import RoutetuiApp
from tui.cli.choose import Choice
from tui.cli.lab.opening import DockerLabs, KernelLabs, SimulatedLabs
from tui.core.changes.deed import Deed
from tui.core.labs.layout import world
from tui.engines.base import Engine, EngineError
from tui.engines.docker.engine import DockerEngine
from tui.engines.kernel import kept
from tui.engines.sim import Simulator


def lab_app(engine: Engine, name: str = "two-bridges", **more: object) -> RoutetuiApp:
    """The app on a lab, from which others can be opened."""
    return RoutetuiApp(engine, lab=name, places=KernelLabs(), node="centos-net1", **more)  # type: ignore[arg-type]


async def test_the_open_labs_story_is_read_and_its_goals_are_checked_live() -> None:
    app = lab_app(Simulator(world(labs.load("two-bridges"))))
    async with opened(app, (120, 60)) as pilot:
        await press(pilot, "l")
        told = words(app)
        assert "Two bridges and a router between them" in told
        assert "Goal 0 of 2 hold now" in told
        assert "ip route add" not in told.partition("Solution")[2], "the solution is folded away"
        await press(pilot, "s")
        assert "centos-net1# ip route add 172.20.0.0/16 via 172.19.0.3" in words(app)
        await press(pilot, "escape", "c", *"centos", "minus", *"net2", "enter", "enter", "a")
        await press(pilot, "l")
        assert "Goal 2 of 2 hold now" in words(app)


async def test_another_lab_is_opened_and_nothing_of_the_old_one_is_left(kernel_lab: Engine) -> None:
    app = lab_app(kernel_lab)
    async with opened(app) as pilot:
        await perform(pilot, Deed(ONE))
        await press(pilot, "l", "end", "enter")
        name = app.lab
        assert name == labs.names()[-1] != "two-bridges"
        assert app.real is not None
        assert {each.name for each in labs.load(name).services} <= {each.name for each in app.real.nodes}
        assert app.engine.label == f"kernel: {name}"
        assert app.history.done == ()
        with pytest.raises(EngineError):
            kernel_lab.snapshot()
        assert "open" in screen(app)
        # The new engine is heard: what is changed in it by another hand is on the screen.
        node = labs.load(name).services[0].name
        assert list(app.engine.run(node, ("ip", "route", "add", "blackhole", "198.51.100.0/24"))) == []
        await until(pilot, lambda: "198.51.100.0/24" in {each.dst.brief for each in routes(app, node)})
        opened_engine = app.engine
    await_closed(opened_engine)


def routes(app: RoutetuiApp, name: str) -> tuple[object, ...]:
    """The routes of a node on the screen."""
    node = app.world.node(name) if app.world else None
    return node.routes if node else ()


def await_closed(engine: Engine) -> None:
    """It ends with the app, in a thread of its own."""
    for _ in engine.watch():
        pass
    with pytest.raises(EngineError):
        engine.snapshot()


async def test_what_is_supposed_is_asked_about_first(simulator: Simulator) -> None:  # noqa: F811
    app = RoutetuiApp(simulator, lab="two-bridges", places=SimulatedLabs(), simulated=True)
    async with opened(app) as pilot:
        await perform(pilot, Deed(ONE, "what-if"))
        await press(pilot, "l", "down", "enter")
        assert "1 what-if change is not applied and will be forgotten" in words(app)
        await press(pilot, "n")
        assert app.lab == "two-bridges"
        await press(pilot, "enter", "y")
        assert app.lab == labs.names()[1]
        assert app.what_if == ()
        assert app.simulated


async def test_a_lab_that_cannot_be_opened_leaves_the_old_one(simulator: Simulator) -> None:  # noqa: F811
    class Broken(SimulatedLabs):
        def open(self, name: str) -> Choice:
            raise EngineError(f"{name} is forbidden here.", "sysctl -w kernel.unprivileged_userns_clone=1")

    app = RoutetuiApp(simulator, lab="two-bridges", places=Broken())
    async with opened(app) as pilot:
        await press(pilot, "l", "down", "enter")
        assert "was not opened:" in words(app)
        assert "sysctl -w kernel.unprivileged_userns_clone=1" in words(app)
        assert app.engine is simulator
        assert app.lab == "two-bridges"


@pytest.fixture
def stays(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A lab that stays up, in a folder of its own."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("run")))
    name = "forwarding-off"
    kept.up(labs.load(name), persist=True).close()
    yield name
    if name in kept.running():
        kept.down(name)


async def test_a_lab_that_stays_is_shown_attached_to_and_taken_down(
    kernel_lab: Engine,
    stays: str,
) -> None:
    app = lab_app(kernel_lab)
    async with opened(app) as pilot:
        await press(pilot, "l")
        assert any(stays in line and "kernel" in line for line in screen(app).splitlines())
        await press(pilot, "D")
        assert "does not stay up" in words(app)
        down = labs.names().index(stays)
        await press(pilot, *["down"] * down, "enter")
        assert app.lab == stays
        await press(pilot, "D")
        assert "is on the screen: open another first" in words(app)
        await press(pilot, "home", "enter")
        assert stays in kept.running(), "closing leaves it as it is"
        await press(pilot, *["down"] * down, "D")
        assert stays not in kept.running()


async def test_on_docker_a_lab_comes_up_beside_the_rest_and_is_taken_down(
    docker_engine_url: str, engine_by: Callable[..., DockerEngine]
) -> None:
    options = argparse.Namespace(host=docker_engine_url, context=None, image=images.FULL)
    name = "forwarding-off"
    nodes = {each.name for each in labs.load(name).services}
    docker = engine_by()
    app = RoutetuiApp(docker, places=DockerLabs(options))
    async with opened(app) as pilot:
        await press(pilot, "l", *["down"] * labs.names().index(name), "enter")
        assert app.engine is docker
        assert app.lab == name
        assert app.real is not None
        assert nodes <= {each.name for each in app.real.nodes}
        assert "Goal" in words(app)
        await press(pilot, "D")
        assert not nodes & {each.name for each in app.real.nodes}


# --- networks and containers ---

FORMS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "connect": (("c", "enter", "enter", "enter", "a"), "docker network connect net2 centos-net1"),
    "disconnect": (("d", "enter", "enter", "a"), "docker network disconnect net1 centos-net1"),
    "network": (("n", "enter", "enter", "enter", "enter", "a"), "docker network create --subnet 172.18.0.0/16"),
    "start": (("s", "enter", "enter", "enter", "enter", "a"), "docker create --name box1"),
    "remove": (("X", "enter", "a"), "docker rm --force centos-net1"),
}


@pytest.mark.parametrize("name", FORMS)
async def test_networks_and_containers_are_changed_and_undone(name: str) -> None:
    before = world(labs.load("two-bridges"))
    app = lab_app(Simulator(before))
    keys, command = FORMS[name]
    async with opened(app) as pilot:
        await press(pilot, "C", keys[0])
        await press(pilot, *keys[1:-1])
        assert command in words(app)
        await press(pilot, keys[-1])
        assert len(app.history.done) == 1, words(app)
        assert app.real != before
        await press(pilot, "z")
        assert app.history.done == (), words(app)
        assert app.real is not None
        assert {each.name for each in app.real.nodes} == {each.name for each in before.nodes}
        assert {each.name for each in app.real.networks} == {each.name for each in before.networks}


async def test_what_would_be_refused_is_said_in_the_form_and_has_no_button() -> None:
    app = lab_app(Simulator(world(labs.load("two-bridges"))))
    async with opened(app) as pilot:
        await press(pilot, "C", "N", *"net1")
        assert "✗" in words(app)
        assert app.screen.query_one("#deed-apply").disabled
        await press(pilot, "escape")
        await press(pilot, "C", "n", "enter", *["backspace"] * 20, *"nonsense")
        assert "nonsense" in words(app)
        assert app.screen.query_one("#deed-apply").disabled
        await press(pilot, "escape")
        assert app.history.done == ()
