"""Opening the screen: a terminal is there, the first snapshot is on its way, and only then is Textual imported."""

from __future__ import annotations

import argparse
import gc
import os
import sys
from concurrent.futures import Future
from typing import TYPE_CHECKING

from tui.background import start
from tui.cli.arguments import UsageError
from tui.cli.choose import Choice, choose
from tui.core.world import World

if TYPE_CHECKING:
    from tui.walks.labs import LabPlaces

PATIENCE = 1.0
"""Seconds that the first snapshot waits for the tables of nodes: the screen shows the rest as it comes."""

OBJECTS = 100_000
"""So many new objects there may be before Python looks for garbage among them."""

_ELSE = "`routetui nodes`, `networks`, `routes` and `lookup` print their answers instead."


def open_screen(options: argparse.Namespace) -> int:
    """Run the app until its user leaves it; its exit code. Raises UsageError where there is no terminal."""
    if not sys.stdout.isatty():
        raise UsageError(f"The screen needs a terminal, and standard output is none. {_ELSE}")
    if options.open != "-" and not sys.stdin.isatty():
        raise UsageError(f"The screen needs a terminal to read keys from, and standard input is none. {_ELSE}")
    collect_seldom()
    begun = start(_begin, options)
    from tui.app import RoutetuiApp  # an engine takes about as long to answer as Textual to import: both at once

    choice, first = begun.result()
    if options.open == "-":
        _keys_from_terminal()
    app = RoutetuiApp(
        choice.engine,
        first=first,
        simulated=choice.simulated,
        notice=choice.note,
        lab=choice.lab,
        places=_places(options, choice),
    )
    app.run()
    if app.parting:
        print(app.parting, file=sys.stderr)
    return app.return_code or 0


def collect_seldom() -> None:
    """Nearly all that a start makes stays, and to look for garbage after every 700 objects takes a tenth of it."""
    gc.set_threshold(OBJECTS)


def _places(options: argparse.Namespace, choice: Choice) -> LabPlaces:
    """Where the screen opens labs: beside what it looks at on Docker, else on the kernel, else in memory."""
    from tui.cli.lab.opening import DockerLabs, KernelLabs, SimulatedLabs

    if choice.engine.label.startswith(("docker://", "podman://")):
        return DockerLabs(options)
    return SimulatedLabs() if options.engine == "sim" else KernelLabs()


def _begin(options: argparse.Namespace) -> tuple[Choice, Future[World]]:
    choice = choose(options, fall_back=True)
    return choice, start(choice.engine.snapshot, PATIENCE)


def _keys_from_terminal() -> None:
    """Standard input was the file and is read up: the keys come from the terminal itself."""
    try:
        terminal = os.open("/dev/tty", os.O_RDWR)
    except OSError:
        raise UsageError(f"The screen needs a terminal to read keys from, and there is none. {_ELSE}") from None
    os.dup2(terminal, 0)
    os.close(terminal)
