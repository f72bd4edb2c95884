"""A change made on a Docker Engine: by its API, or by a command in a node's network, by the best way there is."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from typing import Any

from tui.core.changes import (
    AddRoute,
    Change,
    Connect,
    DeleteRoute,
    ReplaceRoute,
    SetSysctl,
    Several,
    StartNode,
    classic,
    command,
)
from tui.core.commands.route_command import ip_route
from tui.core.world import Route, World
from tui.engines.base import Asks, EngineError, Making, no_such_node
from tui.engines.docker import beside, lab_images
from tui.engines.docker import local as docker_local
from tui.engines.docker import world as docker_world
from tui.engines.docker.connect import Connection
from tui.engines.docker.creating import Creating, Ids, Memory, OfEngine
from tui.engines.docker.errand import Errand, Ground, Place, Unfit
from tui.engines.docker.lab import IMAGE, talking
from tui.engines.docker.ways import WAYS, admin
from tui.engines.docker.world import HOST, Container
from tui.engines.making import STOPPED, InOrder, flat

CONTAINER, PULL = "helper-container", "pull"
"""The words by which a person agrees to a container beside the one that is changed, and to fetching an image."""
INSTEAD = "busybox"
"""The image of a new container where none is named, as the command shows it."""

Told = Callable[[str], None]
OfRoute = AddRoute | ReplaceRoute | DeleteRoute
Within = OfRoute | SetSysctl


class Changing:
    """Begins changes on one engine. `told` is called with the name of a container (or "") that was changed."""

    def __init__(self, connection: Connection, ways: Sequence[str], told: Told, look: Callable[[], World]) -> None:
        """`ways` are those of WAYS that may be used, best first; `look` takes a snapshot."""
        self.connection = connection
        self.ways = tuple(ways)
        self.told = told
        self.look = look
        self.memory = Memory()

    def begin(self, change: Change, world: World, agreed: Collection[str]) -> Making:
        """See Engine.change. Raises Asks before anything is made."""
        wanted = _with_images(change)
        with talking(self.connection) as api:
            ground = Ground(api, self.connection.program)
            for each in flat(wanted):
                if isinstance(each, Within) and world.node(each.node) is not None:
                    self._check(ground, each, world, agreed)
                elif isinstance(each, StartNode) and PULL not in agreed and not beside.there(api, each.image):
                    raise Asks(f"The image {each.image} is not on this engine. Fetch it from its registry?", PULL)
        return InOrder(wanted, world, _Session(self, agreed).one)

    def _check(self, ground: Ground, change: Within, world: World, agreed: Collection[str]) -> None:
        """Ask where only a container beside it is left."""
        place = self.place(ground, change.node)
        reasons: list[str] = []
        for name in self.ways:
            try:
                WAYS[name].fit(ground, place, errand(change, world))
            except Unfit as reason:
                reasons.append(str(reason))
                continue
            if name == "container" and CONTAINER not in agreed:
                raise self.question(ground, place, change, reasons)
            return
        raise EngineError(_nothing_left(place, change, reasons))

    @staticmethod
    def question(ground: Ground, place: Place, change: Within, reasons: Sequence[str]) -> Asks:
        """What a person has to agree to, and why."""
        asked = beside.question(place.name, ground.image or "", isinstance(change, SetSysctl))
        return Asks(asked, CONTAINER, f"No better way is left: {'; '.join(dict.fromkeys(reasons))}." if reasons else "")

    def place(self, ground: Ground, name: str) -> Place:
        """The network that a node's commands change: its own, or that of the container it shares. EngineError."""
        listed = docker_world.containers(beside.without(self.connection.listing.containers(ground.api)))
        container = _owner(name, listed) if name != HOST else None
        if container is None:
            return Place(HOST, pid=self.connection.peer)
        if container.state not in ("running", "paused"):
            start = f"{self.connection.program} start {container.name}"
            raise EngineError(f"{container.name} does not run ({container.state}): {start}.")
        pid = docker_local.pids([container.id]).get(container.id) if self.connection.peer is not None else None
        host: dict[str, Any] = ground.api.inspect_container(container.id)["HostConfig"]
        return Place(container.name, container.id, pid, admin(host), container.state == "paused")


def _owner(name: str, listed: Sequence[Container]) -> Container | None:
    """The container whose network that of `name` is; None for the host's. Raises EngineError."""
    container = next((each for each in listed if each.name == name), None)
    if container is None:
        raise no_such_node(name, [*(each.name for each in listed), HOST])
    shares = docker_world.node(container, listed).shares
    if shares is None:
        return container
    if shares != HOST and all(each.name != shares for each in listed):
        raise EngineError(f"The container whose network {name} uses is gone.")
    return None if shares == HOST else _owner(shares, listed)


def errand(change: Within, world: World) -> Errand:
    """The command of a change in a node, in each form that it has."""
    (argv,) = command(change, world)
    if isinstance(change, SetSysctl):
        return Errand(argv, switch=(change.name, change.value))
    # A route is deleted in the classic form only where few words are enough to tell it from others.
    short = not isinstance(change, DeleteRoute) or argv == ip_route("del", change.route)
    return Errand(argv, classic(change) if short else None)


def _nothing_left(place: Place, change: Within, reasons: Sequence[str]) -> str:
    what = "set switches of" if isinstance(change, SetSysctl) else "change routes of"
    return f"Nothing here can {what} {place.name}: {'; '.join(dict.fromkeys(reasons))}."


def _with_images(change: Change) -> Change:
    """The change with an image for each container that is to be started."""
    if isinstance(change, StartNode):
        return replace(change, image=change.image or os.environ.get(IMAGE) or INSTEAD)
    if isinstance(change, Several):
        return replace(change, changes=tuple(map(_with_images, change.changes)))
    return change


class _Session:
    """The changes of one Making. Devices that the engine named otherwise than asked for are renamed in later ones."""

    def __init__(self, changing: Changing, agreed: Collection[str]) -> None:
        self._changing = changing
        self._agreed = agreed
        self._names: dict[tuple[str, str], str] = {}

    def one(self, change: Change, world: World) -> Making:
        """Begin one of them, in the World that those before it have left."""
        argv = command(change, world)[0]
        if isinstance(change, Within):
            return _Step(argv, lambda step: self._within(step, self._renamed(change), world))
        return _Step(argv, lambda step: self._of_engine(step, change, world))  # type: ignore[arg-type]

    # --- in a node's network ---

    def _renamed(self, change: Within) -> Within:
        if isinstance(change, SetSysctl):
            for (node, wished), dev in self._names.items():
                if node == change.node:
                    mark = f".conf.{wished.replace('.', '/')}."
                    change = replace(change, name=change.name.replace(mark, f".conf.{dev.replace('.', '/')}."))
            return change
        hops = tuple(
            replace(hop, dev=self._names.get((change.node, hop.dev or ""), hop.dev)) for hop in change.route.nexthops
        )
        route: Route = replace(change.route, nexthops=hops)
        return replace(change, route=route)

    def _within(self, step: _Step, change: Within, world: World) -> Iterator[str]:
        """By the first way that leads there."""
        with talking(self._changing.connection) as api:
            ground = Ground(api, self._changing.connection.program)
            place = self._changing.place(ground, change.node)
            wanted = errand(change, world)
            reasons: list[str] = []
            for name in self._changing.ways:
                try:
                    WAYS[name].fit(ground, place, wanted)
                    if name == "container" and CONTAINER not in self._agreed:
                        raise self._changing.question(ground, place, change, reasons)
                    done = WAYS[name].go(ground, place, wanted)
                except Unfit as reason:
                    reasons.append(str(reason))
                    continue
                yield from done.lines
                step.how, step.done = done.how, done.code
                self._changing.told(place.container)
                return
        raise EngineError(_nothing_left(place, change, reasons))

    # --- by the engine ---

    def _of_engine(self, step: _Step, change: OfEngine, world: World) -> Iterator[str]:
        step.how = "by the engine"
        with talking(self._changing.connection) as api:
            if isinstance(change, StartNode) and not beside.there(api, change.image):
                if PULL not in self._agreed:
                    pull = f"{self._changing.connection.program} pull {change.image}"
                    raise EngineError(f"The image {change.image} is not on this engine: {pull}.")
                for line in _saying(lambda say: lab_images.pull(api, change.image, say)):
                    yield line
                    if step.closed:
                        raise EngineError(f"Stopped: the image {change.image} was not fetched.")
            listing = self._changing.connection.listing
            containers = docker_world.containers(listing.containers(api))
            networks = docker_world.networks(listing.networks(api))
            ids = Ids({each.name: each.id for each in containers}, {each.name: each.id for each in networks})
            yield from Creating(api, self._changing.connection, self._changing.memory).make(change, world, ids)
        step.done = 0
        self._changing.told(ids.containers.get(getattr(change, "node", ""), ""))
        if isinstance(change, Connect | StartNode):
            yield from self._told_names(change)

    def _told_names(self, change: Connect | StartNode) -> Iterator[str]:
        """Which devices the engine made, where it could not be told their names."""
        links = (change,) if isinstance(change, Connect) else change.links
        name = change.node if isinstance(change, Connect) else change.name
        if not any(each.dev for each in links):
            return
        node = self._changing.look().node(name)
        for each in links:
            dev = next((one.name for one in node.interfaces if one.network == each.network), "") if node else ""
            if dev and each.dev and dev != each.dev:
                self._names[name, each.dev] = dev
                yield f"The engine calls the device {dev}, not {each.dev}: names can be chosen since Docker 28.1."


def _saying(work: Callable[[Told], None]) -> Iterator[str]:
    """What some work says while it goes on in a thread; what it raises is raised at the end."""
    said: queue.SimpleQueue[str | BaseException | None] = queue.SimpleQueue()

    def body() -> None:
        try:
            work(said.put)
            said.put(None)
        except BaseException as error:
            said.put(error)

    threading.Thread(target=body, name="docker-pull", daemon=True).start()
    while (line := said.get()) is not None:
        if isinstance(line, BaseException):
            raise line
        yield line


class _Step:
    """A Making of one change; it works while it is iterated. `done` is the code that it will have."""

    def __init__(self, argv: tuple[str, ...], work: Callable[[_Step], Iterator[str]]) -> None:
        self.argv = argv
        self.code: int | None = None
        self.how = ""
        self.done = 1
        self.closed = False
        self._begun = False
        self._work = work

    def __iter__(self) -> Iterator[str]:
        """Its lines; EngineError where it could not be done."""
        if self._begun or self.closed:
            return
        self._begun = True
        try:
            yield from self._work(self)
        finally:
            self.code = self.done

    def close(self) -> None:
        """Not to be begun any more. What has begun is short, and ends by itself."""
        self.closed = True
        if not self._begun:
            self.code = STOPPED
