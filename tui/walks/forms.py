"""From a key to a form, and from the form to a deed; the what-if menu and the command log."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from textual import on
from textual.screen import ModalScreen

from tui.core.addresses import Address
from tui.core.entry import Entry
from tui.core.world import Node, Route, World
from tui.panels.log import CommandLog
from tui.panels.lookup import LookupPanel
from tui.panels.routes import Routes
from tui.walks.undo import Undo

if TYPE_CHECKING:
    from tui.core.changes.deed import Deed
    from tui.panels.recipes import Recipe

CHANGING = frozenset({"gateway", "connect", "delete", "edit", "forwarding", "changes"})
"""The actions that a read-only engine has no use for: their keys are not shown and do nothing."""


class Forms(Undo):
    """Opens the forms over the World that is shown, so that what-ifs build on each other."""

    # What the forms are about

    def _here(self) -> tuple[World, Node] | None:
        """The World that is shown and the chosen node; a sentence where there is none."""
        if self.world is None or self.node is None:
            self.say("Choose a node first.", "warning")
            return None
        return self.world, self.node

    @property
    def _lookup(self) -> LookupPanel:
        return self.screen_stack[0].query_one(LookupPanel)

    def _target(self) -> Address | None:
        """The destination that the lookup is about."""
        question = self._lookup.question
        return question.dst if question is not None else None

    def _open(self, form: ModalScreen[Deed | None]) -> None:
        self.clear_notifications()  # they would cover the form, and whoever opens one has read them
        self.push_screen(form, self.perform)

    def _open_recipe(self, recipe: Recipe) -> None:
        from tui.panels.changing import ChangeForm

        if self.world is not None:
            form = ChangeForm(recipe, self.world, self._target(), read_only=self.read_only, what_if=bool(self.what_if))
            self._open(form)

    # Routes and switches

    def action_gateway(self) -> None:
        """A route more on the chosen node, to where the lookup asks if it does."""
        if (here := self._here()) is not None:
            self._gateway(*here)

    def _gateway(self, world: World, node: Node, route: Route | None = None) -> None:
        from tui.panels.gateway import GatewayForm

        asked = self._target()
        self._open(
            GatewayForm(
                world,
                node.shares or node.name,
                destination=str(asked) if asked is not None else "",
                read_only=self.read_only,
                family=self.family,
                route=route,
            )
        )

    def action_edit(self) -> None:
        """The route under the cursor of panel 2."""
        self._with_route(self._gateway)

    @on(Routes.Chosen)
    def _route_chosen(self, event: Routes.Chosen) -> None:
        event.stop()
        if not self.read_only:
            self.action_edit()

    def action_delete(self) -> None:
        """The route under the cursor of panel 2, away."""
        from tui.panels.recipes import delete

        self._with_route(lambda _, node, route: self._open_recipe(delete(node.shares or node.name, route)))

    def _with_route(self, then: Callable[[World, Node, Route], None]) -> None:
        here, route = self._here(), self.screen_stack[0].query_one(Routes).route
        if here is not None and route is not None:
            then(*here, route)
        elif here is not None:
            self.say("Choose a route first: 2 goes to the routes, arrows move.", "warning")

    def action_forwarding(self) -> None:
        """The chosen node's forwarding of the family that is shown."""
        from tui.panels.recipes import switch

        if (here := self._here()) is not None:
            world, node = here
            owner = world.node(node.shares) if node.shares else node
            self._open_recipe(switch(owner or node, self.family))

    def action_connect(self) -> None:
        """Let two nodes talk: the chosen one and another."""
        from tui.panels.plan import PlanForm

        if (here := self._here()) is not None:
            world, node = here
            asked = self._target()
            owner = world.owner(asked) if asked is not None else None
            other = owner[0].name if owner is not None and owner[0].name != node.name else ""
            self._open(PlanForm(world, node.name, other, read_only=self.read_only))

    # Networks and nodes

    def action_changes(self) -> None:
        """A menu of what else can be changed."""
        from tui.panels import recipes
        from tui.panels.asking import Choice, Menu

        if (here := self._here()) is None:
            return
        world, node = here
        rows: dict[str, tuple[Choice, Callable[[], Recipe]]] = {
            each.letter: (each, make)
            for each, make in (
                (Choice("c", "connect", "a container to a network"), lambda: recipes.connect(world, node.name)),
                (Choice("d", "disconnect", "a container"), lambda: recipes.disconnect(world, node.name)),
                (Choice("n", "new network", "with a subnet"), lambda: recipes.create_network(world)),
                (Choice("N", "remove a network", "that is not used"), lambda: recipes.remove_network(world)),
                (Choice("s", "start a container", "of the lab"), lambda: recipes.start(world)),
                (Choice("X", "remove a container", "with all in it"), lambda: recipes.remove(world, node.name)),
            )
        }

        def picked(letter: str | None) -> None:
            if letter is not None:
                self._open_recipe(rows[letter][1]())

        self.clear_notifications()
        self.push_screen(Menu("Change networks and containers", [each for each, _ in rows.values()]), picked)

    # What-if

    def action_what_if(self) -> None:
        """What is only supposed: all of it real, the last of it away, all of it away."""
        from tui.core.changes.sentence import sentence
        from tui.panels.asking import Choice, Menu

        if not self.what_if:
            self.say("There is no what-if. Every form (g, c, x, o, C) can show its change first: choose what-if there.")
            return
        count = len(self.what_if)
        cannot = "the engine is read-only" if self.read_only else ""
        rows = (
            Choice("a", "apply all", "make them real, in order", cannot),
            Choice("d", "drop the last", sentence(self.what_if[-1])),
            Choice("D", "drop all", "back to what is"),
        )
        about = [f"{number}. {sentence(each)}" for number, each in enumerate(self.what_if, 1)]

        def picked(letter: str | None) -> None:
            if letter == "a":
                self.make_real()
            elif letter is not None:
                self.drop(1 if letter == "d" else count)

        self.clear_notifications()
        self.push_screen(Menu(f"What-if: {_many(count)}, nothing is touched", rows, about), picked)

    # The command log

    def action_log(self) -> None:
        """Everything that was run."""
        self.clear_notifications()
        self.push_screen(CommandLog(self.entries))

    def watch_entries(self, entries: tuple[Entry, ...]) -> None:
        """An open log follows."""
        if isinstance(self.screen, CommandLog):
            self.screen.show(entries)

    @on(CommandLog.Wanted)
    def _script_wanted(self, event: CommandLog.Wanted) -> None:
        if not self.history.done:
            self.say("Nothing was changed (or all of it was taken back), so there is no script.", "warning")
            return
        text = self.script(event.undo)
        told = "takes it all back" if event.undo else "does it all"
        if event.way == "copy":
            self.copy_to_clipboard(text)
            self.say(f"Copied: a script that {told}, {len(self.history.done)} step{_s(len(self.history.done))}.")
        else:
            self.save("sh", lambda: text)

    def script(self, undo: bool = False) -> str:
        """A shell script that makes every real change that is not taken back, or with `undo` takes them back."""
        from tui.core.changes.history import script

        prefix, head = self._in_scripts()
        hosts = {each.name for each in self.real.nodes if each.kind == "host"} if self.real else set()
        inside = functools.partial(_inside, hosts, prefix) if self.lab_by_name is None else prefix
        return script(self.history, undo, inside, head)

    @property
    def lab_by_name(self) -> str | None:
        """The name by which a script reaches the kernel lab on the screen; None where it is none."""
        return getattr(self, "lab", None) or "NAME" if self.engine.label.startswith("kernel") else None

    def _in_scripts(self) -> tuple[Callable[[str | None], tuple[str, ...]], tuple[str, ...]]:
        """What stands before a command by its node, and before all of them, in the way that was used here."""
        from tui.core.changes.history import docker, entered, in_network, netns, podman

        product, _, _ = self.engine.label.partition("://")
        if self.engine.label.startswith("namespaces "):
            return netns, ()
        if product in ("docker", "podman"):
            near = any(each.how.startswith("in its namespace") for each in self.entries if each.kind != "ask")
            return (entered, (in_network(product),)) if near else (podman if product == "podman" else docker, ())
        if self.lab_by_name is not None:
            note = f"# The lab must be up to stay: routetui lab up {self.lab_by_name}"
            return functools.partial(_by_routetui, self.lab_by_name), (note,)
        return docker, ("# Made in the simulator; the same lab on Docker (routetui lab up --engine docker) takes it.",)

    def save(self, ending: str, make: Callable[[], str]) -> None:
        """Write a new file into the folder in which routetui was started."""
        number = 1
        while (path := Path.cwd() / f"routetui-{number}.{ending}").exists():
            number += 1
        try:
            path.write_text(make(), encoding="utf-8")
        except OSError as error:
            self.say(
                f"Not saved: {error.strerror or error}. Start routetui in a folder that you may write to.", "error"
            )
        else:
            self.say(f"Saved {path}")


def _inside(hosts: set[str], prefix: Callable[[str | None], tuple[str, ...]], node: str | None) -> tuple[str, ...]:
    """The prefix; a command of the host needs none where the script is run."""
    return () if node is None or node in hosts else prefix(node)


def _by_routetui(lab: str, node: str | None) -> tuple[str, ...]:
    """A command in a node of a lab on the kernel; one of Docker's own stays as it is, for the same lab there."""
    return ("routetui", "--lab", lab, "run", node, "--") if node is not None else ()


def _many(count: int) -> str:
    return f"{count} change{_s(count)}"


def _s(count: int) -> str:
    return "" if count == 1 else "s"
