"""Panel 4: where a packet really gets to, hop by hop, whether its reply comes back, and what would mend it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive

from tui.core.query import Query, QueryError
from tui.core.world import Node, World
from tui.panels.cells import Cell, printable, wrap
from tui.panels.lines import Shown
from tui.panels.panel import Panel

if TYPE_CHECKING:
    from tui.core.path.hops import Path
    from tui.core.path.links_between import Links
    from tui.core.path.mends import Mend

HINT = "A destination (d) shows the way there, hop by hop, and whether the reply finds back."

OFFERED, PATIENCE = 2, 60
"""How many sets of changes that would mend a path are shown, and how many are tried."""

Asked = tuple[World, str, Query]
"""What a path is worked out for: the world, the node that sends, and the question."""


MEND = Binding("enter", "app.connect", "mend it", key_display="⏎", id="path.mend", tooltip="let these two talk")


class PathView(Shown):
    """The lines, in a view that scrolls."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "scroll_by(-1)", "up", show=False, id="path.up"),
        Binding("down,j", "scroll_by(1)", "down", show=False, id="path.down"),
        MEND,
    ]

    def action_scroll_by(self, by: int) -> None:
        """By so many lines."""
        self.scroll_relative(y=by, animate=False, force=True)


class PathPanel(Panel):
    """The panel: the way there and back of a ping to what the lookup asks about.

    It is worked out when it can be seen, once for each world, node and question.
    """

    world: reactive[World | None] = reactive(None, init=False, repaint=False)
    node: reactive[Node | None] = reactive(None, init=False, repaint=False)
    question: reactive[Query | None] = reactive(None, init=False, repaint=False)

    class Mended(Message):
        """What would mend a path was found out."""

        def __init__(self, path: Path, found: tuple[Mend, ...]) -> None:
            super().__init__()
            self.path, self.found = path, found

    def __init__(self) -> None:
        super().__init__(id="path")
        self._asked: Asked | None = None
        self._path: Path | None = None
        self._links: Links | None = None
        self._trouble = ""
        self._mends: tuple[Mend, ...] | None = None
        self._searching = False

    def compose(self) -> ComposeResult:
        """One view."""
        yield PathView(id="path-list")

    def on_mount(self) -> None:
        """Draw what is known already."""
        self._view = self.query_one(PathView)
        self._follow()

    # What the panel is told

    def watch_world(self) -> None:
        """The same question in the world as it is now."""
        self._follow()

    def watch_node(self) -> None:
        """The same question to another node."""
        self._follow()

    def watch_question(self) -> None:
        """Another question."""
        self._follow()

    def on_show(self) -> None:
        """It can be seen again."""
        self._follow()

    def on_resize(self) -> None:
        """More or less fits."""
        self._follow()

    def on_descendant_focus(self, _: events.DescendantFocus) -> None:
        """On a small screen there is more to see now."""
        self.call_after_refresh(self._draw)

    def on_descendant_blur(self, _: events.DescendantBlur) -> None:
        """And now there is less."""
        self.call_after_refresh(self._draw)

    @property
    def path(self) -> Path | None:
        """What was worked out last."""
        return self._path

    # The path

    def _follow(self) -> None:
        """Work the path out where it is another one, unless nobody sees it; what is behind another view waits."""
        if not self.is_mounted or not self._is_seen():
            return
        known = self.world is not None and self.node is not None and self.question is not None
        asked = (self.world, self.node.name, self.question) if known else None  # type: ignore[union-attr]
        before = self._asked
        same = asked is not None and before is not None and asked[0] is before[0] and asked[1:] == before[1:]
        if not same:
            self._asked = asked  # type: ignore[assignment]
            self._path, self._trouble, self._mends = None, "", None
            if self._asked is not None:
                self._work_out(*self._asked)
        self._draw()

    def _is_seen(self) -> bool:
        return all(each.display for each in self.ancestors_with_self if each is not self.app)

    def _work_out(self, world: World, name: str, query: Query) -> None:
        from tui.core.path import path  # not before somebody asks: the first screen is up sooner
        from tui.core.path.links_between import Links

        self._links = links = Links(world, self._links.ready(world) if self._links is not None else None)
        holder = links.holder(query.src) if query.src is not None else None
        own = query.src if holder is not None and holder is links.node(name) else None
        try:
            self._path = path(links, own if own is not None else name, query.dst)
        except QueryError as error:
            self._trouble = str(error)

    # What is drawn

    def _draw(self) -> None:
        if not self.is_mounted:
            return
        found = self._path
        self.head(self._title())
        self.foot(self._verdict())
        width = max(20, self._view.scrollable_content_region.width or self.size.width - 3)
        if found is None:
            text = self._trouble or (HINT if self._asked is None else "")
            style = "warn" if self._trouble else "dim"
            self._view.show([[(line, style)] for line in wrap(text, width)] if text else [])
        elif self._is_small():
            from tui.panels.wayview import ends

            self._view.show(list(ends(found)))
        else:
            self._view.show(self._lines(found, width))
            self._search()

    def _is_small(self) -> bool:
        """Whether there is room for two lines only: a small screen, and the person is elsewhere."""
        return self.app.size.height < 28 and not self.has_focus_within and self.size.height <= 4

    def _title(self) -> Content:
        if self._asked is None:
            return Content("4 Path")
        world, name, query = self._asked
        owner = world.owner(query.dst)
        return Content(printable(f"4 Path · {name} → {owner[0].name if owner is not None else query.dst}"))

    def _verdict(self) -> Content:
        if self._path is None or self._asked is None:
            return Content("")
        from tui.core.changes.preview import brief
        from tui.panels.wayview import verdict_sign

        sign, style = verdict_sign(self._path.works)
        colour = {"good": "$text-success", "bad": "$text-error", "warn": "$text-warning"}[style]
        return Content.styled(printable(f"{sign} {brief(self._path, self._asked[0])}"), colour)

    def _lines(self, found: Path, width: int) -> list[list[Cell]]:
        from tui.panels.wayview import mending, whole  # nor is a path drawn before somebody asks

        return [*whole(found, width, self._left_out()), *mending(found, self._mends, width)]

    def _left_out(self) -> Iterator[str]:
        """What was asked about and plays no part in a ping's path."""
        if self._asked is None:
            return
        query = self._asked[2]
        words = query.words()[1:]
        if query.src is not None and self._path is not None and self._path.src == str(query.src):
            words = words[2:]
        if words:
            yield f"The path is that of a ping: {' '.join(words)} plays no part in it."

    # What would mend it

    def _search(self) -> None:
        """Look for it in a thread, one search at a time: it takes longer than a key may."""
        if self._path is None or self._path.works or self._mends is not None or self._searching or self._asked is None:
            return
        self._searching = True
        self.run_worker(
            partial(self._find, self._asked[0], self._path),
            description="what would mend the path",
            group="mends",
            thread=True,
            exit_on_error=False,
        )

    def _find(self, world: World, path: Path) -> None:
        found: tuple[Mend, ...] = ()
        try:
            from tui.core.path.mends import mends

            found = mends(world, path, most=OFFERED, patience=PATIENCE)
        finally:
            self.post_message(self.Mended(path, found))

    def on_path_panel_mended(self, event: PathPanel.Mended) -> None:
        """Show it, unless another path is on the screen by now: then look for what mends that."""
        event.stop()
        self._searching = False
        if event.path is self._path:
            self._mends = event.found
            self._draw()
        else:
            self._search()

    def text(self) -> str:
        """The path as plain text, whole."""
        if self._path is None:
            return ""
        rows = self._lines(self._path, 100)
        title = self._title().plain.partition("· ")[2]
        return "\n".join([title, *("".join(text for text, _ in cells).rstrip() for cells in rows)])
