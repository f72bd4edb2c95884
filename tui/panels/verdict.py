"""What the node's own kernel says, beside the decision that was worked out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tui.core.query import Query
from tui.panels.cells import Cell, wrap

if TYPE_CHECKING:
    from tui.panels.story import Story

VERDICTS: dict[bool | None, Cell] = {True: ("✓", "good"), False: ("≠", "bad"), None: ("?", "warn")}
"""How it is shown that the kernel agrees, differs, or cannot be compared."""


SIMULATED = "simulated: there is no kernel here to ask"
WHAT_IF = "what-if: the kernel does not know this yet"
"""Why no kernel is asked."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What `ip route get` printed in a node for a query; `trouble` is why it could not be asked, or ""."""

    node: str
    query: Query
    lines: tuple[str, ...] = ()
    code: int = 0
    trouble: str = ""


def verdict(story: Story, answer: Answer | None, unasked: str = "") -> list[list[Cell]]:
    """The command that asks the kernel the same, and whether it agrees; or why it is not asked."""
    query, width = story.lookup.query, story.width - 5
    sign, style, told = _told(story, answer, unasked)
    first, *rest = wrap(told, width - 2) or [""]
    return [
        [("    ", ""), ("ask it: ", "dim"), (" ".join(query.command()), "accent")],
        [("    ", ""), (f"{sign} ", style), (first, style)],
        *([("      ", ""), (each, style)] for each in rest),
    ]


def _told(story: Story, answer: Answer | None, unasked: str) -> tuple[str, str, str]:
    """A sign, its style, and the sentence."""
    if unasked:
        return "·", "dim", unasked
    if answer is None or (answer.node, answer.query) != (story.node.name, story.lookup.query):
        return "…", "dim", "the kernel is being asked"
    if answer.trouble:
        return "!", "warn", f"the kernel could not be asked: {answer.trouble}"
    from tui.core.judge import compare  # the readers of what `ip` prints are only needed once it printed

    agreement = compare(story.lookup, answer.lines, answer.code)
    return *VERDICTS[agreement.agrees], agreement.sentence
