"""What a plan consists of, as rows with boxes to tick."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.message import Message

from tui.core.changes import Change
from tui.core.changes.plan import Item
from tui.core.changes.sentence import sentence as in_words
from tui.panels.cells import Cell
from tui.panels.lines import RowList


class ItemList(RowList):
    """The changes of a plan, each with a box to tick."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "tick", "tick", id="plan.tick", tooltip="take this change, or leave it out"),
        Binding("enter", "done", "on to the buttons", show=False, id="plan.done"),
        Binding("left,h", "other(-1)", "way before", show=False, id="plan.before"),
        Binding("right,l", "other(1)", "another way", show=False, id="plan.other"),
    ]

    class Ticked(Message):
        """A box was ticked, or no longer is."""

    class Done(Message):
        """Enter was pressed."""

    class Turned(Message):
        """Another way was asked for: the next one, or the one before."""

        def __init__(self, by: int) -> None:
            super().__init__()
            self.by = by

    items: tuple[Item, ...] = ()
    ticked: frozenset[int] = frozenset()

    def take(self, items: tuple[Item, ...]) -> None:
        """Other changes, all of them ticked; the same ones stay as they are."""
        if items != self.items:
            self.items, self.ticked = items, frozenset(range(len(items)))
            self.set_keys(items)

    @property
    def chosen(self) -> tuple[Change, ...]:
        """The changes that are ticked, in order."""
        return tuple(each.change for number, each in enumerate(self.items) if number in self.ticked)

    def cells(self, row: int, width: int) -> list[Cell]:  # noqa: ARG002  # what is too long ends in an ellipsis
        """One change and why it is needed."""
        box, style = ("[x] ", "good") if row in self.ticked else ("[ ] ", "dim")
        item = self.items[row]
        return [(box, style), (in_words(item.change), "" if row in self.ticked else "dim"), (f"  {item.reason}", "dim")]

    def action_tick(self) -> None:
        """Take the change under the cursor, or leave it out."""
        self._tick(self.cursor)

    @on(RowList.Chosen)
    def _clicked(self, event: RowList.Chosen) -> None:
        event.stop()
        self._tick(event.row)

    def _tick(self, row: int) -> None:
        if row < len(self.items):
            self.ticked ^= {row}
            self.draw()
            self.post_message(self.Ticked())

    def action_done(self) -> None:
        """Say that the choice is made."""
        self.post_message(self.Done())

    def action_other(self, by: int) -> None:
        """Ask for another way to do it."""
        self.post_message(self.Turned(by))


@dataclass(frozen=True, slots=True)
class Way:
    """One set of changes with which it works, and what else comes of it."""

    items: tuple[Item, ...]
    tradeoff: str = ""
