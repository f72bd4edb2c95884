"""Small windows: a question that is answered with yes or no, and a menu of things to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen

from tui.panels.cells import Cell, cut, printable
from tui.panels.lines import INKS, RowList
from tui.panels.links import link
from tui.panels.panel import Words

ANSWERS = ((True, "y", "yes"), (False, "n", "no"))


class Question(ModalScreen[bool]):
    """A title, a text, and yes or no; escape is no."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y,enter", "answer(True)", "yes", id="question.yes"),
        Binding("n,escape,q", "answer(False)", "no", id="question.no"),
    ]

    def __init__(self, title: str, text: str) -> None:
        super().__init__()
        self._asked, self._text = title, text

    def compose(self) -> ComposeResult:
        """The text, then the two answers."""
        with Vertical(id="question", classes="window"):
            yield Words(id="question-text")
            yield Words(id="question-keys")

    def on_mount(self) -> None:
        """Fill it."""
        self.query_one("#question").border_title = Content(printable(self._asked))
        self.query_one("#question-text", Words).say(Content(self._text))
        keys = [link(f"screen.answer({yes})", (letter, "b $accent"), f" {word}") for yes, letter, word in ANSWERS]
        self.query_one("#question-keys", Words).say(Content("    ").join(keys))

    def action_answer(self, yes: bool) -> None:
        """Answer it."""
        self.dismiss(yes)


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing to do: the letter that does it, its name, and what it is in words. `why_not` says why it cannot be."""

    letter: str
    name: str
    says: str = ""
    why_not: str = ""


class ChoiceList(RowList):
    """The rows of a menu."""

    choices: tuple[Choice, ...] = ()

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "choose", "choose", show=False, id="menu.enter")]

    def cells(self, row: int, width: int) -> list[Cell]:  # noqa: ARG002
        """The letter, the name, what it does."""
        each = self.choices[row]
        gone = bool(each.why_not)
        gutter: Cell = ("›" if row == self.cursor else " ", "mark")
        letter: Cell = (f" {each.letter}  ", "dim" if gone else "mark")
        says: Cell = (f"  {each.why_not or each.says}", "says")
        return [gutter, letter, (each.name, "dim" if gone else "strong"), says]

    def action_choose(self) -> None:
        """Take the row under the cursor."""
        self.post_message(self.Chosen(self, self.cursor))


class Menu(ModalScreen[str]):
    """Rows to choose from, by letter, arrows or mouse; over them lines that say what it is about. Gives a letter."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {*INKS}
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "dismiss", "back", id="menu.back")]

    def __init__(self, title: str, choices: Sequence[Choice], about: Sequence[str] = ()) -> None:
        super().__init__()
        self._title, self._choices, self._about = title, tuple(choices), tuple(about)

    def compose(self) -> ComposeResult:
        """The lines, then the rows."""
        with Vertical(id="menu", classes="window"):
            yield Words(id="menu-about")
            yield ChoiceList(id="menu-list")

    def on_mount(self) -> None:
        """Fill it."""
        self.query_one("#menu").border_title = Content(printable(self._title))
        self.query_one("#menu").border_subtitle = "esc closes"
        about = self.query_one("#menu-about", Words)
        about.display = bool(self._about)
        about.say(Content("\n".join(cut(each, 200) for each in self._about)))
        rows = self.query_one(ChoiceList)
        rows.choices = self._choices
        rows.set_keys([each.letter for each in self._choices])
        rows.styles.height = len(self._choices)
        rows.focus()
        for each in self._choices:
            if not each.why_not:
                self._bindings.bind(each.letter, f"pick('{each.letter}')", each.name, show=False)

    def on_row_list_chosen(self, event: RowList.Chosen) -> None:
        """Enter, or a click."""
        event.stop()
        self.action_pick(self._choices[event.row].letter)

    def action_pick(self, letter: str) -> None:
        """Take that one, if it can be."""
        if any(each.letter == letter and not each.why_not for each in self._choices):
            self.dismiss(letter)
