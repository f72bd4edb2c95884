"""Probe it: a form that says what will be sent, the probes so far, and the one chosen, live, beside its prediction."""

from __future__ import annotations

from collections.abc import Iterator
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
from tui.panels.cells import Cell, cut
from tui.panels.lines import INKS, RowList
from tui.panels.links import link
from tui.panels.panel import Panel, Words
from tui.panels.probeform import ProbeForm
from tui.panels.probelists import Detail, Findings, FrameList, ProbeList
from tui.panels.probeview import frame_detail, frame_heading, lines


class ProbeScreen(ModalScreen[None]):
    """Probes from one node. They go on when the screen is left, and are there when it is opened again."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {*INKS}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "new", "new", id="probing.new", tooltip="write another probe"),
        Binding("a", "again", "again", show=False, id="probing.again", tooltip="send the chosen probe once more"),
        Binding("s", "stop", "stop", id="probing.stop", tooltip="stop the chosen probe"),
        Binding("x", "remove", "forget", show=False, id="probing.remove", tooltip="forget a probe that has ended"),
        Binding("space", "pause", "pause", show=False, id="probing.pause", tooltip="hold the packets still"),
        Binding("enter", "detail", "detail", show=False, id="probing.detail", tooltip="into what was found, and back"),
        Binding("w", "save", "save pcap", show=False, id="probing.save", tooltip="save the packets for Wireshark"),
        Binding("escape,q", "leave", "close", id="probing.close", tooltip="back; probes go on"),
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
        self._asked = False

    def compose(self) -> ComposeResult:
        """The form, the list, and what the chosen one found."""
        with Panel(id="probe"):
            yield ProbeForm(self._node, self._target)
            yield ProbeList(id="probe-list")
            with Vertical(id="probe-found"):
                yield Findings(id="probe-lines")
                yield Words(id="probe-columns")
                yield FrameList(id="probe-frames")
                yield Detail(id="probe-detail")

    def on_mount(self) -> None:
        """The field for the destination, or the kind where that is known."""
        self._list = self.query_one(ProbeList)
        self._lines = self.query_one("#probe-lines", Findings)
        self._frames = self.query_one(FrameList)
        form = self.query_one(ProbeForm)
        form.take(self.world)
        form.enter()
        self._draw()

    def on_resize(self) -> None:
        """More or less fits."""
        if self.is_mounted:
            self._draw()

    def on_descendant_focus(self) -> None:
        """Other keys do something."""
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
        self._draw()
        if {each.number for each in after} - {each.number for each in before}:
            self._list.action_move_to(0)
            self._lines.scroll_home(animate=False)
            self._draw()
            if self._asked:
                self._list.focus()
            self._asked = False

    @on(ProbeForm.Ready)
    def _ready(self, event: ProbeForm.Ready) -> None:
        event.stop()
        self._ask(event.node, event.probe)

    def _ask(self, node: str, probe: Probe | Capture) -> None:
        self._asked = True  # it may yet be refused: then the cursor stays where it is
        self.post_message(self.Asked(node, probe))

    @on(RowList.Moved)
    def _moved(self, event: RowList.Moved) -> None:
        event.stop()
        if event.sender is self._list:
            self._paused = None
            self._lines.scroll_home(animate=False)
        else:
            self._frames.tail = self._frames.cursor >= self._frames.count() - 1
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

    def action_again(self) -> None:
        """The same once more."""
        if (here := self.chosen) is not None:
            self._ask(here.node, here.probe)

    def action_stop(self) -> None:
        """Stop the chosen one."""
        if (here := self.chosen) is not None and here.alive:
            self.post_message(self.Stopped(here.number))

    def action_remove(self) -> None:
        """Forget the chosen one."""
        if (here := self.chosen) is None:
            return
        if here.alive:
            self.notify("It still runs: s stops it.", markup=False)
        else:
            self.post_message(self.Removed(here.number))

    def action_pause(self) -> None:
        """Hold the chosen one's packets still, or go on with them."""
        here = self.chosen
        if here is not None and isinstance(here.probe, Capture):
            self._paused = None if self._paused is not None else here
            self._draw()

    def action_detail(self) -> None:
        """Into what was found, and back to the list."""
        inside = self._frames if self._frames.display else self._lines
        (self._list if inside.has_focus else inside).focus()

    def action_save(self) -> None:
        """Save what was captured."""
        if (here := self.chosen) is not None and here.frames:
            self.post_message(self.Saved(here.frames))
        else:
            self.notify("There are no packets to save: choose a capture that has seen some.", markup=False)

    def action_leave(self) -> None:
        """Into the list first, where there is one; from the list out."""
        if self._list.found and not self._list.has_focus:
            self._list.focus()
        else:
            self.dismiss()

    # What is drawn

    def _draw(self) -> None:
        self._list.found = self.probes[::-1]
        self._list.set_keys([each.number for each in self._list.found])
        most = 3 if self.size.height < 28 else 6
        self._list.styles.height = 1 + max(1, min(len(self._list.found), most))  # with the line above it
        here = self.chosen
        panel = self.query_one("#probe", Panel)
        panel.head(Content(self._title()))
        width = max(30, self.size.width - 6)
        box = self._lines
        box.show(list(lines(here, width)) if here is not None else _NOTHING)
        capturing = here is not None and isinstance(here.probe, Capture)
        for name in ("#probe-columns", "#probe-frames", "#probe-detail"):
            self.query_one(name).display = capturing
        box.styles.height = len(box.shown) + 1 if capturing else "1fr"
        if capturing and here is not None:
            self._draw_frames(here, width)
        panel.foot(Content("  ").join(self._controls(here)))

    def _title(self) -> str:
        running = sum(each.alive for each in self.probes)
        count = f" · {running} of {len(self.probes)} running" if running else f" · {len(self.probes)} so far"
        held = " · paused: what comes meanwhile is kept" if self._paused is not None else ""
        return f"Probe{count if self.probes else ''}{held}"

    def _draw_frames(self, here: Watched, width: int) -> None:
        rows = self._frames
        rows.take(here, width)
        self.query_one("#probe-columns", Words).say(Content(cut(" " + frame_heading(rows.widths), width)))
        detail = self.query_one(Detail)
        frame = rows.chosen
        # On a small screen the packets have the room, until one of them is looked at.
        detail.display = frame is not None and (rows.has_focus or self.size.height >= 32)
        detail.show(list(frame_detail(frame, width)) if frame is not None else [])
        detail.styles.height = len(detail.shown) + 1

    def _controls(self, here: Watched | None) -> Iterator[Content]:
        """The keys that do something now."""
        if isinstance(self.focused, Input):
            yield Content("⏎ send")
            yield Content("tab complete")
            yield Content("↑ ↓ choose")
            yield link("screen.leave", "esc list" if self._list.found else "esc close")
            return
        yield link("screen.new", "n new")
        inside = self._frames.has_focus or self._lines.has_focus
        if here is not None:
            yield link("screen.again", "a again")
            yield link("screen.stop", "s stop") if here.alive else link("screen.remove", "x forget")
            if isinstance(here.probe, Capture):
                yield link("screen.pause", "space go on" if self._paused is not None else "space pause")
                yield link("screen.detail", "⏎ list" if inside else "⏎ packets")
                yield link("screen.save", "w save pcap")
            elif self._lines.max_scroll_y:
                yield link("screen.detail", "⏎ list" if inside else "⏎ read on")
        yield link("screen.leave", "esc list" if inside else "esc close")


_NOTHING: tuple[list[Cell], ...] = (
    [("Nothing was probed yet.", "strong")],
    [],
    [("ping         ", "accent"), ("asks for answers: loss, round-trip times, ttl", "dim")],
    [("traceroute   ", "accent"), ("who is on the way, hop by hop, beside those predicted", "dim")],
    [("connect      ", "accent"), ("a TCP connection to a port, closed at once", "dim")],
    [("capture      ", "accent"), ("the packets that an interface sees, or all of them", "dim")],
    [],
    [("Each is held against the prediction. Several run at once, and go on when this is left.", "dim")],
)
