"""The destination field: completes names and addresses as they are typed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.suggester import Suggester
from textual.widgets import Input


class Names(Suggester):
    """Completes what is typed to one of its words."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self.words: tuple[str, ...] = ()

    def matches(self, value: str) -> list[str]:
        """The words that begin with what is typed, and say more."""
        return [each for each in self.words if each.startswith(value) and each != value] if value else []

    async def get_suggestion(self, value: str) -> str | None:
        """The first of them."""
        return next(iter(self.matches(value)), None)


class Field(Input):
    """An Input in which tab completes and escape leaves."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "look it up", key_display="⏎", id="field.enter"),
        Binding("tab", "complete", "complete", key_display="tab", id="field.complete"),
        Binding("escape", "leave", "leave the field", key_display="esc", id="field.leave"),
    ]

    class Left(Message):
        """Escape was pressed."""

    def __init__(self, value: str, *, id: str) -> None:
        self._names = Names()
        super().__init__(value, placeholder="address or container", suggester=self._names, id=id, compact=True)

    def offer(self, words: Iterable[str]) -> None:
        """What can be completed from now on, best first."""
        self._names.words = tuple(dict.fromkeys(words))

    def near(self) -> list[str]:
        """A few completions of what is typed."""
        return self._names.matches(self.value)[:4]

    def action_complete(self) -> None:
        """Take the first completion; with none, tab moves the focus as it does everywhere."""
        near = self.near()
        if near:
            self.value = near[0]
            self.cursor_position = len(near[0])
        else:
            self.screen.focus_next()

    def action_leave(self) -> None:
        """Say that the field is done with."""
        self.post_message(self.Left())
