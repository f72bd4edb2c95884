"""What the forms of changes have in common: what is typed is worked out into a preview, which any field scrolls."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.screen import ModalScreen

from tui.core.changes.deed import Deed
from tui.panels.lines import INKS
from tui.panels.previewview import PreviewView


class DeedForm(ModalScreen[Deed | None]):
    """A form with a PreviewView; dismissed with the Deed, or None. A form posts Stale where its fields change."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {*INKS}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("pageup", "scroll(-1)", "a page up", show=False, id="form.page_up"),
        Binding("pagedown", "scroll(1)", "a page down", show=False, id="form.page_down"),
    ]

    class Stale(Message):
        """A field says something else than what is shown below."""

        def can_replace(self, message: Message) -> bool:
            """However many keys were pressed, it is worked out once."""
            return isinstance(message, DeedForm.Stale)

    @on(Stale)
    def _stale(self) -> None:
        self._refigure()

    def _refigure(self) -> None:
        """Work out the change and its preview, and show both."""
        raise NotImplementedError

    def action_scroll(self, by: int) -> None:
        """Through the preview, from any field."""
        view = self.query_one(PreviewView)
        view.scroll_relative(y=by * max(1, view.size.height - 1), animate=False, force=True)
