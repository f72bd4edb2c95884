"""How much is drawn: what a person does not see change costs nothing. Counted, never timed."""

from __future__ import annotations

from unittest.mock import create_autospec

import pytest
from rich.console import RenderableType
from test_app import WIDE, big, opened, press, simulated
from textual._compositor import Compositor
from textual.css.stylesheet import Stylesheet
from textual.screen import Screen

from tui.panels.places import Places
from tui.themes import DARK, LIGHT


def drawn(monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """The numbers of the lines on the screen that are drawn from now on, wherever in them."""
    lines: set[int] = set()
    render = Compositor.render_update

    def watched(self: Compositor, full: bool = False, **kwargs: object) -> RenderableType | None:
        for region in self._dirty_regions:
            lines.update(region.line_range)
        return render(self, full, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(Compositor, "render_update", watched)
    return lines


async def test_a_step_of_the_cursor_draws_what_it_changes_and_no_whole_panel(monkeypatch: pytest.MonkeyPatch) -> None:
    app = simulated(big(20))
    async with opened(app) as pilot:
        await press(pilot, "j", "j")
        lines, before = drawn(monkeypatch), str(app.query_one(Places).border_subtitle)
        await press(pilot, "j")
        assert app.selected is not None
        assert app.selected in str(app.query_one(Places).border_subtitle) != before
        places = app.query_one(Places).region
        cursor = 5
        assert {cursor - 1, cursor, places.bottom - 1} <= lines
        assert len(lines) < 12 < WIDE[1]


async def test_a_frame_is_drawn_whole_where_it_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    app = simulated(big(20))
    async with opened(app) as pilot:
        lines = drawn(monkeypatch)
        await press(pilot, "2")
        assert lines >= set(app.query_one(Places).region.line_range)


async def test_the_stylesheet_is_read_with_the_themes_colours_and_only_once(monkeypatch: pytest.MonkeyPatch) -> None:
    again = create_autospec(Stylesheet.reparse, side_effect=Stylesheet.reparse)
    monkeypatch.setattr(Stylesheet, "reparse", again)
    app = simulated()
    async with opened(app) as pilot:
        assert not again.called
        screen: Screen[object] = app.screen
        assert screen.styles.background.hex == DARK.background.upper()  # type: ignore[union-attr]
        await press(pilot, "T")
        assert again.called
        assert screen.styles.background.hex == LIGHT.background.upper()  # type: ignore[union-attr]
