"""A Docker Engine, or a Podman that answers like one: its networks and containers, their tables, commands in them."""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import replace

from tui.core.world import TOPICS, Network, Node, World
from tui.engines.base import EngineError, Run, clean, no_such_node
from tui.engines.docker import world as docker_world
from tui.engines.docker.connect import Connection
from tui.engines.docker.endpoint import find
from tui.engines.docker.events import Events
from tui.engines.docker.host import Host
from tui.engines.docker.run import ContainerRun
from tui.engines.docker.tables import RUNGS, Tables
from tui.engines.docker.world import HOST, Container

STILL_READING = "Its tables are still being read."


def connect(host: str | None = None, context: str | None = None, rungs: Sequence[str] = RUNGS) -> DockerEngine:
    """Reach the engine that is meant (see docker_endpoint.find); raises EngineError, which says what to do.

    `rungs` are the ways in which tables may be read, best first.
    """
    return DockerEngine(Connection(find(host, context)), rungs)


class DockerEngine:
    """An Engine (see tui.engines.base) over the API. It asks for two lists a snapshot, and for nothing one by one."""

    def __init__(self, connection: Connection, rungs: Sequence[str] = RUNGS) -> None:
        self._connection = connection
        self.label = f"{_product(connection)}://{connection.endpoint.name} {clean(connection.version['Version'])}"
        self._events = Events(connection, begin=self._begin, forget=self._forget)
        self._tables = Tables(connection, rungs, ours=self._events.ours, arrived=self._events.tell)
        self._host = Host(connection, rungs)
        self._runs: weakref.WeakSet[Run] = weakref.WeakSet()
        self._lock = threading.Lock()
        self._closed = False

    def _begin(self) -> None:
        self._tables.forget_all()

    def _forget(self, container: str) -> None:
        self._tables.forget(container)

    def snapshot(self, patience: float | None = None, fresh: bool = False) -> World:
        """The World now; see Engine.snapshot. Raises EngineError when the engine is away."""
        if patience is not None:
            self._events.subscribe()
        self._events.looked()
        # Whether events vouch for earlier readings is asked before the lists are: what changes later is told later.
        keep = self._events.live and not fresh
        listed, known = self._lists()
        host = self._host.node(docker_world.with_gateways(known, listed, ()))
        networks = docker_world.with_gateways(known, listed, host.interfaces)
        readable = [each for each in listed if each.shares is None and each.state in ("running", "paused")]
        tables = self._tables.gather(readable, patience, keep)
        nodes = tuple(self._node(each, listed, tables) for each in listed)
        return World(engine=self.label, networks=networks, nodes=(*nodes, host))

    def _lists(self) -> tuple[tuple[Container, ...], tuple[Network, ...]]:
        from docker.errors import APIError

        if self._closed:
            raise EngineError("The engine was closed.")
        try:
            with self._connection.client() as api:
                containers, networks = api.containers(all=True), api.networks()
        except APIError as error:
            said = clean(str(error.explanation or error)).rstrip(".")
            raise EngineError(f"The engine does not list its containers: {said}.") from None
        return docker_world.containers(containers), docker_world.networks(networks)

    def _node(self, container: Container, everyone: Sequence[Container], tables: dict[str, Node | None]) -> Node:
        node = docker_world.node(container, everyone)
        if container.state not in ("running", "paused"):
            return replace(node, missing=TOPICS, problem=_not_running(container))
        if node.shares is not None:
            known = node.shares == HOST or any(each.name == node.shares for each in everyone)
            return node if known else replace(node, problem="The container whose network it uses is gone.")
        read = tables[container.id]
        if read is None:
            return replace(node, missing=TOPICS, problem=STILL_READING)
        return replace(
            read,
            name=node.name,
            id=node.id,
            state=node.state,
            image=node.image,
            network_mode=node.network_mode,
            interfaces=docker_world.plugged(read.interfaces, container),
        )

    def watch(self) -> Iterator[None]:
        """Yield for the engine's events; see Engine.watch."""
        return self._events.watch()

    def run(self, node: str, argv: Sequence[str]) -> Run:
        """Start a command in a node's network; see Engine.run. The host's commands are this machine's."""
        if not argv:
            raise EngineError("There is no command to run.")
        run: Run = self._host.run(argv) if node == HOST else self._run_inside(node, argv)
        with self._lock:
            self._runs.add(run)
            closed = self._closed
        if closed:
            run.close()
        return run

    def _run_inside(self, node: str, argv: Sequence[str]) -> ContainerRun:
        listed, _ = self._lists()
        container = next((each for each in listed if each.name == node), None)
        if container is None:
            raise no_such_node(node, [*(each.name for each in listed), HOST])
        if container.state == "paused":
            raise EngineError(f"{node} is paused: docker unpause {node} lets commands run in it again.")
        if container.state != "running":
            raise EngineError(f"{node} does not run ({container.state}): start it with docker start {node}.")
        return ContainerRun(self._connection, container, argv)

    def close(self) -> None:
        """End commands, watches and readings. Safe to call twice and from any thread."""
        with self._lock:
            self._closed = True
            runs = list(self._runs)
        self._events.close()
        self._tables.close()
        for run in runs:
            with contextlib.suppress(EngineError):
                run.close()
        self._connection.close()


def _not_running(container: Container) -> str:
    if container.state == "restarting":
        return "It is restarting, so it has no tables now."
    return f"It is not running, so it has no tables: start it with docker start {container.name}."


def _product(connection: Connection) -> str:
    components = connection.version.get("Components") or ()
    return "podman" if any("podman" in str(each.get("Name")).lower() for each in components) else "docker"
