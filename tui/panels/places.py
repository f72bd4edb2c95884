"""Panel 1: the networks, and who is on each of them with which address; the nodes on none; the host."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from rich.cells import cell_len
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widgets import Input

from tui.core.world import World
from tui.panels.cells import Cell, cut, printable
from tui.panels.layout import Place, layout
from tui.panels.lines import RowList
from tui.panels.panel import Panel


class PlaceList(RowList):
    """The rows of the tree."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "fold(True)", "fold", show=False, id="places.fold"),
        Binding("right", "fold(False)", "unfold", show=False, id="places.unfold"),
        Binding("enter", "enter", "fold, or look up from here", show=False, id="places.enter"),
    ]

    rows: tuple[Place, ...] = ()

    def cells(self, row: int, width: int) -> list[Cell]:
        """One place: its sign, its name, and at the right edge its address or subnet."""
        place = self.rows[row]
        gutter: Cell = ("›" if row == self.cursor else " ", "mark")
        left = _heading(place) if place.node is None and place.gateway is None else _member(place, width)
        used = sum(cell_len(text) for text, _ in left) + 1
        side = printable(place.side)
        room = width - used - 1
        if cell_len(side) > room:
            side = _tail(side, room) if room >= 3 else "…"
        space = width - 1 - cell_len(side) - 1
        fitted, total = [], 0
        for each, style in left:
            text = cut(each, max(0, space - total))
            total += cell_len(text)
            fitted.append((text, style))
        return [gutter, *fitted, (" " * (space - total + 1), ""), (side, "dim")]

    def action_fold(self, fold: bool) -> None:
        """Fold or unfold the group that the cursor is in."""
        if self.rows:
            self.post_message(Places.Folded(self.rows[self.cursor].group, fold))

    def action_enter(self) -> None:
        """The enter key, as a second click does it."""
        if self.rows:
            self.post_message(self.Chosen(self, self.cursor))


def _heading(place: Place) -> list[Cell]:
    sign = "▸" if place.folded else "▾"
    count = f" ({place.members})" if place.folded else ""
    return [
        (f"{sign} ", "mark"),
        (place.name, "title"),
        (count, "dim"),
        (f" {place.word}" if place.word else "", "dim"),
    ]


def _member(place: Place, width: int) -> list[Cell]:
    if place.node is None:
        return [("  ⌂ ", "dim"), (place.name, "dim")]
    running = place.node.state == "running"
    sign = "⌂" if place.node.kind == "host" else "●" if running else "○"
    space = " " if width >= 30 else ""
    cells: list[Cell] = [(f"{space} {sign} ", "good" if running else "dim"), (place.name, "" if running else "dim")]
    if place.several:
        cells.append((f"{space}⇄", "accent"))
    if place.node.problem:
        cells.append((" !", "warn"))
    if not running:
        cells.append((f" {place.node.state}", "dim"))
    if place.word and width >= 30:
        cells.append((f" {place.word}", "dim"))
    return cells


def _tail(text: str, width: int) -> str:
    """The end of an address tells neighbours apart, so the beginning goes, octet by octet: …0.2"""
    while cell_len(text) >= width and "." in text:
        text = text.partition(".")[2]
    return f"…{text}" if cell_len(text) < width else "…" + text[-(width - 1) :]


class Places(Panel):
    """The panel: the tree, and a field that filters it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "unfilter", "all places", show=False, id="places.back")]

    world: reactive[World | None] = reactive(None, init=False, repaint=False)
    selected: reactive[str | None] = reactive(None, init=False, repaint=False)
    family: reactive[int] = reactive(4, init=False, repaint=False)

    class Selected(Message):
        """The cursor is on a node, by name."""

        def __init__(self, node: str) -> None:
            super().__init__()
            self.node = node

    class Entered(Selected):
        """Enter was pressed on a node."""

    class Folded(Message):
        """A group is to be folded or unfolded."""

        def __init__(self, group: str, fold: bool) -> None:
            super().__init__()
            self.group, self.fold = group, fold

    def __init__(self) -> None:
        super().__init__(id="places")
        self._folded: frozenset[str] = frozenset()
        self._needle = ""

    def compose(self) -> ComposeResult:
        """The filter field is hidden until it is asked for, and takes no key: the first field would get the focus."""
        self._filter = Input(placeholder="name, address, image or network", id="filter", compact=True, disabled=True)
        self._filter.display = False
        yield self._filter
        yield PlaceList(id="place-list")

    def on_mount(self) -> None:
        """Draw what is known already."""
        self.head(Content("1 Places"))
        self._list = self.query_one(PlaceList)
        self._draw()

    def on_resize(self) -> None:
        """More or less fits under the tree."""
        self._note()

    def watch_world(self) -> None:
        """Rows came or went."""
        self._draw()

    def watch_family(self) -> None:
        """Show the addresses of the other family."""
        self._draw()

    def watch_selected(self) -> None:
        """Another panel or the command line chose a node: put the cursor on it."""
        here = self._here()
        if self.selected and (here is None or here.node is None or here.node.name != self.selected):
            row = next((each for each in self._list.rows if each.node and each.node.name == self.selected), None)
            if row is not None:
                self._list.go(row.key)
        self._note()

    def _draw(self) -> None:
        if not self.is_mounted:
            return
        rows = tuple(layout(self.world, self.family, self._folded, self._needle)) if self.world else ()
        self._list.rows = rows
        self._list.set_keys([each.key for each in rows])
        self.watch_selected()

    def _here(self) -> Place | None:
        rows = self._list.rows
        return rows[self._list.cursor] if self._list.cursor < len(rows) else None

    def _note(self) -> None:
        here = self._here()
        if self._needle:
            found = sum(1 for each in self._list.rows if each.node)
            self.foot(Content(f"filter: {printable(self._needle)} · {found or 'nothing'} found"))
        else:
            self.foot(Content(cut(here.about, max(8, self.size.width - 6)) if here else ""))

    @on(RowList.Moved)
    def _moved(self, event: RowList.Moved) -> None:
        event.stop()
        place = self._here()
        if place and place.node:
            self.post_message(self.Selected(place.node.name))
        self._note()

    @on(RowList.Chosen)
    def _chosen(self, event: RowList.Chosen) -> None:
        event.stop()
        place = self._here()
        if place is None:
            return
        if place.heads:
            self.fold(place.group, not place.folded)
        elif place.node:
            self.post_message(self.Entered(place.node.name))

    @on(Folded)
    def _fold(self, event: Folded) -> None:
        event.stop()
        self.fold(event.group, event.fold)

    def fold(self, group: str, fold: bool) -> None:
        """Fold or unfold one group; the cursor goes to its heading when its row is folded away."""
        self._folded = self._folded | {group} if fold else self._folded - {group}
        head = next((each.key for each in self._list.rows if each.heads and each.group == group), None)
        if fold and head is not None:
            self._list.go(head)
        self._draw()

    def action_filter(self) -> None:
        """Open the filter field."""
        self._filter.display, self._filter.disabled = True, False
        self._filter.focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """With no filter, escape is left to the app."""
        return self._filter.display or bool(self._needle) if action == "unfilter" and self.is_mounted else True

    def action_unfilter(self) -> None:
        """Show every place again."""
        self._filter.value = ""
        self._filter.display, self._filter.disabled = False, True
        self._list.focus()

    @on(Input.Changed, "#filter")
    def _filtered(self, event: Input.Changed) -> None:
        event.stop()
        self._needle = event.value.strip()
        self._draw()

    @on(Input.Submitted, "#filter")
    def _filter_done(self, event: Input.Submitted) -> None:
        event.stop()
        self._filter.display, self._filter.disabled = bool(self._needle), not self._needle
        self._list.focus()

    def rows(self) -> Iterator[Place]:
        """What is shown, top to bottom."""
        yield from self._list.rows
