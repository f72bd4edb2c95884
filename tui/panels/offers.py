"""What the form for a route offers, in words: destinations to choose from, other gateways, and the rest of the way."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from textual.content import Content

from tui.core.changes.gateways import Gateway
from tui.core.changes.plan import Plan
from tui.core.changes.sentence import sentence as in_words
from tui.core.changes.written import Target
from tui.panels.cells import Cell, fit, wrap
from tui.panels.links import link
from tui.panels.wayview import LABEL, labelled, sentence

SHOWN = 20
"""So many destinations are shown to choose from."""


def destinations(targets: Sequence[Target], typed: str, width: int) -> list[list[Cell]]:
    """The destinations that begin as typed, or all where none does."""
    fitting = [each for each in targets if each.name.startswith(typed)] or list(targets)
    shown, left = fitting[:SHOWN], len(fitting) - SHOWN
    wide = max((cell_len(each.name) for each in shown), default=0)
    lines: list[list[Cell]] = [
        [(f"{fit(each.name, wide)}  ", "strong"), (f"{each.prefix.brief:<18} ", "accent"), (each.says, "dim")]
        for each in shown
    ]
    return [*labelled("", lines), *(sentence("", f"… and {left} more", width, "dim") if left > 0 else [])]


def others(gateways: Sequence[Gateway], withheld: Sequence[Gateway], chosen: Gateway | None) -> str:
    """Who else could be the gateway, and who not."""
    rest = [each for each in gateways if each != chosen]
    told = [f"↑↓ {each.address} {each.node}{_silent(each)}" for each in rest[:2]]
    told += [f"{len(rest) - 2} more"] if len(rest) > 2 else []
    told += [f"not offered: {each.address} {each.reason}" for each in withheld[:1] if each != chosen]
    return "  ·  ".join(told)


def _silent(gateway: Gateway) -> str:
    return " (does not forward yet)" if gateway.forwards is False else ""


def the_rest(plan: Plan, ticked: bool, width: int) -> Content:
    """What else it takes until both ends can talk, with a box; a click ticks it."""
    items = " ".join(in_words(each.change) for each in plan.items)
    lines = wrap(f"{'[x]' if ticked else '[ ]'} ^b the rest too, so that it works: {items}", width - LABEL)
    words = [("also" if number == 0 else "").ljust(LABEL) + each for number, each in enumerate(lines)]
    return link("screen.both", ("\n".join(words), "$accent"))
