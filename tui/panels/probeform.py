"""The form of a probe: its kind, where to, its settings; wrong input is said as it is typed."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from tui.core.destination import places, resolve
from tui.core.packets.filter import FilterError, parse
from tui.core.packets.names import names_of
from tui.core.probes import Capture, Probe, ProbeError
from tui.core.probes.words import KINDS, SETTINGS, capture, probe
from tui.core.query import QueryError
from tui.core.world import World
from tui.panels.formfield import FormField, Labelled, Told


class ProbeForm(Vertical):
    """Three fields. Enter sends the probe, from whichever field, as soon as all of them can be read."""

    class Ready(Message):
        """A probe was written."""

        def __init__(self, probe: Probe | Capture) -> None:
            super().__init__()
            self.probe = probe

    def __init__(self, node: str, target: str) -> None:
        super().__init__(id="probe-form")
        self._node = node
        self._texts = {"to": target, "only": ""}
        self._world: World | None = None
        self._kind = KINDS[0]

    def compose(self) -> ComposeResult:
        """Kind and destination on one line, the settings on the next."""
        yield Labelled(("probe", FormField(KINDS[0], id="kind")), note="kind-note")
        yield Labelled(
            ("to", FormField(self._texts["to"], id="target", placeholder="address or container")), note="to-note"
        )
        yield Labelled(("with", FormField(SETTINGS[KINDS[0]], id="with")))

    def on_mount(self) -> None:
        """What is offered."""
        self._of("kind").offer(KINDS)
        self._check()

    def take(self, world: World | None) -> None:
        """The World in which names are looked up."""
        self._world = world
        node = world.node(self._node) if world is not None else None
        if world is not None and node is not None:
            self._of("target").offer(each.name for each in places(world, node))
            self._check()

    def enter(self) -> None:
        """Begin to write: where to, or what kind where that is known."""
        field = self._of("kind" if self._of("target").value else "target")
        field.focus()

    def _of(self, name: str) -> FormField:
        return self.query_one(f"#{name}", FormField)

    @on(Input.Changed)
    @on(FormField.Chosen)
    def _changed(self, event: Message) -> None:
        event.stop()
        self._check()

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        found = self._check()
        if found is not None:
            self.post_message(self.Ready(found))

    def _check(self) -> Probe | Capture | None:
        """The probe, or None; what is wrong stands under its field, green and red tell of a filter."""
        kind = self._of("kind").value.strip()
        rows = {name: self._row(name) for name in ("kind", "target", "with")}
        for name, row in rows.items():
            row.complain(name, "")
        note = self.query_one("#kind-note", Told)
        note.say(Content("↑ ↓ choose: " + ", ".join(KINDS)))
        if kind not in KINDS:
            rows["kind"].complain("kind", f"Write {', '.join(KINDS[:-1])} or {KINDS[-1]}.")
            return None
        self._turn(kind)
        try:
            return self._capture(rows) if kind == "capture" else self._probe(kind, rows)
        except ProbeError as error:
            rows["with"].complain("with", str(error))
        return None

    def _turn(self, kind: str) -> None:
        """Another kind has other settings, and a capture a filter instead of a destination."""
        if kind == self._kind:
            return
        before, after = ("only" if each == "capture" else "to" for each in (self._kind, kind))
        self._texts[before] = self._of("target").value
        self._of("target").put(self._texts[after])
        self._kind = kind
        self._of("with").put(SETTINGS[kind])
        self._of("target").placeholder = "icmp and host NODE …: all" if kind == "capture" else "address or container"
        label = self._row("target").query_one(".form-label", Static)
        label.update(after)

    def _row(self, name: str) -> Labelled:
        row = self._of(name).parent
        while not isinstance(row, Labelled):
            assert row is not None
            row = row.parent
        return row

    def _probe(self, kind: str, rows: dict[str, Labelled]) -> Probe | None:
        field, note = self._of("target"), self.query_one("#to-note", Told)
        field.set_class(False, "-good", "-bad")
        note.say(Content(""))
        node = self._world.node(self._node) if self._world is not None else None
        text = field.value.strip()
        if not text or self._world is None:
            return None
        try:
            target = resolve(text, self._world, node).dst
        except QueryError as error:
            rows["target"].complain("target", str(error))
            return None
        note.say(Content(f"{target}" if str(target) != text else ""))
        return probe(kind, target, self._of("with").value)

    def _capture(self, rows: dict[str, Labelled]) -> Capture | None:
        field, note = self._of("target"), self.query_one("#to-note", Told)
        text = field.value.strip()
        try:
            parse(text, names_of(self._world) if self._world is not None else None)
        except FilterError as error:
            field.set_class(True, "-bad")
            field.set_class(False, "-good")
            note.say(Content(f"at character {error.at + 1}"))
            rows["target"].complain("target", str(error))
            return None
        field.set_class(False, "-bad")
        field.set_class(bool(text), "-good")
        note.say(Content("✓ reads as a filter" if text else "everything"))
        return capture(text, self._of("with").value)
