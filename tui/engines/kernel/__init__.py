"""Labs on the Linux kernel: network namespaces as nodes, bridges as networks; no Docker, no root, no image."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from tui.core.firewall.values import Ruleset
from tui.core.labs import Lab
from tui.core.world import Node, World
from tui.engines.base import EngineError, Making, Run, no_such_node
from tui.engines.kernel import lab_channel, memo
from tui.engines.kernel.isolation import NFT, RULES
from tui.engines.kernel.lab_channel import Channel, gone
from tui.engines.kernel.lab_filters import LabFilters
from tui.engines.kernel.lab_ip import without_ip
from tui.engines.kernel.lab_making import LabMaking, Made
from tui.engines.kernel.lab_runs import start_run
from tui.engines.kernel.plugging import plug_in
from tui.engines.netlink import Namespace
from tui.engines.netlink.watching import Watch

if TYPE_CHECKING:
    from tui.core.changes import Change


class KernelLab:
    """An Engine over one lab. It ends with `close`, or with this program, unless the lab is kept (`kept.up`).

    `isolation` says what keeps the bridges apart on the host: nft (nf_tables), rules (routing rules), or open where
    there is but one bridge. `notes` are sentences about what was done otherwise than the lab says.
    """

    def __init__(self, channel: Channel, made: Made, revision: int = 0) -> None:
        """`revision` is the one of what the lab's holder remembers."""
        self.label = made.world.engine
        self.notes = tuple(made.notes)
        self.made, self.revision, self.channel = made, revision, channel
        self.changing = threading.Lock()
        self._windows: dict[str, Namespace] = {}
        self._filters = LabFilters(channel, lambda: tuple(self.made.carriers))
        self._watches: list[Watch] = []
        self._runs: list[Run] = []
        self._reading = threading.Lock()
        self._lock = threading.Lock()
        self._closed = False

    @property
    def isolation(self) -> str:
        """What keeps the bridges apart on the host."""
        return self.made.isolation

    # --- the Engine ---

    def snapshot(self, patience: float | None = None, fresh: bool = False) -> World:  # noqa: ARG002  # it never waits
        """The lab as its kernel has it now."""
        with self._reading:
            self._check_open()
            self.channel.check()
            while True:
                self._catch_up()
                revision, plan = self.revision, self.made.world
                try:
                    found = {node.name: self._read(node, fresh) for node in plan.nodes if node.shares is None}
                except EngineError:
                    if self._moved(revision):
                        continue  # somebody has just removed that node
                    raise
                break
            found = plug_in(found, self.made.carriers)
        nodes = [found[node.name] if node.shares is None else _sharing(node, found) for node in plan.nodes]
        return replace(plan, nodes=tuple(nodes))

    def watch(self) -> Iterator[None]:
        """Yield whenever a link, address, route, rule or switch of a node changes, told by the kernel."""
        first = self._listen()
        return iter(()) if first is None else self._changes(*first)

    def _listen(self) -> tuple[Watch, int] | None:
        """Ears in every node that there is now, and the revision that this is; None once the engine is closed."""
        with self._reading:
            if self._closed:
                return None
            self._catch_up()
            revision = self.revision
            names = [node.name for node in self.made.world.nodes if node.shares is None]
            with contextlib.ExitStack() as stack:
                ears = [stack.enter_context(self.channel.ear(name)) for name in names]
                watch = Watch(ears, self.channel.fileno())
                stack.pop_all()
        with self._lock:
            if self._closed:
                watch.close()
                return None
            self._watches.append(watch)
        return watch, revision

    def _changes(self, watch: Watch, revision: int) -> Iterator[None]:
        """Those of one watch after another: when nodes come or go, the ears are set up anew."""
        while True:
            for _ in watch:
                if self._moved(revision):
                    break
                yield None
            else:
                if self._closed:
                    return
                raise gone()
            following = self._listen()
            if following is None:
                return
            with self._lock:
                self._watches = [each for each in self._watches if each is not watch]
            watch, revision = following
            yield None

    def run(self, node: str, argv: Sequence[str]) -> Run:
        """Start a command in a node. Where this machine has no `ip`, its commands are answered through netlink."""
        self._check_open()
        place = self.place(node)
        if not argv:
            raise EngineError("There is no command to run: write one after the node.")
        return self._kept(without_ip(self, self.channel, place, argv) or start_run(self.channel, place, argv))

    def enter(self, node: str, argv: Sequence[str]) -> Run:
        """A program of this machine, as every command of a lab is; see Enters."""
        self._check_open()
        return self._kept(start_run(self.channel, self.place(node), argv))

    def _kept(self, run: Run) -> Run:
        with self._lock:
            self._runs = [each for each in self._runs if each.code is None]
            self._runs.append(run)
            closed = self._closed
        if closed:  # meanwhile
            run.close()
        return run

    def change(self, change: Change, world: World, agreed: Collection[str] = ()) -> Making:  # noqa: ARG002
        """Make a change; see Engine.change. Networks and nodes are made as `tui.core.changes.apply` has them."""
        from tui.engines.making import InOrder  # late: what changes do is needed only once something is changed

        self._check_open()
        return InOrder(change, world, self._make)

    def _make(self, change: Change, world: World) -> Making:
        from tui.engines.kernel.lab_changing import make

        self._check_open()
        return make(self, change, world)

    def close(self) -> None:
        """End what runs and every watch, and the lab itself unless it is kept. Safe twice and from any thread."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            ends: list[Watch | Run] = [*self._watches, *self._runs]
        with contextlib.ExitStack() as ending:  # each of them, whatever becomes of the others; the last one first
            ending.callback(self.channel.close)
            ending.callback(self._close_windows)
            for each in ends:
                ending.callback(each.close)

    def _close_windows(self) -> None:
        with self._reading:
            for window in self._windows.values():
                window.close()
            self._windows.clear()

    # --- how ---

    def keep(self, made: Made) -> None:
        """Remember what the lab is now, for whoever attaches to it; OSError where somebody else was quicker."""
        answer, _, _ = self.channel.ask("keep", memo.written(made), revision=self.revision)
        with self._reading:
            self._adopt(made, answer["revision"])

    def _moved(self, revision: int) -> bool:
        """Whether the lab has got nodes or networks, or lost some, since that revision; or is gone."""
        try:
            return bool(self.channel.ask("recall", known=revision)[0]["revision"] != revision)
        except EngineError:
            return True

    def _catch_up(self) -> None:
        """Learn what others have made of the lab. The reading lock is held."""
        answer, kept, _ = self.channel.ask("recall", known=self.revision)
        if answer["revision"] != self.revision:
            self._adopt(memo.read(kept), answer["revision"])

    def _adopt(self, made: Made, revision: int) -> None:
        self.made, self.revision = made, revision
        # A node of the same name may be another one now.
        while self._windows:
            self._windows.popitem()[1].close()
        self._filters.forget()

    def filters(self, node: str) -> Ruleset | None:
        """A node's packet filters with their counters; see Counts."""
        return self._filters.read(self.place(node), counters=True)

    def window(self, node: str) -> Namespace:
        """A window into a node, the caller's to close."""
        return self.channel.window(self.place(node))

    def indexes(self, node: str) -> dict[str, int]:
        """The devices of a node, index by name."""
        return self.indexes_of(self.place(node))

    def indexes_of(self, place: str) -> dict[str, int]:
        """The same for a node that is not remembered yet."""
        window = self.channel.window(place)
        try:
            return {each.interface.name: each.interface.index for each in window.links()}
        finally:
            window.close()

    def _check_open(self) -> None:
        if self._closed:
            raise EngineError("The lab is closed.")

    def place(self, name: str) -> str:
        """The node whose network that of `name` is; EngineError where there is none."""
        node = self.made.world.node(name)
        if node is None:
            raise no_such_node(name, [each.name for each in self.made.world.nodes])
        return node.name if node.shares is None else self.place(node.shares)

    def _read(self, node: Node, fresh: bool) -> Node:
        try:
            if node.name not in self._windows:
                self._windows[node.name] = self.channel.window(node.name)
            seen = self._windows[node.name].tables().onto(node)
            return replace(seen, filters=self._filters.read(node.name, fresh=fresh))
        except OSError as error:
            raise EngineError(f"{node.name} cannot be read: {error.strerror}.") from error


def _sharing(node: Node, nodes: dict[str, Node]) -> Node:
    """A node that uses another's network: the same devices, tables and switches under its own name."""
    owner = nodes.get(node.shares or "")
    if owner is None:
        return replace(node, problem=f"It uses the network of {node.shares}, which this lab does not have.")
    return node.in_network_of(owner)


def start(lab: Lab, isolation: tuple[str, ...] = (NFT, RULES)) -> KernelLab:
    """Bring a lab up, for as long as this program runs.

    Raises EngineError: with the setting to change where the system forbids it, with the kernel's words where it
    refuses part of the lab; then nothing is left of it.
    """
    channel, _ = lab_channel.start()
    try:
        return KernelLab(channel, LabMaking(channel, lab, isolation).make())
    except BaseException:
        channel.close()
        raise
