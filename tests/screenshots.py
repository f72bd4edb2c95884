"""Writes screenshots/*.svg from the running app: `python tests/screenshots.py`; the same bytes on every machine."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from test_app import ask, press, settle, simulated

from tui.app import RoutetuiApp

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


async def picture(app: RoutetuiApp, size: tuple[int, int], destination: str, keys: tuple[str, ...]) -> str:
    """The screen as SVG after a destination was asked for and keys were pressed."""
    async with app.run_test(size=size, notifications=True) as pilot:
        await settle(pilot)
        if destination:
            await ask(pilot, destination)
        await press(pilot, *keys)
        # Textual names its styles after the time; a fixed name makes equal screens equal files.
        return re.sub(r"terminal-\d+", "terminal", app.export_screenshot(title="routetui"))


def main() -> None:
    """Write every picture."""
    FOLDER.mkdir(exist_ok=True)
    for name, (size, destination, keys) in PICTURES.items():
        svg = asyncio.run(picture(simulated(), size, destination, keys))
        (FOLDER / f"{name}.svg").write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
