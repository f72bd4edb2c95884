"""The form for both ends at once: the changes that let two nodes talk, to be accepted whole or in part."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input

from tui.core.addresses import Address
from tui.core.changes import Change, ChangeRefused, Several
from tui.core.changes.deed import Deed
from tui.core.changes.plan import Item, Plan, connect
from tui.core.changes.preview import Preview, brief, preview, steps
from tui.core.destination import nearest, places
from tui.core.path import path
from tui.core.path.hops import Path
from tui.core.query import QueryError
from tui.core.world import World
from tui.panels.cells import printable
from tui.panels.deedform import DeedForm
from tui.panels.deeds import DeedButtons
from tui.panels.formfield import FormField, Labelled, Told
from tui.panels.planitems import ItemList, Way
from tui.panels.previewview import PreviewView, preview_lines

if TYPE_CHECKING:
    from tui.core.path.mends import Mend

PATIENCE = 150
"""How many sets of changes are tried in the search for other ways."""


class PlanForm(DeedForm):
    """Let two nodes talk: `a` and `b` are where it begins; dismissed with the Deed, or None.

    With `read_only` only the what-if is offered.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "leave", key_display="esc", id="form.leave"),
    ]

    class Found(Message):
        """Other ways were found for these ends."""

        def __init__(self, ends: tuple[str, str], mends: tuple[Mend, ...]) -> None:
            super().__init__()
            self.ends, self.mends = ends, mends

    def __init__(self, world: World, a: str, b: str = "", *, read_only: bool = False) -> None:
        super().__init__()
        self.world, self._ends, self.read_only = world, (a, b), read_only
        self._planned: tuple[str, str] | None = None
        self._plan: Plan | None = None
        self._now: Path | None = None
        self._ways: tuple[Way, ...] = ()
        self._way = 0
        self._searching = False
        self._found: Preview | None = None
        self._wrong: tuple[str, str] | None = None

    def compose(self) -> ComposeResult:
        """The ends, what it takes, what comes of it, and the buttons."""
        a, b = self._ends
        with Vertical(id="plan", classes="form"):
            yield Labelled(
                ("from", FormField(a, id="a", placeholder="container")),
                ("and", FormField(b, id="b", placeholder="container")),
            )
            yield Told(id="plan-says")
            yield ItemList(id="plan-items")
            yield PreviewView(id="preview", can_focus=False)
            yield DeedButtons(self.read_only)

    def on_mount(self) -> None:
        """Begin with the end that is missing, or with what there is to tick."""
        window = self.query_one("#plan")
        window.border_title = Content("Let two talk")
        window.border_subtitle = Content("space tick · ◀ ▶ other ways · ⏎ on · pgdn scroll · esc leave")
        names = [each.name for each in places(self.world)]
        for each in ("a", "b"):
            self._field(each).offer(names)
        self._refigure()
        home = self.query_one(ItemList) if self._ways else self._field("b")
        home.focus()

    def on_resize(self) -> None:
        """The preview is told in the width that there is."""
        self.post_message(self.Stale())

    def _field(self, name: str) -> FormField:
        return self.query_one(f"#{name}", FormField)

    # What is typed and ticked

    @on(Input.Changed)
    @on(FormField.Chosen)
    @on(ItemList.Ticked)
    def _typed(self) -> None:
        self.post_message(self.Stale())

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        """Enter takes the name that was meant; where both are known it goes to the boxes."""
        event.stop()
        self._refigure(pressed=True)
        if self._wrong is not None:
            field = self._wrong[0]
            name = self._field(field).value.strip()
            near = nearest(name, self.world) if self.world.node(name) is None else ()
            if near:
                self._field(field).put(near[0])
                self._refigure()
            self._field(field).focus()
        elif self._ways:
            self.query_one(ItemList).focus()

    @on(ItemList.Done)
    def _done(self) -> None:
        if self._found is not None and not self._found.refused:
            self.query_one(DeedButtons).enter()

    # What it comes to

    def _refigure(self, pressed: bool = False) -> None:
        """Make the plan where the ends are others, and the preview of what is ticked."""
        ends = (self._field("a").value.strip(), self._field("b").value.strip())
        self._wrong = next(
            ((field, told) for field, told in zip("ab", map(self._mistake, ends), strict=True) if told), None
        )
        if self._wrong is None and ends[0] == ends[1]:
            self._wrong = ("b", "Name two: a node always reaches itself.")
        if self._wrong is None and ends != self._planned:
            self._planned = ends
            self._make(*ends)
        if self._wrong is not None:
            self._planned = self._plan = None
        items = self.query_one(ItemList)
        way = self._ways[self._way] if self._plan is not None and self._ways else Way(())
        items.take(way.items)
        self._found = self._preview(items.chosen) if self._plan is not None else None
        self._draw(pressed)

    def _mistake(self, name: str) -> str:
        """What is wrong with the name of an end, or ""."""
        if not name:
            return "Name the container at this end."
        if self.world.node(name) is not None:
            return ""
        near = nearest(name, self.world)
        hint = f"  ⏎ takes {near[0]}" if near else ""
        return f"Nothing here is named {name!r}.{hint}"

    def _make(self, a: str, b: str) -> None:
        self._plan, self._now, self._ways, self._way = None, None, (), 0
        try:
            self._plan = plan = connect(self.world, a, b)
            self._now = path(self.world, a, plan.target if plan.target is not None else b)
        except (ChangeRefused, QueryError) as refused:
            if self._plan is None:
                self._wrong = ("b", str(refused))
            return
        self._ways = (Way(plan.items),) if plan.items else ()
        self._search()

    def _search(self) -> None:
        """Look for other ways in a thread, one search at a time: it takes longer than a key may."""
        if self._searching or self._now is None or self._now.works or self._planned is None:
            return
        self._searching = True
        self.run_worker(
            partial(self._find, self._planned, self._now),
            description="other ways to let them talk",
            group="mends",
            thread=True,
            exit_on_error=False,
        )

    def _find(self, ends: tuple[str, str], now: Path) -> None:
        found: tuple[Mend, ...] = ()
        try:
            from tui.core.path.mends import mends

            found = mends(self.world, now, patience=PATIENCE)
        finally:
            self.post_message(self.Found(ends, found))

    def on_plan_form_found(self, event: PlanForm.Found) -> None:
        """Offer them beside the plan; for other ends than are written by now, look again."""
        self._searching = False
        if event.ends != self._planned:
            self._search()
            return
        known = {frozenset(each.change for each in way.items) for way in self._ways if self._plan and self._plan.works}
        more = [Way(tuple(Item(step, "") for step in steps(each.change)), each.tradeoff) for each in event.mends]
        more = [each for each in more if frozenset(item.change for item in each.items) not in known]
        kept = self._ways if self._plan is not None and (self._plan.works or not more) else ()
        self._ways = (*kept, *more)
        self._way = min(self._way, max(0, len(self._ways) - 1))
        self._refigure()
        if self._ways and self.focused is self._field("b") and not kept:
            self.query_one(ItemList).focus()

    @on(ItemList.Turned)
    def _turned(self, event: ItemList.Turned) -> None:
        if self._ways:
            self._way = (self._way + event.by) % len(self._ways)
            self._refigure()

    @property
    def _target(self) -> Address | None:
        """The address at the other end that is meant."""
        if self._plan is not None and self._plan.target is not None:
            return self._plan.target
        return self._now.address if self._now is not None else None

    def _preview(self, chosen: Sequence[Change]) -> Preview | None:
        assert self._plan is not None
        assert self._planned is not None
        a, b = self._planned
        if not chosen:
            return None
        change = chosen[0] if len(chosen) == 1 else Several(tuple(chosen))
        target = self._target
        return preview(change, self.world, look=target, at=a, paths=[(a, target if target is not None else b)])

    # What is drawn

    def _draw(self, pressed: bool) -> None:
        row = self.query_one(Labelled)
        for name in ("a", "b"):
            row.complain(name, self._complaint(pressed) if self._wrong is not None and self._wrong[0] == name else "")
        says = self.query_one("#plan-says", Told)
        says.say(Content(printable(self._says()) if self._plan is not None else ""))
        items = self.query_one(ItemList)
        items.display = bool(items.items)
        view = self.query_one(PreviewView)
        width = view.scrollable_content_region.width or 76
        compact = self.app.size.height < 28
        view.show(preview_lines(self._found, self.world, width, compact) if self._found is not None else [])
        self.query_one(DeedButtons).ready(self._found is not None and not self._found.refused)

    def _complaint(self, pressed: bool) -> str:
        """Not yet, where a name is still being typed."""
        assert self._wrong is not None
        name, told = self._wrong
        value = self._field(name).value.strip()
        if pressed or value in self._field(name).words:
            return told
        typing = self._field(name).has_focus and any(each.startswith(value) for each in self._field(name).words)
        return "" if typing or not value else told

    def _says(self) -> str:
        """How it is now, and what the way is that is shown."""
        assert self._plan is not None
        assert self._planned is not None
        plan, (a, b) = self._plan, self._planned
        now = f"Now a packet from {a} to {self._target or b} {brief(self._now, self.world)}. " if self._now else ""
        if not self._ways:
            searching = " Looking for other ways …" if self._searching else ""
            return (
                f"{a} and {b}: {plan.verdict}.{searching}"
                if plan.works or not now
                else f"{now}{plan.verdict}.{searching}"
            )
        way = self._ways[self._way]
        which = f"  ◀ {self._way + 1} of {len(self._ways)} ways ▶" if len(self._ways) > 1 else ""
        many = "1 change lets" if len(way.items) == 1 else f"{len(way.items)} changes let"
        if way.items != plan.items:
            return f"{now}{many} them talk. {way.tradeoff}{which}"
        through = f" through {' and '.join(plan.via)}" if plan.via else ""
        told = f"{many} them talk{through}." if plan.works else f"What is known to help is not enough: {plan.verdict}."
        return f"{now}{told}{which}"

    # Keys

    def action_leave(self) -> None:
        """From the buttons back to the boxes, from there out."""
        if self.query_one(DeedButtons).has_focus_within:
            self.query_one(ItemList).focus()
        else:
            self.dismiss(None)

    @on(DeedButtons.Decided)
    def _decided(self, event: DeedButtons.Decided) -> None:
        self._refigure(pressed=True)
        found, plan = self._found, self._plan
        if found is not None and not found.refused and plan is not None:
            self.dismiss(Deed(found.change, event.way, event.seconds, str(self._target or "")))
