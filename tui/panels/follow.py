"""Follow the packet: everything that one ping did, interface by interface, stepped through as a lookup is."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.timer import Timer

from tui.core.follow import Follow
from tui.core.follow.as_text import follow_lines
from tui.core.world import World
from tui.panels.cells import Cell, printable, wrap
from tui.panels.followview import Columns, Row, card, cells, columns, rows
from tui.panels.lines import INKS, RowList, Shown
from tui.panels.links import link
from tui.panels.panel import Panel, Words

SPEED = 0.7
"""Seconds between two steps while it plays."""

MOST_TOLD = 6
"""Lines that what it all comes to may take."""


class FlightList(RowList):
    """The rows of all packets; the steps up to the cursor are bright."""

    found: tuple[Row, ...] = ()
    columns = Columns()

    def cells(self, row: int, width: int) -> list[Cell]:
        """One row."""
        here = "›" if row == self.cursor else " "
        return [(here, "mark"), *cells(self.found[row], self.columns, row <= self.cursor, width - 1)]


class Card(Shown):
    """What the device under the cursor did; tab goes into it, for the keys to scroll it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("k", "scroll_up", "up", show=False, id="card.up"),
        Binding("j", "scroll_down", "down", show=False, id="card.down"),
    ]


class FollowScreen(ModalScreen[None]):
    """One ping from `src` to `dst`. It is asked for by Wanted; `show` takes what was found, `fail` why nothing was."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {*INKS}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "step(1)", "next", id="follow.next", tooltip="next interface"),
        Binding("b", "step(-1)", "back", id="follow.back", tooltip="interface before"),
        Binding("less_than_sign", "to(0)", "first", show=False, key_display="<", id="follow.first"),
        Binding("greater_than_sign", "to(-1)", "end", show=False, key_display=">", id="follow.last"),
        Binding("space", "play", "play", id="follow.play", tooltip="play or pause"),
        Binding("f,r", "again", "again", id="follow.again", tooltip="send another one"),
        Binding("p", "ports", "host ports", show=False, id="follow.ports", tooltip="the host's ends of the cables"),
        Binding("y", "copy", "copy", show=False, id="follow.copy", tooltip="copy it as text"),
        Binding("escape,q", "dismiss", "close", id="follow.close"),
    ]

    class Wanted(Message):
        """A ping is to be followed."""

        def __init__(self, screen: FollowScreen, src: str, dst: str) -> None:
            super().__init__()
            self.screen, self.src, self.dst = screen, src, dst

    def __init__(self, src: str, dst: str) -> None:
        super().__init__()
        self._src, self._dst = src, dst
        self._found: tuple[Follow, World] | None = None
        self._trouble = ""
        self._ports = False
        self._timer: Timer | None = None

    def compose(self) -> ComposeResult:
        """The rows, the card of the row under the cursor, and what it all comes to."""
        with Panel(id="follow"):
            yield FlightList(id="follow-rows")
            yield Card(id="follow-card")
            yield Words(id="follow-told")

    def on_mount(self) -> None:
        """Ask for it."""
        self._rows = self.query_one(FlightList)
        self._rows.focus()
        self.action_again()

    def on_resize(self) -> None:
        """More or less fits."""
        if self.is_mounted:
            self._draw()

    def action_again(self) -> None:
        """Send another one."""
        self._stop()
        self._found, self._trouble = None, ""
        self._draw()
        self.post_message(self.Wanted(self, self._src, self._dst))

    def show(self, found: Follow, world: World) -> None:
        """What was seen, in the World in which it was predicted."""
        self._found = found, world
        self._rows.columns = columns(found)
        self._lay_out()
        self.action_to(0)

    def fail(self, trouble: str) -> None:
        """Why nothing could be followed."""
        self._trouble = trouble
        self._draw()

    def _lay_out(self) -> None:
        if self._found is None:
            return
        found, _ = self._found
        self._rows.found = rows(found, self._ports)
        self._rows.set_keys(list(range(len(self._rows.found))))
        self._draw()

    # Steps

    def action_step(self, by: int) -> None:
        """The next interface, or the one before."""
        self._stop()
        self._step(by)

    def _step(self, by: int) -> bool:
        steps = [number for number, row in enumerate(self._rows.found) if row.step]
        beyond = [each for each in steps if (each - self._rows.cursor) * by > 0]
        if not beyond:
            return False
        self._rows.go(min(beyond, key=lambda each: abs(each - self._rows.cursor)))
        self._rows.draw()
        self._draw()
        return True

    def action_to(self, place: int) -> None:
        """The first step (0) or the last (-1)."""
        self._stop()
        steps = [number for number, row in enumerate(self._rows.found) if row.step]
        if steps:
            self._rows.go(steps[place])
            self._rows.draw()
            self._draw()

    def action_play(self) -> None:
        """Play, or pause."""
        if self._timer is not None:
            self._stop()
        else:
            if not self._step(1):
                self.action_to(0)
            self._timer = self.set_interval(SPEED, self._tick)
        self._draw()

    def _tick(self) -> None:
        if not self._step(1):
            self._stop()
            self._draw()

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None

    @on(RowList.Moved)
    def _moved(self, event: RowList.Moved) -> None:
        event.stop()
        self._rows.draw()
        self._draw()

    def action_ports(self) -> None:
        """With the host's ends of the cables, or without."""
        self._ports = not self._ports
        self._lay_out()

    def action_copy(self) -> None:
        """Put all of it on the clipboard."""
        if self._found is not None:
            self.app.copy_to_clipboard(self.text())
            self.notify("Copied as text.", markup=False)

    def text(self) -> str:
        """All of it as text."""
        return "\n".join(follow_lines(self._found[0], self._ports)) if self._found else self._trouble

    # What is drawn

    def _draw(self) -> None:
        panel = self.query_one("#follow", Panel)
        panel.head(Content(f"Follow · one ping {printable(self._src)} → {printable(self._dst)}"))
        panel.foot(self._controls())
        width = max(20, self.size.width - 6)
        self.query_one("#follow-told", Words).say(Content("\n".join(self._told(width))))
        box = self.query_one(Card)
        shown: list[list[Cell]] = []
        if self._found is not None and self._rows.found:
            found, world = self._found
            shown = card(self._rows.found[self._rows.cursor], found, world, width)
        most = 8 if self.size.height < 28 else 14
        box.styles.height = 1 + min(len(shown), most)  # with the line above it; tab and j go on to the rest
        box.scroll_home(animate=False)
        box.show(shown)

    def _told(self, width: int) -> list[str]:
        """The whole in a few lines."""
        if self._trouble:
            return wrap(f"✗ {self._trouble}", width)
        if self._found is None:
            return ["Captures begin on every interface of the way, then the ping is sent …"]
        found, _ = self._found
        agrees = {True: "as predicted", False: f"NOT as predicted: {found.path.verdict}", None: "it was not predicted"}
        lines = wrap(f"{'✓' if found.reached else '✗'} {found.verdict} · {agrees[found.agrees]}", width)
        if found.simulated:
            lines += wrap("simulated: nothing was sent, this is the prediction", width)
        elif not found.one_clock:
            lines += wrap("the nodes have clocks of their own: the order of what several of them saw is a guess", width)
        lines += [line for note in found.notes for line in wrap(f"note: {note}", width)]
        return lines if len(lines) <= MOST_TOLD else [*lines[: MOST_TOLD - 1], "… y copies all of it"]

    def _controls(self) -> Content:
        steps = [number for number, row in enumerate(self._rows.found) if row.step]
        at = sum(each <= self._rows.cursor for each in steps)
        parts = [
            link("screen.step(-1)", "b ◀"),
            Content.styled(f"{at} of {len(steps)}", "b"),
            link("screen.step(1)", "▶ n"),
            link("screen.play", "space pause" if self._timer else "space play"),
            link("screen.again", "f again"),
            link("screen.ports", "p fewer" if self._ports else "p host ports"),
            link("screen.copy", "y copy"),
            link("screen.dismiss", "esc"),
        ]
        return Content("  ").join(parts)
