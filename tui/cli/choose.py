"""Which engine to look through: the one asked for, else what answers; and what is said when none does."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass, replace

from tui.cli.arguments import ENGINES, UsageError
from tui.core.text import clean
from tui.engines.base import Engine, EngineError

LAB = "two-bridges"
"""The built-in lab that opens where nothing else answers."""

LAB_VARIABLE, ENGINE_VARIABLE = "ROUTETUI_LAB", "ROUTETUI_ENGINE"
"""The variables that name a lab to every routetui that `lab exec` starts, and the engine on which it is."""


READ_ONLY_VARIABLE = "ROUTETUI_READ_ONLY"
"""The variable that makes every routetui read-only."""


@dataclass(frozen=True, slots=True)
class Choice:
    """An engine, whether no kernel stands behind it, and a sentence where it is not the one that one would expect.

    `lab` is the name of the lab that it is, if it is one. What is changed through one that is `passing` is gone when
    this program ends.
    """

    engine: Engine
    simulated: bool = False
    note: str = ""
    lab: str | None = None
    passing: bool = False


def choose(options: argparse.Namespace, fall_back: bool) -> Choice:
    """The engine that the options name, else the environment's lab; with neither, Docker.

    With `fall_back` it is a lab where Docker is away: a script never gets one that it did not ask for. Raises
    EngineError, and UsageError for a file or a lab that is not there.
    """
    choice = _choose(options, fall_back)
    if not read_only(options):
        return choice
    from tui.engines.read_only import ReadOnlyEngine

    return replace(choice, engine=ReadOnlyEngine(choice.engine))


def read_only(options: argparse.Namespace) -> bool:
    """Whether nothing may be changed: by --read-only, or by the environment (ROUTETUI_READ_ONLY, but for 0)."""
    return bool(getattr(options, "read_only", False)) or os.environ.get(READ_ONLY_VARIABLE, "0") not in ("", "0")


def _choose(options: argparse.Namespace, fall_back: bool) -> Choice:
    if options.open is not None:
        from tui.cli.files import open_world
        from tui.engines.sim import Simulator

        return Choice(Simulator(open_world(options.open)), simulated=True, passing=True)
    if options.netns is not None:
        return Choice(_namespaces(options.netns))
    engine, lab, is_up = _meant(options)
    if engine == "sim":
        return Choice(lab_simulated(lab), simulated=True, lab=lab or LAB, passing=True)
    if engine == "kernel":
        return lab_on_kernel(lab, is_up)
    try:
        return Choice(_docker(options))
    except EngineError as error:
        named = engine or options.host or options.context
        if not fall_back or named:
            raise _with_hint(error) from None
        return _instead(error)


def _meant(options: argparse.Namespace) -> tuple[str | None, str | None, bool]:
    """The engine and the lab on it, and whether that lab must be up already: one that the environment names must."""
    if options.lab is not None:
        return options.engine or "kernel", options.lab, False
    named, engine = os.environ.get(LAB_VARIABLE), os.environ.get(ENGINE_VARIABLE) or "kernel"
    if not named or options.host is not None or options.context is not None:
        return options.engine, None, False
    if engine not in ENGINES:
        raise UsageError(f"{ENGINE_VARIABLE} is {clean(engine)!r}: it should be {', '.join(ENGINES)}, or not be set.")
    return (engine, named, True) if options.engine in (None, engine) else (options.engine, None, False)


def _instead(error: EngineError) -> Choice:
    """A lab, on the kernel where that is possible, else simulated; the note says why."""
    try:
        up = _running()
        if len(up) == 1:
            return replace(
                lab_on_kernel(up[0], True), note=f"{error} This is the lab {up[0]}, which is up on the kernel."
            )
        return replace(lab_on_kernel(LAB), note=f"{error} This is the lab {LAB} on the kernel.")
    except EngineError:
        note = f"{error} This is the lab {LAB}, simulated."
        return Choice(lab_simulated(LAB), simulated=True, note=note, lab=LAB, passing=True)


def _with_hint(error: EngineError) -> EngineError:
    otherwise = "Without an engine: --open FILE looks at a file, --engine sim at a built-in lab."
    return EngineError(str(error), f"{error.hint}\n{otherwise}" if error.hint else otherwise)


def _docker(options: argparse.Namespace) -> Engine:
    from tui.engines.docker.engine import connect

    return connect(host=options.host, context=options.context)


def lab_simulated(lab: str | None) -> Engine:
    """A lab in memory, the default one where none is named. Raises UsageError where there is no such lab."""
    from tui.cli.lab.files import find_lab
    from tui.engines.sim import Simulator

    found = find_lab(lab or LAB)
    return Simulator(found.world, f"simulated: {found.lab.name}")


def _namespaces(prefix: str) -> Engine:
    try:
        from tui.engines.kernel.namespaces import NamespaceEngine
    except ImportError:
        raise _needs_linux() from None
    return NamespaceEngine(prefix)


def _running() -> list[str]:
    """The labs that are up on the kernel."""
    try:
        from tui.engines.kernel import kept
    except ImportError:
        raise _needs_linux() from None
    return kept.running()


def lab_on_kernel(lab: str | None, is_up: bool = False) -> Choice:
    """A lab that is up, else one brought up for as long as this program runs; with none named the only one that is.

    With `is_up` it must be up already. Raises EngineError, and UsageError where it is not clear which one is meant.
    """
    up = _running()
    if lab is None and len(up) > 1:
        raise UsageError(f"Several labs are up ({', '.join(up)}): choose one with --lab NAME.")
    from tui.engines.kernel import kept, start

    lab = lab or (up[0] if up else LAB)
    if lab in up or is_up:
        return Choice(kept.attach(lab), lab=lab)
    from tui.cli.lab.files import find_lab

    found = find_lab(lab).lab
    return Choice(start(found), lab=found.name, passing=True)


def _needs_linux() -> EngineError:
    return EngineError(
        "Network namespaces need Linux, so --engine kernel cannot run here.", "Use --engine docker or --engine sim."
    )
