"""Probes by keys: the walk-through's sights on the kernel's lab and on Docker, floods, ends, and odd input."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from dpkt import pcap
from private_engine.lab import Lab
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
from tui.core.probes.watched import KEPT_FRAMES, Stage, Watched
from tui.core.text import clean
from tui.core.world import World
from tui.engines import kernel
from tui.engines.base import Engine, EngineError, Run
from tui.engines.docker.engine import connect
from tui.engines.read_only import ReadOnlyEngine
from tui.engines.sim import Printed, Simulator
from tui.engines.sim.wire import Asked, SimulatedCapture, frames
from tui.panels.log import LogList
from tui.panels.probe import ProbeScreen
from tui.panels.probelists import Findings, FrameList
from tui.walks.probe import KEPT, MOST, Probed

A, R, B = "centos-net1", "centos-router", "centos-net2"
FAR = "172.20.0.2"
QUICK = "count 2 interval 0.2 wait 1"


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


@pytest.fixture
def simulator() -> Simulator:
    return Simulator(promised(labs.load("two-bridges")))


async def until(pilot: Pilot[None], true: Callable[[], object]) -> None:
    """Wait for what another thread or process brings about."""
    give_up = time.monotonic() + 30
    while not true():
        assert time.monotonic() < give_up, f"it never came true:\n{screen(pilot.app)}"  # type: ignore[arg-type]
        await pilot.pause(0.02)
    await pilot.pause()


def app_of(pilot: Pilot[None]) -> RoutetuiApp:
    assert isinstance(pilot.app, RoutetuiApp)
    return pilot.app


def last(pilot: Pilot[None]) -> Watched:
    return app_of(pilot).probes[-1]


async def fill(pilot: Pilot[None], text: str) -> None:
    """Another text in the field that has the focus."""
    await pilot.press("home", "shift+end", "delete", *map(key_of, text))
    await pilot.pause()


async def go_to(pilot: Pilot[None], field: str) -> None:
    """By keys to a field of the form."""
    screen = pilot.app.screen
    await press(pilot, *([] if screen.focused is not None and screen.focused.id in FIELDS else ["n"]))
    for _ in range(12):
        if screen.focused is not None and screen.focused.id == field:
            return
        await pilot.press("shift+tab")
    raise AssertionError(f"no key leads to {field}")


FIELDS = ("kind", "source", "target", "with")


async def form(pilot: Pilot[None], kind: str, target: str, settings: str = "", source: str = "") -> None:
    """Open the form where it is not open, and write a probe into it."""
    if not isinstance(pilot.app.screen, ProbeScreen):
        await until(pilot, lambda: app_of(pilot).node is not None)
        await press(pilot, "p")
    for field, text in (("kind", kind), ("source", source), ("target", target), ("with", settings)):
        if text or field == "target":
            await go_to(pilot, field)
            await fill(pilot, text)


async def send(pilot: Pilot[None], kind: str, target: str, settings: str = "", source: str = "") -> Watched:
    """Send a probe, and wait until it has ended."""
    await form(pilot, kind, target, settings, source)
    before = app_of(pilot)._probe_number
    await pilot.press("enter")
    await until(pilot, lambda: app_of(pilot)._probe_number > before and not last(pilot).alive)
    return last(pilot)


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


async def test_a_read_only_engine_may_be_probed(on_kernel: Engine) -> None:
    async with opened(RoutetuiApp(ReadOnlyEngine(on_kernel), node=A)) as pilot:
        for kind, target in (("ping", "172.19.0.3"), ("traceroute", R), ("connect", R)):
            found = await send(pilot, kind, target, QUICK if kind == "ping" else "")
            assert found.agrees is True, found
        found = await send(pilot, "capture", "icmp", "dev any count 1 seconds 0.5")
        assert found.stage is Stage.ENDED


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
