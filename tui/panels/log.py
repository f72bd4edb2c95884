"""The command log: everything that was run, where, by which way and with what result; to be copied as a script."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.screen import ModalScreen

from tui.core.entry import Entry
from tui.panels.cells import Cell, wrap
from tui.panels.lines import INKS, RowList

Row = tuple[tuple[int, int], list[Cell]]
"""A line with its key: the entry's number, and the line's within it."""


class LogList(RowList):
    """The lines of the log."""

    shown: tuple[list[Cell], ...] = ()

    def cells(self, row: int, width: int) -> list[Cell]:  # noqa: ARG002  # they were made for this width
        """One line."""
        return [("›" if row == self.cursor else " ", "mark"), *self.shown[row]]


class CommandLog(ModalScreen[None]):
    """The log in a window. It asks for scripts by messages: it does not know how an engine's commands are written."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {*INKS}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,at,q", "dismiss", "back", key_display="esc", id="log.back"),
        Binding("y", "script('copy', False)", "copy", id="log.copy", tooltip="copy a script that does it all"),
        Binding("u", "script('copy', True)", "copy undo", id="log.copy_undo", tooltip="copy one that undoes it all"),
        Binding("s", "script('save', False)", "save", id="log.save", tooltip="save a script that does it all"),
        Binding("S", "script('save', True)", "save undo", id="log.save_undo", tooltip="save one that undoes it all"),
        Binding("a", "asks", "asks", id="log.asks", tooltip="show what kernels were asked, or fold it away"),
    ]

    class Wanted(Message):
        """A script is to be copied or saved; with `undo` the one that takes everything back."""

        def __init__(self, way: str, undo: bool) -> None:
            super().__init__()
            self.way, self.undo = way, undo

    def __init__(self, entries: tuple[Entry, ...]) -> None:
        super().__init__()
        self._entries = entries
        self._with_asks = False

    def compose(self) -> ComposeResult:
        """One list."""
        with Vertical(id="log", classes="window -large"):
            yield LogList(id="log-list")

    def on_mount(self) -> None:
        """Show it from its end."""
        window = self.query_one("#log")
        window.border_title = "Command log"
        window.border_subtitle = "y copy script · u copy undo script · s S save them · a kernel asks · esc"
        rows = self.query_one(LogList)
        rows.focus()
        self._draw()
        rows.action_move_to(-1)

    def on_resize(self) -> None:
        """Lines break elsewhere."""
        self._draw()

    def show(self, entries: tuple[Entry, ...]) -> None:
        """Something was run meanwhile."""
        self._entries = entries
        self._draw()

    def _draw(self) -> None:
        if not self.is_mounted:
            return
        rows = self.query_one(LogList)
        width = max(30, rows.scrollable_content_region.width - 2)
        found = list(log_rows(self._entries, width, self._with_asks))
        rows.shown = tuple(cells for _, cells in found)
        rows.set_keys([key for key, _ in found])

    def action_asks(self) -> None:
        """With what kernels were asked, or without."""
        self._with_asks = not self._with_asks
        self._draw()

    def action_script(self, way: str, undo: bool) -> None:
        """Have a script made."""
        self.post_message(self.Wanted(way, undo))


def log_rows(entries: tuple[Entry, ...], width: int, with_asks: bool) -> Iterator[Row]:
    """The lines, oldest first. Without asks, those between two changes are one line that counts them."""
    asked: list[Entry] = []
    for each in entries:
        if each.kind == "ask" and not with_asks:
            asked.append(each)
            continue
        yield from _folded(asked)
        asked = []
        yield from _entry(each, width)
    yield from _folded(asked)
    if not entries:
        yield (0, 0), [("Nothing was run yet.", "dim")]


def _folded(asked: list[Entry]) -> Iterator[Row]:
    if asked:
        count = f"{len(asked)} question{'' if len(asked) == 1 else 's'} to a kernel"
        yield (asked[0].number, 0), [(f"{asked[-1].at}  ", "dim"), (f"? {count} (a shows them)", "dim")]


def _entry(entry: Entry, width: int) -> Iterator[Row]:
    sign, style = ("…", "warn") if not entry.ended else ("✗", "bad") if entry.failed else ("✓", "good")
    lines: list[list[Cell]] = [
        [
            (f"{entry.at}  " if not number else " " * 10, "dim"),
            (f"{sign} " if not number else "  ", style),
            (text, "strong"),
        ]
        for number, text in enumerate(wrap(entry.what, width - 12))
    ]
    for node, words in entry.commands:
        prompt = f"{node}# " if node else "$ "
        rows = wrap(shlex.join(words), width - 12 - len(prompt))
        lines += [
            [(" " * 12, ""), (prompt if not number else " " * len(prompt), "dim"), (row, "accent")]
            for number, row in enumerate(rows)
        ]
    for line in entry.lines:
        lines += [[(" " * 12, ""), (row, "bad" if entry.failed else "")] for row in wrap(line, width - 12)]
    if entry.ended:
        listened = entry.kind == "capture" and entry.commands
        told = f"code {entry.code}" if entry.code is not None else "ended" if listened else "not tried"
        way = f"{entry.how} · " if entry.how else ""
        lines.append([(" " * 12, ""), (way + told, "dim")])
    for number, cells in enumerate(lines):
        yield (entry.number, number), cells
