"""The form of a probe: its kind, from where, where to, its settings; wrong input is said as it is typed."""

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
from tui.core.probes.words import KINDS, SETTINGS, capture, probe, words_of
from tui.core.query import QueryError
from tui.core.world import Node, World
from tui.panels.cells import printable
from tui.panels.formfield import FormField, Labelled, Told

_CAPTURE = "capture"


class ProbeForm(Vertical):
    """Four fields. Enter sends the probe, from whichever field, as soon as all of them can be read.

    Each kind keeps its settings, and captures their filter, while others are chosen.
    """

    class Ready(Message):
        """A probe was written."""

        def __init__(self, node: str, probe: Probe | Capture) -> None:
            super().__init__()
            self.node, self.probe = node, probe

    def __init__(self, node: str, target: str) -> None:
        super().__init__(id="probe-form")
        self._first = node
        self._world: World | None = None
        self._kind = KINDS[0]
        self._targets = {"to": target, "only": ""}
        self._settings = dict(SETTINGS)

    def compose(self) -> ComposeResult:
        """Kind and node on one line, then the destination, then the settings."""
        kind, source = FormField(KINDS[0], id="kind"), FormField(self._first, id="source")
        yield Labelled(("probe", kind), ("from", source), note="kind-note")
        target = FormField(self._targets["to"], id="target", placeholder="address or container")
        yield Labelled(("to", target), note="to-note")
        yield Labelled(("with", FormField(SETTINGS[KINDS[0]], id="with")), note="with-note")

    def on_mount(self) -> None:
        """What is offered."""
        self._of("kind").offer(KINDS)
        self._check()

    def take(self, world: World | None) -> None:
        """The World in which names are looked up."""
        self._world = world
        self._offer()
        self._check()

    def enter(self) -> None:
        """Begin to write: where to, or what kind where that is known."""
        self._of("kind" if self._of("target").value or self._kind == _CAPTURE else "target").focus()

    def _of(self, name: str) -> FormField:
        return self.query_one(f"#{name}", FormField)

    def _row(self, name: str) -> Labelled:
        return next(each for each in self._of(name).ancestors if isinstance(each, Labelled))

    def _note(self, name: str, text: str) -> None:
        self.query_one(f"#{name}-note", Told).say(Content(printable(text)))

    def _offer(self) -> None:
        if self._world is not None:
            self._of("source").offer(each.name for each in self._world.nodes)
            node = self._node()
            names = [each.name for each in places(self._world, node)] if node is not None else []
            filters = ("icmp", "arp", "icmp or arp", "tcp", "udp port 53", *(f"host {name}" for name in names))
            self._of("target").offer(filters if self._kind == _CAPTURE else names)

    def _node(self) -> Node | None:
        return self._world.node(self._of("source").value.strip()) if self._world is not None else None

    @on(Input.Changed)
    @on(FormField.Chosen)
    def _changed(self, event: Input.Changed | FormField.Chosen) -> None:
        event.stop()
        field = event.field if isinstance(event, FormField.Chosen) else event.input
        if field.id == "source":
            self._offer()
        self._check()

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        found, node = self._check(), self._node()
        if found is not None and node is not None:
            self.post_message(self.Ready(node.name, found))
        elif self._kind != _CAPTURE and not self._of("target").value.strip():
            self._row("target").complain("target", "Write where to: an address or the name of a container.")

    def _check(self) -> Probe | Capture | None:
        """The probe, or None; what is wrong stands under its field, green and red tell of a filter."""
        for name in ("kind", "source", "target", "with"):
            self._row(name).complain(name, "")
        kind = self._of("kind").value.strip()
        self._note("kind", "↑ ↓ choose" + (": " + ", ".join(KINDS) if self.app.size.width >= 100 else ""))
        if kind not in KINDS:
            self._row("kind").complain("kind", f"Write {', '.join(KINDS[:-1])} or {KINDS[-1]}.")
            return None
        self._turn(kind)
        given = self._of("with").value
        more = [word for word in words_of(kind) if word not in given.split()]
        self._note("with", f"also: {', '.join(more)}" if more else "")
        try:
            found = self._capture(given) if kind == _CAPTURE else self._probe(kind, given)
        except ProbeError as error:
            self._row("with").complain("with", str(error))
            return None
        return found if self._from_here() else None

    def _from_here(self) -> bool:
        name = self._of("source").value.strip()
        if self._node() is None and self._world is not None:
            self._row("source").complain("source", f"There is no node named {name!r} here." if name else "From where?")
        return self._node() is not None

    def _turn(self, kind: str) -> None:
        """Another kind has other settings, and a capture a filter instead of a destination."""
        if kind == self._kind:
            return
        before, after = ("only" if each == _CAPTURE else "to" for each in (self._kind, kind))
        self._targets[before], self._settings[self._kind] = self._of("target").value, self._of("with").value
        self._kind = kind
        self._of("target").put(self._targets[after])
        self._of("with").put(self._settings[kind])
        self._of("target").placeholder = (
            "all, or: icmp and host 10.0.0.1" if after == "only" else "address or container"
        )
        self._row("target").query_one(".form-label", Static).update(after)
        self._offer()

    def _probe(self, kind: str, given: str) -> Probe | None:
        field = self._of("target")
        field.set_class(False, "-good", "-bad")
        self._note("to", "")
        text = field.value.strip()
        if not text or self._world is None:
            return None
        try:
            target = resolve(text, self._world, self._node()).dst
        except QueryError as error:
            self._row("target").complain("target", str(error))
            return None
        self._note("to", str(target) if str(target) != text else "")
        return probe(kind, target, given)

    def _capture(self, given: str) -> Capture | None:
        field = self._of("target")
        text = field.value.strip()
        try:
            parse(text, names_of(self._world) if self._world is not None else None)
        except FilterError as error:
            field.set_class(False, "-good")
            field.set_class(True, "-bad")
            self._note("to", f"✗ at character {error.at + 1}")
            self._row("target").complain("target", str(error))
            return None
        field.set_class(False, "-bad")
        field.set_class(bool(text), "-good")
        self._note("to", "✓ a filter that can be read" if text else "every packet")
        return capture(text, given)
