"""Both ends at once, by its keys: the plan whole or in part, other ways, mistakes, and what is returned."""

from __future__ import annotations

import shlex
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from test_app import NARROW, WIDE, ask, press, settle, simulated
from test_gateway_form import TWO, commands, lines, value, write
from textual.pilot import Pilot

from tui import labs
from tui.core.changes import Disconnect, SetSysctl, Several, apply
from tui.core.changes.deed import Deed
from tui.core.changes.preview import preview
from tui.core.labs.layout import world as build
from tui.core.path import path
from tui.core.world import World
from tui.panels.plan import ItemList, PlanForm


@asynccontextmanager
async def form(
    world: World = TWO,
    a: str = "centos-net1",
    b: str = "centos-net2",
    size: tuple[int, int] = WIDE,
    **options: object,
) -> AsyncIterator[tuple[Pilot[None], list[Deed | None]]]:
    """The app with the form over it, and what it was left with."""
    app = simulated(world, node=a)
    left: list[Deed | None] = []
    async with app.run_test(size=size, notifications=True) as pilot:
        await settle(pilot)
        app.push_screen(PlanForm(world, a, b, **options), left.append)  # type: ignore[arg-type]
        await settle(pilot)
        yield pilot, left


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_two_keys_take_the_whole_plan(size):
    async with form(size=size) as (pilot, left):
        shown = lines(pilot)
        assert "Now a packet from centos-net1 to 172.20.0.2 gets lost at the host." in shown
        assert "2 changes let them talk through centos-router." in shown
        assert shown.count("[x]") == 2
        assert "✓ comes back" in shown
        await press(pilot, "enter", "enter")
        (deed,) = left
        assert (deed.way, deed.prefer) == ("apply", "172.20.0.2")
        assert commands(deed) == [
            "ip route add 172.20.0.0/16 via 172.19.0.3 dev eth0",
            "ip route add 172.19.0.0/16 via 172.20.0.3 dev eth0",
        ]
        assert path(apply(deed.change, TWO), "centos-net1", "centos-net2").works


async def test_a_part_is_looked_at_before_it_is_taken():
    async with form() as (pilot, left):
        await press(pilot, "space")
        assert "back not reached" in lines(pilot), "without the way there nothing arrives"
        await press(pilot, "space", "down", "space")
        shown = lines(pilot)
        assert "then ✗ it arrives; the reply has no way back" in shown
        assert "ip route add 172.19.0.0/16" not in shown
        await press(pilot, "enter", "w")
        (deed,) = left
        assert deed.way == "what-if"
        assert commands(deed) == ["ip route add 172.20.0.0/16 via 172.19.0.3 dev eth0"]


async def test_with_nothing_ticked_there_is_nothing_to_do():
    async with form() as (pilot, left):
        await press(pilot, "space", "down", "space", "enter", "enter")
        assert not left
        assert isinstance(pilot.app.focused, ItemList)


async def test_other_ways_are_offered_with_what_else_comes_of_them():
    async with form() as (pilot, left):
        assert "◀ 1 of " in lines(pilot)
        await press(pilot, "right")
        shown = lines(pilot)
        assert "Connect centos-net1 to network net2." in shown
        assert "centos-net1 is then on net2 too, and nothing keeps the two apart there." in shown
        assert "does docker network connect net2 centos-net1" in shown
        await press(pilot, "left")
        assert "172.19.0.0/16 via 172.20.0.3" in lines(pilot)
        await press(pilot, "right", "enter", "t")
        assert commands(left[0]) == ["docker network connect net2 centos-net1"]
        assert left[0].way == "try"


async def test_what_is_no_route_is_mended_too():
    world = build(labs.load("asymmetric-rp-filter"))
    async with form(world, "client", "server") as (pilot, left):
        for _ in range(4):
            if "rp_filter to 2" in lines(pilot):
                break
            await press(pilot, "right")
        assert "server then takes what comes in by eth0 from any source" in lines(pilot)
        await press(pilot, "enter", "enter")
        (deed,) = left
        assert isinstance(deed.change, SetSysctl)
        assert path(apply(deed.change, world), "client", "server").works


async def test_without_a_router_it_says_so_and_offers_what_there_is():
    world = apply(Disconnect("centos-router", "net2"), TWO)
    async with form(world) as (pilot, left):
        shown = lines(pilot)
        assert "Now a packet from centos-net1 to 172.20.0.2 gets lost at the host." in shown
        assert "Connect centos-" in shown
        await press(pilot, "enter", "enter")
        assert preview(left[0].change, world, paths=[("centos-net1", "centos-net2")]).paths[0].after.works


async def test_two_that_talk_already_need_nothing():
    async with form(b="centos-router") as (pilot, left):
        assert "works: the request arrives and the reply comes back." in lines(pilot)
        assert pilot.app.focused.id == "b"
        await press(pilot, "enter", "a")
        assert not left


async def test_the_other_end_is_typed_completed_and_mended():
    async with form(b="") as (pilot, left):
        assert "✗" not in lines(pilot)
        await write(pilot, "centos-net")
        assert "✗" not in lines(pilot), "half a name is no mistake yet"
        await write(pilot, "9")
        assert "Nothing here is named 'centos-net9'." in lines(pilot)
        await press(pilot, "enter")
        assert value(pilot, "b").startswith("centos-net")
        await write(pilot, "centos-net2", "b")
        await press(pilot, "enter", "enter", "enter")
        assert isinstance(left[0].change, Several)


async def test_one_end_twice_is_refused():
    async with form(b="centos-net1") as (pilot, left):
        await press(pilot, "enter")
        assert "Name two: a node always reaches itself." in lines(pilot)
        assert not left


async def test_read_only_leaves_what_if_and_escape_leaves():
    async with form(read_only=True) as (pilot, left):
        await press(pilot, "enter", "a", "t")
        assert not left
        await press(pilot, "escape")
        assert isinstance(pilot.app.focused, ItemList)
        await press(pilot, "escape")
        assert left == [None]


@pytest.mark.parametrize("name", labs.names())
async def test_in_every_lab_the_first_way_works(name):
    """What the form shows as working works in the World after the deed."""
    world = build(labs.load(name))
    ends = broken(world)
    if ends is None:
        return
    async with form(world, *ends) as (pilot, left):
        if not pilot.app.screen.query_one(ItemList).items:
            return
        assert "✓ comes back" in lines(pilot)
        await press(pilot, "enter", "enter")
        after = apply(left[0].change, world)
        assert path(after, ends[0], left[0].prefer).works, shlex.join(ends)


def broken(world: World) -> tuple[str, str] | None:
    """Two containers that cannot talk."""
    names = [each.name for each in world.nodes if each.kind != "host"]
    for a in names:
        for b in names:
            if a != b and path(world, a, b).works is False:
                return a, b
    return None


async def test_from_the_lookup_to_both_routes_made():
    app = simulated(TWO, node="centos-net1")
    async with app.run_test(size=WIDE, notifications=True) as pilot:
        await settle(pilot)
        await ask(pilot, "centos-net2")
        await press(pilot, "c", "enter", "enter")
        assert path(app.world, "centos-net1", "centos-net2").works
