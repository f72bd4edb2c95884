"""Probes by keys, as the tests of the probe screen send them."""

from __future__ import annotations

import time
from collections.abc import Callable

from test_app import key_of, press, screen
from textual.pilot import Pilot

from tui.app import RoutetuiApp
from tui.core.probes.watched import Watched
from tui.panels.probe import ProbeScreen

A, R, B = "centos-net1", "centos-router", "centos-net2"
FAR = "172.20.0.2"
QUICK = "count 2 interval 0.2 wait 1"


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
