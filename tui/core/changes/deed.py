"""What a person decided to do with a change: make it, look at it first, or make it for a while."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tui.core.changes import Change


@dataclass(frozen=True, slots=True)
class Deed:
    """A change and its way: `apply` makes it, `what-if` only shows the World after it, `try` takes it back by itself.

    `seconds` is how long a try lasts unless it is kept. `prefer` names a destination that is worth looking at then.
    """

    change: Change
    way: Literal["apply", "what-if", "try"] = "apply"
    seconds: float = 60.0
    prefer: str = ""


@dataclass(frozen=True, slots=True)
class Trial:
    """A change that takes itself back: what it is, in a sentence, and how many whole seconds are left."""

    what: str
    left: int
