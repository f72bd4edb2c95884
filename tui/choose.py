"""Which engine to look through: the one asked for, else what answers; and what is said when none does."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

from tui.engines.base import Engine, EngineError

LAB = "two-bridges"
"""The built-in lab that opens where nothing else answers."""


@dataclass(frozen=True, slots=True)
class Choice:
    """An engine, whether no kernel stands behind it, and a sentence where it is not the one that one would expect."""

    engine: Engine
    simulated: bool = False
    note: str = ""


def choose(options: argparse.Namespace, fall_back: bool) -> Choice:
    """The engine that the options name; with none named, Docker, or with `fall_back` a lab where that is away.

    A script never gets a lab that it did not ask for. Raises EngineError, and UsageError for a file.
    """
    if options.open is not None:
        from tui.engines.sim import Simulator
        from tui.files import open_world

        return Choice(Simulator(open_world(options.open)), simulated=True)
    if options.engine == "sim":
        return Choice(_lab(), simulated=True)
    if options.engine == "kernel":
        return Choice(_kernel())
    try:
        return Choice(_docker(options))
    except EngineError as error:
        named = options.engine or options.host or options.context
        if not fall_back or named:
            raise _with_hint(error) from None
        return _instead(error)


def _instead(error: EngineError) -> Choice:
    """The lab, on the kernel where that is possible, else simulated; the note says why."""
    try:
        return Choice(_kernel(), note=f"{error} This is the lab {LAB} on the kernel.")
    except EngineError:
        return Choice(_lab(), simulated=True, note=f"{error} This is the lab {LAB}, simulated.")


def _with_hint(error: EngineError) -> EngineError:
    otherwise = "Without an engine: --open FILE looks at a file, --engine sim at a built-in lab."
    return EngineError(str(error), f"{error.hint}\n{otherwise}" if error.hint else otherwise)


def _docker(options: argparse.Namespace) -> Engine:
    from tui.engines.docker.engine import connect

    return connect(host=options.host, context=options.context)


def _lab() -> Engine:
    from tui.engines.sim import Simulator
    from tui.labs import open_compose, source

    return Simulator(open_compose(source(LAB), LAB), f"simulated: {LAB}")


def _kernel() -> Engine:
    from tui.labs import load

    try:
        from tui.engines.kernel import start
    except ImportError:
        raise EngineError(
            "Network namespaces need Linux, so --engine kernel cannot run here.", "Use --engine docker or --engine sim."
        ) from None
    return start(load(LAB))
