"""Whether one node reaches another, as the signs and words that the map and the matrix share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.panels.cells import Cell

if TYPE_CHECKING:
    from tui.core.matrix import Matrix

SELF, WORKING = "self", ""

SIGNS: dict[str, tuple[str, str, str]] = {
    "yes": ("✓", "good", "reached, and it answers"),
    "one way": ("↦", "warn", "reached; its reply gets lost"),
    "no": ("✗", "bad", "not reached"),
    "depends": ("±", "warn", "depends on the next hop"),
    "unknown": ("?", "warn", "not known"),
    SELF: ("·", "dim", "from here"),
    WORKING: ("…", "dim", "being worked out"),
}
"""For each state of a pair a sign, the name of its style, and what it means; SELF and WORKING stand beside them."""


def state(matrix: Matrix | None, src: str, dst: str) -> str:
    """The state of a pair: SELF for a node and itself, WORKING where it has not been worked out."""
    if src == dst:
        return SELF
    if matrix is None or src not in matrix.names or dst not in matrix.names:
        return WORKING
    return matrix.state(src, dst)


def sign(matrix: Matrix | None, src: str, dst: str) -> Cell:
    """The sign for a pair."""
    text, style, _ = SIGNS[state(matrix, src, dst)]
    return text, style


def told(matrix: Matrix | None, src: str, dst: str) -> str:
    """The pair in one sentence."""
    found = state(matrix, src, dst)
    if matrix is None or found in (SELF, WORKING):
        return SIGNS[found][2]
    return matrix.cell(src, dst).verdict
