"""Lists drawn line by line: thousands of rows cost no more than the ones on the screen."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.panels.cells import Cell, clip

Key = Hashable

INKS = frozenset(
    f"lines--{name}"
    for name in (
        "title",
        "strong",
        "dim",
        "good",
        "bad",
        "warn",
        "accent",
        "mark",
        "says",
        "same",
        "differs",
        "won",
        "cursor",
        "cursor-here",
    )
)
"""The styles of cells: component classes of the screen, so that they are worked out once and not for every list."""


class Lines(ScrollView, can_focus=True):
    """Rows of styled cells in a scrolling view. A subclass says how many there are and what each one shows.

    Style names are the component classes `lines--NAME` (INKS); a row's own style, the cursor's, lies under them.
    """

    def count(self) -> int:
        """How many rows there are."""
        raise NotImplementedError

    def cells(self, row: int, width: int) -> list[Cell]:
        """What row number `row` shows in `width` cells."""
        raise NotImplementedError

    def under(self, row: int) -> str:  # noqa: ARG002  # for subclasses
        """The name of the style that lies under a whole row, or ""."""
        return ""

    def draw(self) -> None:
        """Draw again because rows came, went or changed."""
        self._strips: dict[tuple[int, int, str], Strip] = {}
        self.virtual_size = Size(0, self.count())
        self.refresh()

    def notify_style_update(self) -> None:
        """Forget what was drawn in the old colours."""
        self._strips = {}
        self._styles: dict[tuple[str, str], Style] = {}
        super().notify_style_update()

    def _style(self, name: str, under: str) -> Style:
        style = self._styles.get((name, under))
        if style is None:
            style = self._styles[name, under] = self._mixed(name, under)
        return style

    def _mixed(self, name: str, under: str) -> Style:
        ink = self.screen.get_component_rich_style
        own = self.rich_style
        # The inks are the screen's, and so is their background: cells lie on that of the list.
        style = ink(f"lines--{name}") + Style(bgcolor=own.bgcolor) if name else own
        if not under:
            return style
        # A cursor's own text colour wins over the colours of the cells, or the text may vanish on its background.
        return ink(f"lines--{under}") + Style(bold=style.bold, italic=style.italic)

    def render_line(self, y: int) -> Strip:
        """Line `y` of the view."""
        width, row = self.scrollable_content_region.width, self.scroll_offset.y + y
        if not 0 <= row < self.count():
            return Strip.blank(width, self.rich_style)
        under = self.under(row)
        strip = self._strips.get((row, width, under))
        if strip is None:
            segments = [Segment(text, self._style(name, under)) for text, name in clip(self.cells(row, width), width)]
            strip = Strip(segments).adjust_cell_length(width, self._style("", under)).simplify()
            if len(self._strips) > 1000:
                self._strips.clear()
            self._strips[row, width, under] = strip
        return strip

    _strips: dict[tuple[int, int, str], Strip] = {}  # noqa: RUF012  # replaced, never changed, before the first draw

    def text(self) -> str:
        """Every row as plain text, for a file or the clipboard."""
        width = max(self.scrollable_content_region.width, 100)
        rows = ("".join(text for text, _ in self.cells(row, width)).rstrip() for row in range(self.count()))
        return "\n".join(rows)


class Shown(Lines):
    """Lines that were made beforehand, for the width that there is."""

    shown: Sequence[list[Cell]] = ()

    def show(self, lines: Sequence[list[Cell]]) -> None:
        """Take other lines."""
        if lines != self.shown:
            self.shown = lines
            self.draw()

    def count(self) -> int:
        """How many lines there are."""
        return len(self.shown)

    def cells(self, row: int, width: int) -> list[Cell]:  # noqa: ARG002  # they were made for this width
        """One line."""
        return self.shown[row]


class RowList(Lines):
    """Lines with a cursor. Rows have keys: when they change, cursor and scroll stay with the row, not its number."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "up", show=False, id="list.up"),
        Binding("down,j", "move(1)", "down", show=False, id="list.down"),
        Binding("pageup", "page(-1)", "a page up", show=False, id="list.page_up"),
        Binding("pagedown", "page(1)", "a page down", show=False, id="list.page_down"),
        Binding("home", "move_to(0)", "first row", show=False, id="list.first"),
        Binding("end", "move_to(-1)", "last row", show=False, id="list.last"),
    ]

    cursor: reactive[int] = reactive(0, init=False, repaint=False)

    class Moved(Message):
        """The cursor is on another row; `row` is its number."""

        def __init__(self, sender: RowList, row: int) -> None:
            super().__init__()
            self.sender, self.row = sender, row

        @property
        def control(self) -> RowList:
            """The list."""
            return self.sender

        def can_replace(self, message: Message) -> bool:
            """Of several moves that wait, only the last counts."""
            return isinstance(message, RowList.Moved) and message.sender is self.sender

    class Chosen(Moved):
        """Enter was pressed, or the row under the cursor was clicked."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._keys: Sequence[Key] = ()

    def count(self) -> int:
        """How many rows there are."""
        return len(self._keys)

    def under(self, row: int) -> str:
        """The cursor's row has a style of its own, stronger where the focus is."""
        return ("cursor-here" if self.has_focus else "cursor") if row == self.cursor else ""

    def set_keys(self, keys: Sequence[Key]) -> None:
        """Take new rows; `keys` are unique. The cursor stays on its key or goes to the nearest one that is left."""
        old, top = self._keys, self.scroll_offset.y
        offset = self.cursor - top
        places = {key: row for row, key in enumerate(keys)} if old else {}
        row = _survivor(old, self.cursor, places)
        anchored = places.get(old[top]) if 0 <= top < len(old) else None
        self._keys = keys
        self.set_reactive(RowList.cursor, row)
        self.draw()
        if 0 <= offset < max(1, self.size.height):  # the cursor was in sight: it stays on the same line of the screen
            self.scroll_to(y=row - offset, animate=False, force=True)
        elif anchored is not None:
            self.scroll_to(y=anchored, animate=False, force=True)
        if old and old[min(self.cursor, len(old) - 1)] != (keys[row] if keys else None):
            self.post_message(self.Moved(self, row))

    def go(self, key: Key) -> bool:
        """Put the cursor on that key, without telling anyone; False where no row has it."""
        try:
            row = self._keys.index(key)
        except ValueError:
            return False
        self._put(row)
        return True

    def _put(self, row: int) -> None:
        old, self.cursor = self.cursor, row
        self.refresh_line(old)
        self.refresh_line(row)
        self.reveal(row)

    def reveal(self, row: int) -> None:
        """Scroll as little as shows the row."""
        top, height = self.scroll_offset.y, self.scrollable_content_region.height
        if row < top:
            self.scroll_to(y=row, animate=False, force=True)
        elif height and row >= top + height:
            self.scroll_to(y=row - height + 1, animate=False, force=True)

    def _move(self, row: int) -> None:
        row = min(max(row, 0), self.count() - 1)
        if row >= 0 and row != self.cursor:
            self._put(row)
            self.post_message(self.Moved(self, row))

    def action_move(self, by: int) -> None:
        """Move the cursor by that many rows."""
        self._move(self.cursor + by)

    def action_page(self, by: int) -> None:
        """Move the cursor by that many screens."""
        self._move(self.cursor + by * max(1, self.size.height - 1))

    def action_move_to(self, row: int) -> None:
        """Move the cursor to a row; -1 is the last."""
        self._move(row % max(1, self.count()))

    def on_click(self, event: events.Click) -> None:
        """A click moves the cursor; on the row where it already is, it chooses."""
        row = self.scroll_offset.y + event.y
        if 0 <= row < self.count():
            message = self.Chosen(self, row) if row == self.cursor else None
            self._move(row)
            if message:
                self.post_message(message)

    def on_resize(self) -> None:
        """Keep the cursor in sight when the view becomes smaller."""
        if self.scroll_offset.y <= self.cursor:
            self.reveal(self.cursor)

    def scroll_region_of(self, row: int) -> Region:
        """Where a row is in the view, for the mouse and for tests."""
        return Region(0, row - self.scroll_offset.y, self.size.width, 1)


def _survivor(old: Sequence[Key], cursor: int, places: dict[Key, int]) -> int:
    """The new row of the old cursor's key, or of the nearest old row that is still there, or 0."""
    for distance in range(len(old)):
        for row in (cursor + distance, cursor - distance):
            if 0 <= row < len(old) and old[row] in places:
                return places[old[row]]
    return 0
