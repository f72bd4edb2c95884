"""A lookup told up to one step, as lines: what was looked at stays, dimmed, with its reason."""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len

from tui.core import explain
from tui.core.addresses import Prefix
from tui.core.lookup.policy import MERGED
from tui.core.steps import (
    CandidateStep,
    CheckStep,
    Decision,
    Fate,
    LegsStep,
    Lookup,
    RuleStep,
    SkippedStep,
    SourceStep,
    Step,
    TableStep,
)
from tui.core.world import Node, Route, World
from tui.panels import bits
from tui.panels.cells import Cell, cut, fit, wrap

KEPT = (Fate.CHOSEN, Fate.REJECTS, Fate.THROWS)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the story, and the number of the step that it belongs to (the decision comes after the last)."""

    step: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Story:
    """A lookup of a node, told in `width` cells up to step `at` (0 is the first; len(steps) is the decision)."""

    lookup: Lookup
    node: Node
    world: World | None
    at: int
    width: int

    @property
    def last(self) -> int:
        """The number of the decision."""
        return len(self.lookup.steps)

    @property
    def current(self) -> Step | None:
        """The step that is being told, or None at the decision."""
        return self.lookup.steps[self.at] if self.at < self.last else None

    @property
    def names(self) -> int:
        """How wide the prefixes and the destination are."""
        told = [str(self.lookup.query.dst)]
        told += [_name(each.route) for each in self.lookup.steps if isinstance(each, CandidateStep)]
        return max(map(len, told))

    @property
    def beside(self) -> bool:
        """Whether bits stand beside their prefix; where there is no room they stand under it."""
        version = self.lookup.query.dst.version
        return self.width >= 5 + min(self.names, 14 if version == 4 else 128) + bits.COLUMNS[version]

    @property
    def label(self) -> int:
        """How wide the column of prefixes is."""
        room = self.width - 5 - bits.COLUMNS[self.lookup.query.dst.version] if self.beside else self.width - 4
        return min(self.names, room)

    def indent(self) -> int:
        """The cell in which bits begin."""
        return 4 + self.label if self.beside else 3

    def route(self) -> Route | None:
        """The route that is being looked at."""
        match self.current:
            case CandidateStep(route=route) | TableStep(route=route) | LegsStep(route=route):
                return route
            case None:
                return self.lookup.decision.route
        return None

    def table(self) -> str | None:
        """The table to show beside the step: the one being searched; in the end the winner's own.

        Where local and main are one, that is the table of the route at hand: people think of main, and of local only
        where an own address decides.
        """
        route = self.route()
        match self.current:
            case CandidateStep(table=table) | SkippedStep(table=table) | TableStep(table=table) if table != MERGED:
                return table if table != "local" or route is not None else "main"
            case RuleStep(rule, True, _) if rule.action == "table" and rule.table != "local":
                return rule.table
            case RuleStep() | SkippedStep() | TableStep(route=None):
                return "main"
        return None if route is None else route.table

    def pinned(self) -> list[Line]:
        """The destination's bits, which stand still above everything that is held against them."""
        dst = self.lookup.query.dst
        current = self.current
        prefix = current.route.dst if isinstance(current, CandidateStep) else None
        if self.at == self.last and self.lookup.decision.route is not None:
            prefix = self.lookup.decision.route.dst
        digits = bits.address_cells(dst, prefix)
        if self.beside:
            return [Line(self.at, (("   ", ""), (f"{fit(str(dst), self.label)} ", "strong"), *digits))]
        head = Line(self.at, (("   ", ""), (str(dst), "strong")))
        return [head, Line(self.at, (("   ", ""), *digits))]

    def lines(self) -> list[Line]:
        """Every line, first to current."""
        lines: list[Line] = []
        for number, step in enumerate(self.lookup.steps[: self.at + 1]):
            lines += [Line(number, tuple(cells)) for cells in self._step(number, step)]
        if self.at == self.last:
            lines += [Line(self.last, tuple(cells)) for cells in self._decision()]
        return lines

    def _step(self, number: int, step: Step) -> list[list[Cell]]:
        now = number == self.at
        if isinstance(step, CandidateStep):
            return self._candidate(step, now)
        sentence = explain.step(step, self.lookup.query)
        sign, style = _sign(step)
        if not now:
            return [[("  ", ""), (f"{sign} ", style), (cut(sentence, self.width - 5), "dim")]]
        return self._sentence(sentence, sign, style, now=True)

    def _sentence(self, text: str, sign: str, style: str, *, now: bool) -> list[list[Cell]]:
        rows = wrap(text, self.width - 5)
        first: list[Cell] = [("▸ " if now else "  ", "mark"), (f"{sign} ", style), (rows[0] if rows else "", "strong")]
        return [first, *([("    ", ""), (each, "strong")] for each in rows[1:])]

    def _candidate(self, step: CandidateStep, now: bool) -> list[list[Cell]]:
        dst, prefix = self.lookup.query.dst, step.route.dst
        kept = step.fate in KEPT
        sign: Cell = ("✓" if kept else "✗", "good" if kept else "bad" if now else "dim")
        gutter: Cell = ("▸" if now else " ", "mark")
        name: Cell = (fit(_name(step.route), self.label), "strong" if now or kept else "dim")
        digits = bits.prefix_cells(prefix, dst)
        if not (now or kept):
            digits = [("".join(text for text, _ in digits), "dim")]
        reason = _short(step)
        if self.beside:
            room = self.width - self.indent() - bits.COLUMNS[4] - 2
            note = [(f"  {reason}", "dim")] if not now and cell_len(reason) <= room else []
            rows = [[gutter, sign, (" ", ""), name, (" ", ""), *digits, *note]]
        else:
            rows = [[gutter, sign, (" ", ""), name, *([] if now else [(f" {reason}", "dim")])]]
            if now or kept:
                rows.append([("   ", ""), *digits])
        if now or kept:
            rows += self._under(step, now)
        return rows

    def _under(self, step: CandidateStep, now: bool) -> list[list[Cell]]:
        """Under the bits: the mark of the first difference, or the bar of a match; then the sentence."""
        prefix = step.route.dst
        blank: Cell = (" " * self.indent(), "")
        if step.differs_at is not None:
            offset = bits.column(prefix.version, step.differs_at)
            told = f"differs at bit {step.differs_at} of {prefix.length}: no candidate"
            rows = self._mark(offset, told)
        elif prefix.length == 0:
            rows = [[blank, ("compares nothing, always matches", "good")]] if now else []
        else:
            told = f" all {prefix.length} bits are the same"
            rows = [[blank, (bits.bar(prefix), "good")]]
            fits = self.indent() + bits.column(prefix.version, prefix.length) + 1 + len(told) <= self.width
            if fits:
                rows[0].append((told, "good"))
        if not now:
            return rows if step.fate in KEPT else []
        if prefix.version == 6 and prefix.length:
            rows += self._zoom(prefix)
        if step.differs_at is None and not (step.fate is Fate.CHOSEN and prefix.length == 0):
            text = explain.step(step, self.lookup.query)
            rows += [[("   ", ""), (each, "strong")] for each in wrap(text, self.width - 4)]
        return rows

    def _mark(self, offset: int, told: str) -> list[list[Cell]]:
        """▲ under the differing bit, its name to the right of it, or left or below where there is no room."""
        start = self.indent() + offset
        if start + 2 + len(told) <= self.width:
            return [[(" " * start, ""), ("▲", "bad"), (f" {told}", "bad")]]
        if start - 1 - len(told) >= 3:
            return [[(" " * (start - 1 - len(told)), ""), (f"{told} ", "bad"), ("▲", "bad")]]
        return [
            [(" " * start, ""), ("▲", "bad")],
            *([("   ", ""), (each, "bad")] for each in wrap(told, self.width - 4)),
        ]

    def _zoom(self, prefix: Prefix) -> list[list[Cell]]:
        """The deciding hextet of an IPv6 prefix, bit by bit."""
        first, above, below, differs = bits.zoom(prefix, self.lookup.query.dst)
        head = f"bits {first} to {first + 15}  "
        pad = " " * len(head)
        rows: list[list[Cell]] = [[("   ", ""), (head, "dim"), *above], [("   ", ""), (pad, ""), *below]]
        if differs is not None:
            rows.append([("   " + pad + " " * differs, ""), ("▲", "bad")])
        return rows

    def _decision(self) -> list[list[Cell]]:
        found = self.lookup.decision
        lost = found.failure is not None
        rows: list[list[Cell]] = [[("▸ ", "mark"), ("⇒ " if not lost else "✗ ", "bad" if lost else "good")]]
        rows[0].append((cut(headline(found), self.width - 5), "bad" if lost else "won"))
        if found.route is not None:
            rows += self._won(found.route)
        text = explain.decision(self.lookup, self.node, self.world)
        rows += [[("    ", ""), (each, "")] for each in wrap(text, self.width - 5)]
        for each in found.assumptions:
            rows += [[("    ", ""), (line, "warn")] for line in wrap(f"Assumed: {each}", self.width - 5)]
        return rows

    def _won(self, route: Route) -> list[list[Cell]]:
        """The winner's bar, as long as its prefix."""
        length = f"{route.dst.length} of {32 if route.family == 4 else 128} bits"
        if not self.beside:
            return [[("   ", ""), (bits.bar(route.dst), "good")], [("   ", ""), (f"{_name(route)} · {length}", "dim")]]
        line: list[Cell] = [("   ", ""), (f"{fit(_name(route), self.label)} ", "strong")]
        return [[*line, (bits.bar(route.dst) or "▏", "good"), (f" {length}", "dim")]]


def headline(found: Decision) -> str:
    """A decision in the words of `ip route get`, or the name of the failure with what the kernel would answer."""
    if found.failure is not None:
        name = found.failure.value.replace("_", " ").lower()
        return f"{name} ({found.errno})" if found.errno else name
    words = [found.type] if found.type not in (None, "unicast") else []
    if len(found.nexthops) > 1:
        hops = " or ".join(explain.hop_words(each) for each in found.nexthops)
        words.append(hops)
    else:
        words += [f"via {found.gateway}"] if found.gateway is not None else []
        words += [f"dev {found.dev}"] if found.dev else []
    words += [f"src {found.prefsrc}"] if found.prefsrc is not None else []
    return " ".join(each for each in words if each)


def _name(route: Route) -> str:
    return "default /0" if route.is_default else route.dst.brief


def _short(step: CandidateStep) -> str:
    if step.differs_at is not None:
        return f"differs at bit {step.differs_at}"
    if step.route.is_default and step.fate in KEPT:
        return "always matches"
    return step.fate.value


def _sign(step: Step) -> Cell:
    match step:
        case RuleStep(matched=matched):
            return ("→", "accent") if matched else ("–", "dim")
        case TableStep(route=route):
            return ("=", "good") if route is not None else ("–", "dim")
        case CheckStep(passed=passed):
            return ("✓", "good") if passed else ("✗", "bad")
        case SkippedStep():
            return ("…", "dim")
        case SourceStep(address=address):
            return ("·", "accent") if address is not None else ("✗", "bad")
    return ("·", "accent")
