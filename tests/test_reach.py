"""The map and the matrix, through the keys: what they show is what the path says, and a pair leads to its path."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot
from two_bridges import two_bridges

from tui import labs
from tui.app import RoutetuiApp
from tui.core.labs.layout import world as world_of
from tui.core.path import path
from tui.core.world import World
from tui.engines.sim import Simulator
from tui.panels.map import Map, NodeRows
from tui.panels.matrix import MatrixScreen, Pairs
from tui.panels.rails import rails
from tui.panels.reach import SIGNS


async def settle(pilot: Pilot[None]) -> None:
    await pilot.app.workers.wait_for_complete()
    await pilot.pause()


def app_of(world: World) -> RoutetuiApp:
    return RoutetuiApp(Simulator(world), simulated=True)


async def test_the_map_says_whom_the_chosen_node_reaches() -> None:
    world = two_bridges()
    app = app_of(world)
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        await settle(pilot)
        await pilot.press("m")
        await settle(pilot)
        assert isinstance(app.screen, Map)
        rows = app.screen.query_one(NodeRows)
        lines = {row.node.name: line for row, line in zip(rows.picture.rows, rows.text().splitlines(), strict=True)}
        for name, line in lines.items():
            if name != rows.source:
                works = path(world, rows.source, name).works
                assert (SIGNS["yes"][0] in line) is (works is True), line
        await pilot.press("end", "space")  # the host is the last row
        await settle(pilot)
        assert rows.source == "host"


async def test_enter_on_the_map_opens_the_path() -> None:
    app = app_of(two_bridges())
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await settle(pilot)
        await pilot.press("m")
        await settle(pilot)
        rows = app.screen.query_one(NodeRows)
        names = [row.node.name for row in rows.picture.rows]
        await pilot.press(*["down"] * names.index("centos-net2"), "enter")
        await settle(pilot)
        assert not isinstance(app.screen, Map)
        assert app.selected == rows.source
        assert app.query_one("#destination").value == "centos-net2"  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["two-bridges", "three-in-a-row", "missing-return-route", "asymmetric-rp-filter"])
async def test_the_matrix_is_the_path_of_every_pair(name: str) -> None:
    world = world_of(labs.load(name))
    app = app_of(world)
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        await settle(pilot)
        await pilot.press("M")
        await settle(pilot)
        assert isinstance(app.screen, MatrixScreen)
        pairs = app.screen.query_one(Pairs)
        names = [each.name for each in world.nodes]
        for row, src in enumerate(names):
            signs = (
                "".join(text for text, _ in pairs.cells(row, 118)).split(src, 1)[1].replace("[", "").replace("]", "")
            )
            for dst, sign in zip(names, signs.split(), strict=True):
                if src != dst:
                    assert (sign == SIGNS["yes"][0]) is (path(world, src, dst).works is True), (src, dst)


async def test_a_pair_of_the_matrix_leads_to_its_path() -> None:
    app = app_of(two_bridges())
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        await settle(pilot)
        await pilot.press("M")
        await settle(pilot)
        pairs = app.screen.query_one(Pairs)
        await pilot.press("home", "down", "left", "left", "left")
        assert (pairs.cursor, pairs.column) == (1, 0)
        await pilot.press("enter")
        await settle(pilot)
        assert app.selected == pairs.names[1]
        assert app.query_one("#destination").value == pairs.names[0]  # type: ignore[attr-defined]


def test_two_rails_for_the_two_bridges_and_the_router_joins_them() -> None:
    picture = rails(two_bridges(), 4)
    assert [each.name for each in picture.networks] == ["net1", "net2"]
    joined = {row.node.name: [stop.rail for stop in row.stops] for row in picture.rows}
    assert joined == {"centos-net1": [0], "centos-router": [0, 1], "centos-net2": [1], "host": [0, 1]}
    assert picture.rows[-1].node.name == "host"


def test_rails_that_do_not_fit_are_left_for_later() -> None:
    picture = rails(world_of(labs.load("three-in-a-row")), 4)
    assert list(picture.fitting(0, 30)) == [0, 1]
    assert list(picture.fitting(1, 5)) == [1]
