"""What a start costs: the screen beside a bare Textual app, each command beside a bare Python, as ratios.

    python tests/benchmarks/start.py [ROUNDS]

Both sides run in turn on this machine, now. What is compared is CPU time (user and system, of the process and its
children), which other work on the machine disturbs less than the clock; `screen.py` has the clock.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from screen import BARE, COMMAND, EXPLORER, SMALL, compiled, first_data

TEXTUAL = "import textual.app\nfrom textual.widgets import Static"
MANY = EXPLORER.replace("from test_app import big", "from many_containers import many").replace(
    "big({count})", "many(200, 10)"
)
COMMANDS = ("nodes", "routes centos-net1", "lookup centos-net1 172.20.0.2", "path centos-net1 centos-net2", "matrix")

LAB = """
from tui import labs
from tui.engines import kernel
engine = kernel.start(labs.load("two-bridges"))
run = engine.run("centos-net1", ("ping", "-c1", "-W1", "172.19.0.1"))
list(run)
engine.close()
"""
"""A lab on the kernel that answers a ping."""


def cpu(work: Callable[[], object]) -> float:
    """Milliseconds of CPU that the children took which this started and waited for."""
    before = os.times()
    work()
    after = os.times()
    spent = after.children_user - before.children_user + after.children_system - before.children_system
    return spent * 1000


def python(code: str) -> Callable[[], object]:
    """A fresh interpreter that runs the code, its output thrown away."""
    return lambda: subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL, check=False, env=compiled())


def command(words: str) -> Callable[[], object]:
    """A command of routetui on the simulator."""
    argv = [sys.executable, "-m", "tui", *words.split(), "--engine", "sim"]
    folder = Path(__file__).parents[2]
    return lambda: subprocess.run(argv, stdout=subprocess.DEVNULL, check=False, cwd=folder, env=compiled())


def compare(title: str, base: Callable[[], object], cases: dict[str, Callable[[], object]], rounds: int) -> None:
    """Print the median of each case and its ratio to the base."""
    found: dict[str, list[float]] = {title: []} | {name: [] for name in cases}
    for work in (base, *cases.values()):
        work()  # compiles what is not
    for _ in range(rounds):
        for name, work in {title: base, **cases}.items():
            found[name].append(cpu(work))
    floor = statistics.median(found[title])
    for name, each in found.items():
        middle = statistics.median(each)
        print(f"{name:50} {middle:6.0f} ms of CPU  {middle / floor:5.2f} times")


def main() -> None:
    """Print the ratios."""
    rounds = int(sys.argv[1]) if sys.argv[1:] else 11
    compare("import of Textual", python(TEXTUAL), {"import of the app": python("import tui.app")}, rounds)
    screens = {
        "first data, two bridges": lambda: first_data(SMALL, b"centos-net1"),
        "first data, 200 containers": lambda: first_data(MANY, b"c0000"),
        "first data, routetui --engine sim": lambda: first_data(COMMAND, b"centos-net1"),
    }
    compare("first data, bare Textual", lambda: first_data(BARE, b"box-00000"), screens, rounds)
    commands = {f"routetui {each}": command(each) for each in COMMANDS} | {"a lab that answers a ping": python(LAB)}
    compare("bare Python", python("pass"), commands, rounds)


if __name__ == "__main__":
    main()
