"""The map: every network and every node on one screen, and whom the chosen one can talk to."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.reactive import reactive

from tui.core.world import World
from tui.panels.cells import Cell, fit, printable, wrap
from tui.panels.lines import RowList
from tui.panels.links import link
from tui.panels.matrix import Opened, ReachScreen
from tui.panels.panel import Panel, Words
from tui.panels.rails import Rails, heading, rails, track
from tui.panels.reach import SIGNS, sign, state, told

if TYPE_CHECKING:
    from tui.core.matrix import Matrix

_NAMES = 22
_SAYS = 33
"""Cells for the word on whether a node is reached; only the sign where there are fewer than that left."""


class NodeRows(RowList):
    """The nodes, each a row across the rails, with a sign for whether the source reaches it."""

    picture: Rails | None = None
    source = ""
    matrix: Matrix | None = None
    first = 0

    def room(self, width: int) -> tuple[int, range]:
        """The cells for names, and the rails that are shown."""
        assert self.picture is not None
        names = min(_NAMES, 2 + max((len(each.node.name) for each in self.picture.rows), default=8)) + 3
        return names, self.picture.fitting(self.first, width - names - 2)

    def cells(self, row: int, width: int) -> list[Cell]:
        """One node."""
        if self.picture is None:
            return []
        each = self.picture.rows[row]
        name = each.node.name
        names, shown = self.room(width)
        here = "›" if row == self.cursor else " "
        style = "strong" if name == self.source else "dim" if each.node.state not in ("running", "paused") else ""
        cells: list[Cell] = [(here, "mark"), sign(self.matrix, self.source, name), (" ", "")]
        cells += [(fit(name, names - 4) + " ", style), *track(self.picture, each, shown)]
        taken = names + sum(self.picture.width(rail) for rail in shown)
        if width - taken >= _SAYS:
            _, ink, word = SIGNS[state(self.matrix, self.source, name)]
            cells.append((word, ink))
        return cells


class Map(ReachScreen):
    """The map of a World, seen from one node."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "from_here", "from here", id="map.from", tooltip="whom this node can talk to"),
        Binding("enter", "path", "path", key_display="⏎", id="map.path", tooltip="the path to this node"),
        Binding("left,h", "rails(-1)", "networks before", show=False, id="map.left"),
        Binding("right,l", "rails(1)", "more networks", show=False, id="map.right"),
        Binding("escape,m,q", "dismiss", "close", id="map.close"),
    ]

    family: reactive[int] = reactive(4, init=False, repaint=False)

    def __init__(self, source: str) -> None:
        super().__init__()
        self._source = source

    def compose(self) -> ComposeResult:
        """The names of the networks, the rows, then a sentence on the row under the cursor."""
        with Panel(id="map"):
            yield Words(id="map-names")
            yield Words(id="map-subnets")
            yield NodeRows(id="map-rows")
            yield Words(id="map-told")
            yield Words(id="map-legend")

    def begin(self) -> None:
        """Find the widgets."""
        self._rows = self.query_one(NodeRows)
        self._rows.source = self._source
        self._rows.focus()

    def watch_family(self) -> None:
        """The other addresses."""
        if self.is_mounted and self.world is not None:
            self.lay_out(self.world)

    def lay_out(self, world: World) -> None:
        """The picture of this World."""
        picture = rails(world, self.family)
        self._rows.picture = picture
        self._rows.set_keys([each.node.name for each in picture.rows])
        self.draw()

    def draw(self) -> None:
        """The frame, the names of the networks, the rows, and the sentence."""
        if self._rows.picture is None:
            return
        self._rows.matrix = self.known()
        panel = self.query_one("#map", Panel)
        panel.head(Content(f"Map · from {printable(self._source)}"))
        actions = [
            link("screen.from_here", "space from here"),
            link("screen.path", "⏎ path"),
            link("screen.dismiss", "esc close"),
        ]
        panel.foot(Content("  ").join(actions))
        width = self._rows.scrollable_content_region.width
        names, shown = self._rows.room(width)
        more = self._rows.picture.networks[shown.stop :]
        for where, cells in zip(("#map-names", "#map-subnets"), heading(self._rows.picture, shown, names), strict=True):
            line = "".join(text for text, _ in cells).rstrip()
            if more and where == "#map-names":
                line = fit(line, max(0, width - 12)) + f"  → {len(more)} more"
            self.query_one(where, Words).say(Content(line))
        self.query_one("#map-legend", Words).say(Content("● on the network   ○ its gateway   ━ forwards   ┄ does not"))
        self._rows.draw()
        self._tell()

    def _tell(self) -> None:
        """What there is to say of the node under the cursor."""
        rows = self._rows
        if rows.picture is None or not rows.picture.rows:
            return
        name = rows.picture.rows[rows.cursor].node.name
        text = f"{name}: whom it can talk to is marked"
        if name != self._source:
            text = f"{self._source} → {name}: {told(rows.matrix, self._source, name)}"
        self.query_one("#map-told", Words).say(Content("\n".join(wrap(text, max(20, self.size.width - 8))[:4])))

    @on(RowList.Moved)
    def _moved(self, event: RowList.Moved) -> None:
        event.stop()
        self._tell()

    @on(RowList.Chosen)
    def _chosen(self, event: RowList.Chosen) -> None:
        event.stop()
        self.action_path()

    def _under(self) -> str:
        picture = self._rows.picture
        return picture.rows[self._rows.cursor].node.name if picture and picture.rows else ""

    def action_from_here(self) -> None:
        """See the map from the node under the cursor."""
        if name := self._under():
            self._source = self._rows.source = name
            self.draw()

    def action_path(self) -> None:
        """Leave the map for the path to the node under the cursor."""
        if (name := self._under()) and name != self._source:
            self.post_message(Opened(self._source, name))
            self.dismiss()

    def action_rails(self, by: int) -> None:
        """Show networks further left or right."""
        if self._rows.picture is not None:
            last = max(0, len(self._rows.picture.networks) - 1)
            self._rows.first = min(max(self._rows.first + by, 0), last)
            self.draw()

    def text(self) -> str:
        """The map as plain text."""
        return self._rows.text()
