"""The keys, in a window over the screen, made from the bindings themselves."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from tui.panels.field import Field
from tui.panels.keys import APP_KEYS, SCREEN_KEYS
from tui.panels.lines import RowList
from tui.panels.path import MEND
from tui.panels.places import PlaceList
from tui.panels.routes import RouteList

COLUMNS = (
    {
        "lookup": "Lookup, step by step",
        "field": "In the destination field",
        "places": "Places",
        "probe": "Probe it",
    },
    {"change": "Change it", "routes": "Routes", "path": "Path", "list": "In a list"},
    {"panel": "Panels", "reach": "Who reaches whom", "app": "Everywhere"},
)
"""In each column: the first part of a binding's id, and what it is called."""

KEY = 8
"""Cells for the keys themselves."""


class Help(ModalScreen[None]):
    """Columns of keys; escape, ? or q closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,question_mark,q", "dismiss", "close", id="help.close")]

    def compose(self) -> ComposeResult:
        """Side by side where they fit, else one under the other; it scrolls."""
        with VerticalScroll(id="help"), Horizontal(id="help-columns"):
            for titles in COLUMNS:
                yield Static(self._keys(titles), markup=False)

    def on_mount(self) -> None:
        """Name the window."""
        window = self.query_one("#help")
        window.border_title = "Keys"
        window.border_subtitle = "esc closes · the mouse does the same: click a row, a step, a word"
        window.focus()

    def _keys(self, titles: dict[str, str]) -> Content:
        groups: dict[str, list[tuple[str, str]]] = {}
        for each in (
            *SCREEN_KEYS,
            *APP_KEYS,
            *PlaceList.BINDINGS,
            *RouteList.BINDINGS,
            MEND,
            *RowList.BINDINGS,
            *Field.BINDINGS,
        ):
            if isinstance(each, Binding) and each.id:
                shown = self.app.get_key_display(each) if each.key_display else _keys(each.key)
                groups.setdefault(each.id.split(".")[0], []).append((shown, each.tooltip or each.description))
        lines = []
        for group, title in titles.items():
            lines.append(Content.styled(title, "b $primary"))
            lines += [Content.assemble((f"{key:>{KEY}}  ", "b"), name) for key, name in groups.get(group, [])]
            lines.append(Content(""))
        return Content("\n").join(lines[:-1])


def _keys(text: str) -> str:
    names = {"left": "←", "right": "→", "up": "↑", "down": "↓", "escape": "esc", "enter": "⏎"}
    return " ".join(names.get(each, each) for each in text.split(","))
