"""The labs: which there are, what each is about, whether it is up, and how far the open one is solved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.screen import ModalScreen

from tui.core.labs import Expectation, Lab
from tui.core.labs.holds import Found, found
from tui.core.world import World
from tui.panels.cells import Cell, fit, wrap
from tui.panels.lines import INKS, RowList, Shown

SIGNS: dict[bool | None, Cell] = {True: ("✓", "good"), False: ("✗", "bad"), None: ("?", "warn")}


@dataclass(frozen=True, slots=True)
class Shelf:
    """The labs by name, where each is up by name ("kernel", "Docker"), which one is on the screen, and its World."""

    labs: Mapping[str, Lab]
    up: Mapping[str, tuple[str, ...]]
    open: str | None
    world: World | None
    where: str


class LabList(RowList):
    """The rows of labs."""

    shelf: Shelf

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "choose", "open", show=False, id="labs.enter")]

    def cells(self, row: int, width: int) -> list[Cell]:
        """The name, and whether it is the open one or up."""
        name = tuple(self.shelf.labs)[row]
        word = "open" if name == self.shelf.open else " ".join(self.shelf.up.get(name, ()))
        gutter: Cell = ("›" if row == self.cursor else " ", "mark")
        room = width - 1 - (len(word) + 1 if word else 0)
        return [gutter, (fit(name, max(8, room)), "strong" if word else ""), (f" {word}" if word else "", "good")]

    def action_choose(self) -> None:
        """Take the row under the cursor."""
        self.post_message(self.Chosen(self, self.cursor))


class Story(Shown):
    """A lab's text, what to try, what is expected and what the goal is."""

    def tell(self, lines: Sequence[list[Cell]], top: bool) -> None:
        """Take other lines; from the top where it is another lab's story."""
        self.show(lines)
        if top:
            self.scroll_to(y=0, animate=False, force=True)


class Labs(ModalScreen[None]):
    """The list at the left, the story of the one under the cursor at the right."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {*INKS}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,l", "dismiss", "back", key_display="esc", id="labs.back"),
        Binding("D", "down", "take down", id="labs.down", tooltip="take a lab down that stays up"),
        Binding("s", "solution", "solution", id="labs.solution", tooltip="show or hide the commands that solve it"),
        Binding("space,pagedown", "scroll(1)", "a page of the story", show=False, id="labs.page_down"),
        Binding("pageup", "scroll(-1)", "a page back", show=False, id="labs.page_up"),
    ]

    class Picked(Message):
        """A lab is to be opened, by name."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    class Ended(Picked):
        """A lab is to be taken down."""

    def __init__(self, shelf: Shelf) -> None:
        super().__init__()
        self._shelf = shelf
        self._solution = False

    def compose(self) -> ComposeResult:
        """Side by side."""
        with Vertical(id="labs", classes="window -large"), Horizontal():
            yield LabList(id="lab-list")
            yield Story(id="lab-story")

    def on_mount(self) -> None:
        """Begin with the open lab."""
        window = self.query_one("#labs")
        window.border_title = "Labs"
        window.border_subtitle = "⏎ open · space scroll · s solution · D take down · esc"
        rows = self.query_one(LabList)
        rows.shelf = self._shelf
        rows.set_keys(list(self._shelf.labs))
        if self._shelf.open is not None:
            rows.go(self._shelf.open)
        rows.focus()
        self._draw(top=True)

    def on_resize(self) -> None:
        """Lines break elsewhere."""
        self._draw(top=False)

    def show(self, shelf: Shelf) -> None:
        """Something came up, went away, or changed in the open lab."""
        self._shelf = shelf
        if self.is_mounted:
            rows = self.query_one(LabList)
            rows.shelf = shelf
            rows.set_keys(list(shelf.labs))
            self._draw(top=False)

    @property
    def _chosen_name(self) -> str:
        return tuple(self._shelf.labs)[self.query_one(LabList).cursor]

    def _draw(self, top: bool) -> None:
        story = self.query_one(Story)
        width = max(24, story.scrollable_content_region.width - 1)
        name = self._chosen_name
        is_open = name == self._shelf.open
        world = self._shelf.world if is_open else None
        lines = story_lines(self._shelf.labs[name], world, width, self._solution)
        head: list[list[Cell]] = [[(f"⏎ opens it {self._shelf.where}", "accent")]] if not is_open else []
        story.tell([*head, *lines], top)

    @on(RowList.Moved)
    def _moved(self, event: RowList.Moved) -> None:
        event.stop()
        self._solution = False
        self._draw(top=True)

    @on(RowList.Chosen)
    def _chosen(self, event: RowList.Chosen) -> None:
        event.stop()
        self.post_message(self.Picked(self._chosen_name))

    def action_down(self) -> None:
        """Take it down."""
        self.post_message(self.Ended(self._chosen_name))

    def action_solution(self) -> None:
        """Show what solves it, or hide it again."""
        self._solution = not self._solution
        self._draw(top=False)

    def action_scroll(self, by: int) -> None:
        """Through the story."""
        story = self.query_one(Story)
        story.scroll_relative(y=by * max(1, story.size.height - 1), animate=False, force=True)


def story_lines(lab: Lab, world: World | None, width: int, solution: bool = False) -> Iterator[list[Cell]]:
    """What a lab is about; with its World, also what of it holds now."""
    for row in wrap(lab.title or lab.name, width):
        yield [(row, "title")]
    for paragraph in filter(str.strip, lab.text.split("\n\n")):
        yield []
        yield from ([(row, "")] for row in wrap(paragraph, width))
    if lab.steps:
        yield []
        yield [("Try", "strong")]
    for number, step in enumerate(lab.steps, 1):
        yield from _item(f"{number}.", "dim", step, width)
    yield from _checks("Goal", lab.goals, world, width)
    yield from _checks("As it comes up", lab.expectations, world, width)
    if lab.solution:
        yield []
        yield [("Solution" if solution else "Solution: s shows it", "strong" if solution else "dim")]
    for node, command in lab.solution if solution else ():
        yield from _item("·", "dim", f"{node}# {' '.join(command.argv)}", width)


def _checks(title: str, expected: tuple[Expectation, ...], world: World | None, width: int) -> Iterator[list[Cell]]:
    if not expected:
        return
    results = found(world, expected) if world is not None else tuple(Found(each, None) for each in expected)
    yield []
    met = sum(each.holds is True for each in results)
    told: list[Cell] = [(f"  {met} of {len(results)} hold now", "good" if met == len(results) else "dim")]
    yield [(title, "strong"), *(told if world is not None else [])]
    for each in results:
        sign, style = SIGNS[each.holds] if world is not None else ("·", "dim")
        why = f" (now: {each.told})" if each.told else ""
        yield from _item(sign, style, f"{in_words(each.expectation)}{why}", width)


def _item(sign: str, style: str, text: str, width: int) -> Iterator[list[Cell]]:
    for number, row in enumerate(wrap(text, width - 4)):
        yield [(f"{sign:<3} " if not number else "    ", style), (row, "")]


def in_words(each: Expectation) -> str:
    """An expectation as a phrase."""
    words = {True: ["gets an answer"], False: ["gets no answer"], None: []}[each.reachable]
    if each.outcome is not None and not (each.reachable and each.outcome == "DELIVERED"):
        words.append(each.outcome.replace("_", " ").lower())
    if each.via is not None:
        words.append(f"via {', '.join(each.via)}" if each.via else "directly")
    if each.route:
        words.append(f"by the route {' '.join(f'{word} {value}' for word, value in each.route)}")
    return f"{each.src} to {each.dst}: {', '.join(words)}"
