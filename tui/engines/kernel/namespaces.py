"""The network namespaces that this machine has names for (/run/netns: ip netns, mininet, CNI), as nodes of a World."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tui.core.firewall.values import Ruleset
from tui.core.labs.layout import HOST
from tui.core.world import TOPICS, Network, Node, Subnet, World
from tui.engines.base import EngineError, Making, Run, clean, no_such_node
from tui.engines.filter_reading import FilterReader, legacy_here, legacy_in
from tui.engines.kernel.plugging import plug_in
from tui.engines.netlink import Tables, read_many
from tui.engines.netlink.filter_tables import asking
from tui.engines.netlink.setns import call, elsewhere, enter
from tui.engines.netlink.watching import Ear, Watch, ears
from tui.engines.process_run import ProcessRun

if TYPE_CHECKING:
    from tui.core.changes import Change

FOLDER = Path("/run/netns")
IN_NAMESPACE = "in its namespace, by netlink"
"""How routes and switches are changed."""
_ENTER = Path(__file__).with_name("enter.py")
_NAMES_CHANGE = 0x100 | 0x200 | 0xC0  # IN_CREATE, IN_DELETE, IN_MOVED_FROM and IN_MOVED_TO


class NamespaceEngine:
    """An Engine over the namespaces whose names begin with `prefix`, and this machine's own as the host.

    Its networks are the host's bridges that have a port in one of them. Nothing is made, and nothing is removed.
    """

    def __init__(self, prefix: str = "", folder: Path = FOLDER) -> None:
        """Raises EngineError where namespaces may not be entered, or none has such a name."""
        self.label = f"namespaces {clean(prefix)}*"
        self._prefix = prefix
        self._folder = folder
        self._watches: list[Watch] = []
        self._runs: list[Run] = []
        self._lock = threading.Lock()
        self._closed = False
        self._filters: dict[tuple[str, int], FilterReader] = {}
        if not sys.platform.startswith("linux"):
            raise EngineError("Network namespaces are a thing of Linux.")
        if os.geteuid() != 0:
            raise EngineError("Only root may enter other network namespaces.", "Start routetui with sudo.")
        if len(self._paths()) == 1:
            raise EngineError(f"There is no namespace {prefix}* in {folder}.", "`ip netns list` shows what there is.")

    def _paths(self) -> dict[str, str]:
        """The file of each node's namespace, by the name that is safe to show; the host's comes last."""
        try:
            names = sorted(each.name for each in self._folder.iterdir() if each.name.startswith(self._prefix))
        except OSError:
            names = []
        paths = {clean(name): str(self._folder / name) for name in names}
        paths.pop(HOST, None)
        return {**paths, HOST: "/proc/self/ns/net"}

    def snapshot(self, patience: float | None = None, fresh: bool = False) -> World:  # noqa: ARG002  # it never waits
        """Every namespace as it is now; one that vanished meanwhile is left out."""
        paths = self._paths()
        found = zip(paths, read_many(list(paths.values())), strict=True)
        nodes = {name: _node(name, tables) for name, tables in found if not isinstance(tables, FileNotFoundError)}
        filters = {name: self._read_filters(paths[name]) for name in nodes}
        nodes = {name: replace(node, filters=filters[name]) for name, node in nodes.items()}
        networks = _networks(nodes)
        plugged = plug_in(nodes, {each.name: each.name for each in networks})
        return World(self.label, networks, tuple(plugged.values()))

    def _read_filters(self, path: str) -> Ruleset | None:
        """The packet filters of a namespace; no descriptor that would keep it alive stays open."""
        try:
            place = (path, Path(path).stat().st_ino)
        except OSError:
            return None

        def legacy() -> str:
            return elsewhere(lambda: _legacy_there(path)) if legacy_here() else ""

        def start(argv: Sequence[str]) -> Run:
            return ProcessRun(argv, (sys.executable, "-I", "-S", str(_ENTER), path, *argv))

        if place not in self._filters:
            self._filters[place] = FilterReader(asking(path), start, legacy)
        return self._filters[place].read()

    def watch(self) -> Iterator[None]:
        """Yield whenever one of them changes, comes or goes."""
        first = self._listen()
        return iter(()) if first is None else self._changes(first)

    def _listen(self) -> Watch | None:
        """Ears in every namespace, the first one for their names; None once the engine is closed."""
        with self._lock:
            if self._closed:
                return None
            heard: list[Ear] = [_Names(self._folder)]
            for path in self._paths().values():
                with contextlib.suppress(OSError):  # it vanished, and its name's end is heard
                    heard += ears([path])
            self._watches.append(Watch(heard))
            return self._watches[-1]

    def _changes(self, watch: Watch | None) -> Iterator[None]:
        """Those of one watch after another: when a name comes or goes, the ears are set up anew."""
        while watch is not None:
            renamed = False
            for changed in watch:
                renamed = 0 in changed
                if renamed:
                    break
                yield None
            if not renamed:
                return
            self._watches.remove(watch)
            watch = self._listen()
            if watch is not None:
                yield None

    def run(self, node: str, argv: Sequence[str]) -> Run:
        """Start a command in a namespace."""
        paths = self._paths()
        if node not in paths:
            raise no_such_node(node, list(paths))
        if not argv:
            raise EngineError("There is no command to run: write one after the node.")
        run = ProcessRun(argv, (sys.executable, "-I", "-S", str(_ENTER), paths[node], *argv))
        with self._lock:
            self._runs = [*(each for each in self._runs if each.code is None), run]
        return run

    def enter(self, node: str, argv: Sequence[str]) -> Run:
        """The same: a namespace has no programs of its own; see Enters."""
        return self.run(node, argv)

    def change(self, change: Change, world: World, agreed: Collection[str] = ()) -> Making:  # noqa: ARG002
        """Routes and switches, in the node's namespace; see Engine.change. Networks and nodes are somebody else's."""
        from tui.core.changes import place
        from tui.engines.making import InOrder, flat  # late: what changes do is needed only once something is changed

        for each in flat(change):
            node = place(each)
            if node is None:
                raise EngineError(
                    "These namespaces are somebody else's: routetui changes routes and switches in them, and makes "
                    "and removes no networks, nodes or links. Use what made them."
                )
            if node not in (paths := self._paths()):
                raise no_such_node(node, list(paths))
        return InOrder(change, world, self._make)

    def _make(self, change: Change, world: World) -> Making:
        from tui.core.changes import placed
        from tui.core.commands import CommandError, meaning
        from tui.engines.netlink.doing import do
        from tui.engines.sim import Printed

        ((node, argv),) = placed(change, world)
        path = self._paths().get(node or "")
        try:
            wanted = meaning(argv)
            if path is None or wanted is None:
                raise EngineError(f"{node} is gone, or {' '.join(argv)!r} changes nothing.")
            refused = do(path, wanted)
        except CommandError as error:
            raise EngineError(str(error)) from None
        except OSError as error:
            raise EngineError(f"{node} cannot be entered: {error.strerror}.") from error
        return Printed(argv, () if refused is None else (refused,), 0 if refused is None else 2, IN_NAMESPACE)

    def close(self) -> None:
        """End what runs and every watch; the namespaces stay."""
        with self._lock:
            self._closed = True
            runs, watches = self._runs, list(self._watches)
        for run in runs:
            run.close()
        for watch in watches:
            watch.close()


def _legacy_there(path: str) -> str:
    enter(path)
    return legacy_in(Path("/proc/thread-self/net"))


def _node(name: str, found: Tables | OSError) -> Node:
    node = Node(name, kind="host" if name == HOST else "namespace")
    if isinstance(found, Tables):
        return found.onto(node)
    return Node(name, kind=node.kind, missing=TOPICS, problem=f"It cannot be entered: {found.strerror}.")


def _networks(nodes: Mapping[str, Node]) -> tuple[Network, ...]:
    """The host's bridges with a port whose other end lies in one of the namespaces, and the host's subnets on them."""
    host = nodes[HOST]
    behind = {(each.peer_index, each.index) for node in nodes.values() if node is not host for each in node.interfaces}
    carrying = {port.master for port in host.interfaces if (port.index, port.peer_index) in behind}
    return tuple(
        Network(
            bridge.name,
            subnets=tuple(
                Subnet(each.prefix, each.address) for each in bridge.addresses if not each.address.is_link_local
            ),
            bridge=bridge.name,
        )
        for bridge in sorted(host.interfaces, key=lambda each: each.name)
        if bridge.kind == "bridge" and bridge.name in carrying
    )


class _Names:
    """An ear for the names in a folder (inotify(7))."""

    def __init__(self, folder: Path) -> None:
        self._number = call("inotify_init1", os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            call("inotify_add_watch", self._number, os.fsencode(folder), _NAMES_CHANGE)
        except OSError:
            self.close()
            raise

    def fileno(self) -> int:
        return self._number

    def recv(self, size: int, _flags: int, /) -> bytes:
        return os.read(self._number, size)

    def close(self) -> None:
        os.close(self._number)
