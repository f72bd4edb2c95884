"""The matrix: every node to every other, a sign for each pair; the one under the cursor in a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.screen import ModalScreen

from tui.core.world import World
from tui.panels.cells import Cell, cut, fit, printable, right, wrap
from tui.panels.lines import INKS, RowList
from tui.panels.links import link
from tui.panels.panel import Panel, Words
from tui.panels.reach import SELF, SIGNS, WORKING, sign, told

if TYPE_CHECKING:
    from tui.core.matrix import Matrix

_NARROW, _NAME = 4, 16
"""Cells that a column takes where the nodes have only their numbers over it, and the longest name that fits."""


class Opened(Message):
    """The path from one node to another is to be shown."""

    def __init__(self, src: str, dst: str) -> None:
        super().__init__()
        self.src, self.dst = src, dst


class ReachScreen(ModalScreen[None]):
    """What the map and the matrix have in common: a World, and who reaches whom in it once that is worked out."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {*INKS}

    world: reactive[World | None] = reactive(None, init=False, repaint=False)
    matrix: reactive[Matrix | None] = reactive(None, init=False, repaint=False)

    class Wanted(Message):
        """Who reaches whom in this World is asked for."""

        def __init__(self, world: World) -> None:
            super().__init__()
            self.world = world

    def on_mount(self) -> None:
        """Draw the World, and ask."""
        self.begin()
        self.watch_world()

    def watch_world(self) -> None:
        """Nodes came, went or moved, and who reaches whom may be different."""
        if self.is_mounted and self.world is not None:
            self.lay_out(self.world)
            self.post_message(self.Wanted(self.world))

    def watch_matrix(self) -> None:
        """It was worked out."""
        if self.is_mounted:
            self.draw()

    def on_resize(self) -> None:
        """More or less fits."""
        if self.is_mounted:
            self.draw()

    def begin(self) -> None:
        """Find the widgets."""
        raise NotImplementedError

    def lay_out(self, world: World) -> None:
        """Take another World."""
        raise NotImplementedError

    def draw(self) -> None:
        """Draw again."""
        raise NotImplementedError

    def known(self) -> Matrix | None:
        """Who reaches whom, where it was worked out for the World that is shown."""
        return self.matrix if self.matrix is not None and self.matrix.world is self.world else None


class Pairs(RowList):
    """One sender a row, one destination a column; over the columns stand names where all fit, else numbers."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "column(-1)", "left", show=False, id="matrix.left"),
        Binding("right,l", "column(1)", "right", show=False, id="matrix.right"),
    ]

    names: tuple[str, ...] = ()
    matrix: Matrix | None = None
    column = 0
    first = 0

    class Turned(Message):
        """The cursor is in another column."""

    def margin(self) -> int:
        """The cells for the senders' names."""
        return min(max((len(each) for each in self.names), default=4), 24) + 7

    def step(self, width: int) -> int:
        """The cells that a column takes."""
        named = min(max((len(each) for each in self.names), default=4), _NAME) + 2
        return max(named, _NARROW) if self.margin() + named * len(self.names) <= width else _NARROW

    def shown(self, width: int) -> range:
        """The columns that fit, the cursor's among them."""
        room = max(1, (width - self.margin()) // self.step(width))
        if not self.first <= self.column < self.first + room:
            self.first = max(0, min(self.column, self.column - room + 1))
        return range(self.first, min(len(self.names), self.first + room))

    def cells(self, row: int, width: int) -> list[Cell]:
        """One sender."""
        src = self.names[row]
        here = "›" if row == self.cursor else " "
        cells: list[Cell] = [(here, "mark"), (f"{right(str(row + 1), 4)} ", "dim")]
        cells.append((fit(src, self.margin() - 6), "strong" if row == self.cursor else ""))
        for column in self.shown(width):
            text, style = sign(self.matrix, src, self.names[column])
            chosen = row == self.cursor and column == self.column
            cells.append(((f" [{text}]" if chosen else f"  {text} ").ljust(self.step(width)), style))
        return cells

    def heading(self, width: int) -> list[Cell]:
        """What stands over the columns."""
        step = self.step(width)
        cells: list[Cell] = [(" " * self.margin(), "")]
        for column in self.shown(width):
            named = f"  {cut(self.names[column], step - 2)}" if step > _NARROW else right(str(column + 1), 3)
            cells.append((named.ljust(step), "strong"))
        return cells

    def action_column(self, by: int) -> None:
        """Move the cursor by that many columns."""
        self.column = min(max(self.column + by, 0), max(0, len(self.names) - 1))
        self.draw()
        self.post_message(self.Turned())

    def on_click(self, event: events.Click) -> None:
        """A click goes to the pair; on the pair where the cursor already is, it chooses."""
        column = self.first + (event.x - self.margin()) // self.step(self.scrollable_content_region.width)
        if event.x >= self.margin() and column < len(self.names) and column != self.column:
            event.prevent_default()
            self._move(self.scroll_offset.y + event.y)
            self.action_column(column - self.column)


class MatrixScreen(ReachScreen):
    """The whole matrix over the screen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "path", "path", key_display="⏎", id="matrix.path", tooltip="the path of this pair"),
        Binding("escape,M,q", "dismiss", "close", id="matrix.close"),
    ]

    def __init__(self, source: str) -> None:
        super().__init__()
        self._source = source

    def compose(self) -> ComposeResult:
        """The numbers of the columns, the rows, a sentence on the pair under the cursor, and what the signs mean."""
        with Panel(id="matrix"):
            yield Words(id="matrix-heading")
            yield Pairs(id="matrix-rows")
            yield Words(id="matrix-told")
            yield Words(id="matrix-legend")

    def begin(self) -> None:
        """Find the widgets."""
        self._pairs = self.query_one(Pairs)
        self._pairs.focus()

    def lay_out(self, world: World) -> None:
        """The same pair under the cursor, if it is still there."""
        names = tuple(each.name for each in world.nodes)
        fresh = not self._pairs.names
        here = self._pairs.names[self._pairs.column] if not fresh and self._pairs.names else ""
        self._pairs.names = names
        self._pairs.column = names.index(here) if here in names else 0
        self._pairs.set_keys(names)
        if fresh and self._source in names:
            self._pairs.go(self._source)
        self.draw()

    def draw(self) -> None:
        """The frame, the numbers, the rows and the sentence."""
        pairs = self._pairs
        pairs.matrix = self.known()
        panel = self.query_one("#matrix", Panel)
        panel.head(Content(f"Matrix · from each row to each column · {len(pairs.names)} nodes"))
        panel.foot(Content("  ").join([link("screen.path", "⏎ path"), link("screen.dismiss", "esc close")]))
        heading = pairs.heading(pairs.scrollable_content_region.width)
        self.query_one("#matrix-heading", Words).say(Content("".join(text for text, _ in heading)))
        legend = [f"{mark} {word}" for name, (mark, _, word) in SIGNS.items() if name not in (SELF, WORKING)]
        width = max(20, self.size.width - 8)
        self.query_one("#matrix-legend", Words).say(Content("\n".join(wrap("   ".join(legend), width))))
        pairs.draw()
        self._tell()

    def _pair(self) -> tuple[str, str] | None:
        pairs = self._pairs
        return (pairs.names[pairs.cursor], pairs.names[pairs.column]) if pairs.names else None

    def _tell(self) -> None:
        pair = self._pair()
        if pair is not None:
            text = f"{pair[0]} → {pair[1]}: {told(self.known(), *pair)}"
            lines = wrap(printable(text), max(20, self.size.width - 8))[:4]
            self.query_one("#matrix-told", Words).say(Content("\n".join(lines)))

    @on(RowList.Moved)
    @on(Pairs.Turned)
    def _moved(self) -> None:
        self.draw()

    @on(RowList.Chosen)
    def action_path(self) -> None:
        """Leave the matrix for the path of this pair."""
        pair = self._pair()
        if pair is not None and pair[0] != pair[1]:
            self.post_message(Opened(*pair))
            self.dismiss()
