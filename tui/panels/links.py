"""Words that do something when they are clicked."""

from __future__ import annotations

from textual.content import Content
from textual.style import Style


def link(action: str, *parts: str | tuple[str, str]) -> Content:
    """Text that runs an action when clicked. Parts are text, or text with a style; nothing in them is markup."""
    return Content.assemble(*parts).stylize(Style.from_meta({"@click": action}))
