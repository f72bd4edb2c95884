"""Walk 3 by its keys: changes made, refused, undone, supposed and tried, over the simulator and the kernel's lab."""

from __future__ import annotations

import queue
import threading
from collections.abc import Collection, Iterator
from dataclasses import replace

import pytest
from test_app import WIDE, opened, press, screen, settle, until
from textual.pilot import Pilot
from two_bridges import two_bridges

from tui.app import RoutetuiApp
from tui.core.addresses import parse_address, parse_prefix
from tui.core.changes import AddRoute, Change
from tui.core.changes.deed import Deed
from tui.core.path import path
from tui.core.world import NextHop, Route, World
from tui.engines.base import Asks, Engine, Making
from tui.engines.read_only import ReadOnlyEngine
from tui.engines.sim import Printed, Simulator

THERE = Route(parse_prefix("172.20.0.0/16"), nexthops=(NextHop("eth0", parse_address("172.19.0.3")),))
BACK = Route(parse_prefix("172.19.0.0/16"), nexthops=(NextHop("eth0", parse_address("172.20.0.3")),))
ONE, OTHER = AddRoute("centos-net1", THERE), AddRoute("centos-net2", BACK)


@pytest.fixture
def simulator() -> Simulator:
    """The walk-through, with a router that forwards."""
    world = two_bridges()
    switches = (("net.ipv4.ip_forward", 1), ("net.ipv4.conf.all.rp_filter", 0), ("net.ipv6.conf.all.forwarding", 0))
    return Simulator(replace(world, nodes=tuple(replace(each, sysctls=switches) for each in world.nodes)))


@pytest.fixture(params=["simulator", "kernel_lab"])
def engine(request: pytest.FixtureRequest) -> Engine:
    found: Engine = request.getfixturevalue(request.param)
    return found


def words(app: RoutetuiApp) -> str:
    """What is on the screen and in the notices over it, line breaks and frames taken out."""
    notices = " ".join(each.message for each in app._notifications)
    return " ".join(f"{screen(app)} {notices}".translate(str.maketrans("│▌╭╮╰╯─┃", "        ")).split())


def has(engine: Engine, node: str, route: Route) -> bool:
    """Whether the engine itself has the route, however it is told."""
    found = engine.snapshot(fresh=True).node(node)
    assert found is not None
    return any((each.dst, each.gateway) == (route.dst, route.gateway) for each in found.routes)


def shown(app: RoutetuiApp, node: str, route: Route) -> bool:
    """Whether the screen's World has the route."""
    found = app.world.node(node) if app.world is not None else None
    return found is not None and any((each.dst, each.gateway) == (route.dst, route.gateway) for each in found.routes)


async def perform(pilot: Pilot[None], deed: Deed) -> None:
    """Do what a form decided, to its end."""
    pilot.app.perform(deed)  # type: ignore[attr-defined]
    await settle(pilot)


async def at_route(pilot: Pilot[None], prefix: str) -> None:
    """Put the cursor of panel 2 on a route."""
    await press(pilot, "2", "home")
    for _ in range(20):
        route = pilot.app.query_one("#routes").route  # type: ignore[attr-defined]
        if route.dst.brief == prefix:
            return
        await press(pilot, "down")
    raise AssertionError(f"there is no route to {prefix}")


# --- made, refused, undone ---


async def test_a_route_is_added_from_the_form_and_said_and_undone_and_redone(engine: Engine) -> None:
    app = RoutetuiApp(engine, node="centos-net1", destination="172.20.0.2")
    async with opened(app) as pilot:
        await press(pilot, "g", "enter")
        await press(pilot, "a")
        assert has(engine, "centos-net1", THERE)
        assert shown(app, "centos-net1", THERE)
        told = words(app)
        assert "centos-net1: ip route add 172.20.0.0/16 via 172.19.0.3 dev eth0" in told
        assert "z takes it back" in told
        await press(pilot, "z")
        assert not has(engine, "centos-net1", THERE)
        assert not shown(app, "centos-net1", THERE)
        assert "Taken back" in words(app)
        await press(pilot, "Z")
        assert has(engine, "centos-net1", THERE)
        await press(pilot, "z", "z")
        assert "There is nothing to undo." in words(app)


async def test_a_refusal_says_the_kernels_words_and_is_no_history(engine: Engine) -> None:
    app = RoutetuiApp(engine)
    async with opened(app) as pilot:
        strange = replace(THERE, nexthops=(NextHop("eth0", parse_address("10.9.9.9")),))
        before = engine.snapshot()
        await perform(pilot, Deed(AddRoute("centos-net1", strange)))
        told = words(app)
        assert "Not done:" in told
        assert "Nexthop has invalid gateway" in told or "Network is unreachable" in told
        assert engine.snapshot() == before
        await press(pilot, "z")
        assert "There is nothing to undo." in words(app)


async def test_several_at_once_are_one_step(engine: Engine) -> None:
    app = RoutetuiApp(engine, node="centos-net1", destination="172.20.0.2")
    async with opened(app) as pilot:
        assert path(app.world, "centos-net1", "centos-net2").works is not True
        await press(pilot, "c", "enter")
        await press(pilot, "a")
        assert path(engine.snapshot(), "centos-net1", "centos-net2").works is True
        await press(pilot, "z")
        assert not has(engine, "centos-net1", THERE)
        assert not has(engine, "centos-net2", BACK)


async def test_undo_is_refused_when_the_world_has_moved_on(engine: Engine) -> None:
    app = RoutetuiApp(engine)
    async with opened(app) as pilot:
        await perform(pilot, Deed(ONE))
        other = replace(THERE, nexthops=(NextHop("eth0", parse_address("172.19.0.1")),))
        from tui.core.changes import ReplaceRoute

        assert list(engine.change(ReplaceRoute("centos-net1", other), engine.snapshot())) == []
        await until(pilot, lambda: shown(app, "centos-net1", other))
        await press(pilot, "z")
        told = words(app)
        assert "is refused: another route to 172.20.0.0/16 stands on centos-net1 now" in told
        assert has(engine, "centos-net1", other)


async def test_a_route_is_deleted_after_its_preview(engine: Engine) -> None:
    app = RoutetuiApp(engine, node="centos-net1", destination="8.8.8.8")
    async with opened(app) as pilot:
        await at_route(pilot, "default")
        await press(pilot, "x")
        told = words(app)
        assert "Delete the route to the default on centos-net1" in told
        assert "ip route del default" in told
        assert "no route" in told.lower()
        await press(pilot, "escape")
        default = app.node.routes[0] if app.node else None
        assert default is not None
        assert has(engine, "centos-net1", default)
        await press(pilot, "x", "a")
        assert not has(engine, "centos-net1", default)
        await press(pilot, "z")
        assert has(engine, "centos-net1", default)


async def test_a_route_is_changed_from_panel_2(engine: Engine) -> None:
    app = RoutetuiApp(engine, node="centos-net1")
    async with opened(app) as pilot:
        await at_route(pilot, "default")
        await press(pilot, "enter", *["backspace"] * 12)
        await press(pilot, *"172", "full_stop", *"19", "full_stop", "0", "full_stop", "3", "enter", "a")
        node = engine.snapshot().node("centos-net1")
        assert node is not None
        assert [str(each.gateway) for each in node.routes if each.is_default and each.family == 4] == ["172.19.0.3"]
        await press(pilot, "z")
        node = engine.snapshot().node("centos-net1")
        assert node is not None
        assert [str(each.gateway) for each in node.routes if each.is_default and each.family == 4] == ["172.19.0.1"]


async def test_forwarding_is_switched(engine: Engine) -> None:
    app = RoutetuiApp(engine, node="centos-router")
    async with opened(app) as pilot:
        await press(pilot, "o")
        told = words(app)
        assert "Turn IPv4 forwarding off on centos-router" in told
        assert "sysctl -w net.ipv4.ip_forward=0" in told
        await press(pilot, "a")
        assert switch(engine, "centos-router") == 0, words(app)
        await press(pilot, "z")
        assert switch(engine, "centos-router") == 1


def switch(engine: Engine, name: str) -> int | None:
    """net.ipv4.ip_forward of a node."""
    node = engine.snapshot().node(name)
    return node.sysctl("net.ipv4.ip_forward") if node is not None else None


async def test_a_change_by_another_hand_and_one_of_ours_at_once(engine: Engine) -> None:
    """While a snapshot is under way a change waits for none: what it left is read after it."""
    app = RoutetuiApp(engine)
    async with opened(app) as pilot:
        app.take_snapshot(fresh=True)
        app.perform(Deed(ONE))
        app.take_snapshot()
        app.perform(Deed(OTHER))
        await settle(pilot)
        assert shown(app, "centos-net1", THERE)
        assert shown(app, "centos-net2", BACK)
        assert [each.change for each in app.history.done] == [ONE, OTHER]


# --- what-if ---


async def test_what_if_touches_nothing_is_marked_and_asks_no_kernel(engine: Engine) -> None:
    app = RoutetuiApp(engine, node="centos-net1", destination="172.20.0.2")
    async with opened(app) as pilot:
        before = engine.snapshot()
        await press(pilot, "g", "enter")
        await press(pilot, "w")
        assert shown(app, "centos-net1", THERE)
        assert engine.snapshot() == before
        told = words(app)
        assert "what-if: 1 change" in told
        assert "nothing was touched" in told
        assert app.screen.has_class("-what-if")
        await press(pilot, "greater_than_sign")
        assert "what-if: the kernel does not know this yet" in words(app)
        await press(pilot, "w", "d")
        assert not shown(app, "centos-net1", THERE)
        assert "what-if" not in screen(app).splitlines()[0]
        assert not app.screen.has_class("-what-if")
        await until(pilot, lambda: "agrees" in words(app))


async def test_what_ifs_are_applied_in_order(engine: Engine) -> None:
    app = RoutetuiApp(engine)
    async with opened(app) as pilot:
        await perform(pilot, Deed(ONE, "what-if"))
        await perform(pilot, Deed(OTHER, "what-if"))
        await press(pilot, "w")
        told = words(app)
        assert "1. Add a route on centos-net1" in told
        assert "2. Add a route on centos-net2" in told
        await press(pilot, "a")
        assert app.what_if == ()
        assert has(engine, "centos-net1", THERE)
        assert has(engine, "centos-net2", BACK)
        assert [each.change for each in app.history.done] == [ONE, OTHER]


async def test_what_is_refused_by_now_is_dropped_with_a_sentence(engine: Engine) -> None:
    app = RoutetuiApp(engine)
    async with opened(app) as pilot:
        await perform(pilot, Deed(ONE, "what-if"))
        await perform(pilot, Deed(OTHER, "what-if"))
        assert list(engine.change(ONE, engine.snapshot())) == []
        await until(pilot, lambda: app.what_if == (OTHER,))
        assert "No longer a what-if: Add a route on centos-net1" in words(app)
        assert shown(app, "centos-net2", BACK)
        assert not has(engine, "centos-net2", BACK)


async def test_applying_stops_at_what_is_refused_and_keeps_the_rest(simulator: Simulator) -> None:
    app = RoutetuiApp(simulator)
    async with opened(app) as pilot:
        await perform(pilot, Deed(ONE, "what-if"))
        await perform(pilot, Deed(OTHER, "what-if"))
        app.engine = Refusing(simulator)
        await press(pilot, "w", "a")
        assert "Not done: RTNETLINK answers: Device or resource busy" in words(app)
        assert "Not begun: 1 more change after it." in words(app)
        assert app.what_if == (ONE, OTHER)
        await press(pilot, "q", "n")
        assert app.is_running
        await press(pilot, "q")
        assert "2 what-if changes are not applied and will be forgotten" in words(app)
        await pilot.press("y")
    assert not app.is_running


async def test_what_is_applied_over_what_ifs_makes_those_real_first(simulator: Simulator) -> None:
    app = RoutetuiApp(simulator)
    async with opened(app) as pilot:
        await perform(pilot, Deed(ONE, "what-if"))
        await perform(pilot, Deed(OTHER, "apply"))
        assert [each.change for each in app.history.done] == [ONE, OTHER]
        assert app.what_if == ()


# --- try ---


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def timed(engine: Engine) -> tuple[RoutetuiApp, Clock]:
    """An app with such a clock."""
    app, clock = RoutetuiApp(engine, node="centos-net1", destination="172.20.0.2"), Clock()
    app.clock = clock  # type: ignore[assignment]
    return app, clock


async def test_a_try_takes_itself_back(engine: Engine) -> None:
    app, clock = timed(engine)
    async with opened(app) as pilot:
        await press(pilot, "g", "enter")
        await press(pilot, "t")
        assert has(engine, "centos-net1", THERE)
        assert "Taken back in 60 s unless kept" in words(app)
        clock.now += 50
        await until(pilot, lambda: "try: 10 s" in screen(app).splitlines()[0])
        assert has(engine, "centos-net1", THERE)
        clock.now += 11
        await until(pilot, lambda: not shown(app, "centos-net1", THERE))
        assert not has(engine, "centos-net1", THERE)
        assert "unless kept" not in words(app)


async def test_a_try_is_kept_and_still_undone(engine: Engine) -> None:
    app, clock = timed(engine)
    async with opened(app) as pilot:
        await perform(pilot, Deed(ONE, "try", 30))
        await press(pilot, "K")
        clock.now += 100
        await settle(pilot)
        assert "Kept." in words(app)
        assert app.trial is None
        assert has(engine, "centos-net1", THERE)
        await press(pilot, "z")
        assert not has(engine, "centos-net1", THERE)


async def test_while_a_try_runs_other_changes_are_refused_and_z_ends_it(simulator: Simulator) -> None:
    app, _ = timed(simulator)
    async with opened(app) as pilot:
        await perform(pilot, Deed(ONE, "try", 30))
        await perform(pilot, Deed(OTHER))
        assert "A try is running" in words(app)
        assert not has(simulator, "centos-net2", BACK)
        await press(pilot, "z")
        assert app.trial is None
        assert not has(simulator, "centos-net1", THERE)


async def test_a_try_is_taken_back_on_quit(engine: Engine) -> None:
    app, _ = timed(engine)
    still_open = Unclosed(engine)
    app.engine = still_open
    async with opened(app) as pilot:
        await perform(pilot, Deed(ONE, "try", 30))
        assert has(engine, "centos-net1", THERE)
        await pilot.press("q")
        await until(pilot, lambda: not app.is_running, settled=False)
    assert not has(engine, "centos-net1", THERE)


async def test_a_try_is_taken_back_however_the_app_ends(simulator: Simulator) -> None:
    app, _ = timed(simulator)
    async with opened(app) as pilot:
        await perform(pilot, Deed(ONE, "try", 30))
        app.exit()
    assert not has(simulator, "centos-net1", THERE)
    assert app.parting == ""


async def test_a_try_that_cannot_be_taken_back_is_said_loudly(simulator: Simulator) -> None:
    app, clock = timed(simulator)
    async with opened(app) as pilot:
        await perform(pilot, Deed(ONE, "try", 30))
        app.engine = Refusing(simulator)
        clock.now += 31
        await until(pilot, lambda: bool(app.alarm))
        told = words(app)
        assert "The try was NOT taken back" in told
        assert "By hand: ip route del 172.20.0.0/16 via 172.19.0.3" in told
        app.engine = simulator
        await press(pilot, "z")
        assert not has(simulator, "centos-net1", THERE)
        await press(pilot, "escape")
        assert app.alarm == ""


async def test_quitting_asks_where_a_try_cannot_be_taken_back(simulator: Simulator) -> None:
    app, _ = timed(simulator)
    async with opened(app) as pilot:
        await perform(pilot, Deed(ONE, "try", 30))
        app.engine = Refusing(simulator)
        await press(pilot, "q")
        await until(pilot, lambda: "Quit all the same?" in words(app))
        assert app.is_running
        await pilot.press("y")
    assert not app.is_running


# --- read-only, questions, ends ---


async def test_read_only_has_no_keys_for_changes_and_is_said(simulator: Simulator) -> None:
    app = RoutetuiApp(ReadOnlyEngine(simulator), node="centos-net1")
    async with opened(app) as pilot:
        assert "live, read-only" in screen(app)
        assert " g gateway" not in screen(app).splitlines()[-1]
        await press(pilot, "g", "x", "o", "C", "c", "E")
        assert len(app.screen_stack) == 1
        await press(pilot, "l", "enter")
        assert "no lab is brought up or taken down" in words(app)
        await press(pilot, "escape")
        assert "Delete the chosen route" not in {each.title for each in app.get_system_commands(app.screen)}
        await perform(pilot, Deed(ONE))
        assert "read-only" in words(app).lower().partition("not done:")[2]
        assert app.history.done == ()


async def test_what_an_engine_asks_is_answered_by_the_person(simulator: Simulator) -> None:
    engine = Asking(simulator)
    app = RoutetuiApp(engine)
    async with opened(app) as pilot:
        await perform(pilot, Deed(ONE))
        assert "May a container be started beside it?" in words(app)
        await press(pilot, "n")
        assert "Nothing was changed." in words(app)
        assert not has(simulator, "centos-net1", THERE)
        await perform(pilot, Deed(ONE))
        await press(pilot, "y")
        assert has(simulator, "centos-net1", THERE)
        await press(pilot, "z")
        assert len(app.screen_stack) == 1, "what was agreed to for a node is not asked again"
        assert not has(simulator, "centos-net1", THERE)


async def test_quitting_ends_a_change_cleanly(simulator: Simulator) -> None:
    engine = Slow(simulator)
    app = RoutetuiApp(engine)
    async with app.run_test(size=WIDE, notifications=True) as pilot:
        await until(pilot, lambda: app.real is not None)
        app.perform(Deed(ONE))
        app.perform(Deed(OTHER))
        await until(pilot, engine.begun.is_set, settled=False)
        assert "changing" in screen(app).splitlines()[0]
        await pilot.press("q")
        await until(pilot, lambda: not app.is_running, settled=False)
    assert engine.said == ["closed", "taken back"]


# --- the log ---


async def test_the_log_has_it_all_and_is_copied_as_scripts(
    engine: Engine, tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # type: ignore[arg-type]
    app = RoutetuiApp(engine, node="centos-net1", destination="172.20.0.2")
    async with opened(app) as pilot:
        await press(pilot, "greater_than_sign")
        await perform(pilot, Deed(ONE))
        await perform(pilot, Deed(OTHER))
        await press(pilot, "at")
        told = words(app)
        assert "centos-net1# ip route add 172.20.0.0/16 via 172.19.0.3 dev eth0" in told
        assert "code 0" in told
        await press(pilot, "y")
        docker = "docker exec {}" if isinstance(engine, Simulator) else "routetui --lab NAME run {} --"
        one, other = docker.format("centos-net1"), docker.format("centos-net2")
        assert app.clipboard.splitlines()[-2:] == [
            f"{one} ip route add 172.20.0.0/16 via 172.19.0.3 dev eth0",
            f"{other} ip route add 172.19.0.0/16 via 172.20.0.3 dev eth0",
        ]
        await press(pilot, "u")
        assert app.clipboard.splitlines()[-2:] == [
            f"{other} ip route del 172.19.0.0/16 via 172.20.0.3 dev eth0",
            f"{one} ip route del 172.20.0.0/16 via 172.19.0.3 dev eth0",
        ]
        await press(pilot, "s")
        assert (tmp_path / "routetui-1.sh").read_text().startswith("#!/bin/sh\n")
        await press(pilot, "a")
        assert "centos-net1# ip route get 172.20.0.2" in words(app)
        await press(pilot, "escape")
        assert len(app.screen_stack) == 1


async def test_no_script_without_a_change(simulator: Simulator) -> None:
    app = RoutetuiApp(simulator)
    async with opened(app) as pilot:
        await press(pilot, "at", "y")
        assert "Nothing was changed" in words(app)


# --- engines that do as they are told ---


class Through:
    """An engine that hands everything on to another one."""

    def __init__(self, engine: Engine) -> None:
        self.label, self._engine = engine.label, engine
        self.snapshot, self.watch, self.run, self.close = engine.snapshot, engine.watch, engine.run, engine.close

    def change(self, change: Change, world: World, agreed: Collection[str] = ()) -> Making:
        """Hand it on."""
        return self._engine.change(change, world, agreed)


class Unclosed(Through):
    """Stays open when the app closes it, so that it can be looked into afterwards."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.close = lambda: None


class Refusing(Through):
    """Refuses every change."""

    def change(self, change: Change, world: World, agreed: Collection[str] = ()) -> Making:  # noqa: ARG002
        return Printed(("ip",), ("RTNETLINK answers: Device or resource busy",), 2)


class Asking(Through):
    """Asks before it does anything."""

    def change(self, change: Change, world: World, agreed: Collection[str] = ()) -> Making:
        if "beside" not in agreed:
            raise Asks("May a container be started beside it?", "beside")
        return super().change(change, world, agreed)


class Slow(Through):
    """A change that takes until it is closed, and is then taken back."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.begun, self.said = threading.Event(), []  # type: ignore[var-annotated]
        self._end: queue.SimpleQueue[None] = queue.SimpleQueue()

    def change(self, change: Change, world: World, agreed: Collection[str] = ()) -> Making:  # noqa: ARG002
        return Lasting(self)

    def wait(self) -> None:
        """Until it is closed."""
        self.begun.set()
        self._end.get()

    def end(self) -> None:
        """Let it end."""
        self.said.append("closed")
        self._end.put(None)


class Lasting:
    """The Making of Slow."""

    argv, how = ("ip", "route"), "slowly"

    def __init__(self, engine: Slow) -> None:
        self.code: int | None = None
        self._engine = engine

    def __iter__(self) -> Iterator[str]:
        self._engine.wait()
        self._engine.said.append("taken back")
        yield "Taken back."
        self.code = 130

    def close(self) -> None:
        """End it."""
        self._engine.end()
