"""Probes by keys on real kernels: the walk-through's sights on the kernel's lab and on Docker, and how they end."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from private_engine.lab import Lab
from probing import FAR, QUICK, A, B, R, app_of, form, last, send, until
from test_app import NARROW, WIDE, ask, opened, press, screen
from test_walk_change import words

from tui.app import RoutetuiApp
from tui.core.probes.watched import Stage
from tui.engines import kernel
from tui.engines.base import Engine
from tui.engines.docker.engine import connect
from tui.engines.read_only import ReadOnlyEngine
from tui.walks.probe import KEPT


@pytest.fixture
def on_kernel(kernel_lab: Engine) -> Engine:
    """A lab for each test: the app closes its engine."""
    return kernel_lab


@pytest.fixture
def on_docker(two_bridges: Lab) -> Iterator[Engine]:
    engine = connect(two_bridges.url)
    yield engine
    engine.close()


@pytest.fixture(params=["on_kernel", "on_docker"])
def engine(request: pytest.FixtureRequest) -> Engine:
    found: Engine = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def routed(request: pytest.FixtureRequest, engine: Engine) -> Iterator[Engine]:
    """With both routes, for one test."""
    routes = ((A, "172.20.0.0/16 via 172.19.0.3"), (B, "172.19.0.0/16 via 172.20.0.3"))
    for name, route in routes:
        assert list(engine.run(name, ("ip", "route", "add", *route.split()))) == []
    yield engine
    if not isinstance(engine, kernel.KernelLab):
        lab: Lab = request.getfixturevalue("two_bridges")
        for name, route in routes:
            lab.execute(name, "ip", "route", "del", *route.split())


# --- the walk-through ------------------------------------------------------------------------------------------------


async def test_a_lost_ping(engine: Engine) -> None:
    async with opened(RoutetuiApp(engine, node=A), NARROW) as pilot:
        await ask(pilot, FAR)
        found = await send(pilot, "ping", FAR, QUICK)
        assert (found.stage, found.good, found.agrees) == (Stage.ENDED, False, True)
        told = words(app_of(pilot))
        for each in ("2 sent, 0 answered, 100% lost", "✓ Agrees: silence, as predicted.", "Silence: the request"):
            assert each in told, "at 80x24, without scrolling"
        assert "0/2 answered, as predicted" in told


async def test_a_traceroute_to_the_host_only(engine: Engine) -> None:
    async with opened(RoutetuiApp(engine, node=A), NARROW) as pilot:
        found = await send(pilot, "traceroute", B, "wait 0.5 queries 1")
        assert (found.good, found.agrees) == (False, True)
        shown = screen(app_of(pilot))
        assert re.search(r"1  172\.19\.0\.1, the host.*✓ 172\.19\.0\.1 +[0-9.]+ ms", shown), shown
        assert re.search(r"2  \* +✓ \*", shown)
        assert "✓ Agrees" in words(app_of(pilot))
        assert "5 silent hops in a row" in words(app_of(pilot))


async def test_with_both_routes_the_answer_has_ttl_63(routed: Engine) -> None:
    async with opened(RoutetuiApp(routed, node=A), NARROW) as pilot:
        found = await send(pilot, "ping", FAR, QUICK)
        assert (found.good, found.agrees) == (True, True)
        told = words(app_of(pilot))
        assert "✓ Agrees: an answer with ttl 63, as predicted." in told
        assert re.search(r"1 [0-9.]+ ms ttl 63 from 172\.20\.0\.2", told)
        assert re.search(r"times [▁▂▃▄▅▆▇█]{2} ", told)
        assert re.search(r"min [0-9.]+, average [0-9.]+, median [0-9.]+, max [0-9.]+, jitter [0-9.]+ ms", told)


async def test_with_both_routes_there_are_two_hops_by_the_router(routed: Engine) -> None:
    async with opened(RoutetuiApp(routed, node=A), NARROW) as pilot:
        found = await send(pilot, "traceroute", B)
        assert (found.good, found.agrees) == (True, True)
        shown = screen(app_of(pilot))
        assert re.search(r"1  172\.19\.0\.3, centos-router.*✓ 172\.19\.0\.3 ", shown), shown
        assert re.search(r"2  172\.20\.0\.2, centos-net2.*✓ 172\.20\.0\.2 ", shown), shown


async def test_a_capture_on_the_router_shows_each_packet_twice(routed: Engine) -> None:
    async with opened(RoutetuiApp(routed, node=A), WIDE) as pilot:
        await form(pilot, "capture", "icmp and host 172.20.0.2", source=R)
        await pilot.press("enter")
        await until(pilot, lambda: app_of(pilot).probes and last(pilot).stage is Stage.RUNNING)
        await send(pilot, "ping", FAR, "count 1", source=A)
        await until(pilot, lambda: app_of(pilot).probes[0].seen == 4)
        await press(pilot, "down")
        shown = screen(app_of(pilot))
        ways = [
            ("eth0 in", 64, "request"),
            ("eth1 out", 63, "request"),
            ("eth1 in", 64, "reply"),
            ("eth0 out", 63, "reply"),
        ]
        for way, ttl, kind in ways:
            dev, direction = way.split()
            assert re.search(rf"{dev} +{direction} .*ICMP +{ttl} .*echo {kind}", shown), shown
        await press(pilot, "s")
        await until(pilot, lambda: not app_of(pilot).probing)
        assert app_of(pilot).probes[0].stage is Stage.STOPPED


async def test_a_connect_is_refused_where_nothing_listens(engine: Engine) -> None:
    async with opened(RoutetuiApp(engine, node=A)) as pilot:
        found = await send(pilot, "connect", R, "port 9 wait 2")
        assert found.agrees is True
        assert "Refused: 172.19.0.3 is reached, and nothing listens on its port 9" in words(app_of(pilot))


# --- processes -------------------------------------------------------------------------------------------------------


def processes(word: str) -> list[int]:
    """The processes of this machine that have a word in their command."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                if word.encode() in (folder / "cmdline").read_bytes().split(b"\0"):
                    found.append(int(folder.name))
            except OSError:
                continue
    return found


async def test_a_hundred_probes_started_and_stopped_leave_no_process(on_kernel: Engine) -> None:
    target = "172.19.181.7"  # nobody has it, and no other test asks for it
    async with opened(RoutetuiApp(on_kernel, node=A)) as pilot:
        app = app_of(pilot)
        await form(pilot, "ping", target, "count 1000")
        await pilot.press("enter")
        await until(pilot, lambda: app.probes and last(pilot).stage is Stage.RUNNING)
        for number in range(2, 101):
            await pilot.press("a")
            await until(pilot, lambda number=number: app._probe_number == number)
            if number % 4 == 0:
                assert processes(target), "they do run"
                for row in range(4):
                    await pilot.press("home", *["down"] * row, "s")
                await until(pilot, lambda: app.probing == 0)
        assert app._probe_number == 100
        assert all(each.stage is Stage.STOPPED for each in app.probes)
        assert len(app.probes) == KEPT
        await until(pilot, lambda: not processes(target))
        assert not (app._afoot or app._threads or app._logged)


async def test_quitting_ends_all_of_them(engine: Engine) -> None:
    target = "172.19.181.8"
    async with opened(RoutetuiApp(engine, node=A)) as pilot:
        await form(pilot, "ping", target, "count 1000")
        await pilot.press("enter")
        await until(pilot, lambda: app_of(pilot).probes and last(pilot).stage is Stage.RUNNING)
        await press(pilot, "a", "a")
        await until(pilot, lambda: len(processes(target)) >= 3)
        assert "▸ 3 probes" not in screen(app_of(pilot))
        await press(pilot, "escape")
        assert "▸ 3 probes (p)" in screen(app_of(pilot)), "the title says so"
    give_up = time.monotonic() + 20
    while processes(target):
        assert time.monotonic() < give_up
        time.sleep(0.01)


async def test_a_lab_that_goes_away_ends_its_probes_with_a_sentence(on_kernel: Engine) -> None:
    async with opened(RoutetuiApp(on_kernel, node=A)) as pilot:
        await form(pilot, "ping", "172.19.0.3", "count 1000")
        await pilot.press("enter")
        await until(pilot, lambda: app_of(pilot).probes and last(pilot).result is not None)
        on_kernel.close()
        await until(pilot, lambda: not app_of(pilot).probing)
        assert last(pilot).stage is Stage.FAILED
        assert "ended from outside" in words(app_of(pilot)) or "lab is gone" in words(app_of(pilot))
        assert last(pilot).result is not None, "what was found stays"


async def test_a_read_only_engine_may_be_probed(on_kernel: Engine) -> None:
    async with opened(RoutetuiApp(ReadOnlyEngine(on_kernel), node=A)) as pilot:
        for kind, target in (("ping", "172.19.0.3"), ("traceroute", R), ("connect", R)):
            found = await send(pilot, kind, target, QUICK if kind == "ping" else "")
            assert found.agrees is True, found
        found = await send(pilot, "capture", "icmp", "dev any count 1 seconds 0.5")
        assert found.stage is Stage.ENDED
