"""Text of unknown origin fitted into terminal cells: cut with a sign, padded, wrapped; wide ones counted as wide."""

from __future__ import annotations

from collections.abc import Iterable

from rich.cells import cell_len, set_cell_size

Cell = tuple[str, str]
"""A piece of a line: its text, and the name of its style (a component class of Lines) or "" for plain."""


def printable(text: str) -> str:
    """The text on one line: what is no visible character (newline, tab, controls, joiners) becomes one blank."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else " " for each in text)


def cut(text: str, width: int) -> str:
    """At most `width` cells; what is cut off leaves an ellipsis."""
    text = printable(text)
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, width - 1).rstrip() + "…" if width > 0 else ""


def fit(text: str, width: int) -> str:
    """Exactly `width` cells: cut with an ellipsis, or padded on the right."""
    text = cut(text, width)
    return text + " " * (width - cell_len(text))


def right(text: str, width: int) -> str:
    """Exactly `width` cells, padded on the left."""
    text = cut(text, width)
    return " " * (width - cell_len(text)) + text


def wrap(text: str, width: int) -> list[str]:
    """Lines of at most `width` cells, broken between words; a longer word is broken where it must be."""
    lines, line = [], ""
    for word in printable(text).split():
        joined = f"{line} {word}" if line else word
        if cell_len(joined) <= width:
            line = joined
            continue
        if line:
            lines.append(line)
        line = word
        while cell_len(line) > max(width, 2):
            head = set_cell_size(line, max(width, 2)).rstrip(" ")
            lines.append(head)
            line = line[len(head) :]
    return [*lines, line] if line or not lines else lines


def clip(cells: Iterable[Cell], width: int) -> list[Cell]:
    """The cells that fit into `width`; where the last one is cut it ends in an ellipsis."""
    kept, left = [], width
    for each, style in cells:
        text = printable(each)
        length = cell_len(text)
        if length > left:
            kept.append((cut(text, left), style))
            break
        kept.append((text, style))
        left -= length
    return kept
