"""Panel 3: where a packet would go and why, one step at a time, and what the kernel itself says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.timer import Timer
from textual.widgets import Static

from tui.core.destination import places, resolve
from tui.core.naming import owner_and_network
from tui.core.query import Query, QueryError
from tui.core.world import Node, Route, World
from tui.panels.cells import printable, wrap
from tui.panels.field import Field
from tui.panels.links import link
from tui.panels.panel import Panel, Words
from tui.panels.storyview import StoryView
from tui.panels.verdict import Answer, verdict

if TYPE_CHECKING:
    from tui.core.lookup.fib import Fib
    from tui.core.steps import Lookup
    from tui.panels.story import Line, Story

SPEEDS = (0.5, 1.0, 2.0, 4.0)
"""Steps a second."""


class LookupPanel(Panel):
    """The panel: a field for the destination, the way through the steps, the story."""

    world: reactive[World | None] = reactive(None, init=False, repaint=False)
    node: reactive[Node | None] = reactive(None, init=False, repaint=False)
    family: reactive[int] = reactive(4, init=False, repaint=False)
    answer: reactive[Answer | None] = reactive(None, init=False, repaint=False)
    unasked: reactive[str] = reactive("", init=False, repaint=False)

    class Stepped(Message):
        """Another step: the route and the table that it looks at (None: none)."""

        def __init__(self, route: Route | None, table: str | None) -> None:
            super().__init__()
            self.route, self.table = route, table

    class Asked(Message):
        """The decision is on the screen: let the node's own kernel answer the same."""

        def __init__(self, node: str, query: Query) -> None:
            super().__init__()
            self.node, self.query = node, query

    def __init__(self, destination: str = "") -> None:
        super().__init__(id="lookup")
        self._text = destination
        self._found: Lookup | None = None
        self._fib: Fib | None = None
        self._asked: tuple[Node, Query] | None = None
        self._at = 0
        self._error = ""
        self._timer: Timer | None = None
        self._speed = 1

    def compose(self) -> ComposeResult:
        """The field above, then what it means, then the story."""
        with Horizontal(id="lookup-to"):
            yield Static("to", id="lookup-word", markup=False)
            yield Field(self._text, id="destination")
        yield Words(id="lookup-hint")
        yield StoryView(id="lookup-bits", can_focus=False)
        yield StoryView(id="story")

    def on_mount(self) -> None:
        """Look up what the command line asked for."""
        self._view = self.query_one("#story", StoryView)
        self._field = self.query_one(Field)
        self._hint = self.query_one("#lookup-hint", Words)
        self._search()

    # What the panel is told

    def watch_world(self) -> None:
        """The same question, to the world as it is now."""
        self._search()

    def watch_node(self) -> None:
        """The same question, to another node."""
        self._search()

    def watch_answer(self) -> None:
        """The kernel has answered."""
        self._draw()

    def watch_unasked(self) -> None:
        """The kernel can be asked now, or no longer."""
        if self.is_mounted:
            self.ask_again()

    def on_resize(self) -> None:
        """The story is told in the width that there is."""
        self._draw()

    @property
    def question(self) -> Query | None:
        """What was last asked and understood."""
        return self._found.query if self._found else None

    # The question

    @on(Field.Changed)
    def _typed(self, event: Field.Changed) -> None:
        event.stop()
        if self.world is not None and self._field.has_focus:
            near = places(self.world, self.node)
            self._field.offer([each for place in near for each in (place.name, str(place.address))])
        self._error = ""
        self._offer()

    @on(Field.Submitted)
    def _submitted(self, event: Field.Submitted) -> None:
        event.stop()
        self._text = event.value.strip()
        self._found, self._at = None, 0
        self._search()
        if not self._error and self._text:
            self._view.focus()

    @on(Field.Left)
    def _left(self, event: Field.Left) -> None:
        event.stop()
        self._view.focus()

    def ask(self, text: str = "") -> None:
        """Go to the field; with `text`, look that up at once."""
        if text:
            self._field.value = self._text = text
            self._found, self._at = None, 0
            self._search()
        else:
            self._field.focus()

    def _search(self) -> None:
        """Look up again; the step stays where it was as far as that makes sense."""
        if not self.is_mounted:
            return
        before, self._error = self._found, ""
        node, self._found = self.node, None
        if node is None or self.world is None:
            self._draw()
            return
        if self._text:
            try:
                query = resolve(self._text, self.world, node, self.family)
            except QueryError as error:
                self._error = str(error)
            else:
                from tui.core.lookup import lookup  # not before somebody asks: the first screen is up sooner

                self._found = lookup(self._fib_of(node), query)
                self._at = self._same_step(before, self._found)
        self._step_to(self._at)

    def _fib_of(self, node: Node) -> Fib:
        """The node's tables, ready to be asked; made once for as long as the node stays the same."""
        from tui.core.lookup.fib import Fib

        if self._fib is None or self._fib.node is not node:
            self._fib = Fib(node)
        return self._fib

    def _same_step(self, before: Lookup | None, found: Lookup) -> int:
        """Where the new lookup's current step is: at the end if it was there, else at an equal step, else nearby."""
        if before is None:
            return min(self._at, len(found.steps))
        if self._at >= len(before.steps):
            return len(found.steps)
        step = before.steps[self._at]
        return found.steps.index(step) if step in found.steps else min(self._at, len(found.steps))

    # The steps

    def action_step(self, by: int) -> None:
        """Go that many steps on; stops playing."""
        self.stop()
        self._step_to(self._at + by)

    def action_step_to(self, step: int) -> None:
        """Go to a step; -1 is the decision."""
        self.stop()
        self._step_to(step if step >= 0 else len(self._found.steps) if self._found else 0)

    @on(StoryView.Picked)
    def _picked(self, event: StoryView.Picked) -> None:
        event.stop()
        self.action_step_to(event.step)

    def action_play(self) -> None:
        """Play on from here, from the first step where it has ended; or pause."""
        if self._timer is not None:
            self.stop()
        elif self._found is not None:
            if self._at >= len(self._found.steps):
                self._step_to(0)
            self._timer = self.set_interval(1 / SPEEDS[self._speed], self._tick)
        self._draw()

    def action_speed(self, by: int) -> None:
        """Play faster or slower."""
        self._speed = min(max(self._speed + by, 0), len(SPEEDS) - 1)
        if self._timer is not None:
            self._timer.stop()
            self._timer = self.set_interval(1 / SPEEDS[self._speed], self._tick)
        self._draw()

    def ask_again(self) -> None:
        """Let the kernel answer once more."""
        self._asked = None
        self._step_to(self._at)

    def _tick(self) -> None:
        if self._found is None or self._at + 1 >= len(self._found.steps):
            self.stop()
        self._step_to(self._at + 1)

    def stop(self) -> None:
        """Stop playing."""
        if self._timer is not None:
            self._timer.stop()
            self._timer = None

    def _step_to(self, step: int) -> None:
        found = self._found
        self._at = min(max(step, 0), len(found.steps)) if found else self._at
        self._draw()
        story = self._story()
        self.post_message(self.Stepped(story.route(), story.table()) if story else self.Stepped(None, None))
        if found and story and self._at == len(found.steps) and self._asked != (story.node, found.query):
            self._asked = (story.node, found.query)
            if not self.unasked:
                self.post_message(self.Asked(story.node.name, found.query))

    def _story(self) -> Story | None:
        node = self.node
        if self._found is None or node is None:
            return None
        from tui.panels.story import Story  # nor is there a story before somebody asks

        return Story(self._found, node, self.world, self._at, max(20, self._view.scrollable_content_region.width))

    # What is drawn

    def _draw(self) -> None:
        if not self.is_mounted:
            return
        node, story = self.node, self._story()
        self.head(Content(f"3 Lookup · from {printable(node.name)}" if node else "3 Lookup"))
        self.foot(self._controls(story))
        pinned = story.pinned() if story else []
        bits = self.query_one("#lookup-bits", StoryView)
        bits.styles.height = len(pinned)
        bits.show(pinned, self._at)
        lines: list[Line] = []
        if story is not None:
            from tui.panels.story import Line

            lines = story.lines()
            if story.at == story.last:
                lines += [Line(story.last, tuple(each)) for each in verdict(story, self.answer, self.unasked)]
        self._view.show(lines, self._at)
        self._offer()

    def _controls(self, story: Story | None) -> Content:
        if story is None:
            return Content("")
        told = "decision" if story.at == story.last else f"step {story.at + 1} of {story.last}"
        play = f"playing, {SPEEDS[self._speed]:g} a second" if self._timer else "play"
        parts = [
            link("screen.step_to(0)", "< first"),
            link("screen.step(-1)", "b ◀"),
            Content.styled(told, "b"),
            link("screen.step(1)", "▶ n"),
            link("screen.step_to(-1)", "last >"),
            link("screen.play", f"space {play}"),
        ]
        return Content("  ").join(parts)

    def _offer(self) -> None:
        """Under the field: what is wrong, or what the words mean, or names that would do."""
        self._hint.set_class(bool(self._error), "-error")
        width = max(20, self.size.width - 4)
        text = self._error or self._meaning()
        self._hint.say(Content("\n".join(wrap(text, width)[:3])))

    def _meaning(self) -> str:
        typed, found = self._field.value.strip(), self._found
        if self.world is None:
            return ""
        if found is not None and typed == self._text:
            return f"{' '.join(found.query.words())}: {owner_and_network(found.query.dst, self.world)}"
        near = self._field.near()
        return f"tab: {' · '.join(near)}" if typed and near else "an address or a name, then ⏎" if not typed else ""

    def text(self) -> str:
        """The lookup as plain text, as far as it is shown."""
        story = self._story()
        lines = [*story.pinned(), *story.lines()] if story else []
        return "\n".join("".join(text for text, _ in each.cells).rstrip() for each in lines)
