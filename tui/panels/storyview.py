"""The lines of a lookup's story on the screen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual import events
from textual.message import Message

from tui.panels.cells import Cell
from tui.panels.lines import Lines

if TYPE_CHECKING:
    from tui.panels.story import Line


class StoryView(Lines):
    """The story's lines; a click on one goes to its step."""

    shown: Sequence[Line] = ()
    at = 0

    def __init__(self, *, id: str, can_focus: bool = True) -> None:
        super().__init__(id=id)
        self.can_focus = can_focus

    class Picked(Message):
        """A line was clicked, of the step with that number."""

        def __init__(self, step: int) -> None:
            super().__init__()
            self.step = step

    def show(self, lines: Sequence[Line], at: int) -> None:
        """Take other lines, and bring those of step `at` into sight."""
        if lines == self.shown and at == self.at:
            return
        self.shown, self.at = lines, at
        self.draw()
        self.reveal()

    def reveal(self) -> None:
        """Scroll to the end of the current step, or to its beginning where it is taller than the view."""
        height = self.size.height
        first = next((row for row, each in enumerate(self.shown) if each.step == self.at), 0)
        last = max((row for row, each in enumerate(self.shown) if each.step == self.at), default=0)
        if height:
            self.scroll_to(y=max(0, min(first, last - height + 1)), animate=False, force=True)

    def count(self) -> int:
        """How many lines there are."""
        return len(self.shown)

    def cells(self, row: int, width: int) -> list[Cell]:  # noqa: ARG002  # the story was told in this width
        """One line."""
        return list(self.shown[row].cells)

    def on_click(self, event: events.Click) -> None:
        """Go to the step that was clicked."""
        row = self.scroll_offset.y + event.y
        if 0 <= row < len(self.shown):
            self.post_message(self.Picked(self.shown[row].step))
