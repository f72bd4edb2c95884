"""Probe it: a form that says what will be sent, the probes so far, and the one chosen, live, beside its prediction."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.screen import ModalScreen
from textual.widgets import Input

from tui.core.packets import Frame
from tui.core.probes import Capture, Probe
from tui.core.probes.watched import Watched
from tui.core.world import World
from tui.panels.cells import Cell, printable
from tui.panels.lines import INKS, Lines, RowList
from tui.panels.links import link
from tui.panels.panel import Panel, Words
from tui.panels.probeform import ProbeForm
from tui.panels.probeview import entry, frame_detail, frame_heading, frame_row, lines


class ProbeList(RowList):
    """All probes, the newest first."""

    found: tuple[Watched, ...] = ()

    def cells(self, row: int, width: int) -> list[Cell]:
        """One probe."""
        return [("›" if row == self.cursor else " ", "mark"), *entry(self.found[row], width - 1)]


class Findings(Lines, can_focus=False):
    """What the chosen probe found."""

    shown: tuple[list[Cell], ...] = ()

    def count(self) -> int:
        """How many lines."""
        return len(self.shown)

    def cells(self, row: int, width: int) -> list[Cell]:  # noqa: ARG002  # they were made for this width
        """One line."""
        return self.shown[row]


class FrameList(RowList):
    """The packets of a capture."""

    frames: tuple[Frame, ...] = ()

    def cells(self, row: int, width: int) -> list[Cell]:  # noqa: ARG002
        """One packet."""
        return [("›" if row == self.cursor else " ", "mark"), *frame_row(self.frames[row], self.frames[0].time)]


class ProbeScreen(ModalScreen[None]):
    """Probes from one node. They go on when the screen is left, and are there when it is opened again."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {*INKS}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "new", "new", id="probing.new", tooltip="write another probe"),
        Binding("s", "stop", "stop", id="probing.stop", tooltip="stop the chosen probe"),
        Binding("x", "remove", "forget", show=False, id="probing.remove", tooltip="forget a probe that has ended"),
        Binding("space", "pause", "pause", show=False, id="probing.pause", tooltip="hold the packets still"),
        Binding("enter", "detail", "detail", show=False, id="probing.detail", tooltip="to the packets, and back"),
        Binding("w", "save", "save pcap", show=False, id="probing.save", tooltip="save the packets for Wireshark"),
        Binding("escape", "leave", "close", id="probing.close", tooltip="back; probes go on"),
    ]

    world: reactive[World | None] = reactive(None, init=False, repaint=False)
    probes: reactive[tuple[Watched, ...]] = reactive((), init=False, repaint=False)

    class Asked(Message):
        """A probe is to be sent."""

        def __init__(self, node: str, probe: Probe | Capture) -> None:
            super().__init__()
            self.node, self.probe = node, probe

    class Stopped(Message):
        """A probe is to be stopped."""

        def __init__(self, number: int) -> None:
            super().__init__()
            self.number = number

    class Removed(Message):
        """A probe is to be forgotten."""

        def __init__(self, number: int) -> None:
            super().__init__()
            self.number = number

    class Saved(Message):
        """Packets are to be saved."""

        def __init__(self, frames: tuple[Frame, ...]) -> None:
            super().__init__()
            self.frames = frames

    def __init__(self, node: str, target: str) -> None:
        super().__init__()
        self._node, self._target = node, target
        self._paused: Watched | None = None

    def compose(self) -> ComposeResult:
        """The form, the list, and what the chosen one found."""
        with Panel(id="probe"):
            yield ProbeForm(self._node, self._target)
            yield ProbeList(id="probe-list")
            with Vertical(id="probe-found"):
                yield Findings(id="probe-lines")
                yield Words(id="probe-columns")
                yield FrameList(id="probe-frames")
                yield Findings(id="probe-detail")

    def on_mount(self) -> None:
        """The field for the destination, or the kind where that is known."""
        self._list = self.query_one(ProbeList)
        self._frames = self.query_one(FrameList)
        form = self.query_one(ProbeForm)
        form.take(self.world)
        form.enter()
        self._draw()

    def on_resize(self) -> None:
        """More or less fits."""
        if self.is_mounted:
            self._draw()

    def watch_world(self) -> None:
        """Names may be others."""
        if self.is_mounted:
            self.query_one(ProbeForm).take(self.world)

    def watch_probes(self, before: tuple[Watched, ...], after: tuple[Watched, ...]) -> None:
        """One came, went, or found something."""
        if not self.is_mounted:
            return
        if {each.number for each in after} - {each.number for each in before}:
            self._draw()
            self._list.action_move_to(0)
        self._draw()

    @on(ProbeForm.Ready)
    def _ready(self, event: ProbeForm.Ready) -> None:
        event.stop()
        self.post_message(self.Asked(self._node, event.probe))
        self._list.focus()

    @on(RowList.Moved)
    def _moved(self, event: RowList.Moved) -> None:
        event.stop()
        if event.sender is self._list:
            self._paused = None
        self._draw()

    @property
    def chosen(self) -> Watched | None:
        """The probe under the cursor; held still while it is paused."""
        found = self._list.found
        here = found[min(self._list.cursor, len(found) - 1)] if found else None
        return self._paused if self._paused and here and self._paused.number == here.number else here

    # Keys

    def action_new(self) -> None:
        """Write another one."""
        self.query_one(ProbeForm).enter()

    def action_stop(self) -> None:
        """Stop the chosen one."""
        if (here := self.chosen) is not None:
            self.post_message(self.Stopped(here.number))

    def action_remove(self) -> None:
        """Forget the chosen one."""
        if (here := self.chosen) is not None:
            self.post_message(self.Removed(here.number))

    def action_pause(self) -> None:
        """Hold the chosen one's packets still, or go on with them."""
        self._paused = None if self._paused is not None else self.chosen
        self._draw()

    def action_detail(self) -> None:
        """To the packets and back."""
        if self._frames.display:
            (self._list if self._frames.has_focus else self._frames).focus()

    def action_save(self) -> None:
        """Save what was captured."""
        if (here := self.chosen) is not None and here.frames:
            self.post_message(self.Saved(here.frames))
        else:
            self.notify("There are no packets to save: choose a capture that has seen some.", markup=False)

    def action_leave(self) -> None:
        """From a field to the list, from the list out."""
        if self.focused is self._frames or (isinstance(self.focused, Input) and self._list.found):
            self._list.focus()
        else:
            self.dismiss()

    # What is drawn

    def _draw(self) -> None:
        self._list.found = self.probes[::-1]
        self._list.set_keys([each.number for each in self._list.found])
        self._list.styles.height = 1 + max(1, min(len(self._list.found), 5))  # with the line above it
        here = self.chosen
        panel = self.query_one("#probe", Panel)
        panel.head(Content(f"Probe · from {printable(self._node)}"))
        panel.foot(self._controls(here))
        box = self.query_one("#probe-lines", Findings)
        width = max(30, self.size.width - 6)
        box.shown = tuple(lines(here, width)) if here is not None else ()
        capturing = here is not None and isinstance(here.probe, Capture)
        for name in ("#probe-columns", "#probe-frames", "#probe-detail"):
            self.query_one(name).display = capturing
        box.styles.height = len(box.shown) if capturing else "1fr"
        box.draw()
        if capturing and here is not None:
            self._draw_frames(here, width)

    def _draw_frames(self, here: Watched, width: int) -> None:
        rows = self._frames
        follow = rows.cursor >= len(rows.frames) - 1 and not rows.has_focus
        rows.frames = here.frames
        rows.set_keys([here.seen - len(here.frames) + number for number in range(len(here.frames))])
        if follow and here.frames:
            rows.go(here.seen - 1)
        self.query_one("#probe-columns", Words).say(Content(" " + frame_heading()))
        detail = self.query_one("#probe-detail", Findings)
        frame = rows.frames[min(rows.cursor, len(rows.frames) - 1)] if rows.frames else None
        detail.shown = tuple(frame_detail(frame, width)) if frame is not None else ()
        detail.styles.height = len(detail.shown) + 1
        detail.draw()

    def _controls(self, here: Watched | None) -> Content:
        parts = [link("screen.new", "n new")]
        if here is not None and here.alive:
            parts.append(link("screen.stop", "s stop"))
        if here is not None and isinstance(here.probe, Capture):
            told = "space go on" if self._paused is not None else "space pause"
            parts += [
                link("screen.detail", "⏎ packets"),
                link("screen.pause", told),
                link("screen.save", "w save pcap"),
            ]
        parts.append(link("screen.leave", "esc"))
        return Content("  ").join(parts)
