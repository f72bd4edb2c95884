"""Networks and containers made, joined and removed through the engine's API, each with routetui's label."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tui.core.changes import (
    ChangeRefused,
    Connect,
    CreateNetwork,
    Disconnect,
    RemoveNetwork,
    RemoveNode,
    StartNode,
    addressed,
    apply,
)
from tui.core.labs import LAB_SYSCTLS
from tui.core.world import World
from tui.engines.base import EngineError, clean
from tui.engines.docker import lab_bodies as bodies
from tui.engines.docker import podman
from tui.engines.docker.connect import Connection
from tui.engines.docker.lab import ended, post, refusals
from tui.engines.docker.lab_bodies import IFNAME, LABEL, OLDEST, Body, Version

if TYPE_CHECKING:
    import docker

MADE = "routetui.made"
"""The label of what was made by a change, in a lab or not."""
BRIDGE = "bridge"
"""Docker's own network: it gives no address that is asked for, and knows no aliases."""
OfEngine = Connect | Disconnect | CreateNetwork | RemoveNetwork | StartNode | RemoveNode

_KEPT = (
    *("Cmd", "Entrypoint", "Env", "Labels", "Tty", "OpenStdin", "User", "WorkingDir", "Domainname", "StopSignal"),
    *("Healthcheck", "ExposedPorts", "Volumes"),
)


class Memory:
    """How what was removed had been made, so that an undo makes it so again: what no World tells of it."""

    def __init__(self) -> None:
        self.labels: dict[str, dict[str, str]] = {}
        self.containers: dict[str, dict[str, Any]] = {}


class Creating:
    """The changes that are the engine's own. `ids` are the ids of containers (by node name) and networks (by name)."""

    def __init__(self, api: docker.APIClient, connection: Connection, memory: Memory) -> None:
        self._api = api
        self._connection = connection
        self._memory = memory

    def make(self, change: OfEngine, world: World, ids: Ids) -> Iterator[str]:
        """Make it, all of it or nothing: lines worth knowing. Raises EngineError with the engine's words."""
        match change:
            case Connect():
                yield from self._connect(addressed(change, world), ids)
            case Disconnect(node, network):
                with refusals(f"{node} off {network}"):
                    self._api.disconnect_container_from_network(ids.container(node), ids.network(network))
            case CreateNetwork():
                self._create_network(change, world)
            case RemoveNetwork(name):
                self._remove_network(name, ids)
            case StartNode():
                yield from self._start(_addressed(change, world), ids)
            case RemoveNode(name):
                self._remove(name, ids)

    # --- who is on which network ---

    def _connect(self, change: Connect, ids: Ids) -> Iterator[str]:
        if change.network == BRIDGE and change.addresses:
            yield "Docker's own network gives addresses as they come: the one asked for may be another's."
        if self._connection.podman:
            self._connect_on_podman(change, ids.container(change.node), ids.network(change.network))
            return
        body = {"Container": ids.container(change.node), "EndpointConfig": endpoint(change, self._version())}
        post(self._api, f"/networks/{ids.network(change.network)}/connect", body, f"{change.node} on {change.network}")

    def _connect_on_podman(self, change: Connect, container: str, network: str) -> None:
        path, what = f"{podman.OWN}/networks/{network}/connect", f"{change.node} on {change.network}"
        with refusals(what), podman.joined_or_not(self._api, container, change.network):
            post(self._api, path, podman.connection(change, container), what)

    def _version(self) -> Version:
        major, _, minor = str(self._api.api_version).partition(".")
        return int(major), int(minor)

    # --- networks ---

    def _create_network(self, change: CreateNetwork, world: World) -> None:
        wanted = network = change.network
        with contextlib.suppress(ChangeRefused):  # then the engine says so itself
            network = apply(change, world).network(wanted.name) or wanted  # with the gateways that it is shown with
        marks = self._memory.labels.get(wanted.name) or {MADE: "network", **self._only_lab()}
        if self._connection.podman:
            post(self._api, f"{podman.OWN}/networks/create", podman.network(network, marks), f"network {wanted.name}")
            return
        body = bodies.network(network, marks, False, self._version())
        body["Labels"] = marks
        post(self._api, "/networks/create", body, f"network {wanted.name}")

    def _only_lab(self) -> dict[str, str]:
        """The label of the lab that is up, where there is just one: what is made beside it goes down with it."""
        filters = {"label": LABEL}
        containers = self._api.containers(all=True, filters=filters)
        found = (*containers, *self._connection.listing.networks(self._api, LABEL))
        names = {str((each.get("Labels") or {})[LABEL]) for each in found}
        return {LABEL: names.pop()} if len(names) == 1 else {}

    def _remove_network(self, name: str, ids: Ids) -> None:
        with refusals(f"to remove network {name}"):
            identity = ids.network(name)
            labels = self._connection.listing.network_labels(self._api, identity)
            # Podman 4.3 takes a network from its containers where its id is given.
            self._api.remove_network(name if self._connection.podman else identity)
        self._memory.labels[name] = labels

    # --- containers ---

    def _start(self, change: StartNode, ids: Ids) -> Iterator[str]:
        body, later = self._body(change, ids)
        made = str(post(self._api, f"/containers/create?name={change.name}", body, f"container {change.name}")["Id"])
        try:
            with refusals(f"container {change.name}"):
                self._api.start(made)
            # A network that a running container joins gets the next device, in every version of the engine.
            for each in later:
                ids.containers[change.name] = made
                yield from self._connect(replace(each, node=change.name), ids)
            with refusals(f"container {change.name}"):
                code = ended(self._api, made)
            if code is not None:
                raise EngineError(
                    f"The container {change.name} ended at once (code {code}): choose an image whose command stays."
                )
        except BaseException:
            self._take_away(made)
            raise

    def _take_away(self, made: str) -> None:
        from docker.errors import APIError

        with contextlib.suppress(APIError):
            self._api.remove_container(made, v=True, force=True)

    def _body(self, change: StartNode, ids: Ids) -> tuple[Body, tuple[Connect, ...]]:
        """The request that creates it, and the links that follow once it runs."""
        version, memory = self._version(), self._memory.containers.get(change.name, {})
        known = memory if memory.get("Image") == change.image else {}
        at_once = change.links if version >= OLDEST["ifname"] else change.links[:1]
        named = [each.dev or f"eth{number}" for number, each in enumerate(change.links)]
        ends = {
            ids.network(each.network): endpoint(each, version, dev) for each, dev in zip(at_once, named, strict=False)
        }
        host = {
            "CapAdd": ["NET_ADMIN"],
            **known.get("HostConfig", {}),
            "NetworkMode": ids.network(change.links[0].network) if change.links else "none",
            "Sysctls": {**LAB_SYSCTLS, **known.get("Sysctls", {}), **dict(change.sysctls)},
        }
        host["Sysctls"] = {name.replace("/", "."): str(value) for name, value in host["Sysctls"].items()}
        body: Body = {
            "Image": change.image,
            "Hostname": change.name[:63],
            # A terminal that nobody looks at keeps an image's shell waiting, where that is its command.
            "Tty": True,
            "OpenStdin": True,
            "Labels": {MADE: "container", **self._lab_of(change, ids)},
            **{key: value for key, value in known.get("Config", {}).items() if key in _KEPT},
            "HostConfig": host,
            **({"NetworkingConfig": {"EndpointsConfig": ends}} if ends else {}),
        }
        if change.links and change.links[0].mac and version < OLDEST["mac"]:
            body["MacAddress"] = change.links[0].mac
        return body, tuple(change.links[len(at_once) :])

    def _lab_of(self, change: StartNode, ids: Ids) -> dict[str, str]:
        """The label of the lab whose networks it is on: else that lab could not be taken down any more."""
        for each in change.links:
            labels = self._connection.listing.network_labels(self._api, ids.network(each.network))
            if LABEL in labels:
                return {LABEL: labels[LABEL]}
        return {} if change.links else self._only_lab()

    def _remove(self, name: str, ids: Ids) -> None:
        with refusals(f"to remove {name}"):
            identity = ids.container(name)
            found = self._api.inspect_container(identity)
            labels = found["Config"].get("Labels") or {}
            if LABEL not in labels and MADE not in labels:
                raise EngineError(
                    f"{name} was not made by routetui, which removes only what it made: "
                    f"{self._connection.program} rm -f {clean(name)} "
                    "does it, if it is to go."
                )
            self._api.remove_container(identity, v=True, force=True)
        host = {key: value for key, value in found["HostConfig"].items() if value not in (None, "", [], {}, 0, False)}
        if "Ulimits" in host:
            host["Ulimits"] = podman.ulimits(host["Ulimits"])
        self._memory.containers[name] = {
            "Image": found["Config"]["Image"],
            "Config": found["Config"],
            "HostConfig": host,
            "Sysctls": found["HostConfig"].get("Sysctls") or {},
        }


def _addressed(change: StartNode, world: World) -> StartNode:
    return replace(change, links=tuple(addressed(each, world) for each in change.links))


class Ids:
    """The engine's ids of containers, by the name of their node, and of networks; EngineError for what is not there."""

    def __init__(self, containers: Mapping[str, str], networks: Mapping[str, str]) -> None:
        self.containers = dict(containers)
        self.networks = dict(networks)

    def container(self, name: str) -> str:
        """A container's id."""
        return self._of(self.containers, name, "node")

    def network(self, name: str) -> str:
        """A network's id."""
        return self._of(self.networks, name, "network")

    @staticmethod
    def _of(known: Mapping[str, str], name: str, kind: str) -> str:
        if name not in known:
            raise EngineError(f"There is no {kind} {clean(name)} on the engine any more: look again.")
        return known[name]


def endpoint(link: Connect, version: Version, dev: str | None = None) -> Body:
    """A container's place on a network, as far as the engine takes what was asked for."""
    if link.network == BRIDGE:
        return {}
    body: Body = {"IPAMConfig": {f"IPv{each.version}Address": str(each) for each in link.addresses}}
    if link.mac and version >= OLDEST["mac"]:
        body["MacAddress"] = link.mac
    if (dev or link.dev) and version >= OLDEST["ifname"]:
        body["DriverOpts"] = {IFNAME: dev or link.dev}
    return body
