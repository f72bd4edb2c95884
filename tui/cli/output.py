"""Text in aligned columns, and JSON, on standard output; colour only on a terminal that wants it."""

from __future__ import annotations

import json
import os
import sys
import unicodedata
from collections.abc import Sequence
from typing import Any

from tui.cli.arguments import colour_wanted

BOLD, DIM, PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[0m"


def flat(text: str) -> str:
    """A text on one line: tabs and newlines, which a hostile name may hold, become blanks."""
    return text.replace("\n", " ").replace("\t", " ")


def width(text: str) -> int:
    """How many columns of a terminal a text takes: East Asian wide characters two, combining marks none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text
    )


def print_columns(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows under a header, each column as wide as its widest cell, two blanks between; no blanks at line ends."""
    cells = [[flat(cell) for cell in row] for row in (header, *rows)]
    widths = [max(width(cell) for cell in column) for column in zip(*cells, strict=True)]
    lines = [
        "  ".join(cell + " " * (wide - width(cell)) for cell, wide in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]
    print(strong(lines[0]))
    for line in lines[1:]:
        print(line)


def strong(text: str) -> str:
    """Bold on a terminal, else plain."""
    return f"{BOLD}{text}{PLAIN}" if colour_wanted(dict(os.environ)) else text


def faint(text: str) -> str:
    """Dimmed on a terminal, else plain."""
    return f"{DIM}{text}{PLAIN}" if colour_wanted(dict(os.environ)) else text


def print_json(value: Any) -> None:
    """A JSON value, indented, ending in a newline. Characters beyond ASCII are escaped: any terminal can show it."""
    print(json.dumps(value, indent=2))


def note(text: str) -> None:
    """A remark beside the answer, on standard error, so that it never mixes with what a script reads."""
    sys.stdout.flush()
    print(f"note: {flat(text)}", file=sys.stderr)
