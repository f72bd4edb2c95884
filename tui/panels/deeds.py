"""The three ways to do a change: look at it first, try it for a while, make it; each a button and a letter."""

from __future__ import annotations

from typing import ClassVar, Literal

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widgets import Button

Way = Literal["apply", "what-if", "try"]
ORDER: tuple[Way, ...] = ("what-if", "try", "apply")
TRY, STEP, LEAST, MOST = 60.0, 30.0, 10.0, 600.0
"""Seconds that a try lasts, by how many it is made longer or shorter, and its bounds."""


class DeedButtons(Horizontal):
    """The buttons. While one has the focus their letters work, arrows go between them, + and - change the time."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("w", "decide('what-if')", "what-if", id="deed.what_if", tooltip="look at it first: nothing is touched"),
        Binding("t", "decide('try')", "try", id="deed.try", tooltip="make it; it takes itself back unless kept"),
        Binding("a", "decide('apply')", "apply", id="deed.apply", tooltip="make it"),
        Binding("left,up,h,k", "move(-1)", "button before", show=False, id="deed.before"),
        Binding("right,down,l,j", "move(1)", "next button", show=False, id="deed.next"),
        Binding("plus", "longer(1)", "longer", show=False, key_display="+", id="deed.longer"),
        Binding("minus", "longer(-1)", "shorter", show=False, key_display="-", id="deed.shorter"),
    ]

    class Decided(Message):
        """One of them was chosen."""

        def __init__(self, way: Way, seconds: float) -> None:
            super().__init__()
            self.way, self.seconds = way, seconds

    def __init__(self, read_only: bool = False) -> None:
        super().__init__(id="deeds")
        self.read_only = read_only
        self.seconds = TRY
        self._ready = False

    def compose(self) -> ComposeResult:
        """What-if first: it touches nothing."""
        for way in ORDER:
            yield Button(self._label(way), id=f"deed-{way}", compact=True, disabled=True)

    def _label(self, way: Way) -> Content:
        words = {"what-if": "w what-if", "try": f"t try {self.seconds:g} s", "apply": "a apply"}
        return Content(words[way])

    def ready(self, ready: bool) -> None:
        """Whether there is something to do; with --read-only it can only be looked at."""
        self._ready = ready
        for way in ORDER:
            button = self.query_one(f"#deed-{way}", Button)
            button.disabled = not self.can(way)

    def can(self, way: Way) -> bool:
        """Whether it can be done that way now."""
        return self._ready and (way == "what-if" or not self.read_only)

    def enter(self) -> None:
        """Focus the button that enter should press: apply, or what-if where nothing may be changed."""
        self.query_one("#deed-what-if" if self.read_only else "#deed-apply", Button).focus()

    def action_decide(self, way: Way) -> None:
        """Do it that way."""
        if self.can(way):
            self.post_message(self.Decided(way, self.seconds))

    def action_move(self, by: int) -> None:
        """To the next button that can be pressed."""
        buttons = [each for each in self.query(Button) if not each.disabled]
        here = next((number for number, each in enumerate(buttons) if each.has_focus), 0)
        buttons[(here + by) % len(buttons)].focus()

    def action_longer(self, by: int) -> None:
        """Another time for a try."""
        self.seconds = min(max(self.seconds + by * STEP, LEAST), MOST)
        self.query_one("#deed-try", Button).label = self._label("try")

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Enter, or a click."""
        event.stop()
        for way in ORDER:
            if event.button.id == f"deed-{way}":
                self.action_decide(way)
