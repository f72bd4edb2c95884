"""The explorer's screen: the way from panel to panel, one panel alone, and the keys that work from every panel."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.screen import Screen
from textual.widget import Widget

from tui.panels.frame import Banner
from tui.panels.keys import SCREEN_KEYS
from tui.panels.lines import INKS
from tui.panels.lookup import LookupPanel
from tui.panels.path import PathPanel
from tui.panels.places import Places

HOMES = ("#place-list", "#route-list", "#story", "#path-list")
"""What has the focus when its panel is gone to, in the order of the panels' numbers."""


class Explorer(Screen[None]):
    """The panels side by side, or one alone."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {*INKS}
    BINDINGS: ClassVar[list[BindingType]] = [*SCREEN_KEYS]

    def action_panel(self, number: int) -> None:
        """Go to a panel by its number."""
        home = self.query_one(HOMES[number - 1])
        self._raise(home)
        home.focus()

    def action_panel_by(self, by: int) -> None:
        """Go to the next panel, or the one before."""
        panels = list(self.query(".panel"))
        here = next((number for number, each in enumerate(panels) if each.has_focus_within), 0)
        self.action_panel((here + by) % len(panels) + 1)

    def action_filter(self) -> None:
        """Filter the places."""
        self._raise(self.query_one(HOMES[0]))
        self.query_one(Places).action_filter()

    def action_destination(self) -> None:
        """Type where the packet goes."""
        self._raise(self.query_one(HOMES[2]))
        self.query_one(LookupPanel).ask()

    def action_step(self, by: int) -> None:
        """Go that many steps on in the lookup."""
        self.query_one(LookupPanel).action_step(by)

    def action_step_to(self, step: int) -> None:
        """Go to a step of the lookup; -1 is the decision."""
        self.query_one(LookupPanel).action_step_to(step)

    def action_play(self) -> None:
        """Play, or pause."""
        self.query_one(LookupPanel).action_play()

    def action_speed(self, by: int) -> None:
        """Play faster or slower."""
        self.query_one(LookupPanel).action_speed(by)

    def action_zoom(self, zoom: bool) -> None:
        """Show the focused panel alone, or all of them again."""
        self._raise(self.focused)
        self.query_one("#body").set_class(zoom, "-zoomed")

    def _raise(self, widget: Widget | None) -> None:
        """Let the panel of this widget be the one that is shown alone, should only one be."""
        for each in self.query(".panel, #right"):
            each.set_class(widget is not None and each in widget.ancestors_with_self, "-zoom")
        self._make_room(widget)

    def _make_room(self, widget: Widget | None) -> None:
        """On a small screen lookup and path take turns: the one that has the focus is shown whole."""
        path = widget is not None and any(isinstance(each, PathPanel) for each in widget.ancestors_with_self)
        self.query_one("#right").set_class(path, "-path")

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Also where the mouse moved the focus."""
        self._make_room(event.widget)

    def action_escape(self) -> None:
        """Back: all panels again, then the notice away."""
        if self.query_one("#body").has_class("-zoomed"):
            self.action_zoom(False)
        else:
            self.query_one(Banner).dismiss()
