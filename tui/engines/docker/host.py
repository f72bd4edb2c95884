"""The engine's own network stack as a node: owner of the bridges, read from this machine where the engine is on it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tui.core.firewall.values import Ruleset
from tui.core.world import TOPICS, Network, Node
from tui.engines import netlink
from tui.engines.base import EngineError
from tui.engines.docker import local as docker_local
from tui.engines.docker import proc as docker_proc
from tui.engines.docker.connect import Connection
from tui.engines.docker.host_filters import HostFilters
from tui.engines.docker.tables import settled
from tui.engines.docker.world import HOST, bridged, host_interfaces
from tui.engines.process_run import ProcessRun


class Host:
    """Reads the host and runs commands on it, as far as that is possible from here."""

    def __init__(self, connection: Connection, rungs: Sequence[str]) -> None:
        self._connection = connection
        self._rungs = rungs
        self._why = ""
        self._filters = HostFilters()

    def node(self, networks: tuple[Network, ...]) -> Node:
        """The host now; without a look at its stack, what the networks tell of its bridges."""
        bare = Node(HOST, kind="host", id=HOST)
        pid = self._connection.peer
        if pid is None:
            return replace(
                bare,
                interfaces=host_interfaces(networks),
                missing=tuple(topic for topic in TOPICS if topic != "addresses"),
                problem=self._elsewhere(),
            )
        seen = self._by_netlink(pid, bare) or self._by_proc(pid, bare)
        filters = self._filters.read(pid) if "netlink" in self._rungs else None
        return replace(settled(seen), interfaces=bridged(seen.interfaces, networks), filters=filters)

    def filters(self) -> Ruleset | None:
        """The host's packet filters with their counters, read anew; None where they cannot be read from here."""
        pid = self._connection.peer
        return None if pid is None else self._filters.read(pid, counters=True)

    def close(self) -> None:
        """Let go of the host's namespace."""
        self._filters.close()

    def _by_netlink(self, pid: int, bare: Node) -> Node | None:
        if "netlink" not in self._rungs:
            return None
        try:
            if docker_local.same_network(pid):
                here = netlink.Namespace.here()
                try:
                    return here.tables().onto(bare)
                finally:
                    here.close()
            return netlink.read(pid).onto(bare)
        except OSError:
            return None

    def _by_proc(self, pid: int, bare: Node) -> Node:
        files = docker_local.proc_files(pid)
        if not files:
            return replace(bare, missing=TOPICS, problem="The engine's process cannot be looked at from here.")
        seen = docker_proc.from_proc(files)
        return replace(
            seen,
            name=bare.name,
            kind=bare.kind,
            id=bare.id,
            source="/proc of this machine",
            problem="The engine has a network of its own: its rules and switches can be read as root only.",
        )

    def _elsewhere(self) -> str:
        """Why the host's tables cannot be read: asked for once, since the answer stays."""
        if not self._why:
            with self._connection.client() as api:
                found: dict[str, Any] = api.info()
            where = "in a virtual machine (Docker Desktop)" if "Desktop" in str(found.get("OperatingSystem")) else ""
            self._why = (
                f"The engine runs {where or 'on another machine, or behind a relay'}: of its host only the gateway "
                "addresses are known."
            )
        return self._why

    def run(self, argv: Sequence[str]) -> ProcessRun:
        """A command in the host's network; raises EngineError where it cannot be run from here."""
        pid = self._connection.peer
        if pid is None:
            raise EngineError("Nothing can be run on the engine's host from here: it is another machine.")
        if docker_local.same_network(pid):
            return ProcessRun(argv, argv)
        if os.geteuid() != 0:
            raise EngineError("The engine has a network of its own: run routetui as root to run a command in it.")
        return ProcessRun(argv, ["nsenter", f"--net=/proc/{pid}/ns/net", "--", *argv])
