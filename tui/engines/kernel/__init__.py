"""Labs on the Linux kernel: network namespaces as nodes, bridges as networks; no Docker, no root, no image."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from tui.core.labs import Lab
from tui.core.world import Node, World
from tui.engines.base import EngineError, Making, Run, no_such_node
from tui.engines.kernel import lab_channel
from tui.engines.kernel.isolation import NFT, RULES
from tui.engines.kernel.lab_channel import Channel, gone
from tui.engines.kernel.lab_ip import without_ip
from tui.engines.kernel.lab_making import LabMaking, Made, bridge_name
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

    def __init__(self, channel: Channel, made: Made) -> None:
        self.label = made.world.engine
        self.isolation = made.isolation
        self.notes = tuple(made.notes)
        self._channel = channel
        self._plan = made.world
        self._windows: dict[str, Namespace] = {}
        self._watches: list[Watch] = []
        self._runs: list[Run] = []
        self._reading = threading.Lock()
        self._lock = threading.Lock()
        self._closed = False

    # --- the Engine ---

    def snapshot(self, patience: float | None = None, fresh: bool = False) -> World:  # noqa: ARG002  # it never waits
        """The lab as its kernel has it now."""
        with self._reading:
            self._check_open()
            self._channel.check()
            found = {node.name: self._read(node) for node in self._plan.nodes if node.shares is None}
        found = plug_in(found, self._carriers())
        nodes = [found[node.name] if node.shares is None else _sharing(node, found) for node in self._plan.nodes]
        return replace(self._plan, nodes=tuple(nodes))

    def watch(self) -> Iterator[None]:
        """Yield whenever a link, address, route, rule or switch of a node changes, told by the kernel."""
        names = [node.name for node in self._plan.nodes if node.shares is None]
        with self._lock:
            if self._closed:
                return iter(())
            watch = Watch([self._channel.ear(name) for name in names], self._channel.fileno())
            self._watches.append(watch)
        return self._changes(watch)

    def _changes(self, watch: Watch) -> Iterator[None]:
        for _ in watch:
            yield None
        if not self._closed:
            raise gone()

    def run(self, node: str, argv: Sequence[str]) -> Run:
        """Start a command in a node. Where this machine has no `ip`, its commands are answered through netlink."""
        self._check_open()
        place = self.place(node)
        if not argv:
            raise EngineError("There is no command to run: write one after the node.")
        run = without_ip(self, self._channel, place, argv) or start_run(self._channel, place, argv)
        with self._lock:
            self._runs = [each for each in self._runs if each.code is None]
            self._runs.append(run)
        return run

    def change(self, change: Change, world: World, agreed: Collection[str] = ()) -> Making:  # noqa: ARG002
        """Make a change; see Engine.change. Networks and nodes are made as `tui.core.changes.apply` has them."""
        from tui.engines.making import InOrder  # late: what changes do is needed only once something is changed

        self._check_open()
        return InOrder(change, world, self._make)

    def _make(self, change: Change, world: World) -> Making:
        from tui.engines.kernel.lab_changing import make

        self._check_open()
        return make(self, self._channel, change, world)

    def close(self) -> None:
        """End what runs and every watch, and the lab itself unless it is kept. Safe twice and from any thread."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        for run in self._runs:
            run.close()
        for watch in self._watches:
            watch.close()
        with self._reading:
            for window in self._windows.values():
                window.close()
            self._windows.clear()
        self._channel.close()

    # --- how ---

    def window(self, node: str) -> Namespace:
        """A window into a node, the caller's to close."""
        return self._channel.window(self.place(node))

    def indexes(self, node: str) -> dict[str, int]:
        """The devices of a node, index by name."""
        window = self.window(node)
        try:
            return {each.interface.name: each.interface.index for each in window.links()}
        finally:
            window.close()

    def _check_open(self) -> None:
        if self._closed:
            raise EngineError("The lab is closed.")

    def place(self, name: str) -> str:
        """The node whose network that of `name` is; EngineError where there is none."""
        node = self._plan.node(name)
        if node is None:
            raise no_such_node(name, [each.name for each in self._plan.nodes])
        return node.name if node.shares is None else self.place(node.shares)

    def _read(self, node: Node) -> Node:
        try:
            if node.name not in self._windows:
                self._windows[node.name] = self._channel.window(node.name)
            return self._windows[node.name].tables().onto(node)
        except OSError as error:
            raise EngineError(f"{node.name} cannot be read: {error.strerror}.") from error

    def _carriers(self) -> dict[str, str]:
        """The networks by the bridge that carries them."""
        ordered = sorted(self._plan.networks, key=lambda network: network.bridge is None)
        return {bridge_name(network, place): network.name for place, network in enumerate(ordered)}


def _sharing(node: Node, nodes: dict[str, Node]) -> Node:
    """A node that uses another's network: the same devices, tables and switches under its own name."""
    owner = nodes.get(node.shares or "")
    if owner is None:
        return replace(node, problem=f"It uses the network of {node.shares}, which this lab does not have.")
    return replace(
        node,
        interfaces=owner.interfaces,
        routes=owner.routes,
        rules=owner.rules,
        merged=owner.merged,
        sysctls=owner.sysctls,
        source=owner.source,
        missing=owner.missing,
        problem=owner.problem,
    )


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
