"""The two themes, dark and light: their variables are all the colours that app.tcss knows."""

from __future__ import annotations

from textual.theme import Theme

DARK = Theme(
    name="routetui-dark",
    primary="#6cb6ff",
    secondary="#8ddb8c",
    accent="#e3b341",
    success="#7ee787",
    warning="#e3b341",
    error="#ff8f85",
    foreground="#d5dde7",
    background="#0f141b",
    surface="#141b24",
    panel="#1f2a38",
    dark=True,
)

LIGHT = Theme(
    name="routetui-light",
    primary="#0550ae",
    secondary="#116329",
    accent="#8a4600",
    success="#116329",
    warning="#8a4600",
    error="#b31d28",
    foreground="#1f2328",
    background="#ffffff",
    surface="#f6f8fa",
    panel="#dde6f0",
    dark=False,
)
