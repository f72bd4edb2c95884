"""A packet's way drawn as lines: nodes, interfaces, networks between them, and the verdict at its end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from rich.cells import cell_len

from tui.core.path.as_text import pieces
from tui.core.path.hops import Outcome, Path, Trip, Way
from tui.core.path.symptoms import symptom
from tui.panels.cells import Cell, printable, wrap

if TYPE_CHECKING:
    from tui.core.path.mends import Mend

LABEL = 7
"""How wide the word before each line is."""

_DOUBTFUL = (Outcome.UNKNOWN, Outcome.LEAVES)


def labelled(label: str, lines: Iterable[list[Cell]], style: str = "dim") -> list[list[Cell]]:
    """Lines with a word before the first and as much space before the others."""
    first = (f"{label:<{LABEL}}", style)
    return [[first if number == 0 else (" " * LABEL, ""), *line] for number, line in enumerate(lines)]


def sentence(label: str, text: str, width: int, style: str = "") -> list[list[Cell]]:
    """Words, wrapped, behind a label."""
    return labelled(label, ([(line, style)] for line in wrap(text, max(10, width - LABEL))))


def flow(cells: Iterable[Cell], width: int) -> list[list[Cell]]:
    """Pieces put together with blanks, on as many lines as they need; one that is too long is wrapped itself."""
    lines: list[list[Cell]] = [[]]
    used = 0
    for text, style in cells:
        for part in [printable(text)] if cell_len(text) <= width else wrap(text, width):
            if used and used + 1 + cell_len(part) > width:
                lines.append([])
                used = 0
            if used:
                lines[-1].append((" ", ""))
            lines[-1].append((part, style))
            used += bool(used) + cell_len(part)
    return lines


def ended(way: Way, returns: bool = False, astray: bool = False) -> Cell:
    """How a way ended, in a few words with a sign; `astray`: a reply that arrived, but elsewhere than it should."""
    if way.outcome is Outcome.DELIVERED:
        if astray:
            return f"✗ astray to {way.node}", "bad"
        return ("✓ comes back" if returns else "✓ arrives"), "good"
    sign, style = ("?", "warn") if way.outcome in _DOUBTFUL else ("✗", "bad")
    return f"{sign} {way.outcome} {way.reason}", style


def _words(verdict: Cell) -> Iterator[Cell]:
    """A verdict that fills up the line it begins on: sign and outcome stay together."""
    text, style = verdict
    sign, _, rest = text.partition(" ")
    word, _, rest = rest.partition(" ")
    yield f"{sign} {word}", style
    yield from ((each, style) for each in rest.split())


def way_lines(label: str, way: Way, width: int, returns: bool = False, astray: bool = False) -> list[list[Cell]]:
    """One way behind its label, wrapped between its pieces."""
    picture = [(text, "strong" if node else "dim") for text, node in pieces(way)]
    return labelled(label, flow([*picture, *_words(ended(way, returns, astray))], max(20, width - LABEL)))


def trip_lines(trip: Trip, width: int, number: str = "", shown: Way | None = None) -> list[list[Cell]]:
    """There and back. A way there that was shown already (`shown`) is not drawn again."""
    lines = [] if trip.forward is shown else way_lines(f"there{number}", trip.forward, width)
    if trip.back is None:
        return [*lines, *labelled(f"back{number}", [[("not reached", "dim")]])]
    return [*lines, *way_lines(f"back{number}", trip.back, width, returns=True, astray=trip.astray)]


def path_lines(path: Path, width: int) -> list[list[Cell]]:
    """Every branch, there and back, with a number where there are several."""
    lines: list[list[Cell]] = []
    shown: Way | None = None
    for number, trip in enumerate(path.branches, 1):
        lines += trip_lines(trip, width, str(number) if len(path.branches) > 1 else "", shown)
        shown = trip.forward
    if path.cut:
        lines += labelled("", [[("and more ways, which were not followed", "warn")]])
    return lines


def notes(path: Path) -> tuple[str, ...]:
    """What was taken for granted on the way, and where a model decided, each once."""
    ways = [way for trip in path.branches for way in (trip.forward, trip.back) if way is not None]
    found = [each for way in ways for each in way.assumptions]
    return tuple(dict.fromkeys(found))


def whole(path: Path, width: int, more: Iterable[str] = ()) -> list[list[Cell]]:
    """Every branch, what a person there sees, and the notes; `more` are notes of who asked."""
    lines = [*path_lines(path, width), *sentence("sees", symptom(path), width)]
    for each in (*notes(path), *more):
        lines += sentence("note", each, width, "dim")
    return lines


def mending(path: Path, mends: tuple[Mend, ...] | None, width: int) -> list[list[Cell]]:
    """What would mend a path, the best first; None: that is still being looked for."""
    if path.works:
        return []
    if mends is None:
        return labelled("mends", [[("…", "dim")]]) if path.works is False else []
    if not mends:
        return sentence("mends", "nothing that is known here", width, "dim") if path.works is False else []
    lines: list[list[Cell]] = []
    for number, each in enumerate(mends):
        cost = f" ({each.tradeoff.rstrip('.')})" if each.tradeoff else ""
        lines += sentence("or" if number else "mends", f"{each.sentence}{cost}", width, "" if not number else "dim")
    return [*lines, *labelled("", [[("⏎ shows what it does, then does it", "accent")]])]


def verdict_sign(works: bool | None) -> Cell:
    """The sign of a whole path."""
    return {True: ("✓", "good"), False: ("✗", "bad"), None: ("?", "warn")}[works]


def ends(found: Path) -> Iterator[list[Cell]]:
    """Two lines: what became of the request and of the reply, and over which nodes."""
    trip = next((each for each in found.branches if each.works is not True), found.branches[0])
    yield _end("there", trip.forward)
    if trip.back is not None:
        yield _end("back", trip.back, returns=True, astray=trip.astray)
    else:
        yield [("back".ljust(LABEL), "dim"), ("not reached", "dim")]


def _end(label: str, way: Way, returns: bool = False, astray: bool = False) -> list[Cell]:
    told, style = ended(way, returns, astray)
    if way.outcome is not Outcome.DELIVERED:
        sign, _, rest = told.partition(" ")
        told = f"{sign} {rest.partition(' ')[0]} at {way.node}"
    nodes = " ▶ ".join(dict.fromkeys(each.node for each in way.hops)) or way.node
    return [(label.ljust(LABEL), "dim"), (told, style), (" " * max(1, 14 - cell_len(told)), ""), (f"  {nodes}", "dim")]
