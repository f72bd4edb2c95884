"""What frames the panels: the title row, the banner for trouble, and the row of keys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.cells import cell_len
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widgets import Input, Static

from tui.core.world import World
from tui.panels.cells import cut, printable
from tui.panels.layout import NOT_NETWORKS
from tui.panels.links import link

if TYPE_CHECKING:
    from tui.core.changes.deed import Trial  # what changes do is needed only once something is changed


class TitleBar(Static):
    """Which engine, how true the screen is, and what is there."""

    world: reactive[World | None] = reactive(None, init=False, repaint=False)
    trouble: reactive[str] = reactive("", init=False, repaint=False)
    simulated: reactive[bool] = reactive(False, init=False, repaint=False)
    what_if: reactive[tuple[object, ...]] = reactive((), init=False, repaint=False)
    trial: reactive[Trial | None] = reactive(None, init=False, repaint=False)
    changing: reactive[str] = reactive("", init=False, repaint=False)
    probing: reactive[int] = reactive(0, init=False, repaint=False)

    def __init__(self, label: str, read_only: bool = False) -> None:
        super().__init__(id="title", markup=False)
        self._label, self._read_only = label, read_only

    def on_mount(self) -> None:
        """Draw what is known already, and whatever changes later."""
        for name in ("world", "trouble", "simulated", "what_if", "trial", "changing", "probing"):
            self.watch(self, name, self._draw, init=False)
        self._draw()

    def on_resize(self) -> None:
        """More or less fits."""
        self._draw()

    @property
    def state(self) -> tuple[str, str, str]:
        """How true the screen is: a sign, a few words, and their style."""
        if self.trouble:
            return "✗", "not connected", "$error"
        if self.world is None:
            return "…", "connecting", "dim"
        if self.what_if:
            count = len(self.what_if)
            return "◇", f"what-if: {count} change{'' if count == 1 else 's'}", "$warning"
        if self.trial is not None:
            return "⏱", f"try: {self.trial.left} s", "$warning"
        if self.changing:
            return "…", "changing", "$warning"
        only = ", read-only" if self._read_only else ""
        return ("◌", f"simulated{only}", "$accent") if self.simulated else ("●", f"live{only}", "$success")

    def _draw(self) -> None:
        label = self.world.engine if self.world and self.world.engine else self._label
        sign, words, style = self.state
        width = (self.size.width or 80) - 1
        counts = _counts(self.world) if self.world else ""
        probes = f"▸ {_many(self.probing, 'probe')} (p)   " if self.probing else ""
        keys = "^p palette  ? help "
        taken = len("routetui  ") + len(words) + 5
        if taken + cell_len(label) + len(probes) + len(counts) + 3 > width:
            counts = ""
        label = cut(label, width - taken - len(probes) - 3)
        label = f"{label} · " if label and label != words else ""
        state = (f"{sign} {words}", f"b {style}")
        left = Content.assemble(" ", ("routetui", "b"), f"  {label}", state, "   ", probes, (counts, "dim"))
        space = width - left.cell_length - len(keys)
        right = Content("  ").join([link("app.command_palette", "^p palette"), link("app.help", "? help")])
        self.update(left if space < 1 else Content.assemble(left, " " * space, right))


def _counts(world: World) -> str:
    host = any(each.kind == "host" for each in world.nodes)
    networks = sum(each.driver not in NOT_NETWORKS for each in world.networks)
    nodes = len(world.nodes) - host
    kinds = {each.kind for each in world.nodes if each.kind != "host"}
    noun = "container" if kinds <= {"container"} else "node"
    parts = [_many(networks, "network"), _many(nodes, noun), *(["host"] if host else [])]
    return " · ".join(parts)


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


class Banner(Static):
    """Sentences across the screen: what is wrong, what is only supposed or tried. Hidden when there is nothing."""

    trouble: reactive[str] = reactive("", init=False, repaint=False)
    alarm: reactive[str] = reactive("", init=False, repaint=False)
    what_if: reactive[tuple[object, ...]] = reactive((), init=False, repaint=False)
    trial: reactive[Trial | None] = reactive(None, init=False, repaint=False)

    class Dismissed(Message):
        """The sentences that can be put away were."""

    def __init__(self, notice: str) -> None:
        super().__init__(id="banner", markup=False)
        self._notice = notice

    def on_mount(self) -> None:
        """Show what there is, and whatever changes later."""
        for name in ("trouble", "alarm", "what_if", "trial"):
            self.watch(self, name, self._draw, init=False)
        self._draw()

    def dismiss(self) -> None:
        """Put notice and alarm away; the others stay until they are over."""
        self._notice = ""
        self.post_message(self.Dismissed())
        self._draw()

    def on_click(self) -> None:
        """A click puts the notice away."""
        self.dismiss()

    def _draw(self) -> None:
        lines = list(self._lines())
        self.set_class(bool(self.trouble or self.alarm), "-trouble")
        self.set_class(bool(self.what_if or self.trial), "-supposed")
        self.display = bool(lines)
        self.update(Content("\n").join(lines))

    def _lines(self) -> Iterator[Content]:
        if self.trouble:
            text = f"✗ {self.trouble} What you see is the last that was known; it reconnects by itself."
            yield Content(printable(text))
        if self.alarm:
            yield Content(printable(f"✗ {self.alarm}  (esc)"))
        if self.trial is not None:
            yield Content.assemble(
                ("⏱ ", "b"),
                f"Taken back in {self.trial.left} s unless kept: ",
                link("app.keep", ("K", "b"), " keep"),
                "  ",
                link("app.undo", ("z", "b"), " take back now"),
                (f"   {printable(self.trial.what)}", "dim"),
            )
        if self.what_if:
            yield Content.assemble(
                ("◇ ", "b"),
                "What you see is supposed, nothing was touched: ",
                link("app.what_if", ("w", "b"), " apply, drop, list"),
            )
        if self._notice and not (self.trouble or self.alarm):
            yield Content(printable(f"◌ {self._notice}  (esc)"))


class KeyLine(Static):
    """The keys that matter now, made from the live bindings; each can be clicked."""

    def __init__(self) -> None:
        super().__init__(id="keys", markup=False)

    def on_mount(self) -> None:
        """Follow the focus."""
        self.screen.bindings_updated_signal.subscribe(self, lambda _: self._draw())
        self._draw()

    def on_resize(self) -> None:
        """More or fewer fit."""
        self._draw()

    def _draw(self) -> None:
        if not self.is_attached:
            return
        left = self.size.width or 80
        shown: list[tuple[str, str, str]] = []
        focused = self.screen.focused
        typing = isinstance(focused, Input)
        for node, binding, enabled, _ in self.screen.active_bindings.values():
            if not (binding.show and enabled and binding.description) or (typing and node is not focused):
                continue
            key = self.app.get_key_display(binding)
            left -= len(key) + len(binding.description) + 4
            if left < 0:
                break
            if any(each[1] == binding.description for each in shown):
                continue
            prefix = {self.app: "app.", self.screen: "screen."}.get(node, "focused.")
            shown.append((key, binding.description, prefix + binding.action))
        parts = [link(action, " ", (key, "b $accent"), f" {name} ") for key, name, action in shown]
        self.update(Content(" ").join(parts))
