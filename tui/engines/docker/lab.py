"""A lab brought up on Docker through the API, found again by its label, and removed by it: never anything else."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tui.core.labs import Lab, Service
from tui.core.labs.ipam import overlaps
from tui.core.world import Network, Node
from tui.engines.base import EngineError, clean
from tui.engines.docker import lab_bodies as bodies
from tui.engines.docker import lab_hooks as hooks
from tui.engines.docker import podman
from tui.engines.docker import world as docker_world
from tui.engines.docker.connect import Connection
from tui.engines.docker.host import Host
from tui.engines.docker.lab_bodies import LABEL, LabRefused
from tui.engines.docker.lab_images import provide
from tui.engines.docker.tables import RUNGS

if TYPE_CHECKING:
    import docker

SECONDS = 60
"""How long the engine has for one step: starting a container on a busy machine takes longer than listing them."""

IMAGE = "ROUTETUI_LAB_IMAGE"
"""The variable that names an image for all containers, where `up` is given none."""

Say = Callable[[str], None]
"""Takes a line that tells what is done now."""


class NoSuchLab(EngineError):
    """Nothing on the engine carries the label of that lab."""


def check(connection: Connection, lab: Lab) -> Node:
    """The engine's host, where the lab may come up; raises LabRefused where it may not, having made nothing."""
    with talking(connection) as api:
        listed, networks = connection.listing.containers(api), connection.listing.networks(api)
    if any((each.get("Labels") or {}).get(LABEL) == lab.name for each in (*listed, *networks)):
        raise LabRefused(f"The lab {lab.name} is already up there.", f"End it: routetui lab down {lab.name}")
    containers, known = docker_world.containers(listed), docker_world.networks(networks)
    with contextlib.closing(Host(connection, RUNGS)) as reader:
        host = reader.node(known)
    taken = {name.strip("/") for each in listed for name in each.get("Names") or ()}
    for service in lab.services:
        if len(service.name) < 2:
            raise LabRefused(f"Docker wants names of two letters or more: give {service.name} a container_name.")
        if service.name in taken:
            raise LabRefused(
                f"There is already a container named {service.name}.", f"{connection.program} rm -f {service.name}"
            )
        kind, _, target = service.network_mode.partition(":")
        if kind == "container" and target not in taken | {each.id for each in containers}:
            raise LabRefused(f"{service.name} is to share the network of a container {target}, which is not there.")
    for network in lab.networks:
        _check_network(network, known, host, connection.program, external=network.name in lab.external)
    return host


def _check_network(network: Network, known: Sequence[Network], host: Node, program: str, *, external: bool) -> None:
    same = any(each.name == network.name for each in known)
    if external and not same:
        raise LabRefused(
            f"The network {network.name} is external to the lab, and not there: create it first.",
            f"{program} network create {network.name}",
        )
    if external:
        return
    if same:
        raise LabRefused(f"There is already a network named {network.name}.", f"{program} network rm {network.name}")
    for subnet in network.subnets:
        for other in known:
            if any(overlaps(subnet.prefix, each.prefix) for each in other.subnets):
                raise LabRefused(
                    f"{subnet.prefix} of {network.name} is taken by the network {other.name}: give another subnet in "
                    "ipam.config, or remove that network.",
                    f"{program} network rm {other.name}",
                )
        for device, own in host.addresses():
            if not device.network and device.name != "lo" and overlaps(subnet.prefix, own.prefix):
                raise LabRefused(
                    f"{subnet.prefix} of {network.name} overlaps {own.prefix}, which the engine's host has on "
                    f"{device.name}: give another subnet in ipam.config."
                )


def up(connection: Connection, lab: Lab, image: str | None = None, say: Say = lambda _: None, file: str = "") -> None:
    """Bring the lab up. `image` takes the place of every service's; `file` is the Compose file, for its project.

    Raises LabRefused before anything is made, else EngineError; whatever was made by then is removed again.
    """
    host = check(connection, lab)
    with talking(connection) as api:
        images = {each.name: image or os.environ.get(IMAGE) or each.image for each in lab.services}
        making = _Making(connection, api, lab, say)
        making.plan(host, images, file)
        provide(api, lab, images, say)
        try:
            making.make()
        except BaseException:
            say("it failed: what was made is removed again")
            making.undo()
            raise


class _Making:
    """One lab while it comes up: what is to be made, and what was made so far, in order."""

    def __init__(self, connection: Connection, api: docker.APIClient, lab: Lab, say: Say) -> None:
        self._connection, self._api, self._lab, self._say = connection, api, lab, say
        self._version = _version(api)
        self._wanted: tuple[list[bodies.Body], dict[str, bodies.Body]] = ([], {})
        self._networks: list[str] = []
        self._containers: dict[str, str] = {}

    def plan(self, host: Node, images: Mapping[str, str], file: str) -> None:
        """Write every request before the first is sent; raises LabRefused for what the engine is too old for.

        A bridge gets the lab's name for it where all of the host's devices can be seen, and none has that name.
        """
        marks, lab = bodies.labels(self._lab, file), self._lab

        def free(network: Network) -> bool:
            return "links" not in host.missing and host.interface(network.bridge or "") is None

        own = [each for each in lab.networks if each.name not in lab.external]
        self._wanted = (
            [bodies.network(each, marks, free(each), self._version) for each in own],
            {each.name: bodies.container(lab, each, images[each.name], marks, self._version) for each in lab.services},
        )

    def make(self) -> None:
        """Make the networks, then the containers in their order, then run every hook."""
        networks, containers = self._wanted
        for body in networks:
            pools = " ".join(pool["Subnet"] for pool in body["IPAM"]["Config"])
            self._say(f"network {body['Name']} {pools}")
            self._networks.append(post(self._api, "/networks/create", body, f"network {body['Name']}")["Id"])
        for service in self._lab.services:
            self._start(service, containers[service.name])
        for service in self._lab.services:
            made = self._containers[service.name]
            pid = hooks.process_of(self._api, self._connection, made) if service.hooks else None
            for command in service.hooks:
                if not command.of_command:
                    self._say(f"{service.name}: {' '.join(command.argv)}")
                    hooks.run(self._api, made, service, command, pid)

    def _start(self, service: Service, body: bodies.Body) -> None:
        places = ", ".join(
            f"{link.network} {' '.join(str(each.address) for each in link.addresses)}" for link in service.attachments
        )
        self._say(f"container {service.name} {places}".rstrip())
        if body["HostConfig"]["NetworkMode"].startswith("container:") and service.shares in self._containers:
            body["HostConfig"]["NetworkMode"] = f"container:{self._containers[service.shares]}"
        made = str(post(self._api, f"/containers/create?name={service.name}", body, f"container {service.name}")["Id"])
        self._containers[service.name] = made
        # A network that a running container joins gets the next device, in every version. Only where the container's
        # own command sets routes must the networks be there before it runs, and then the engine orders them.
        later = service.attachments[len(bodies.at_once(service, self._version)) :]
        first = any(command.of_command for command in service.hooks)
        if first and later:
            self._say(f"the engine itself orders the devices of {service.name}: fixed names need Docker 28.1")
        if not first:
            self._run(service, made)
        for link in later:
            wanted = {"Container": made, "EndpointConfig": bodies.endpoint(self._lab, service, link, self._version)}
            post(self._api, f"/networks/{link.network}/connect", wanted, f"{service.name} on {link.network}")
        if first:
            self._run(service, made)
        hooks.set_sysctls(service, hooks.process_of(self._api, self._connection, made))

    def _run(self, service: Service, made: str) -> None:
        with refusals(f"container {service.name}"):
            self._api.start(made)
            # What a lab's images do by themselves, and sleep, is known to stay: nobody waits for it to end.
            code = ended(self._api, made, 0.0 if service.command[:1] in ((), ("sleep",)) else MOMENT)
        if code is not None:
            raise EngineError(
                f"The container {service.name} ended at once (code {code}): give it a command that stays, "
                "such as sleep infinity."
            )

    def undo(self) -> None:
        """Remove what was made, latest first; what cannot be removed keeps its label, and `down` tries again."""
        from docker.errors import APIError

        for made in reversed(self._containers.values()):
            with contextlib.suppress(APIError):
                self._api.remove_container(made, v=True, force=True)
        for made in reversed(self._networks):
            with contextlib.suppress(APIError):
                self._api.remove_network(made)


def down(connection: Connection, name: str, say: Say = lambda _: None) -> None:
    """Remove exactly what carries the lab's label: containers, then networks.

    Raises NoSuchLab where nothing does; EngineError for what stays, once all else is gone.
    """
    filters = {"label": f"{LABEL}={name}"}
    with talking(connection) as api:
        containers = api.containers(all=True, filters=filters)
        networks = connection.listing.networks(api, filters["label"])
        if not containers and not networks:
            known = running(connection)
            hint = f"Up are: {', '.join(known)}" if known else ""
            raise NoSuchLab(f"There is no lab named {clean(name)} up on {connection.endpoint.name}.", hint)
        handle = "Name" if connection.podman else "Id"  # by its id Podman 4.3 takes one from foreign containers
        stays = [
            *(_remove(api.remove_container, "container", _name(each), each["Id"], say) for each in containers),
            *(_remove(api.remove_network, "network", clean(each["Name"]), each[handle], say) for each in networks),
        ]
    for sentence in filter(None, stays):
        raise EngineError(sentence)


def _name(listed: Mapping[str, Any]) -> str:
    return clean((listed.get("Names") or ["/"])[0].strip("/")) or str(listed["Id"])[:12]


def _remove(method: Callable[..., object], kind: str, name: str, made: str, say: Say) -> str:
    """Remove one; empty, or why it stays."""
    from docker.errors import APIError, NotFound

    say(f"removing {kind} {name}")
    try:
        method(made, **({"v": True, "force": True} if kind == "container" else {}))
    except NotFound:
        pass
    except APIError as error:
        return f"The {kind} {name} stays: {_said(error)}."
    return ""


def running(connection: Connection) -> list[str]:
    """The names of the labs that are up on the engine, sorted."""
    with talking(connection) as api:
        found = (*api.containers(all=True, filters={"label": LABEL}), *connection.listing.networks(api, LABEL))
    return sorted({clean(str((each.get("Labels") or {}).get(LABEL, ""))) for each in found} - {""})


# --- the API ---------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def talking(connection: Connection) -> Iterator[docker.APIClient]:
    """A client with SECONDS for each step; what goes wrong is raised as EngineError."""
    from docker.errors import APIError, DockerException
    from requests import RequestException

    api = connection.open(timeout=SECONDS)
    try:
        yield api
    except APIError as error:
        raise EngineError(f"The engine refuses: {_said(error)}.") from None
    except (RequestException, DockerException, OSError) as error:
        raise connection.lost(error) from None
    finally:
        api.close()


@contextlib.contextmanager
def refusals(what: str) -> Iterator[None]:
    """What the engine refuses while the block runs is raised as EngineError that says what it was about."""
    from docker.errors import APIError

    try:
        yield
    except APIError as error:
        raise EngineError(f"The engine refuses {what}: {_said(error)}.") from None


def _said(error: Any) -> str:
    return " ".join(clean(str(error.explanation or error)).split()).rstrip(".")


def _version(api: docker.APIClient) -> bodies.Version:
    major, _, minor = str(api.api_version).partition(".")
    return int(major), int(minor)


MOMENT = 0.7
"""Seconds in which a command that does not stay, such as a shell without a terminal, has ended."""


def ended(api: docker.APIClient, made: str, moment: float = MOMENT) -> int | None:
    """The exit code of a container that does not stay; None where it still runs after `moment` seconds."""
    from requests import RequestException

    if moment:
        with contextlib.suppress(RequestException):  # it ran out of time
            api.wait(made, timeout=moment, condition="not-running")  # type: ignore[arg-type]
    state = api.inspect_container(made)["State"]
    return None if state["Running"] else int(state["ExitCode"])


def post(api: docker.APIClient, path: str, body: bodies.Body, what: str) -> dict[str, Any]:
    """A request that the SDK has no words for (fixed MACs, priorities, EnableIPv4); its answer, if it has one.

    `path` is Docker's, or begins with that of Podman's own API. Raises EngineError, which says what it was about.
    """
    from docker.errors import create_api_error_from_http_exception
    from requests import HTTPError

    url = f"{api.base_url}{path if path.startswith(podman.OWN) else f'/v{api.api_version}{path}'}"
    with api.post(url, json=body, timeout=SECONDS) as response:
        with refusals(what):
            try:
                response.raise_for_status()
            except HTTPError as error:
                create_api_error_from_http_exception(error)
        # Podman answers some of them with a word of text.
        return dict(response.json()) if "json" in response.headers.get("Content-Type", "") else {}
