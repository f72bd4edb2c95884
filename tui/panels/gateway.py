"""The form for one route: its effect on table, lookup and path is shown as it is typed, and only then is it done."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input

from tui.core.addresses import Address, Prefix
from tui.core.changes import Change, ChangeRefused, Several
from tui.core.changes import written as form
from tui.core.changes.deed import Deed
from tui.core.changes.gateways import Gateway
from tui.core.changes.plan import Plan, connect
from tui.core.changes.preview import Preview, preview, stand_in
from tui.core.changes.sentence import destination as told
from tui.core.changes.written import Complaint, Target, Written
from tui.core.destination import resolve
from tui.core.query import QueryError
from tui.core.world import Node, Route, World
from tui.panels import offers
from tui.panels.cells import Cell, cut, printable
from tui.panels.deedform import DeedForm
from tui.panels.deeds import DeedButtons
from tui.panels.formfield import FormField, Labelled, Told
from tui.panels.previewview import PreviewView, preview_lines
from tui.panels.wayview import LABEL

FIELDS = ("to", "via", "dev", "metric", "table")


class GatewayForm(DeedForm):
    """A route to add on a node, or with `route` one to change; dismissed with the Deed, or None.

    `destination` is what the lookup was asked, and is looked up again in the preview. With `read_only` only the
    what-if is offered. `family` decides what a name stands for.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "leave", key_display="esc", id="form.leave"),
        Binding("ctrl+b,b", "both", "do both", show=False, key_display="^b", id="form.both"),
    ]

    def __init__(
        self,
        world: World,
        node: str,
        *,
        destination: str = "",
        read_only: bool = False,
        family: int = 4,
        route: Route | None = None,
    ) -> None:
        super().__init__()
        self.world, self.node, self.route, self.read_only = world, node, route, read_only
        self.family = route.family if route is not None else family
        self._look = _asked(destination, world, world.node(node), self.family)
        self._start = self._first()
        self._replaces = False
        self._both = False
        self._touched: set[str] = set() if route is None else {"via", "dev"}
        self._targets: tuple[Target, ...] = ()
        self._offered_for: Prefix | None = None
        self._gateways: tuple[Gateway, ...] = ()
        self._withheld: tuple[Gateway, ...] = ()
        self._wrong: Complaint | None = None
        self._found: Preview | None = None
        self._plan: Plan | None = None

    def _first(self) -> Written:
        if self.route is not None:
            return form.written(self.route)
        return Written(form.suggested(self.world, self.node, self._look) if self._look is not None else "")

    def compose(self) -> ComposeResult:
        """The fields, what they come to, and the buttons."""
        first = self._start
        with Vertical(id="gateway", classes="form"):
            yield Labelled(
                ("to", FormField(first.to, id="to", placeholder="network, container, prefix")), note="to-says"
            )
            yield Labelled(("via", FormField(first.via, id="via", placeholder="next hop")), note="via-says")
            yield Told(id="via-others")
            yield Labelled(
                ("dev", FormField(first.dev, id="dev", placeholder="–")),
                ("metric", FormField(first.metric, id="metric", placeholder="–")),
                ("table", FormField(first.table, id="table", placeholder="main")),
            )
            yield PreviewView(id="preview", can_focus=False)
            yield Told(id="both")
            yield DeedButtons(self.read_only)

    def on_mount(self) -> None:
        """Name the window, and begin with the destination."""
        window = self.query_one("#gateway")
        title = f"Change the route to {told(self.route)} on" if self.route else "Add a gateway on"
        window.border_title = Content(printable(f"{title} {self.node}"))
        self._targets = form.targets(self.world, self.node, self.family)
        self._field("to").offer(each.name for each in self._targets)
        node = self.world.node(self.node)
        self._field("dev").offer(each.name for each in node.interfaces if each.name != "lo") if node else None
        self._field("table").offer(form.tables(self.world, self.node))
        self._field("to" if self.route is None else "via").focus()
        self._refigure()

    def on_resize(self) -> None:
        """The preview is told in the width that there is."""
        self.post_message(self.Stale())

    def _field(self, name: str) -> FormField:
        return self.query_one(f"#{name}", FormField)

    @property
    def fields(self) -> Written:
        """What is written now."""
        to, via, dev, metric, table = (self._field(name).value for name in FIELDS)
        return Written(to, via, dev, metric, table, self._replaces)

    # What is typed

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        self._typed(event.input.id or "")

    @on(FormField.Chosen)
    def _chosen(self, event: FormField.Chosen) -> None:
        self._typed(event.field.id or "")

    def _typed(self, name: str) -> None:
        self._touched.add(name)
        if name in ("to", "metric", "table"):
            self._replaces = False
        if name == "via" and "dev" not in self._touched:
            self._field("dev").put("")
        self.post_message(self.Stale())

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        """Enter takes what is offered against a mistake; where all is well it goes to the buttons."""
        event.stop()
        self._refigure(pressed=True)
        if self._wrong is not None:
            self._mend(self._wrong)
        else:
            self.query_one(DeedButtons).enter()

    def _mend(self, wrong: Complaint) -> None:
        if wrong.offer is None:
            if wrong.field:
                self._field(wrong.field).focus()
            return
        name, text = wrong.offer
        if name == "replaces":
            self._replaces = True
        else:
            self._field(name).put(text)
            self._field(name).focus()
        self._refigure()

    # What it comes to

    def _refigure(self, pressed: bool = False) -> None:
        """Work out the change and its preview, and show both."""
        self._found = self._plan = self._wrong = None
        try:
            prefix = form.destination(self.fields.to, self.world, self.node, self.family)
            self._offer(prefix)
            change = form.change(self.fields, self.world, self.node, self.family, self.route)
            self._preview(change, prefix)
        except Complaint as wrong:
            self._wrong = wrong
        self._draw(pressed)

    def _offer(self, prefix: Prefix) -> None:
        """Other gateways for another destination; the best is written into the field as long as nobody chose."""
        if prefix != self._offered_for:
            self._offered_for = prefix
            self._gateways, self._withheld = form.offered(self.world, self.node, prefix)
            self._field("via").offer(str(each.address) for each in self._gateways)
        if "via" not in self._touched:
            self._field("via").put(str(self._gateways[0].address) if self._gateways else "")
        gateway = self._gateway()
        if "dev" not in self._touched and gateway is not None:
            self._field("dev").put(gateway.dev)

    def _gateway(self) -> Gateway | None:
        via = self._field("via").value.strip()
        return next(
            (each for each in (*self._gateways, *self._withheld) if via in (str(each.address), each.node)), None
        )

    def _preview(self, change: Change, prefix: Prefix) -> None:
        target = self._look if self._look is not None and prefix.covers(self._look) else None
        look = target if target is not None else stand_in(self.world, self.node, prefix)
        ends = [(self.node, look)]
        found = preview(change, self.world, look=look, at=self.node, paths=ends)
        if found.refused:
            self._found = found
            raise form.blame(found, self.fields, self.world, self.node, self.family)
        self._plan = self._mended(found, look)
        if self._plan is not None and self._both:
            both = Several((change, *(each.change for each in self._plan.items)))
            found = preview(both, self.world, look=look, at=self.node, paths=ends)
        self._found = found

    def _mended(self, found: Preview, look: Address) -> Plan | None:
        """What else it takes until both can talk, where it takes anything and that is known."""
        assert found.after is not None
        owner = found.after.owner(look)
        way = found.paths[0].after
        if owner is None or owner[0].kind == "host" or way is None or way.works is not False:
            return None
        try:
            plan = connect(found.after, self.node, owner[0].name)
        except (ChangeRefused, QueryError):
            return None
        return plan if plan.works and plan.items and plan.target == look else None

    # What is drawn

    def _draw(self, pressed: bool) -> None:
        wrong = self._wrong
        for name in FIELDS:
            row = next(each for each in self._field(name).ancestors if isinstance(each, Labelled))
            row.complain(name, self._complaint(wrong, pressed) if wrong is not None and wrong.field == name else "")
        self._draw_meanings()
        self._draw_both()
        view = self.query_one(PreviewView)
        view.show(self._lines(view.scrollable_content_region.width or 76))
        self.query_one(DeedButtons).ready(self._found is not None and not self._found.refused)
        window = self.query_one("#gateway")
        window.border_subtitle = Content("⏎ on, then w t a · ↑↓ choose · tab complete · pgdn scroll · esc")

    def _complaint(self, wrong: Complaint, pressed: bool) -> str:
        """The sentence with what enter would do; not yet, where a name is still being typed."""
        field = self._field(wrong.field)
        typing = field.has_focus and not pressed and self._found is None
        if typing and (not field.value.strip() or any(each.startswith(field.value) for each in field.words)):
            return ""
        if wrong.offer is None:
            return str(wrong)
        name, text = wrong.offer
        offer = f"replaces it (via {text} now)" if name == "replaces" else f"takes {text or 'none'}"
        return f"{wrong}  ⏎ {offer}"

    def _draw_meanings(self) -> None:
        to, via = self.query_one("#to-says", Told), self.query_one("#via-says", Told)
        others = self.query_one("#via-others", Told)
        if self._wrong is not None and self._wrong.field == "to" and self._found is None:
            value = self._field("to").value
            near = [each for each in self._field("to").words if value and each.startswith(value) and each != value]
            to.say(Content(f"tab: {' · '.join(near[:4])}" if near else ""))
            via.say(Content(""))
            others.say(Content(""))
            return
        prefix = self._offered_for
        assert prefix is not None
        says = form.says(prefix, self.world, self.node)
        written = self._field("to").value.strip()
        to.say(Content(printable(says if written == prefix.brief else f"{prefix.brief}, {says}")))
        gateway = self._gateway()
        via.say(Content(printable(f"{gateway.node}: {gateway.reason}" if gateway else "")))
        rest = offers.others(self._gateways, self._withheld, gateway)
        others.say(Content(cut(rest, self._width - LABEL) if self._compact else printable(rest)))

    @property
    def _compact(self) -> bool:
        return self.app.size.height < 28

    @property
    def _width(self) -> int:
        known = self.query_one("#gateway").scrollable_content_region.width
        return known or min(104, self.app.size.width * 98 // 100 - 4)

    def _draw_both(self) -> None:
        words = self.query_one("#both", Told)
        words.display = self._plan is not None
        if self._plan is not None:
            words.say(offers.the_rest(self._plan, self._both, self._width))

    def _lines(self, width: int) -> list[list[Cell]]:
        if self._found is None:
            unsaid = self._wrong is not None and self._wrong.field == "to"
            return offers.destinations(self._targets, self._field("to").value, width) if unsaid else []
        return preview_lines(self._found, self.world, width, self._compact)

    # Keys

    def action_both(self) -> None:
        """The rest of the way too, or this route only."""
        if self._plan is not None:
            self._both = not self._both
            self._refigure()

    def action_leave(self) -> None:
        """From the buttons back to the fields, from there out."""
        if self.query_one(DeedButtons).has_focus_within:
            self._field("to" if self.route is None else "via").focus()
        else:
            self.dismiss(None)

    @on(DeedButtons.Decided)
    def _decided(self, event: DeedButtons.Decided) -> None:
        self._refigure(pressed=True)
        found = self._found
        if found is not None and not found.refused:
            prefer = str(found.look.address) if found.look is not None else ""
            self.dismiss(Deed(found.change, event.way, event.seconds, prefer))


def _asked(text: str, world: World, node: Node | None, family: int) -> Address | None:
    """The address that the lookup was about, where it was about one."""
    if not text.strip():
        return None
    try:
        return resolve(text, world, node, family).dst
    except QueryError:
        return None
