"""An engine through which nothing can be changed: it looks, probes and listens, and refuses everything else."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tui.core.commands.reading import changes_nothing
from tui.core.world import World
from tui.engines.base import Engine, Enters, Making, RawRun, ReadOnly, Run, Streams, clean

if TYPE_CHECKING:
    from tui.core.changes import Change

HINT = "To change something open it without --read-only, and without ROUTETUI_READ_ONLY set."
_PROBER = (sys.executable, "-I", "-S", str(Path(__file__).with_name("prober") / "__main__.py"))
"""How the own prober is started: it sends probes, and listens."""


class ReadOnlyEngine:
    """An Engine around another one, which can do what that one can, but for changes.

    `read_only` tells the screen which keys have no use.
    """

    read_only = True

    def __init__(self, engine: Engine) -> None:
        self.label = f"{engine.label} read-only"
        self._engine = engine
        if isinstance(engine, Enters):
            self.enter = self._enter
        if isinstance(engine, Streams):
            self.stream = self._stream
        for listening in ("capture", "carry"):  # the simulator's way to capture (see tui.engines.capture.Captures)
            if hasattr(engine, listening):
                setattr(self, listening, getattr(engine, listening))

    def snapshot(self, patience: float | None = None, fresh: bool = False) -> World:
        """As the engine has it."""
        return self._engine.snapshot(patience, fresh)

    def watch(self) -> Iterator[None]:
        """As the engine has it."""
        return self._engine.watch()

    def run(self, node: str, argv: Sequence[str]) -> Run:
        """Start a command that changes nothing; ReadOnly for any other, and for one that is not known here."""
        _check(argv)
        return self._engine.run(node, argv)

    def _enter(self, node: str, argv: Sequence[str]) -> Run:
        assert isinstance(self._engine, Enters)
        _check(argv)
        return self._engine.enter(node, argv)

    def _stream(self, node: str, argv: Sequence[str]) -> RawRun:
        assert isinstance(self._engine, Streams)
        _check(argv)
        return self._engine.stream(node, argv)

    def change(self, change: Change, world: World, agreed: Collection[str] = ()) -> Making:  # noqa: ARG002
        """Raises ReadOnly."""
        raise ReadOnly("This is read-only: nothing is changed.", HINT)

    def close(self) -> None:
        """As the engine has it."""
        self._engine.close()


def _check(argv: Sequence[str]) -> None:
    if not changes_nothing(argv) and tuple(argv[:4]) != _PROBER:
        told = clean(" ".join(argv)) or "an empty command"
        raise ReadOnly(f"This is read-only: {told!r} is not run, as it is not known to change nothing.", HINT)
