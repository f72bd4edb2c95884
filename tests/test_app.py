"""The explorer by its keys, over engines that pass the contract: the simulator, and one that can go away."""

from __future__ import annotations

import queue
import re
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from textual.pilot import Pilot
from textual.widgets import Input
from two_bridges import default, interface, network, node, two_bridges

from tui.app import RoutetuiApp
from tui.core.addresses import parse_address, parse_prefix
from tui.core.world import NextHop, Node, Route, World
from tui.engines.base import EngineError, Run
from tui.engines.sim import Simulator
from tui.panels.lines import Lines
from tui.panels.lookup import LookupPanel
from tui.panels.places import PlaceList
from tui.panels.routes import RouteList

WIDE, NARROW = (120, 36), (80, 24)


@asynccontextmanager
async def opened(app: RoutetuiApp, size: tuple[int, int] = WIDE) -> AsyncIterator[Pilot[None]]:
    """The app with its first world drawn."""
    async with app.run_test(size=size, notifications=True) as pilot:
        await settle(pilot)
        yield pilot


async def settle(pilot: Pilot[None]) -> None:
    """Every worker has ended and every message is handled."""
    await pilot.app.workers.wait_for_complete()
    await pilot.pause()
    await pilot.app.workers.wait_for_complete()
    await pilot.pause()


async def press(pilot: Pilot[None], *keys: str) -> None:
    """Press keys, and settle."""
    await pilot.press(*keys)
    await settle(pilot)


async def ask(pilot: Pilot[None], text: str) -> None:
    """Type a destination and enter."""
    await press(pilot, "d", *(["end", "shift+home", "delete"]), *map(key_of, text), "enter")


def key_of(letter: str) -> str:
    """The name of the key that types a letter."""
    names = {".": "full_stop", ":": "colon", "-": "minus", " ": "space", "/": "slash", "[": "left_square_bracket"}
    return names.get(letter, letter)


def screen(app: RoutetuiApp) -> str:
    """What is on the screen, as text."""
    width, height = app.size
    lines = [app.screen._compositor.render_strips(app.size)[y] for y in range(height)]
    return "\n".join(strip.text[:width] for strip in lines)


def simulated(world: World | None = None, **options: object) -> RoutetuiApp:
    """The app over the simulator."""
    return RoutetuiApp(Simulator(world or two_bridges()), **options)  # type: ignore[arg-type]


async def test_the_walk_through_is_on_the_screen() -> None:
    app = simulated()
    async with opened(app):
        shown = screen(app)
        for each in ("net1", "172.19.0.0/16", "centos-net1", "172.19.0.2", "centos-router ⇄", "host", "net2"):
            assert each in shown
        assert re.search(r"default +172\.19\.0\.1 +eth0 +anything else, to the host", shown)
        assert re.search(r"172\.19\.0\.0/16 +on-link +eth0 +neighbours on net1", shown)
        assert "live" in shown
        assert "2 networks · 3 containers · host" in shown


async def test_a_lookup_is_stepped_through_to_its_decision() -> None:
    app = simulated()
    async with opened(app) as pilot:
        await ask(pilot, "172.20.0.2")
        assert "centos-net2 on net2" in screen(app)
        assert "step 1 of" in screen(app)
        await press(pilot, "n", "n")
        shown = screen(app)
        line = next(each for each in shown.splitlines() if "▸✗ 172.19.0.0/16" in each)
        below = shown.splitlines()[shown.splitlines().index(line) + 1]
        assert "10101100.00010011.········.········" in line
        assert "differs at bit 14 of 16: no candidate" in below
        start = line.index("10101100")
        assert below.index("▲") == start + 14  # the fourteenth bit, after one dot
        assert re.search(r"▶172\.19\.0\.0/16", shown), "the table marks what the lookup looks at"
        await press(pilot, "b")
        assert "▸✗ 172.19.0.0/16" not in screen(app)
        await press(pilot, "greater_than_sign")
        shown = screen(app)
        assert "⇒ via 172.19.0.1 dev eth0 src 172.19.0.2" in shown
        assert "ask it: ip route get 172.20.0.2" in shown
        assert "172.20.0.2 matches only the default route" in shown
        assert "✗ 172.19.0.0/16" in shown, "losers stay"
        assert "▶default" in shown
        await press(pilot, "less_than_sign")
        assert "step 1 of" in screen(app)


async def test_default_compares_nothing() -> None:
    app = simulated()
    async with opened(app) as pilot:
        await ask(pilot, "8.8.8.8")
        await press(pilot, "n", "n", "n")
        assert "compares nothing, always matches" in screen(app)


async def test_the_kernels_answer_stands_beside_the_decision() -> None:
    app = simulated(destination="172.20.0.2")
    async with opened(app) as pilot:
        await press(pilot, "greater_than_sign")
        assert re.search(r"✓ .*agrees", screen(app))


async def test_a_simulated_engine_says_so_and_has_no_kernel() -> None:
    app = simulated(simulated=True, notice="No Docker Engine answered: this is the two-bridges lab, simulated.")
    async with opened(app) as pilot:
        assert "◌ simulated" in screen(app)
        assert "No Docker Engine answered" in screen(app)
        await ask(pilot, "172.20.0.2")
        await press(pilot, "greater_than_sign")
        assert "there is no kernel here to ask" in screen(app)
        await press(pilot, "escape")
        assert "No Docker Engine answered" not in screen(app)
        assert "◌ simulated" in screen(app)


async def test_a_kernel_that_differs_is_shown_as_such() -> None:
    app = RoutetuiApp(Contrary(two_bridges()), destination="172.20.0.2")
    async with opened(app) as pilot:
        await press(pilot, "greater_than_sign")
        assert "≠" in screen(app)
        assert "172.19.0.77" in screen(app)


async def test_names_are_completed_and_resolved() -> None:
    app = simulated()
    async with opened(app) as pilot:
        await press(pilot, "d", *map(key_of, "centos-net2"[:8]), "tab")
        assert app.query_one("#destination").value == "centos-net2"  # type: ignore[attr-defined]
        await press(pilot, "enter", "greater_than_sign")
        assert "172.20.0.2: centos-net2 on net2" in screen(app)


async def test_query_words_are_understood() -> None:
    app = simulated(node="centos-router")
    async with opened(app) as pilot:
        await ask(pilot, "172.20.0.2 oif eth1")
        await press(pilot, "greater_than_sign")
        assert "ip route get 172.20.0.2 oif eth1" in screen(app)
        assert "dev eth1" in screen(app)


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("centos-nett2", "did you mean centos-net2"),
        ("172.20.0.999", "is no address"),
        ("nowhere", "Nothing here is named 'nowhere'"),
        ("172.20.0.2 via", "is no part of a query"),
        ("[/foo]", "Nothing here is named '[/foo]'"),
    ],
)
async def test_bad_input_is_one_sentence_and_nothing_is_lost(typed: str, sentence: str) -> None:
    app = simulated()
    async with opened(app) as pilot:
        await ask(pilot, typed)
        assert sentence in re.sub(r"\s*│+\s*", " ", screen(app))
        assert app.query_one("#destination").value == typed  # type: ignore[attr-defined]
        assert "172.19.0.0/16" in screen(app)


async def test_both_hands_of_the_table() -> None:
    app = simulated()
    async with opened(app) as pilot:
        await press(pilot, "v")
        shown = screen(app)
        assert re.search(r"Destination +Gateway +Genmask +Flags +Metric +Ref +Use +Iface", shown)
        assert re.search(r"0\.0\.0\.0 +172\.19\.0\.1 +0\.0\.0\.0 +UG ", shown)
        assert re.search(r"172\.19\.0\.0 +0\.0\.0\.0 +255\.255\.0\.0 +U ", shown)
        await press(pilot, "right_square_bracket")
        assert "on-link" in screen(app)


async def test_other_tables_and_ipv6() -> None:
    app = simulated()
    async with opened(app) as pilot:
        await press(pilot, "t")
        assert "table local" in screen(app)
        assert "this node's own address" in screen(app)
        await press(pilot, "6")
        assert re.search(r"fd00:19::2 +local", screen(app))
        await press(pilot, "t")
        assert re.search(r"default +fd00:19::1 +eth0", screen(app))


async def test_ipv6_bits_are_hextets_with_a_zoom() -> None:
    app = simulated()
    async with opened(app) as pilot:
        await ask(pilot, "fd00:55::5")
        await press(pilot, "n", "n", "n", "n")
        shown = screen(app)
        assert "fd00:0019:0000:0000:····:····:····:····" in shown
        assert "differs at bit 26 of 64" in shown
        assert "bits 17 to 32  0000000001010101" in shown
        assert "[IPv6]" in shown


async def test_what_could_not_be_read_is_visible() -> None:
    world = two_bridges()
    sick = replace(
        world.nodes[0],
        problem="Its tables could not be read: install iproute2 in the image.",
        missing=("routes4",),
        unread=("default mystery [bold] 7",),
        routes=(),
    )
    app = simulated(replace(world, nodes=(sick, *world.nodes[1:])), node="centos-net1")
    async with opened(app) as pilot:
        assert "install iproute2 in the image" in screen(app)
        assert "default mystery [bold] 7" in screen(app)
        await ask(pilot, "172.20.0.2")
        await press(pilot, "greater_than_sign")
        assert "unknown" in screen(app)


async def test_the_filter_finds_by_name_address_and_image() -> None:
    app = simulated()
    async with opened(app) as pilot:
        await press(pilot, "slash", *"router", "enter")
        names = {each.name for each in app.query_one(PlaceList).rows if each.node}
        assert names == {"centos-router"}
        assert "▾ net1" in screen(app)
        await press(pilot, "escape")
        assert "centos-net2" in screen(app)
        await press(pilot, "slash", *map(key_of, "172.20.0.2"), "enter")
        assert {each.name for each in app.query_one(PlaceList).rows if each.node} == {"centos-net2"}


async def test_a_filter_that_nobody_asked_for_takes_no_keys() -> None:
    """The first field that may have the focus gets it before the screen is there, with what is typed until then."""
    app = simulated()
    async with opened(app) as pilot:
        field = app.query_one("#filter", Input)
        for keys in ((), ("slash", "escape"), ("slash", "enter")):
            await press(pilot, *keys)
            assert not field.focusable
        await press(pilot, "slash", "r", "enter")
        assert field.focusable


async def test_groups_fold() -> None:
    app = simulated()
    async with opened(app) as pilot:
        await press(pilot, "left")
        assert "▸ net1 (3)" in screen(app)
        await press(pilot, "right")
        assert "▾ net1" in screen(app)


HOSTILE = [
    "[/foo]",
    "[@click=app.quit]x[/]",
    "[bold]",
    "x" * 300,
    "容器容器容器容器容器容器容器容器",
    "e\u0301\u0301\u0301\u200d\u0301",
    "two\nlines\tand a tab",
    "$name ${name} %s",
    "\\[",
]


@pytest.mark.parametrize("size", [WIDE, NARROW])
@pytest.mark.parametrize("name", HOSTILE)
async def test_names_can_be_anything(name: str, size: tuple[int, int]) -> None:
    world = two_bridges(name)
    bad = node(name, interface("eth0", name, "10.9.0.2/16"), routes=(default("10.9.0.1"),), image=name, problem=name)
    bad = replace(bad, unread=(name,), state="running")
    networks = (*world.networks, network(name, "10.9", "br-x"))
    app = simulated(World(name, networks, (*world.nodes, bad)), node=name, destination=name, notice=name)
    async with opened(app, size) as pilot:
        assert app.selected == name
        await press(pilot, "greater_than_sign", "v", "t", "question_mark", "escape", "plus", "underscore", "y")
        await press(pilot, "1", "slash", *"x", "enter", "escape", "end", "home")
        assert app.is_running
        for line in screen(app).splitlines():
            assert not any(ord(each) < 32 for each in line)


async def test_a_change_elsewhere_appears_and_the_cursor_stays() -> None:
    engine = Simulator(two_bridges())
    app = RoutetuiApp(engine)
    async with opened(app) as pilot:
        await press(pilot, "end", "k", "k", "k")
        places = app.query_one(PlaceList)
        here = places.rows[places.cursor]
        line = places.cursor - places.scroll_offset.y
        world = two_bridges()
        before = [node(f"aaa-{each}", interface("eth0", "net1", f"172.19.1.{each}/16")) for each in range(1, 40)]
        after = [node(f"zzz-{each}", interface("eth0", "net2", f"172.20.1.{each}/16")) for each in range(1, 40)]
        engine.replace(replace(world, nodes=(*before, *world.nodes[:-1], *after, world.nodes[-1])))
        await until(pilot, lambda: app.world is not None and app.world.node("aaa-7") is not None)
        assert places.rows[places.cursor].key == here.key
        assert places.cursor - places.scroll_offset.y == line
        assert app.selected == here.name


async def test_the_selected_node_vanishes() -> None:
    engine = Simulator(two_bridges())
    app = RoutetuiApp(engine, node="centos-net2")
    async with opened(app) as pilot:
        world = two_bridges()
        engine.replace(replace(world, nodes=tuple(each for each in world.nodes if each.name != "centos-net2")))
        await until(pilot, lambda: app.world is not None and app.world.node("centos-net2") is None)
        assert "centos-net2 is gone" in screen(app)
        assert app.selected in {each.name for each in app.world.nodes}  # type: ignore[union-attr]


async def test_an_equal_world_draws_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    app = simulated()
    async with opened(app) as pilot:
        drawn: list[Lines] = []
        monkeypatch.setattr(Lines, "draw", drawn.append)
        before = app.world
        app.engine.replace(two_bridges())  # type: ignore[attr-defined]
        app.take_snapshot()
        await settle(pilot)
        assert app.world == before
        assert drawn == []


async def test_the_engine_goes_away_and_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.walks.refresh.RETRY", (0.01,))
    engine = Fickle(two_bridges())
    app = RoutetuiApp(engine)
    async with opened(app) as pilot:
        engine.leave()
        await until(pilot, lambda: bool(app.trouble))
        shown = screen(app)
        assert "not connected" in shown
        assert "The engine is gone: start it again." in shown
        assert "systemctl start docker" in shown
        assert "centos-net1" in shown, "the last world stays"
        watched = engine.watched
        engine.come_back()
        await until(pilot, lambda: not app.trouble)
        assert "not connected" not in screen(app)
        await until(pilot, lambda: engine.watched > watched)
        engine.world = replace(engine.world, networks=engine.world.networks[:1])
        engine.tell()
        await until(pilot, lambda: app.world is not None and len(app.world.networks) == 1)


async def test_an_engine_that_never_answers_does_not_hold_the_app() -> None:
    engine = Fickle(two_bridges())
    engine.leave()
    app = RoutetuiApp(engine)
    async with app.run_test(size=WIDE, notifications=True) as pilot:
        await until(pilot, lambda: bool(app.trouble))
        assert "not connected" in screen(app)
        await pilot.press("question_mark", "escape", "q")
    assert not app.is_running


async def test_quitting_closes_what_runs() -> None:
    engine = Endless(two_bridges())
    app = RoutetuiApp(engine, destination="172.20.0.2")
    async with app.run_test(size=WIDE, notifications=True) as pilot:
        await until(pilot, lambda: app.world is not None)
        await pilot.press("greater_than_sign")
        await until(pilot, lambda: bool(engine.runs), settled=False)
        assert "the kernel is being asked" in screen(app)
        await pilot.press("q")
    assert [each.closed for each in engine.runs] == [True]


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_ten_thousand_containers_and_routes(size: tuple[int, int]) -> None:
    app = simulated(big(10_000), node="host")
    async with opened(app, size) as pilot:
        await press(pilot, "2", "end")
        assert f"{app.query_one(RouteList).cursor + 1:,}" == "10,002"
        assert "10.39.15.0/24" in screen(app)
        await press(pilot, "1", "home", "end", "pageup", "j", "k", "2", "home")
        assert "▾ net1" not in screen(app)


async def test_every_key_named_in_help_does_something() -> None:
    app = simulated()
    async with opened(app) as pilot:
        await press(pilot, "question_mark")
        shown = screen(app)
        for each in (*app.screen_stack[0].BINDINGS, *app.BINDINGS):
            target = app.screen_stack[0] if each in app.screen_stack[0].BINDINGS else app
            name = each.action.partition("(")[0]
            assert hasattr(target, f"action_{name}"), each
            assert each.tooltip[:20] in shown, each
        await press(pilot, "question_mark")
        assert len(app.screen_stack) == 1


async def test_panels_zoom_and_focus_by_keys() -> None:
    app = simulated()
    async with opened(app, NARROW) as pilot:
        await press(pilot, "3", "plus")
        assert "1 Places" not in screen(app)
        assert "3 Lookup" in screen(app)
        await press(pilot, "2")
        assert "2 Routes" in screen(app)
        assert "3 Lookup" not in screen(app)
        await press(pilot, "escape")
        assert "1 Places" in screen(app)
        await press(pilot, "tab")
        assert app.query_one(LookupPanel).has_focus_within
        await press(pilot, "shift+tab", "shift+tab")
        assert app.query_one(PlaceList).has_focus


async def test_the_palette_has_every_action() -> None:
    app = simulated()
    async with opened(app) as pilot:
        await press(pilot, "colon", *"route -n".replace(" ", ""))
        assert len(app.screen_stack) == 2
        await press(pilot, "escape")
        titles = {each.title for each in app.get_system_commands(app.screen)}
        assert {"The keys", "Next routing table", "Straight to the decision", "Zoom the panel", "Quit"} <= titles


async def test_light_and_dark() -> None:
    app = simulated()
    async with opened(app) as pilot:
        await press(pilot, "T")
        assert not app.current_theme.dark
        assert "centos-net1" in screen(app)
        await press(pilot, "T")
        assert app.current_theme.dark


async def test_playing_goes_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.panels.lookup.SPEEDS", (200.0, 200.0, 200.0, 200.0))
    app = simulated(destination="172.20.0.2")
    async with opened(app) as pilot:
        await pilot.press("space")
        await until(pilot, lambda: "⇒ via 172.19.0.1" in screen(app))


async def test_pictures_and_text_are_saved(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # type: ignore[arg-type]
    app = simulated(destination="172.20.0.2")
    async with opened(app) as pilot:
        await press(pilot, "greater_than_sign", "e", "s")
        assert "Saved" in screen(app)
    text = (tmp_path / "routetui-1.txt").read_text()  # type: ignore[operator]
    assert "⇒ via 172.19.0.1 dev eth0 src 172.19.0.2" in text
    assert "default" in text
    assert (tmp_path / "routetui-1.svg").read_text().startswith("<svg")  # type: ignore[operator]


async def test_an_unknown_node_is_named_with_the_nearest() -> None:
    app = simulated(node="centos-net9")
    async with opened(app):
        notice = " ".join(line.partition("▌")[2].strip(" │") for line in screen(app).splitlines() if "▌" in line)
        assert "Did you mean centos-net" in notice
        assert app.selected is not None


async def test_the_mouse_does_the_same() -> None:
    app = simulated(destination="172.20.0.2")
    async with opened(app) as pilot:
        await pilot.click("#place-list", offset=(5, 5))
        await settle(pilot)
        assert app.selected == "centos-net2"
        await press(pilot, "n", "n")
        await pilot.click("#story", offset=(5, 0))
        await settle(pilot)
        assert "step 1 of" in screen(app)
        await pilot.click("#route-choices", offset=(14, 0))
        await settle(pilot)
        assert "Genmask" in screen(app)


async def until(pilot: Pilot[None], true: Callable[[], bool], settled: bool = True) -> None:
    """Wait for something that another thread brings about."""
    for _ in range(500):
        await pilot.pause(0.01)
        if true():
            if settled:
                await settle(pilot)
            return
    raise AssertionError("it never came true")


def big(count: int) -> World:
    """A world of that many containers on one network, and a host with as many routes."""
    nodes: list[Node] = []
    for number in range(count):
        address = f"10.0.{number >> 8}.{number & 255}"
        nodes.append(node(f"box-{number:05}", interface("eth0", "net1", f"{address}/8"), routes=(default("10.0.0.1"),)))
    gateway = (NextHop("br-net1", parse_address("10.200.0.9")),)
    routes = tuple(Route(parse_prefix(f"10.{n >> 8}.{n & 255}.0/24"), nexthops=gateway) for n in range(count))
    host = node(
        "host", interface("br-net1", "net1", "10.200.0.1/8"), routes=(*routes, default("10.0.0.1")), kind="host"
    )
    return World("big", (network("net1", "10.0", "br-net1"),), (*nodes, host))


class Ended:
    """A Run that printed its lines."""

    def __init__(self, argv: Sequence[str], lines: Sequence[str]) -> None:
        self.argv, self.code, self._lines = tuple(argv), 0, lines

    def __iter__(self) -> Iterator[str]:
        yield from self._lines

    def close(self) -> None:
        """Nothing runs."""


class Contrary(Simulator):
    """An engine whose kernel answers something else."""

    def run(self, node: str, argv: Sequence[str]) -> Run:  # type: ignore[override]  # noqa: ARG002
        return Ended(argv, ["172.20.0.2 via 172.19.0.77 dev eth0 src 172.19.0.2 uid 0", "    cache"])


class Waiting:
    """A Run that prints nothing until it is closed."""

    def __init__(self, argv: Sequence[str]) -> None:
        self.argv, self.code, self.closed = tuple(argv), None, False
        self._end: queue.SimpleQueue[None] = queue.SimpleQueue()

    def __iter__(self) -> Iterator[str]:
        self._end.get()
        return iter(())

    def close(self) -> None:
        """End it."""
        self.closed = True
        self._end.put(None)


class Endless(Simulator):
    """An engine whose commands never end by themselves."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.runs: list[Waiting] = []

    def run(self, node: str, argv: Sequence[str]) -> Run:  # type: ignore[override]  # noqa: ARG002
        self.runs.append(Waiting(argv))
        return self.runs[-1]


class Fickle:
    """An engine that goes away and comes back."""

    label = "fickle"

    def __init__(self, world: World) -> None:
        self.world, self.gone, self.watched = world, False, 0
        self._events: queue.SimpleQueue[str] = queue.SimpleQueue()

    def _there(self) -> None:
        if self.gone:
            raise EngineError("The engine is gone: start it again.", "systemctl start docker")

    def leave(self) -> None:
        self.gone = True
        self._events.put("gone")

    def come_back(self) -> None:
        self.gone, self._events = False, queue.SimpleQueue()

    def tell(self) -> None:
        self._events.put("changed")

    def snapshot(self, patience: float | None = None, fresh: bool = False) -> World:  # noqa: ARG002
        self._there()
        return self.world

    def watch(self) -> Iterator[None]:
        self._there()
        events = self._events
        self.watched += 1
        while (event := events.get()) != "closed":
            self._there()
            if event == "changed":
                yield None

    def run(self, node: str, argv: Sequence[str]) -> Run:  # noqa: ARG002
        self._there()
        return Ended(argv, [])

    def close(self) -> None:
        self._events.put("closed")
