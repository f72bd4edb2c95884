"""What every panel is made of: a frame with a title, and words that are drawn again only when they change."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from textual.containers import Vertical
from textual.content import Content
from textual.geometry import Region
from textual.widgets import Static


class Panel(Vertical):
    """A framed part of the screen with a number."""

    _above = _below = Content("")
    _edge: tuple[Region, ...] = ()
    """The line of the frame that is being said anew."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id, classes="panel")

    def head(self, title: Content) -> None:
        """Name the panel in its frame."""
        if title != self._above:
            self._above = title
            with self._at_edge(0):
                self.border_title = title

    def foot(self, note: Content) -> None:
        """Put a line into the lower edge of the frame."""
        if note != self._below:
            self._below = note
            with self._at_edge(self.outer_size.height - 1):
                self.border_subtitle = note

    @contextmanager
    def _at_edge(self, line: int) -> Iterator[None]:
        """Meanwhile one line is drawn again: Textual's setters would have the panel and everything in it drawn."""
        self._edge = (Region(0, line, self.outer_size.width, 1).translate(-self.content_offset),)
        try:
            yield
        finally:
            self._edge = ()

    def refresh(self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False) -> Self:
        """Draw again: these regions (counted from where the content begins), or all of it."""
        return super().refresh(*(regions or self._edge), repaint=repaint, layout=layout, recompose=recompose)


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
