"""How long until the first data is on the screen, and from a key to the paint: beside a bare Textual app, as ratios.

Run `python tests/benchmarks/screen.py`; both sides run in a pseudo-terminal in turn, on this machine, now.
"""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import statistics
import struct
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TESTS = Path(__file__).parent.parent

BARE = """
from textual.app import App
from textual.widgets import Static
class Bare(App):
    def compose(self):
        yield Static("box-00000")
Bare().run()
"""
EXPLORER = f"""
import sys
sys.path.insert(0, {str(TESTS)!r})
from tui.background import start
from tui.cli.opening import collect_seldom
collect_seldom()
from tui.engines.sim import Simulator
from test_app import big
engine = Simulator(big({{count}}))
first = start(engine.snapshot)
from tui.app import RoutetuiApp
RoutetuiApp(engine, first=first).run()
"""
COMMAND = """
import sys
sys.argv[1:] = ["--engine", "sim"]
from tui.__main__ import main
sys.exit(main())
"""
# The small one must not pay for the tests' own imports, so its world comes from the module that makes it.
SMALL = EXPLORER.replace("from test_app import big", "from two_bridges import two_bridges").replace(
    "big({count})", "two_bridges('box-00000')"
)


def compiled() -> dict[str, str]:
    """The environment in which modules are compiled once, as they are where a program is installed."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


@contextmanager
def running(code: str) -> Iterator[int]:
    """A program in a pseudo-terminal of 120x36; gives the terminal's file descriptor."""
    child, terminal = pty.fork()
    if child == 0:
        os.environ["TERM"] = "xterm-256color"
        os.execve(sys.executable, [sys.executable, "-c", code], compiled())
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 36, 120, 0, 0))
    try:
        yield terminal
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(terminal)


def wait_for(terminal: int, text: bytes, seconds: float = 30) -> None:
    """Read until the text has been written."""
    seen, end = b"", time.monotonic() + seconds
    while text not in seen:
        if time.monotonic() > end:
            raise TimeoutError(text)
        if select.select([terminal], [], [], 0.1)[0]:
            seen += os.read(terminal, 65536)


def quiet(terminal: int, seconds: float) -> None:
    """Read until nothing has come for that long."""
    while select.select([terminal], [], [], seconds)[0]:
        os.read(terminal, 65536)


def first_data(code: str, text: bytes) -> float:
    """Milliseconds from exec to the text on the terminal."""
    begin = time.perf_counter()
    with running(code) as terminal:
        wait_for(terminal, text)
        return (time.perf_counter() - begin) * 1000


def key_to_paint(code: str, presses: int) -> list[float]:
    """Milliseconds from each press of `j` to the first bytes that answer it, sorted."""
    found = []
    with running(code) as terminal:
        wait_for(terminal, b"box-00000")
        quiet(terminal, 1)
        for _ in range(presses):
            begin = time.perf_counter()
            os.write(terminal, b"j")
            select.select([terminal], [], [], 2)
            found.append((time.perf_counter() - begin) * 1000)
            quiet(terminal, 0.08)
    return sorted(found)


def main() -> None:
    """Print the numbers."""
    cases = {"bare Textual": (BARE, b"box-00000"), "explorer": (SMALL, b"centos-net1")}
    cases["routetui --engine sim"] = (COMMAND, b"centos-net1")
    found: dict[str, list[float]] = {name: [] for name in cases}
    for code, text in cases.values():
        first_data(code, text)  # compiles what is not
    for _ in range(11):
        for name, (code, text) in cases.items():
            found[name].append(first_data(code, text))
    floor = statistics.median(found["bare Textual"])
    for name, each in found.items():
        middle = statistics.median(each)
        print(f"first data, {name}: {middle:.0f} ms, {middle / floor:.2f} times")
    for presses, what in ((25, "without scrolling"), (120, "scrolling from row 33 on")):
        times = key_to_paint(EXPLORER.format(count=10_000), presses)
        worst = times[int(len(times) * 0.99) - 1]
        print(f"key to paint, 10,000 containers, {what}: median {statistics.median(times):.1f} ms, p99 {worst:.1f} ms")


if __name__ == "__main__":
    main()
