"""The one seam between routetui and a system under it: the Engine and Run protocols, EngineError, and clean()."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from typing import Protocol

from tui.core.text import clean
from tui.core.world import World

__all__ = ["Engine", "EngineError", "Run", "clean", "no_such_node"]


class EngineError(Exception):
    """The engine itself cannot be reached or read; str() is one sentence that says what to do.

    `hint` may hold a second line with the command or setting that would help.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def no_such_node(name: str, names: Sequence[str]) -> EngineError:
    """The error for a node that is not there, with the names that come near."""
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.4)
    hint = f"Did you mean {' or '.join(near)}?" if near else "`routetui nodes` lists what there is."
    return EngineError(f"There is no node named {name!r}. {hint}")


class Run(Protocol):
    """One command in a node's network: iterate its clean lines, then read its exit code.

    `code` is None until the command has ended. `close()` ends it, may be called from any thread, more than once.
    """

    argv: tuple[str, ...]
    code: int | None

    def __iter__(self) -> Iterator[str]: ...

    def close(self) -> None:
        """End the command now, if it still runs."""
        ...


class Engine(Protocol):
    """A system that has networks and nodes. Every method blocks and may be called from any thread.

    `label` is what the title shows (docker://local 26.1). Trouble with one node goes into that node; EngineError means
    that the engine itself is gone or refuses.
    """

    label: str

    def snapshot(self, patience: float | None = None, fresh: bool = False) -> World:
        """Read everything; with `patience`, wait at most that many seconds for the tables of nodes.

        A node not yet read then has all TOPICS in `missing` and says so in `problem`; `watch` yields when its tables
        have come. An engine that is being watched may answer from what it read before where it would know of a
        change; `fresh` has it read all of it again.
        """
        ...

    def watch(self) -> Iterator[None]:
        """Yield whenever something changed and a new snapshot is worth taking; end when the engine is closed.

        Changes count from this call on: call it, then take the first snapshot. Raises EngineError, from here or
        from the iterator, when the engine is away; a later call tries again.
        """
        ...

    def run(self, node: str, argv: Sequence[str]) -> Run:
        """Start a command in that node's network. Raises EngineError when it cannot even be tried."""
        ...

    def close(self) -> None:
        """End whatever the engine started. Safe to call twice and from any thread."""
        ...
