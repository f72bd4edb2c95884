"""Panel 2: a routing table of the chosen node, as `ip route` or `route -n` has it, with what each route says."""

from __future__ import annotations

from collections import Counter
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive

from tui.core import says
from tui.core.reading.route_line import ip_route_line
from tui.core.world import Node, Route, World
from tui.panels.cells import Cell, cut, fit, printable
from tui.panels.lines import Key, RowList
from tui.panels.links import link
from tui.panels.panel import Panel, Words
from tui.panels.tables import Table, tables

MIN_SAYS = 12


class RouteList(RowList):
    """The routes of one table, and under them the lines that were not understood."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "enter", "choose", "change", show=False, key_display="⏎", id="routes.enter", tooltip="change the route"
        ),
    ]

    table: Table | None = None
    unread: tuple[str, ...] = ()
    candidate: Route | None = None
    widths: tuple[int, ...] = ()

    def show(self, table: Table | None, unread: tuple[str, ...]) -> None:
        """Take another table, or the same one as it is now."""
        self.table, self.unread = table, unread
        self.widths = table.widths() if table else ()
        self.set_keys(_keys(table, unread))

    def mark(self, candidate: Route | None) -> None:
        """Mark the route that the lookup is looking at; the cursor goes along with it."""
        self.candidate = candidate
        self.draw()
        if self.table and candidate in self.table.routes:
            self.go((candidate, 0))

    def cells(self, row: int, width: int) -> list[Cell]:
        """One route, or one line that was not understood."""
        here = "›" if row == self.cursor else " "
        routes = self.table.routes if self.table else ()
        if row >= len(routes):
            text = self.unread[row - len(routes)] if self.unread else ""
            return [(here, "mark"), (" ? not understood: ", "warn"), (printable(text), "")]
        assert self.table is not None
        route = routes[row]
        looked_at = route == self.candidate
        cells: list[Cell] = [(here, "mark"), ("▶" if looked_at else " ", "accent")]
        base = "strong" if looked_at else "bad" if route.is_reject else ""
        cells += [
            (f"{fit(text, size)} ", base) for text, size in zip(self.table.columns(row), self.widths, strict=True)
        ]
        left = width - 3 - sum(size + 1 for size in self.widths)
        if not self.table.classic and left >= MIN_SAYS:
            cells.append((" " + cut(self.table.says(row), left), "says"))
        return cells

    def action_choose(self) -> None:
        """The enter key, as a second click does it."""
        self.post_message(self.Chosen(self, self.cursor))

    def heading(self, width: int) -> str:
        """The names of the columns over the rows."""
        if self.table is None:
            return ""
        names = "".join(f"{fit(text, size)} " for text, size in zip(self.table.header, self.widths, strict=True))
        room = width - 3 - sum(size + 1 for size in self.widths)
        return f"  {names}" + (" Says" if not self.table.classic and room >= MIN_SAYS else "")


def _keys(table: Table | None, unread: tuple[str, ...]) -> list[Key]:
    """A route is its own key; one that stands twice (as the kernel allows) is told apart by how often it came."""
    seen: Counter[Route | str] = Counter()
    keys: list[Key] = []
    rows: list[Route | str] = [*(table.routes if table else ()), *unread]
    for each in rows:
        keys.append((each, seen[each]))
        seen[each] += 1
    return keys


class Routes(Panel):
    """The panel: the choice of hand, table and family; trouble in words; the routes."""

    world: reactive[World | None] = reactive(None, init=False, repaint=False)
    node: reactive[Node | None] = reactive(None, init=False, repaint=False)
    family: reactive[int] = reactive(4, init=False, repaint=False)
    table: reactive[str] = reactive("main", init=False, repaint=False)
    classic: reactive[bool] = reactive(False, init=False, repaint=False)
    candidate: reactive[Route | None] = reactive(None, init=False, repaint=False)

    class Chosen(Message):
        """Enter was pressed on a route."""

    def __init__(self) -> None:
        super().__init__(id="routes")

    def compose(self) -> ComposeResult:
        """Choices above, trouble under them, then the columns."""
        yield Words(id="route-choices")
        yield Words(id="route-trouble")
        yield Words(id="route-heading")
        yield RouteList(id="route-list")

    def on_mount(self) -> None:
        """Draw what is known already."""
        self._list = self.query_one(RouteList)
        self._draw()

    def on_resize(self) -> None:
        """More or fewer columns fit."""
        self._dress()

    def watch_world(self) -> None:
        """The node may have other routes, its neighbours other names."""
        self._draw()

    def watch_node(self) -> None:
        """Another node."""
        self._draw()

    def watch_family(self) -> None:
        """The other family."""
        self._draw()

    def watch_table(self) -> None:
        """Another table."""
        self._draw()

    def watch_classic(self) -> None:
        """The other hand."""
        self._draw()

    def watch_candidate(self) -> None:
        """The lookup went to another route."""
        if self.is_mounted:
            self._list.mark(self.candidate)
            self._note()

    def _draw(self) -> None:
        if not self.is_mounted:
            return
        node = self.node
        shown = _owner(node, self.world) if node else None
        table = Table.of(shown, self.world, self.family, self.table, self.classic) if shown else None
        self._list.show(table, shown.unread if shown else ())
        self._dress()

    def _dress(self) -> None:
        """Everything around the rows: title, choices, trouble, column names."""
        if not self.is_mounted:
            return
        node, width = self.node, max(10, self.size.width)
        self.head(Content(f"2 Routes · {cut(node.name, 40)}" if node else "2 Routes"))
        self.query_one("#route-choices", Words).say(self._choices(node))
        trouble = self.query_one("#route-trouble", Words)
        sentences = _trouble(node, self.world, self._list.table) if node else []
        trouble.say(Content("\n".join(printable(each) for each in sentences)))
        trouble.display = bool(sentences)
        self.query_one("#route-heading", Words).say(Content(self._list.heading(width)))
        self._note()

    def _choices(self, node: Node | None) -> Content:
        if node is None:
            return Content("")
        names = tables(_owner(node, self.world) or node, self.family)
        if self.table not in names:
            names = (*names, self.table)
        wide = self.size.width >= 64
        place = f" {names.index(self.table) + 1} of {len(names)}" if len(names) > 1 and wide else ""
        hands = _either("ip route", "route -n", self.classic, "app.classic")
        families = _either("IPv4", "IPv6", self.family == 6, "app.family")
        table = link("app.next_table", "table " if wide else "", (cut(self.table, 24), "b"), place)
        return Content("   " if wide else "  ").join([hands, table, families])

    def _note(self) -> None:
        """The exact line of the route under the cursor, or in a narrow panel what it says."""
        table, row = self._list.table, self._list.cursor
        room = max(8, self.size.width - 4)
        told = ""
        if table is not None and row < len(table.routes):
            exact = not table.classic and room >= 60
            told = " ".join(ip_route_line(table.routes[row]).split()) if exact else table.says(row)
        self.foot(Content(cut(told, room)))

    @on(RowList.Moved)
    def _moved(self, event: RowList.Moved) -> None:
        event.stop()
        self._note()

    @on(RowList.Chosen)
    def _chosen(self, event: RowList.Chosen) -> None:
        event.stop()
        if self.route is not None:
            self.post_message(self.Chosen())

    @property
    def route(self) -> Route | None:
        """The route under the cursor, None where there is none."""
        table, row = self._list.table, self._list.cursor
        return table.routes[row] if table is not None and row < len(table.routes) else None

    def text(self) -> str:
        """The table as plain text."""
        return f"{self._list.heading(120)}\n{self._list.text()}"


def _either(one: str, other: str, second: bool, action: str) -> Content:
    """Two words of which one holds; brackets say which, not colour alone."""
    first, last = (f" {one} ", f"[{other}]") if second else (f"[{one}]", f" {other} ")
    return link(action, (first, "" if second else "b"), "│", (last, "b" if second else ""))


def _owner(node: Node, world: World | None) -> Node | None:
    """The node whose tables these are: a node that shares another's network has that one's."""
    if node.shares and world and not node.routes:
        return world.node(node.shares) or node
    return node


def _trouble(node: Node, world: World | None, table: Table | None) -> list[str]:
    """Sentences about what is not as it should be, or could not be read."""
    sentences = []
    if node.shares and world and world.node(node.shares):
        sentences.append(f"It uses the network of {node.shares}: these are that one's routes.")
    if node.problem:
        sentences.append(f"! {node.problem}")
    missing = says.missing(node)
    if missing and not node.problem:
        sentences.append(f"! Not read: {', '.join(missing)}.")
    if node.unread:
        count = len(node.unread)
        lines = f"{count} line was" if count == 1 else f"{count} lines were"
        sentences.append(f"? {lines} not understood and {'is' if count == 1 else 'are'} listed under the routes.")
    if table is not None and not table.routes and not (node.problem or missing):
        sentences.append(f"Table {table.name} has no IPv{table.family} routes.")
    return sentences
