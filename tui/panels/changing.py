"""A small form for one change: a few fields or none, below them what it would do, and the ways to do it."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input

from tui.core.addresses import Address
from tui.core.changes import ChangeRefused
from tui.core.changes.deed import Deed
from tui.core.changes.preview import Preview, preview
from tui.core.world import World
from tui.panels.cells import Cell, printable
from tui.panels.deedform import DeedForm
from tui.panels.deeds import DeedButtons
from tui.panels.formfield import FormField, Labelled
from tui.panels.previewview import PreviewView, preview_lines
from tui.panels.recipes import Recipe
from tui.panels.wayview import sentence


class ChangeForm(DeedForm):
    """The form of a recipe; dismissed with the Deed, or None. `look` is looked up and followed in the preview."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "leave", key_display="esc", id="form.leave"),
    ]

    def __init__(
        self,
        recipe: Recipe,
        world: World,
        look: Address | None = None,
        *,
        read_only: bool = False,
        what_if: bool = False,
    ) -> None:
        super().__init__()
        self._recipe, self._world, self._look = recipe, world, look
        self._read_only, self._what_if = read_only, what_if
        self._found: Preview | None = None
        self._wrong = ""

    def compose(self) -> ComposeResult:
        """The fields, what they come to, and the buttons."""
        with Vertical(id="change", classes="form"):
            for each in self._recipe.blanks:
                yield Labelled((each.name, FormField(each.value, id=each.name, placeholder=each.placeholder)))
            yield PreviewView(id="preview", can_focus=False)
            yield DeedButtons(self._read_only)

    def on_mount(self) -> None:
        """Name the window; with nothing to fill in, begin at the buttons."""
        window = self.query_one("#change")
        window.border_title = Content(printable(self._recipe.title))
        window.border_subtitle = Content("⏎ on · ↑↓ choose · tab complete · pgdn scroll · esc leave")
        for each in self._recipe.blanks:
            self._field(each.name).offer(each.words)
        self._refigure()
        empty = [each.name for each in self._recipe.blanks if each.needed and not each.value]
        if self._recipe.blanks:
            self._field((empty or [self._recipe.blanks[0].name])[0]).focus()
        else:
            self._to_buttons()

    def on_resize(self) -> None:
        """The preview is told in the width that there is."""
        self.post_message(self.Stale())

    def _field(self, name: str) -> FormField:
        return self.query_one(f"#{name}", FormField)

    def _to_buttons(self) -> None:
        buttons = self.query_one(DeedButtons)
        if self._what_if and buttons.can("what-if"):
            buttons.query_one("#deed-what-if").focus()
        else:
            buttons.enter()

    @on(Input.Changed)
    @on(FormField.Chosen)
    def _typed(self) -> None:
        self.post_message(self.Stale())

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        """Enter goes to the next field, after the last one to the buttons."""
        event.stop()
        self._refigure()
        names = [each.name for each in self._recipe.blanks]
        left = names[names.index(event.input.id or "") + 1 :]
        if left:
            self._field(left[0]).focus()
        elif self._found is not None and not self._found.refused:
            self._to_buttons()
        else:
            self._field(names[0]).focus()

    def _refigure(self) -> None:
        """Work out the change and its preview, and show both."""
        self._found, self._wrong = None, ""
        given = {each.name: self._field(each.name).value for each in self._recipe.blanks}
        try:
            change = self._recipe.make(given)
        except ChangeRefused as refused:
            self._wrong = str(refused)
        else:
            at, look = self._recipe.at, self._look
            ends = [(at, look)] if at is not None and look is not None else []
            self._found = preview(change, self._world, look=look if at else None, at=at, paths=ends)
            self._wrong = self._found.refused
        view = self.query_one(PreviewView)
        view.show(self._lines(view.scrollable_content_region.width or 76))
        self.query_one(DeedButtons).ready(self._found is not None and not self._found.refused)

    def _lines(self, width: int) -> list[list[Cell]]:
        wrong = sentence("", f"✗ {self._wrong}", width, "bad") if self._wrong else []
        if self._found is None:
            return list(wrong)
        return [*wrong, *preview_lines(self._found, self._world, width, self.app.size.height < 30)]

    @on(DeedButtons.Decided)
    def _decided(self, event: DeedButtons.Decided) -> None:
        self._refigure()
        if self._found is not None and not self._found.refused:
            self.dismiss(Deed(self._found.change, event.way, event.seconds))
