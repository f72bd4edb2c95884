"""What a change would do, as lines: the table after it, lookup and path then, its commands and its undo."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from tui.core import says
from tui.core.changes.differences import Row, TableChange
from tui.core.changes.preview import Command, Paths, Preview, brief
from tui.core.world import Node, World
from tui.panels.cells import Cell, fit
from tui.panels.lines import Shown
from tui.panels.tables import devices, next_hop
from tui.panels.wayview import LABEL, flow, labelled, path_lines, sentence, verdict_sign

SIGNS: dict[str, str] = {"=": "", "+": "good", "-": "bad", "~": "warn"}
"""The style of a row by what became of it."""


class PreviewView(Shown):
    """The lines, in a view that scrolls."""


def preview_lines(found: Preview, world: World, width: int, compact: bool = False) -> list[list[Cell]]:
    """All of it in `width` cells; `compact` leaves out what the other lines tell too."""
    lines: list[list[Cell]] = []
    # What the kernel keeps in table local follows from the addresses, which are told below.
    tables = [each for each in found.tables if each.table != "local"] or found.tables
    for each in tables:
        lines += table_lines(each, found.after or world, 0 if compact else 4, named=len(tables) > 1)
    for told in found.others:
        lines += sentence("also", told, width)
    lines += _look(found, width)
    for ways in found.paths:
        lines += _path(ways, world, width, compact)
    return [*lines, *command_lines(found, width)]


# --- tables ---


def table_lines(change: TableChange, world: World, around: int, named: bool = False) -> list[list[Cell]]:
    """One table after the change, the rows that differ marked."""
    rows = [
        each
        for each in _near(change.rows, around)
        if isinstance(each, int) or each.route.type not in ("local", "broadcast", "anycast") or each.sign != "="
    ]
    node = world.node(change.node)
    columns = _columns([each for each in rows if isinstance(each, Row)])
    lines = [
        [(f"… {each} more", "dim")] if isinstance(each, int) else _row(each, columns, node, world) for each in rows
    ]
    where = f"of {change.node}" if change.table == "main" else f"{change.table} of {change.node}"
    head: list[list[Cell]] = [[(where, "dim")]] if named or change.table != "main" else []
    return labelled("table", [*head, *lines])


def _near(rows: Sequence[Row], around: int) -> Iterator[Row | int]:
    """The rows that differ with those around them; a number stands for those left out."""
    close = {near for at, each in enumerate(rows) if each.sign != "=" for near in range(at - around, at + around + 1)}
    left: list[Row] = []
    for at, each in enumerate(rows):
        if at not in close:
            left.append(each)
            continue
        yield from _hidden(left)
        left = []
        yield each
    yield from _hidden(left)


def _hidden(left: Sequence[Row]) -> Iterator[Row | int]:
    """A row alone takes no more room than its number would."""
    yield from left if len(left) < 2 else [len(left)]


Columns = tuple[int, int, int, int]


def _columns(rows: Sequence[Row]) -> Columns:
    routes = [each.route for each in rows] + [each.was for each in rows if each.was is not None]
    columns = ([each.dst.brief, next_hop(each), devices(each), _metric(each.metric)] for each in routes)
    widths = [max(map(len, each), default=0) for each in zip(*columns, strict=True)] or [0] * 4
    return widths[0], widths[1], widths[2], widths[3]


def _metric(metric: int | None) -> str:
    return "" if metric is None else str(metric)


def _row(row: Row, columns: Columns, node: Node | None, world: World) -> list[Cell]:
    route, style = row.route, SIGNS[row.sign]
    texts = (route.dst.brief, next_hop(route), devices(route), _metric(route.metric))
    told = "  ".join(fit(text, wide) for text, wide in zip(texts, columns, strict=True) if wide)
    cells: list[Cell] = [(f"{row.sign if row.sign != '=' else ' '} ", style), (told, style)]
    if row.was is not None:
        cells.append((f"   was {next_hop(row.was)} {devices(row.was)}".rstrip(), "dim"))
    elif row.sign == "-":
        cells.append(("   gone", "dim"))
    elif node is not None:
        cells.append((f"   {says.route(route, node, world)}", "says"))
    return cells


# --- lookup, path, commands ---


def _look(found: Preview, width: int) -> list[list[Cell]]:
    look = found.look
    if look is None:
        return []
    if look.after is None:
        return sentence("now", look.now, width)
    return sentence("then", f"as before: {look.then}" if look.now == look.then else look.then, width)


def _path(ways: Paths, world: World, width: int, compact: bool) -> list[list[Cell]]:
    after, before = ways.after, ways.before
    if after is None:
        return []
    sign, style = verdict_sign(after.works)
    then = (f"{sign} it {brief(after, world)}", style)
    was = f"it {brief(before, world)}" if before is not None else ""
    told = (
        ("as before:", "dim") if was == f"it {brief(after, world)}" else (f"now {was}; then" if was else "then", "dim")
    )
    head = [] if compact else labelled("path", flow(_by_word([told, then]), width - LABEL))
    return [*head, *path_lines(after, width)]


def _by_word(cells: Sequence[Cell]) -> Iterator[Cell]:
    for text, style in cells:
        yield from ((each, style) for each in text.split())


def command_lines(found: Preview, width: int) -> list[list[Cell]]:
    """The commands, and those that take it back; the node is named where there are several."""
    nodes = {each.node for each in (*found.commands, *found.undo)}
    lines = labelled("does", _commands(found.commands, width, len(nodes) > 1))
    if found.refused:
        return lines
    if not found.undo and not found.no_undo:
        return [*lines, *sentence("undo", "nothing to take back: all of it is so already", width, "dim")]
    if found.no_undo:
        return [*lines, *sentence("undo", found.no_undo, width, "warn")]
    return [*lines, *labelled("undo", _commands(found.undo, width, len(nodes) > 1, classic=False))]


def _commands(commands: Sequence[Command], width: int, named: bool, classic: bool = True) -> Iterator[list[Cell]]:
    for each in commands:
        where = [(f"{each.node or 'engine'}:", "dim")] if named else []
        yield from flow([*where, *((word, "accent") for word in _words(each.words))], width - LABEL)
        if classic and each.classic is not None:
            yield from flow([("or", "dim"), *((word, "dim") for word in _words(each.classic))], width - LABEL)


def _words(words: Sequence[str]) -> list[str]:
    return [shlex.quote(each) for each in words]
