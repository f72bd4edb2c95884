"""The lists of the probe screen: the probes so far, what one of them found, and the packets of a capture."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType

from tui.core.packets import Frame
from tui.core.probes.watched import Watched
from tui.panels.cells import Cell
from tui.panels.lines import RowList, Shown
from tui.panels.probeview import entry, frame_row, frame_widths


class ProbeList(RowList):
    """All probes, the newest first."""

    found: tuple[Watched, ...] = ()

    def cells(self, row: int, width: int) -> list[Cell]:
        """One probe."""
        return [("›" if row == self.cursor else " ", "mark"), *entry(self.found[row], width - 1)]


class Findings(Shown):
    """What the chosen probe found; scrolled by keys where it is longer than the view."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("k", "scroll_up", "up", show=False, id="findings.up"),
        Binding("j", "scroll_down", "down", show=False, id="findings.down"),
    ]


class Detail(Findings, can_focus=False):
    """One packet in all its layers."""


class FrameList(RowList):
    """The packets of a capture, whose number is `of`; `tail` has the newest stay in sight."""

    frames: tuple[Frame, ...] = ()
    since, of, tail = 0, 0, True
    widths: tuple[int, ...] = ()

    def take(self, watched: Watched, width: int) -> None:
        """The packets of that capture so far."""
        if watched.number != self.of:
            self.of, self.tail = watched.number, watched.alive
            self.set_keys(())
        self.frames, self.since = watched.frames, watched.since
        self.widths = frame_widths(self.frames, self.since, width)
        first = watched.seen - len(watched.frames)
        self.set_keys([(self.of, first + number) for number in range(len(self.frames))])
        if self.tail and self.frames:
            self.go((self.of, watched.seen - 1))

    def cells(self, row: int, width: int) -> list[Cell]:  # noqa: ARG002  # the columns have widths of their own
        """One packet."""
        here = "›" if row == self.cursor else " "
        return [(here, "mark"), *frame_row(self.frames[row], self.since, self.widths)]

    @property
    def chosen(self) -> Frame | None:
        """The packet under the cursor."""
        return self.frames[min(self.cursor, len(self.frames) - 1)] if self.frames else None
