"""`routetui matrix`: who reaches whom, as a table with its reasons, as a list of pairs, or as JSON."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Iterator, Sequence

from tui.cli.output import flat, strong, width
from tui.core.matrix import Cell, Matrix, State
from tui.core.world import World

SIGNS = {State.YES: "✓", State.NO: "✗", State.ONE_WAY: "↦", State.DEPENDS: "±", State.UNKNOWN: "?"}
_LEGEND = {
    State.YES: "yes",
    State.NO: "no",
    State.ONE_WAY: "one way only: the answer is lost",
    State.DEPENDS: "depends on the flow",
    State.UNKNOWN: "not known",
}
_MOST = 40
"""More nodes than this are shown by groups that reach, and are reached, alike."""

_REASONS = 30
"""So many kinds of pairs that do not work are told apart under the table."""


def print_matrix(world: World, options: argparse.Namespace) -> None:
    """Print it as the options say: `only` lists pairs of some states, `all` has a row for each node however many."""
    matrix = Matrix(world)
    if options.json:
        _print_json(matrix, options.only)
    elif options.only:
        for cell in _cells(matrix, options.only):
            print(flat(f"{SIGNS[cell.state]} {cell.src} → {cell.dst}: {cell.verdict}"))
    else:
        _print_table(matrix, options.all or len(matrix.names) <= _MOST)
        _print_reasons(matrix)


def _cells(matrix: Matrix, only: Sequence[str] | None) -> Iterator[Cell]:
    """The cells of these states (all where none is named), nodes to themselves left out."""
    wanted = {State(each.replace("-", " ")) for each in only or ()}
    for src in matrix.names:
        for dst in matrix.names:
            if src != dst and (not wanted or matrix.state(src, dst) in wanted):
                yield matrix.cell(src, dst)


def _print_json(matrix: Matrix, only: Sequence[str] | None) -> None:
    """An object with a line for each cell: there may be very many."""
    sys.stdout.write(f'{{"nodes": {json.dumps(matrix.names)},\n"cells": [')
    before = "\n"
    for cell in _cells(matrix, only):
        sys.stdout.write(before + json.dumps(cell_json(cell)))
        before = ",\n"
    sys.stdout.write("]}\n")


def cell_json(cell: Cell) -> dict[str, str | None]:
    """`outcome` is the request's, `back` the reply's; `reason` is null where it works."""
    return {
        "src": cell.src,
        "dst": cell.dst,
        "state": str(cell.state),
        "outcome": str(cell.outcome) if cell.outcome is not None else None,
        "back": str(cell.back) if cell.back is not None else None,
        "node": cell.node or None,
        "reason": cell.verdict if cell.state is not State.YES else None,
    }


def _print_table(matrix: Matrix, each_node: bool) -> None:
    """Rows send, columns are asked; the columns have numbers, in as many blocks as the terminal needs."""
    groups = [(name,) for name in matrix.names] if each_node else list(matrix.alike())
    if not groups:
        print("there are no nodes")
        return
    column = len(str(len(groups))) + 1
    labels = [f"{place:>{column - 1}} {_label(group)}" for place, group in enumerate(groups, 1)]
    wide = max(map(width, labels))
    room = shutil.get_terminal_size().columns if sys.stdout.isatty() else wide + column * len(groups)
    many = max((room - wide) // column, 4)
    for start in range(0, len(groups), many):
        shown = range(start, min(start + many, len(groups)))
        print(strong(f"{'':{wide}}" + "".join(f"{place + 1:>{column}}" for place in shown)))
        for place, (label, group) in enumerate(zip(labels, groups, strict=True)):
            signs = "".join(f"{_sign(matrix, group, groups[other], place == other):>{column}}" for other in shown)
            print(label + " " * (wide - width(label)) + signs)
        print()
    used = [state for state in State if any(state in row for _, row in matrix.rows())]
    print("   ".join(f"{SIGNS[state]} {_LEGEND[state]}" for state in used) + "   · itself")


def _label(group: tuple[str, ...]) -> str:
    return flat(group[0]) + (f" and {len(group) - 1} like it" if len(group) > 1 else "")


def _sign(matrix: Matrix, mine: tuple[str, ...], theirs: tuple[str, ...], same: bool) -> str:
    if not same:
        return SIGNS[matrix.state(mine[0], theirs[0])]
    return SIGNS[matrix.state(mine[0], mine[1])] if len(mine) > 1 else "·"


def _print_reasons(matrix: Matrix) -> None:
    """Why, once for each kind of pair that does not work."""
    lines = []
    for cell, many in matrix.groups():
        if cell.state is not State.YES and many:
            more = f" (and {many - 1:,} more alike)" if many > 1 else ""
            lines.append(f"{SIGNS[cell.state]} {cell.src} → {cell.dst}{more}: {cell.verdict}")
    if lines:
        print()
    for line in lines[:_REASONS]:
        print(flat(line))
    if len(lines) > _REASONS:
        print(f"and {len(lines) - _REASONS} kinds more: --only no (or one-way, unknown) lists them all")


__all__ = ["SIGNS", "cell_json", "print_matrix"]
