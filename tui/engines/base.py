"""The one seam between routetui and a system under it: the Engine and Run protocols, EngineError, and clean()."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Protocol

from tui.core.world import World


class EngineError(Exception):
    """The engine itself cannot be reached or read; str() is one sentence that says what to do.

    `hint` may hold a second line with the command or setting that would help.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


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

    def snapshot(self) -> World:
        """Read everything now."""
        ...

    def watch(self) -> Iterator[None]:
        """Yield whenever something changed and a new snapshot is worth taking; end when the engine is closed.

        Raises EngineError when the engine goes away.
        """
        ...

    def run(self, node: str, argv: Sequence[str]) -> Run:
        """Start a command in that node's network. Raises EngineError when it cannot even be tried."""
        ...

    def close(self) -> None:
        """End whatever the engine started. Safe to call twice and from any thread."""
        ...


# C0 controls but tab and newline, DEL and C1; then marks that reorder what is shown (Unicode TR 9), zero-width
# characters that hide text, and line separators.
_HOSTILE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
_ESCAPES = re.compile(
    "\x1b(?:\\[[0-?]*[ -/]*[@-~]|\\][^\x07\x1b]*(?:\x07|\x1b\\\\)?|[PX^_][^\x1b]*(?:\x1b\\\\)?|[ -/]*[0-~])"
)


def clean(text: str) -> str:
    """Text from outside made safe for a terminal: whole escape sequences and control characters are taken out.

    Tab and newline stay; a carriage return before a newline goes. Nothing else changes.
    """
    if "\x1b" in text:
        text = _ESCAPES.sub("", text)
    return _HOSTILE.sub("", text)
