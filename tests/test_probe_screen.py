"""Probes by keys in the simulator: floods, ends, odd input, and what is shown of them."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from dpkt import pcap
from probing import FAR, A, B, R, app_of, fill, form, go_to, last, send, until
from test_app import NARROW, WIDE, ask, key_of, opened, press, screen, settle
from test_walk_change import ONE, OTHER, words
from textual.message import Message
from textual.pilot import Pilot
from two_bridges import default, interface, node
from two_bridges import two_bridges as made_by_hand

from tui import labs
from tui.app import RoutetuiApp
from tui.core.changes import apply
from tui.core.labs.layout import world as promised
from tui.core.path import path
from tui.core.probes.watched import KEPT_FRAMES, Stage
from tui.core.text import clean
from tui.core.world import World
from tui.engines.base import EngineError, Run
from tui.engines.sim import Printed, Simulator
from tui.engines.sim.wire import Asked, SimulatedCapture, frames
from tui.panels.log import LogList
from tui.panels.probe import ProbeScreen
from tui.panels.probelists import Findings, FrameList
from tui.walks.probe import MOST, Probed


@pytest.fixture
def simulator() -> Simulator:
    return Simulator(promised(labs.load("two-bridges")))


# --- floods ----------------------------------------------------------------------------------------------------------


class Flood(Simulator):
    """A simulator whose ping has 20,000 answers, and whose captures see 20,000 packets, at once."""

    COUNT = 20_000

    def run(self, node: str, argv: Sequence[str]) -> Printed:
        if argv[0] != "ping":
            return super().run(node, argv)
        lines = ["PING 172.20.0.2 (172.20.0.2) 56(84) bytes of data."]
        lines += [f"64 bytes from 172.20.0.2: icmp_seq={each + 1} ttl=63 time=0.050 ms" for each in range(self.COUNT)]
        return Printed(argv, lines, 0, "flood")

    def capture(self, node: str, asked: object, wanted: object) -> SimulatedCapture:
        made = super().capture(node, asked, wanted)  # type: ignore[arg-type]
        world = self.snapshot()
        some = [each for each in frames(world, path(world, A, R), 1, Asked(1), 1) if each.node == node]
        for number in range(self.COUNT):
            made.hear(some[number % len(some)])
        return made


async def flooded(kind: str, target: str, settings: str) -> None:
    handled: list[Message] = []
    app = RoutetuiApp(Flood(promised(labs.load("two-bridges"))), node=A)
    async with app.run_test(size=WIDE, notifications=True, message_hook=handled.append) as pilot:
        await settle(pilot)
        await form(pilot, kind, target, settings)
        await pilot.press("enter")
        drawn: list[int] = []
        app.watch(app, "probes", lambda: drawn.append(1), init=False)
        await until(pilot, lambda: app.probes)
        await pilot.press("n")
        await pilot.pause()
        assert app.screen.focused is not None
        assert app.screen.focused.id == "kind", "keys are heard meanwhile"
        await until(pilot, lambda: not app.probing)
        news = [each for each in handled if isinstance(each, Probed.News)]
        assert len(news) < 400, "20,000 lines are few messages"
        assert len(drawn) < 400
        await press(pilot, "escape")
        found = last(pilot)
        assert found.seen == Flood.COUNT or (found.result is not None and found.result.received == Flood.COUNT)  # type: ignore[union-attr]
        await press(pilot, "escape")
        assert not isinstance(app.screen, ProbeScreen)


async def test_a_flood_of_lines_leaves_the_screen_responsive() -> None:
    await flooded("ping", FAR, "count 10000")


async def test_a_flood_of_packets_leaves_the_screen_responsive() -> None:
    await flooded("capture", "", "dev any count 20000 seconds 60")
    assert KEPT_FRAMES < Flood.COUNT


# --- in the simulator ------------------------------------------------------------------------------------------------


async def test_every_kind_in_the_simulator(simulator: Simulator) -> None:
    async with opened(RoutetuiApp(simulator, node=A, simulated=True), NARROW) as pilot:
        for kind, target in (("ping", "172.19.0.3"), ("traceroute", B), ("connect", R)):
            found = await send(pilot, kind, target)
            assert (found.stage, found.agrees) == (Stage.ENDED, True), found
            assert "in the simulator" in words(app_of(pilot)), "it says that it is simulated"


async def test_a_capture_in_the_simulator_sees_its_pings(simulator: Simulator) -> None:
    async with opened(RoutetuiApp(simulator, node=A), WIDE) as pilot:
        await form(pilot, "capture", "icmp", source=R)
        await pilot.press("enter")
        await until(pilot, lambda: app_of(pilot).probes and last(pilot).stage is Stage.RUNNING)
        await send(pilot, "ping", "172.19.0.3", "count 2", source=A)
        await until(pilot, lambda: app_of(pilot).probes[0].seen == 4)


async def test_what_is_written_is_checked_as_it_is_typed_and_kept_when_kinds_are_switched(simulator: Simulator) -> None:
    async with opened(RoutetuiApp(simulator, node=A), NARROW) as pilot:
        app = app_of(pilot)
        await press(pilot, "p")
        assert app.screen.focused is not None
        assert app.screen.focused.id == "target", "where to is not known"
        await press(pilot, "enter")
        assert "Write where to" in words(app)
        await fill(pilot, "nobody")
        assert "Nothing here is named 'nobody'" in words(app)
        await press(pilot, "enter")
        assert app.probes == ()
        await fill(pilot, "172.19.0.3")
        await go_to(pilot, "with")
        await fill(pilot, "count 7 colour red")
        assert "'colour' is no setting of ping" in words(app)
        await fill(pilot, "count 7")
        await go_to(pilot, "kind")
        await press(pilot, "up")
        assert "every packet" in words(app)
        await press(pilot, "tab")
        await press(pilot, "tab", *map(key_of, "icmp an"))
        target = app.screen.query_one("#target")
        assert target.has_class("-bad")
        assert "at character 6" in words(app)
        await press(pilot, *map(key_of, "d arp"))
        assert target.has_class("-good")
        assert "a filter that can be read" in screen(app).replace("…", "a filter that can be read")
        await go_to(pilot, "kind")
        await press(pilot, "down")
        shown = screen(app)
        assert re.search(r"to +172\.19\.0\.3", shown)
        assert re.search(r"with +count 7 ", shown)
        await press(pilot, "up")
        assert re.search(r"only +icmp and arp", screen(app))
        await go_to(pilot, "kind")
        await fill(pilot, "pong")
        assert "Write ping, traceroute, connect or capture." in words(app)
        await fill(pilot, "ping")
        await go_to(pilot, "source")
        await fill(pilot, "ghost")
        assert "There is no node named 'ghost' here." in words(app)
        await press(pilot, "enter")
        assert app.probes == ()
        await fill(pilot, "centos-r")
        await press(pilot, "tab", "enter")
        await until(pilot, lambda: app.probes and not app.probing)
        assert (last(pilot).node, last(pilot).probe.count) == (R, 7)  # type: ignore[union-attr]


async def test_escape_goes_from_the_field_to_the_list_and_out(simulator: Simulator) -> None:
    async with opened(RoutetuiApp(simulator, node=A)) as pilot:
        app = app_of(pilot)
        await press(pilot, "p", "escape")
        assert not isinstance(app.screen, ProbeScreen), "no list yet"
        await send(pilot, "ping", "172.19.0.3")
        await press(pilot, "n", "escape")
        assert isinstance(app.screen, ProbeScreen)
        await press(pilot, "escape", "p")
        assert "ping centos-net1 → 172.19.0.3" in screen(app), "it is there when the screen is opened again"
        await press(pilot, "escape", "x")
        assert app.probes == ()


async def test_findings_that_are_longer_than_the_view_are_scrolled_by_keys(simulator: Simulator) -> None:
    async with opened(RoutetuiApp(simulator, node=A), NARROW) as pilot:
        await send(pilot, "ping", "172.19.0.3", "count 40 interval 0.2")
        assert "read on" in screen(app_of(pilot)), "a sign that there is more"
        assert not re.search(r"^│ +1 +0\.000 ms", screen(app_of(pilot)), re.M)
        await press(pilot, "enter", "end")
        box = pilot.app.screen.query_one("#probe-lines", Findings)
        await until(pilot, lambda: box.scroll_offset.y == box.max_scroll_y)
        assert re.search(r"^│ +1 +0\.000 ms", screen(app_of(pilot)), re.M)
        await press(pilot, "k", "enter")
        assert pilot.app.screen.query_one("#probe-list").has_focus


async def captured(pilot: Pilot[None], simulator: Simulator, count: int) -> None:
    """A capture on the router with the packets of so many pings."""
    await form(pilot, "capture", "", source=R)
    await pilot.press("enter")
    await until(pilot, lambda: app_of(pilot).probes and last(pilot).stage is Stage.RUNNING)
    carry(simulator, count)
    await until(pilot, lambda: last(pilot).seen == 2 * count)


def carry(simulator: Simulator, count: int) -> None:
    simulator.carry(path(simulator.snapshot(), A, R), Asked(count))


async def test_the_newest_packets_stay_in_sight_until_one_is_looked_at(simulator: Simulator) -> None:
    async with opened(RoutetuiApp(simulator, node=A), NARROW) as pilot:
        await captured(pilot, simulator, 20)
        rows = pilot.app.screen.query_one(FrameList)
        assert "echo reply" in screen(app_of(pilot)).splitlines()[-2], "the last one"
        assert rows.cursor == 39
        await press(pilot, "enter", "up", "up")
        assert "Ethernet" in screen(app_of(pilot)), "its layers"
        carry(simulator, 5)
        await until(pilot, lambda: last(pilot).seen == 50)
        assert (rows.cursor, rows.count()) == (37, 50)
        await press(pilot, "end")
        carry(simulator, 5)
        await until(pilot, lambda: rows.count() == 60)
        assert rows.cursor == 59, "at the end it follows again"


async def test_packets_are_held_still_and_saved_for_wireshark(
    simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with opened(RoutetuiApp(simulator, node=A), WIDE) as pilot:
        await captured(pilot, simulator, 3)
        await press(pilot, "space")
        carry(simulator, 2)
        await until(pilot, lambda: last(pilot).seen == 10)
        assert pilot.app.screen.query_one(FrameList).count() == 6
        assert "paused" in screen(app_of(pilot))
        await press(pilot, "space")
        assert pilot.app.screen.query_one(FrameList).count() == 10
        await press(pilot, "w")
        assert "Saved 10 packets" in words(app_of(pilot))
    data = (tmp_path / "routetui-1.pcap").read_bytes()
    assert len(list(pcap.UniversalReader(io.BytesIO(data)))) == 10


async def test_a_verdict_is_a_notice_where_the_screen_was_left(simulator: Simulator) -> None:
    slow = Held(simulator.snapshot())
    async with opened(RoutetuiApp(slow, node=A)) as pilot:
        await form(pilot, "ping", FAR)
        await pilot.press("enter")
        await until(pilot, lambda: app_of(pilot).probes and last(pilot).stage is Stage.RUNNING)
        await press(pilot, "escape")
        slow.go.set()
        await until(pilot, lambda: not app_of(pilot).probing)
        assert "ping centos-net1 → 172.20.0.2: 0/5 answered" in words(app_of(pilot))
        assert "Agrees: silence, as predicted." in words(app_of(pilot))


async def test_a_difference_is_named_with_its_causes(simulator: Simulator) -> None:
    world = simulator.snapshot()
    slow = Held(world)
    async with opened(RoutetuiApp(slow, node=A)) as pilot:
        slow.answer = Simulator(apply(OTHER, apply(ONE, world)))  # somebody added both routes meanwhile
        slow.go.set()
        found = await send(pilot, "ping", FAR)
        assert found.agrees is False
        told = words(app_of(pilot))
        assert "≠ Differs: predicted silence, seen an answer" in told
        assert "maybe" in told
        assert "not as predicted" in told


class Held(Simulator):
    """Its pings are answered once `go` is set, by another simulator where there is one."""

    def __init__(self, world: World) -> None:
        import threading

        super().__init__(world)
        self.go = threading.Event()
        self.answer: Simulator | None = None

    def run(self, node: str, argv: Sequence[str]) -> Run:  # type: ignore[override]
        made = (self.answer or super()).run(node, argv)
        return Waits(made, self) if argv[0] == "ping" else made


class Waits:
    """A Run that begins to print when it may."""

    def __init__(self, run: Printed, engine: Held) -> None:
        self.argv, self._run, self._engine = run.argv, run, engine

    @property
    def code(self) -> int | None:
        return self._run.code

    def __iter__(self) -> Iterator[str]:
        self._engine.go.wait(30)
        return iter(self._run)

    def close(self) -> None:
        self._engine.go.set()
        self._run.close()


class Lost(Simulator):
    """An engine that goes away in the middle of a ping."""

    def run(self, node: str, argv: Sequence[str]) -> Run:  # type: ignore[override]
        made = super().run(node, argv)
        return Torn(made.argv) if argv[0] == "ping" else made


class Torn:
    """Two answers, then nothing more."""

    code = None

    def __init__(self, argv: tuple[str, ...]) -> None:
        self.argv = argv

    def __iter__(self) -> Iterator[str]:
        for seq in (1, 2):
            yield f"64 bytes from 172.19.0.3: icmp_seq={seq} ttl=64 time=0.1 ms"
        raise EngineError("The engine hung up.", "Is it still running?")

    def close(self) -> None:
        pass


async def test_an_engine_that_goes_away_in_the_middle_is_a_sentence(simulator: Simulator) -> None:
    async with opened(RoutetuiApp(Lost(simulator.snapshot()), node=A), NARROW) as pilot:
        found = await send(pilot, "ping", "172.19.0.3")
        assert found.stage is Stage.FAILED
        assert "✗ The engine hung up. Is it still running?" in words(app_of(pilot))
        assert "2 answered" in words(app_of(pilot)), "what was found stays"


async def test_it_is_in_the_command_log(simulator: Simulator) -> None:
    async with opened(RoutetuiApp(simulator, node=A), WIDE) as pilot:
        await send(pilot, "ping", FAR)
        await captured(pilot, simulator, 2)
        await press(pilot, "s")
        await until(pilot, lambda: not app_of(pilot).probing)
        await press(pilot, "escape", "at")
        told = " ".join(pilot.app.screen.query_one(LogList).text().split())
        assert "Ping centos-net1 → 172.20.0.2 centos-net1# ping -n -O -c 5 -W 2 172.20.0.2" in told
        assert "Agrees: silence, as predicted." in told
        assert "Capture centos-router any" in told
        assert "Stopped. 4 packets seen." in told


async def test_no_packet_crosses_a_what_if(simulator: Simulator) -> None:
    async with opened(RoutetuiApp(simulator, node=A)) as pilot:
        app = app_of(pilot)
        await ask(pilot, FAR)
        await press(pilot, "g", "enter", "w")
        assert app.what_if
        await press(pilot, "p", "enter")
        assert "A what-if is on the screen" in words(app)
        assert app.probes == ()
        assert app.screen.focused is not None
        assert app.screen.focused.id == "kind", "what was written stays under the cursor"


async def test_not_too_many_at_once(simulator: Simulator) -> None:
    async with opened(RoutetuiApp(simulator, node=A)) as pilot:
        app = app_of(pilot)
        await form(pilot, "capture", "", source=R)
        await pilot.press("enter")
        await until(pilot, lambda: app.probes)
        for _ in range(MOST - 1):
            await press(pilot, "a")
        await until(pilot, lambda: app.probing == MOST)
        assert f"{MOST} of {MOST} running" in screen(app)
        await press(pilot, "a")
        assert "8 probes run already" in words(app)
        assert len(app.probes) == MOST


async def test_the_tools_of_a_node_are_asked_for_once(simulator: Simulator) -> None:
    asked: list[str] = []

    class Counting(Simulator):
        def run(self, node: str, argv: Sequence[str]) -> Printed:
            asked.append(argv[0])
            return super().run(node, argv)

    async with opened(RoutetuiApp(Counting(simulator.snapshot()), node=A)) as pilot:
        await send(pilot, "ping", R)
        await press(pilot, "a")
        await until(pilot, lambda: len(app_of(pilot).probes) == 2 and not app_of(pilot).probing)
        assert asked.count("ping") == 2
        assert len(asked) == 3


async def test_hostile_names_are_shown_as_they_are() -> None:
    odd = clean("[/b][@click=app.quit]x\x1b[2J")
    world = made_by_hand()
    nodes = (*world.nodes, node(odd, interface("eth0", "net1", "172.19.0.66/16"), routes=(default("172.19.0.1"),)))
    async with opened(RoutetuiApp(Simulator(replace(world, nodes=nodes)), node=odd), WIDE) as pilot:
        app = app_of(pilot)
        await send(pilot, "ping", "172.19.0.2")
        assert "[/b][@click=app.quit]x" in screen(app)
        await send(pilot, "traceroute", "172.19.0.66", source=A)
        assert "[/b][@click=app.quit]x" in screen(app)
        await form(pilot, "capture", "host [bold]", "dev [x]")
        assert "✗" in screen(app)
        await press(pilot, "escape", "escape", "at")
        assert "[/b][@click=app.quit]x" in screen(app)


async def test_the_world_may_change_and_the_window_too(simulator: Simulator) -> None:
    async with opened(RoutetuiApp(simulator, node=A), WIDE) as pilot:
        app = app_of(pilot)
        await send(pilot, "ping", R)
        await form(pilot, "ping", "newcomer")
        assert "Nothing here is named 'newcomer'" in words(app)
        world = simulator.snapshot()
        new = node("newcomer", interface("eth0", "net1", "172.19.0.50/16"), routes=(default("172.19.0.1"),))
        simulator.replace(replace(world, nodes=(*world.nodes, new)))
        await until(pilot, lambda: "Nothing here is named" not in words(app))
        for size in ((60, 18), (200, 60), (80, 24)):
            await pilot.resize_terminal(*size)
            await pilot.pause()
            assert "ping centos-net1" in screen(app)
            assert "Agrees" in words(app)
        await press(pilot, "enter")
        await until(pilot, lambda: len(app.probes) == 2 and not app.probing)
        assert last(pilot).title == "ping centos-net1 → 172.19.0.50"
