"""A field of a form: completes what is typed, and goes through what is offered with the arrow keys."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from tui.panels.cells import printable
from tui.panels.field import Names


class Told(Static):
    """Words that take as many lines as they need; none of them is markup."""

    _told: Content | None = None

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id, markup=False)

    def say(self, content: Content) -> None:
        """Show this."""
        if content != self._told:
            self._told = content
            self.update(content)


class FormField(Input):
    """An Input in which tab completes, or goes on where nothing is left to complete, and up and down choose."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "complete", "complete", key_display="tab", id="form.complete"),
        Binding("up", "cycle(-1)", "choice before", show=False, id="form.up"),
        Binding("down", "cycle(1)", "next choice", show=False, id="form.down"),
    ]

    class Chosen(Message):
        """An arrow key chose another of the words that are offered."""

        def __init__(self, field: FormField) -> None:
            super().__init__()
            self.field = field

    def __init__(self, value: str = "", *, id: str, placeholder: str = "") -> None:
        self._names = Names()
        super().__init__(value, placeholder=placeholder, suggester=self._names, id=id, compact=True)

    @property
    def words(self) -> tuple[str, ...]:
        """What is offered."""
        return self._names.words

    def offer(self, words: Iterable[str]) -> None:
        """What can be completed and chosen from now on, best first."""
        self._names.words = tuple(dict.fromkeys(words))

    def put(self, value: str) -> None:
        """Write into the field as the form, not as the person: no message tells of it."""
        if value != self.value:
            with self.prevent(Input.Changed):
                self.value = value
            self.cursor_position = len(value)

    def action_complete(self) -> None:
        """Take the first completion; a word that is whole already, or none, lets tab go on to the next field."""
        near = [] if self.value in self.words else self._names.matches(self.value)
        if near:
            self.value = near[0]
            self.cursor_position = len(near[0])
        else:
            self.screen.focus_next()

    def action_cycle(self, by: int) -> None:
        """Another of what is offered, round and round; of what begins as typed, if anything does."""
        words = self.words
        if not words:
            return
        here = words.index(self.value) if self.value in words else -1 if by > 0 else 0
        self.put(words[(here + by) % len(words)])
        self.post_message(self.Chosen(self))


class Labelled(Vertical):
    """Fields side by side, each with its label, what the last one means, and below what is wrong with one of them."""

    def __init__(self, *fields: tuple[str, FormField], note: str = "") -> None:
        super().__init__(classes="form-row")
        self._fields = fields
        self._note = note

    def compose(self) -> ComposeResult:
        """One line; the complaint has no height while there is none."""
        with Horizontal(classes="form-line"):
            for label, field in self._fields:
                yield Static(label, classes="form-label", markup=False)
                yield field
            if self._note:
                yield Told(id=self._note)
        for _, field in self._fields:
            yield Told(id=f"{field.id}-wrong")

    def on_mount(self) -> None:
        """Nothing is wrong yet."""
        for _, field in self._fields:
            self.query_one(f"#{field.id}-wrong").display = False

    def complain(self, field: str, text: str) -> None:
        """Say what is wrong with a field, or with an empty text nothing."""
        words = self.query_one(f"#{field}-wrong", Told)
        words.display = bool(text)
        words.say(Content(printable(f"✗ {text}") if text else ""))
