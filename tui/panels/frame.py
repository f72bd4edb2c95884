"""What frames the panels: the title row, the banner for trouble, and the row of keys."""

from __future__ import annotations

from rich.cells import cell_len
from textual.content import Content
from textual.reactive import reactive
from textual.widgets import Input, Static

from tui.core.world import World
from tui.panels.cells import cut, printable
from tui.panels.layout import NOT_NETWORKS
from tui.panels.links import link


class TitleBar(Static):
    """Which engine, whether it is live, and what is there."""

    world: reactive[World | None] = reactive(None, init=False, repaint=False)
    trouble: reactive[str] = reactive("", init=False, repaint=False)

    def __init__(self, label: str, simulated: bool) -> None:
        super().__init__(id="title", markup=False)
        self._label, self._simulated = label, simulated

    def on_mount(self) -> None:
        """Draw what is known already."""
        self._draw()

    def on_resize(self) -> None:
        """More or less fits."""
        self._draw()

    def watch_world(self) -> None:
        """Other counts."""
        self._draw()

    def watch_trouble(self) -> None:
        """Connected, or no longer."""
        self._draw()

    @property
    def state(self) -> str:
        """One word for how true the screen is."""
        if self.trouble:
            return "not connected"
        if self.world is None:
            return "connecting"
        return "simulated" if self._simulated else "live"

    def _draw(self) -> None:
        label = self.world.engine if self.world and self.world.engine else self._label
        sign = {"live": "●", "simulated": "◌", "connecting": "…"}.get(self.state, "✗")
        style = {"live": "$success", "connecting": "dim", "simulated": "$accent"}.get(self.state, "$error")
        width = (self.size.width or 80) - 1
        counts = _counts(self.world) if self.world else ""
        keys = "^p palette  ? help "
        taken = len("routetui  ") + len(self.state) + 5
        if taken + cell_len(label) + len(counts) + 3 > width:
            counts = ""
        label = cut(label, width - taken - 3)
        label = f"{label} · " if label and label != self.state else ""
        state = (f"{sign} {self.state}", f"b {style}")
        left = Content.assemble(" ", ("routetui", "b"), f"  {label}", state, "   ", (counts, "dim"))
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
    """One sentence across the screen: the engine is away, or why it is a simulated one. Hidden when all is well."""

    trouble: reactive[str] = reactive("", init=False, repaint=False)

    def __init__(self, notice: str) -> None:
        super().__init__(id="banner", markup=False)
        self._notice = notice

    def on_mount(self) -> None:
        """Show the notice, if there is one."""
        self._draw()

    def watch_trouble(self) -> None:
        """The engine went away or came back."""
        self._draw()

    def dismiss(self) -> None:
        """Put the notice away; trouble stays until it is over."""
        self._notice = ""
        self._draw()

    def on_click(self) -> None:
        """A click puts the notice away."""
        self.dismiss()

    def _draw(self) -> None:
        self.set_class(bool(self.trouble), "-trouble")
        self.display = bool(self.trouble or self._notice)
        if self.trouble:
            text = f"✗ {self.trouble} What you see is the last that was known; it reconnects by itself."
        else:
            text = f"◌ {self._notice}  (esc)"
        self.update(Content(printable(text)))


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
