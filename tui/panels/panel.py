"""What every panel is made of: a frame with a title, and words that are drawn again only when they change."""

from __future__ import annotations

from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static


class Panel(Vertical):
    """A framed part of the screen with a number."""

    _above = _below = Content("")

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id, classes="panel")

    def head(self, title: Content) -> None:
        """Name the panel in its frame."""
        if title != self._above:
            self._above = title
            self.border_title = title

    def foot(self, note: Content) -> None:
        """Put a line into the lower edge of the frame."""
        if note != self._below:
            self._below = note
            self.border_subtitle = note


class Words(Static):
    """Text of which nothing is markup."""

    _said: Content | None = None

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id, markup=False)

    def say(self, content: Content) -> None:
        """Show this. The screen is laid out again only where the number of lines may differ."""
        before = self._said
        if content != before:
            self._said = content
            same = before is not None and before.plain.count("\n") == content.plain.count("\n")
            self.update(content, layout=not (same and self.size.height == content.plain.count("\n") + 1))
