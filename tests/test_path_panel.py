"""Panel 4 by its keys: the way there and back, what would mend it, and that it follows and never blocks."""

from __future__ import annotations

from dataclasses import replace

import pytest
from test_app import NARROW, WIDE, ask, press, screen, settle, simulated
from textual.pilot import Pilot

from tui import labs
from tui.core.changes import AddRoute, SetSysctl, Several, apply
from tui.core.commands import parse_route
from tui.core.labs.layout import world as build
from tui.core.path import path
from tui.panels.path import PathPanel, PathView
from tui.panels.plan import PlanForm

TWO = build(labs.load("two-bridges"))


def add(node: str, text: str) -> AddRoute:
    return AddRoute(node, parse_route(text.split(), 6 if ":" in text else 4))


THERE = add("centos-net1", "172.20.0.0/16 via 172.19.0.3 dev eth0")
BACK = add("centos-net2", "172.19.0.0/16 via 172.20.0.3 dev eth0")


def panel(pilot: Pilot[None]) -> PathPanel:
    return pilot.app.query_one(PathPanel)


def shown(pilot: Pilot[None]) -> str:
    """What stands in the panel, frame and all, as one line."""
    area = panel(pilot).region
    rows = screen(pilot.app).splitlines()[area.y : area.bottom]  # type: ignore[arg-type]
    return " ".join(" ".join(each[area.x : area.right].strip("│") for each in rows).split())


async def start(pilot: Pilot[None], destination: str) -> None:
    await settle(pilot)
    await ask(pilot, destination)


async def test_the_walk_through_step_by_step():
    """Lost at the host; with one route the reply is lost; with both it works: the panel follows the world."""
    app = simulated(TWO, node="centos-net1")
    async with app.run_test(size=WIDE, notifications=True) as pilot:
        await settle(pilot)
        assert "4 Path" in shown(pilot)
        assert "A destination (d) shows the way there" in shown(pilot)
        await ask(pilot, "172.20.0.2")
        told = shown(pilot)
        assert "4 Path · centos-net1 → centos-net2" in told
        assert "there centos-net1 ─eth0─[net1]─▶ host ✗ FILTERED Docker's isolation" in told
        assert "back not reached" in told
        assert "✗ gets lost at the host" in told
        app.engine.replace(apply(THERE, TWO))  # type: ignore[attr-defined]
        await settle(pilot)
        told = shown(pilot)
        assert "there centos-net1 ─eth0─[net1]─▶ centos-router ─eth1─[net2]─▶ centos-net2 ✓ arrives" in told
        assert "back centos-net2 ─eth0─[net2]─▶ host ✗ FILTERED" in told
        assert "✗ arrives; the reply has no way back" in told
        assert "mends Add a route on centos-net2: 172.19.0.0/16 via 172.20.0.3 by eth0." in told
        app.engine.replace(apply(Several((THERE, BACK)), TWO))  # type: ignore[attr-defined]
        await settle(pilot)
        told = shown(pilot)
        assert "✓ comes back" in told
        assert "✓ arrives, and the reply comes back" in told
        assert "mends" not in told


async def test_it_follows_the_node_and_the_destination():
    app = simulated(TWO, node="centos-net1")
    async with app.run_test(size=WIDE, notifications=True) as pilot:
        await start(pilot, "172.20.0.2")
        await press(pilot, "1", "down")
        assert "centos-router → centos-net2" in shown(pilot)
        assert "centos-router ─eth1─[net2]─▶ centos-net2 ✓ arrives" in shown(pilot)
        await ask(pilot, "172.19.0.2")
        assert "centos-router → centos-net1" in shown(pilot)
        await ask(pilot, "nonsense.")
        assert "A destination (d) shows" in shown(pilot), "a question that is not understood has no path"


async def test_what_mends_it_is_shown_with_what_else_comes_of_it_and_enter_opens_it():
    app = simulated(TWO, node="centos-net1")
    async with app.run_test(size=WIDE, notifications=True) as pilot:
        await start(pilot, "172.20.0.2")
        told = shown(pilot)
        assert (
            "mends Add a route on centos-net1: 172.20.0.0/16 via 172.19.0.3 by eth0. Add a route on centos-net2" in told
        )
        assert "or Connect centos-net1 to network net2. (centos-net1 is then on net2 too, and nothing" in told
        await press(pilot, "4", "enter")
        assert isinstance(app.screen, PlanForm)
        await press(pilot, "enter", "enter")
        assert path(app.world, "centos-net1", "centos-net2").works
        assert "✓ comes back" in panel(pilot).text()


async def test_on_a_small_screen_two_lines_are_left_and_key_4_shows_all_of_it():
    app = simulated(TWO, node="centos-net1")
    async with app.run_test(size=NARROW, notifications=True) as pilot:
        await start(pilot, "172.20.0.2")
        assert panel(pilot).size.height == 2
        told = shown(pilot)
        assert "there ✗ FILTERED at host centos-net1 ▶ host" in told
        assert "back not reached" in told
        assert "✗ gets lost at the host" in told
        await press(pilot, "4")
        told = shown(pilot)
        assert "there centos-net1 ─eth0─[net1]─▶ host ✗ FILTERED Docker's isolation" in told
        assert "mends Add a route on centos-net1" in told
        assert "⏎ shows what it does, then does it" in told
        assert not app.query_one("#lookup").display
        await press(pilot, "d")
        assert app.focused.id == "destination"
        assert app.query_one("#lookup").display
        assert panel(pilot).size.height == 2


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_the_panel_can_be_zoomed_and_reached_with_tab(size):
    app = simulated(TWO, node="centos-net1")
    async with app.run_test(size=size, notifications=True) as pilot:
        await start(pilot, "172.20.0.2")
        await press(pilot, "4", "plus")
        assert panel(pilot).size.width > size[0] - 4
        assert "✗ FILTERED Docker's isolation" in shown(pilot)
        await press(pilot, "underscore", "3", "tab")
        assert isinstance(app.focused, PathView)


async def test_several_next_hops_are_several_branches():
    """Two routers with equal rights: each branch has its own way and its own end."""
    world = build(labs.load("asymmetric-rp-filter"))
    both = add("client", "10.77.2.0/24 nexthop via 10.77.1.3 nexthop via 10.77.1.4")
    held = next(each for each in world.node("client").routes if str(each.dst) == "10.77.2.0/24")
    from tui.core.changes import DeleteRoute

    world = apply(Several((DeleteRoute("client", held), both)), world)
    found = path(world, "client", "10.77.2.2")
    assert len(found.branches) > 1
    app = simulated(world, node="client")
    async with app.run_test(size=WIDE, notifications=True) as pilot:
        await start(pilot, "10.77.2.2")
        told = shown(pilot)
        assert "there1 client ─eth0─[clients]─▶ router1" in told
        assert "there2 client ─eth0─[clients]─▶ router2" in told
        assert "back1" in told


async def test_a_loop_is_drawn_with_its_turn():
    world = build(labs.load("routing-loop"))
    app = simulated(world, node="alice")
    async with app.run_test(size=WIDE, notifications=True) as pilot:
        await start(pilot, "10.77.9.9")
        assert "↻" in shown(pilot)
        assert "✗ TTL_EXCEEDED" in shown(pilot)


async def test_what_was_taken_for_granted_is_said():
    """Without the switches nobody knows whether the router forwards: the panel says so and takes no side."""
    blind = tuple(replace(each, sysctls=(), missing=("sysctls",)) for each in TWO.nodes)
    world = apply(THERE, replace(TWO, nodes=blind))
    app = simulated(world, node="centos-net1")
    async with app.run_test(size=WIDE, notifications=True) as pilot:
        await start(pilot, "172.20.0.2")
        told = shown(pilot)
        assert "? UNKNOWN" in told
        assert "? is not known to arrive" in told


async def test_words_of_a_query_that_a_ping_does_not_have_are_named():
    app = simulated(TWO, node="centos-net1")
    async with app.run_test(size=WIDE, notifications=True) as pilot:
        await start(pilot, "172.20.0.2 from 172.19.0.2 mark 7")
        assert "note The path is that of a ping: mark 7 plays no part in it." in shown(pilot)


async def test_it_is_worked_out_once_for_a_question_and_not_at_all_while_nobody_sees_it(monkeypatch):
    import tui.core.path

    asked = []
    real = tui.core.path.path

    def counted(*arguments: object, **named: object):
        asked.append(arguments[1:])
        return real(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(tui.core.path, "path", counted)
    app = simulated(TWO, node="centos-net1")
    async with app.run_test(size=WIDE, notifications=True) as pilot:
        await start(pilot, "172.20.0.2")
        assert len(asked) == 1
        await press(pilot, "n", "n", "b", "greater_than_sign", "4", "3")
        assert len(asked) == 1, "steps, focus and drawing again ask nothing"
        await press(pilot, "2", "plus", "1")
        await press(pilot, "down")
        assert len(asked) == 1, "behind a zoomed panel it waits"
        await press(pilot, "underscore")
        assert len(asked) == 2


async def test_a_search_for_a_path_that_is_gone_shows_nothing_of_it():
    """What mends the old path comes late: it is thrown away, and that of the new one is looked for."""
    app = simulated(TWO, node="centos-net1")
    async with app.run_test(size=WIDE, notifications=True) as pilot:
        await start(pilot, "172.20.0.2")
        old = panel(pilot).path
        assert old is not None
        found = panel(pilot)._mends
        app.engine.replace(apply(SetSysctl("centos-router", "net.ipv4.ip_forward", 0), apply(THERE, TWO)))  # type: ignore[attr-defined]
        await settle(pilot)
        panel(pilot).post_message(PathPanel.Mended(old, found or ()))
        await settle(pilot)
        told = shown(pilot)
        assert "✗ NOT_FORWARDING" in told
        assert "Turn IPv4 forwarding on on centos-router." in told


async def test_the_text_of_the_panel_is_whole():
    app = simulated(TWO, node="centos-net1")
    async with app.run_test(size=NARROW, notifications=True) as pilot:
        await start(pilot, "172.20.0.2")
        text = panel(pilot).text()
        assert text.startswith("centos-net1 → centos-net2\nthere  centos-net1 ─eth0─[net1]─▶ host ✗ FILTERED")
        assert "\nsees   " in text
