"""A Docker Engine, or a Podman that answers like one: its networks and containers, their tables, commands in them."""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from tui.core.firewall.values import Ruleset
from tui.core.world import TOPICS, Network, Node, World
from tui.engines.base import EngineError, Making, RawRun, Run, clean, no_such_node
from tui.engines.docker import beside
from tui.engines.docker import world as docker_world
from tui.engines.docker.connect import Connection
from tui.engines.docker.endpoint import find
from tui.engines.docker.entering import into_container, into_host
from tui.engines.docker.events import Events
from tui.engines.docker.host import Host
from tui.engines.docker.run import ContainerBytes, ContainerRun
from tui.engines.docker.tables import RUNGS, Tables
from tui.engines.docker.world import HOST, Container

if TYPE_CHECKING:
    from tui.core.changes import Change
    from tui.engines.docker.changing import Changing

R = TypeVar("R", bound=Run | RawRun)
STILL_READING = "Its tables are still being read."


def connect(
    host: str | None = None,
    context: str | None = None,
    rungs: Sequence[str] = RUNGS,
    ways: Sequence[str] | None = None,
) -> DockerEngine:
    """Reach the engine that is meant (see docker_endpoint.find); raises EngineError, which says what to do.

    `rungs` are the ways in which tables may be read, best first; `ways` those in which they may be changed, None for
    all that there are (tui.engines.docker.ways.WAYS).
    """
    return DockerEngine(Connection(find(host, context)), rungs, ways)


class DockerEngine:
    """An Engine (see tui.engines.base) over the API. It asks for two lists a snapshot, and for nothing one by one."""

    def __init__(self, connection: Connection, rungs: Sequence[str] = RUNGS, ways: Sequence[str] | None = None) -> None:
        self._connection = connection
        self._ways = ways
        self._changing: Changing | None = None
        self.label = f"{connection.program}://{connection.endpoint.name} {clean(connection.version['Version'])}"
        self._events = Events(connection, self._begin, self._end, self._forget, self._stopped)
        self._tables = Tables(connection, rungs, ours=self._events.ours, arrived=self._events.tell)
        self._host = Host(connection, rungs)
        self._runs: weakref.WeakSet[Run | RawRun] = weakref.WeakSet()
        self._lock = threading.Lock()
        self._closed = False

    def _begin(self) -> None:
        self._tables.forget_all()
        self._tables.listen()

    def _end(self) -> None:
        self._tables.listen_no_more()

    def _forget(self, container: str) -> None:
        self._tables.forget(container)

    def _stopped(self, container: str) -> None:
        self._tables.stopped(container)

    def snapshot(self, patience: float | None = None, fresh: bool = False) -> World:
        """The World now; see Engine.snapshot. Raises EngineError when the engine is away."""
        if patience is not None:
            self._events.subscribe()
        self._events.looked()
        # Whether events vouch for earlier readings is asked before the lists are: what changes later is told later.
        keep = self._events.live and not fresh
        listed, known = self._lists()
        readable = [each for each in listed if each.shares is None and each.state in ("running", "paused")]
        tables = self._tables.gather(readable, patience, keep)
        host = self._host.node(docker_world.with_gateways(known, listed, ()))
        networks = docker_world.with_gateways(known, listed, host.interfaces)
        nodes = tuple(self._node(each, listed, networks, tables) for each in listed)
        return World(engine=self.label, networks=networks, nodes=(*nodes, host))

    def _lists(self) -> tuple[tuple[Container, ...], tuple[Network, ...]]:
        from docker.errors import APIError

        if self._closed:
            raise EngineError("The engine was closed.")
        try:
            with self._connection.client() as api:
                containers = self._connection.listing.containers(api)
                networks = self._connection.listing.networks(api)
        except APIError as error:
            said = clean(str(error.explanation or error)).rstrip(".")
            raise EngineError(f"The engine does not list its containers: {said}.") from None
        return docker_world.containers(beside.without(containers)), docker_world.networks(networks)

    def _node(
        self,
        container: Container,
        everyone: Sequence[Container],
        networks: Sequence[Network],
        tables: dict[str, Node | None],
    ) -> Node:
        node = docker_world.node(container, everyone)
        if container.state not in ("running", "paused"):
            return replace(node, missing=TOPICS, problem=_not_running(container, self._connection.program))
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
            interfaces=docker_world.plugged(read.interfaces, container, networks),
        )

    def watch(self) -> Iterator[None]:
        """Yield for the engine's events; see Engine.watch."""
        return self._events.watch()

    def run(self, node: str, argv: Sequence[str]) -> Run:
        """Start a command in a node's network; see Engine.run. The host's commands are this machine's."""
        if not argv:
            raise EngineError("There is no command to run.")
        run: Run = self._host.run(argv) if node == HOST else self._run_inside(node, argv)
        return self._kept(run)

    def _kept(self, run: R) -> R:
        with self._lock:
            self._runs.add(run)
            closed = self._closed
        if closed:
            run.close()
        return run

    def filters(self, node: str) -> Ruleset | None:
        """The host's packet filters with their counters; see Counts. Those of containers are not read."""
        return self._host.filters() if node == HOST else None

    def enter(self, node: str, argv: Sequence[str]) -> Run:
        """Start a program of this machine in a container's network, or in the host's; see Enters."""
        run = into_host(self._connection, argv) if node == HOST else into_container(self._alive(node).id, node, argv)
        return self._kept(run)

    def _alive(self, node: str) -> Container:
        """The container of that name, which has processes (they may be paused); raises EngineError."""
        listed, _ = self._lists()
        container = next((each for each in listed if each.name == node), None)
        if container is None:
            raise no_such_node(node, [*(each.name for each in listed), HOST])
        if container.state not in ("running", "paused"):
            raise EngineError(
                f"{node} does not run ({container.state}): start it with {self._connection.program} start {node}."
            )
        return container

    def stream(self, node: str, argv: Sequence[str]) -> RawRun:
        """The bytes that a program inside a container writes; see Streams."""
        if node == HOST:
            raise EngineError("The host is no container: what it writes cannot be fetched through the engine.")
        return self._kept(ContainerBytes(self._connection, self._awake(node), argv))

    def _run_inside(self, node: str, argv: Sequence[str]) -> ContainerRun:
        return ContainerRun(self._connection, self._awake(node), argv)

    def _awake(self, node: str) -> Container:
        container = self._alive(node)
        if container.state == "paused":
            raise EngineError(
                f"{node} is paused: {self._connection.program} unpause {node} lets commands run in it again."
            )
        return container

    def change(self, change: Change, world: World, agreed: Collection[str] = ()) -> Making:
        """Begin to make a change; see Engine.change. In a node's network it goes by the best way there is."""
        if self._closed:
            raise EngineError("The engine was closed.")
        if self._changing is None:
            from tui.engines.docker.changing import Changing  # late: needed only once something is changed
            from tui.engines.docker.ways import WAYS

            ways = tuple(WAYS) if self._ways is None else self._ways
            self._changing = Changing(self._connection, ways, self._changed, self._look)
        return self._changing.begin(change, world, agreed)

    def _changed(self, container: str) -> None:
        """We changed something ourselves: what was read before counts no more."""
        self._tables.forget(container)
        self._events.tell()

    def _look(self) -> World:
        return self.snapshot()

    def close(self) -> None:
        """End commands, watches and readings. Safe to call twice and from any thread."""
        with self._lock:
            self._closed = True
            runs = list(self._runs)
        self._events.close()
        self._tables.close()
        self._host.close()
        for run in runs:
            with contextlib.suppress(EngineError):
                run.close()
        self._connection.close()


def _not_running(container: Container, program: str) -> str:
    if container.state == "restarting":
        return "It is restarting, so it has no tables now."
    return f"It is not running, so it has no tables: start it with {program} start {container.name}."
