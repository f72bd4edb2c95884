"""One line of the command log: what was run, when and where, by which way, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["change", "undo", "redo", "ask", "probe", "capture"]
"""A change, one taken back, one made again; or what changes nothing: a question to a kernel, a probe, a capture."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Commands that were run together, each with the node that it ran in (None: where the engine is).

    `number` tells entries apart, `at` is the time of day as HH:MM:SS, `what` a sentence. `how` names the way ("in its
    namespace, by netlink"), "" until it is known. `code` is the exit code, None while they run or where they could not
    even be tried. `lines` is what was printed.
    """

    number: int
    at: str
    kind: Kind
    what: str
    commands: tuple[tuple[str | None, tuple[str, ...]], ...]
    how: str = ""
    code: int | None = None
    lines: tuple[str, ...] = ()
    ended: bool = False

    @property
    def failed(self) -> bool:
        """Whether it ended without having been done; a capture has no code and is done once it was begun."""
        captured = self.kind == "capture" and self.commands and self.code is None
        return self.ended and self.code != 0 and not captured
