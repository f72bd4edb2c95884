"""Writes screenshots/*.svg from the running app: `python tests/screenshots.py`.

Those of PICTURES show a World of the tests, and are the same bytes on every machine; those of WALK show the
walk-through on this machine's kernel, with the times that its pings really took.
"""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from test_app import ask, key_of, press, settle, simulated

from tui import labs
from tui.app import RoutetuiApp
from tui.engines import kernel

FOLDER = Path(__file__).parent.parent / "screenshots"

PICTURES: dict[str, tuple[tuple[int, int], str, tuple[str, ...]]] = {
    # name: size, destination, keys
    "routes": ((120, 30), "", ()),
    "route-n": ((120, 30), "", ("v",)),
    "lookup": ((120, 32), "172.20.0.2", ("n", "n")),
    "decision": ((120, 32), "172.20.0.2", ("greater_than_sign",)),
    "light": ((120, 32), "172.20.0.2", ("T", "n", "n", "n", "n")),
    "ipv6": ((120, 32), "fd00:55::5", ("n", "n", "n", "n")),
    "small": ((80, 24), "172.20.0.2", ("n", "n")),
    "help": ((120, 36), "", ("question_mark",)),
}


PING = ("p", "tab", "tab", "end", "ctrl+u", *map(key_of, "count 3 interval 0.2 ttl 64"), "enter")
"""The probe form with a short ping: from the kind, two fields on."""

WALK: tuple[tuple[str, tuple[str, ...]], ...] = (
    # the picture, and the keys that are pressed before it is taken
    ("walk-path", ("greater_than_sign",)),
    ("walk-lost", PING),
    ("walk-gateway", ("escape", "escape", "g")),
    ("walk-both", ("ctrl+b", "enter", "a")),
    ("walk-works", PING),
    ("walk-follow", ("escape", "escape", "f", "n", "n")),
    ("map", ("escape", "m", "end", "up")),
    ("matrix", ("escape", "M")),
    ("log", ("escape", "at")),
    ("walk-undone", ("escape", "z")),
)


async def walk() -> None:
    """The walk-through on the kernel, a picture after each of its steps."""
    app = RoutetuiApp(kernel.start(labs.load("two-bridges")), node="centos-net1", lab="two-bridges")
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        await settle(pilot)
        await ask(pilot, "172.20.0.2")
        for name, keys in WALK:
            await press(pilot, *keys)
            while any(each.alive for each in app.probes) or app.changing:
                await pilot.pause(0.1)
            await settle(pilot)
            app.clear_notifications()
            await settle(pilot)
            save(name, app)


def save(name: str, app: RoutetuiApp) -> None:
    """The screen as a picture; Textual names its styles after the time: a fixed name makes equal screens equal."""
    svg = re.sub(r"terminal-\d+", "terminal", app.export_screenshot(title="routetui"))
    (FOLDER / f"{name}.svg").write_text(svg, encoding="utf-8")


async def picture(name: str, size: tuple[int, int], destination: str, keys: tuple[str, ...]) -> None:
    """The screen after a destination was asked for and keys were pressed."""
    app = simulated()
    async with app.run_test(size=size, notifications=True) as pilot:
        await settle(pilot)
        if destination:
            await ask(pilot, destination)
        await press(pilot, *keys)
        save(name, app)


def main() -> None:
    """Write every picture."""
    FOLDER.mkdir(exist_ok=True)
    for name, (size, destination, keys) in PICTURES.items():
        asyncio.run(picture(name, size, destination, keys))
    asyncio.run(walk())


if __name__ == "__main__":
    main()
