"""What the API is asked for when a lab comes up on Docker: the bodies of its requests, made of the lab alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tui.core.world import Network
from tui.engines.base import EngineError

if TYPE_CHECKING:
    from tui.core.labs import Attachment, Lab, Service  # every start loads this file, for LABEL

LABEL = "routetui.lab"
"""The label that everything of a lab carries, with the lab's name: what it is found and removed by."""

_COMPOSE = "com.docker.compose"
IFNAME = "com.docker.network.endpoint.ifname"
OLDEST = {"mac": (1, 44), "gw_priority": (1, 48), "no IPv4": (1, 48), "ifname": (1, 49)}
"""The version of the API since which a container's endpoint (or a network) takes this (Engine API, version history)."""

Version = tuple[int, int]
Body = dict[str, Any]


class LabRefused(EngineError):
    """The lab cannot come up as it is: a name or a subnet is taken, or this engine lacks what it needs.

    Nothing was made.
    """


def labels(lab: Lab, file: str = "") -> dict[str, str]:
    """What marks everything of a lab: our label, and Compose's, so that `docker compose ls` lists it as a project."""
    return {
        LABEL: lab.name,
        f"{_COMPOSE}.project": lab.name,
        **({f"{_COMPOSE}.project.config_files": file} if file else {}),
    }


def network(each: Network, marks: Mapping[str, str], bridge: bool, version: Version) -> Body:
    """The body of POST /networks/create. `bridge` has the device named as the lab names it, not by the network's id."""
    families = {subnet.prefix.version for subnet in each.subnets}
    if 4 not in families and version < OLDEST["no IPv4"]:
        raise LabRefused(
            f"The network {each.name} has no IPv4 subnet, which needs Docker 28: give it one in ipam.config.",
            "On the kernel the lab comes up as it is: --engine kernel",
        )
    options = dict(each.options)
    if bridge and each.bridge is not None:
        from tui.core.labs.compose_networks import BRIDGE_NAME

        options.setdefault(BRIDGE_NAME, each.bridge)
    return {
        "Name": each.name,
        "CheckDuplicate": True,
        "Driver": each.driver,
        "Internal": each.internal,
        "EnableIPv6": 6 in families,
        **({} if 4 in families else {"EnableIPv4": False}),
        "Options": options,
        "IPAM": {"Driver": "default", "Config": [_pool(subnet.prefix, subnet.gateway) for subnet in each.subnets]},
        "Labels": {**marks, f"{_COMPOSE}.network": each.name},
    }


def _pool(prefix: object, gateway: object) -> dict[str, str]:
    return {"Subnet": str(prefix), **({"Gateway": str(gateway)} if gateway is not None else {})}


def container(lab: Lab, service: Service, image: str, marks: Mapping[str, str], version: Version) -> Body:
    """The body of POST /containers/create, with the networks that the container has from its start (`at_once`).

    NET_ADMIN is always given: routes are what a lab is for, and on the kernel its nodes have the right too.
    """
    own = service.shares is None
    host: Body = {
        "NetworkMode": _mode(service),
        "CapAdd": sorted({*service.cap_add, "NET_ADMIN"}),
        "Privileged": service.privileged,
        "Sysctls": {name.replace("/", "."): str(value) for name, value in service.sysctls} if own else {},
    }
    body: Body = {"Image": image, "HostConfig": host, "Labels": {**marks, **_of_service(lab, service)}}
    if service.command:
        body["Cmd"] = list(service.command)
    if service.entrypoint:
        body["Entrypoint"] = list(service.entrypoint)
    if own:
        body["Hostname"] = service.name[:63]
    if service.attachments:
        host["NetworkMode"] = service.attachments[0].network
        ends = {each.network: endpoint(lab, service, each, version) for each in at_once(service, version)}
        body["NetworkingConfig"] = {"EndpointsConfig": ends}
        if version < OLDEST["mac"]:
            body["MacAddress"] = service.attachments[0].mac  # of the container then, which is its first network's
    return body


def at_once(service: Service, version: Version) -> tuple[Attachment, ...]:
    """The attachments that one request can make as they should be: all where devices can be named, else the first.

    The others then follow one by one, in order: engines would give the devices of one request any order, and before
    25 take no second network in it. (What joins later has no fixed MAC address: the engine ignores it there.)
    """
    return service.attachments if version >= OLDEST["ifname"] else service.attachments[:1]


def _mode(service: Service) -> str:
    """The network mode of a container that is on no network: none, host, or another container's."""
    if service.shares is None:
        return service.network_mode or "none"
    return "host" if service.network_mode == "host" else f"container:{service.shares}"


def _of_service(lab: Lab, service: Service) -> dict[str, str]:
    same = [each.name for each in lab.services if each.key == service.key]
    return {
        f"{_COMPOSE}.service": service.key,
        f"{_COMPOSE}.container-number": str(same.index(service.name) + 1),
        f"{_COMPOSE}.oneoff": "False",
    }


def endpoint(lab: Lab, service: Service, link: Attachment, version: Version) -> Body:
    """A container's place on a network: its addresses and, as far as the engine takes them, MAC, priority and name.

    On a network that is not the lab's own only what the file itself gives is asked for.
    """
    given = link.fixed if link.network in lab.external else tuple(each.address for each in link.addresses)
    body: Body = {
        "IPAMConfig": {f"IPv{each.version}Address": str(each) for each in given},
        "Aliases": [service.key],
    }
    if link.network == "bridge":
        return {}  # Docker's own network takes neither addresses nor aliases
    if version >= OLDEST["mac"]:
        body["MacAddress"] = link.mac
    if version >= OLDEST["gw_priority"] and link.gateway_priority:
        body["GwPriority"] = link.gateway_priority
    if version >= OLDEST["ifname"]:
        body["DriverOpts"] = {IFNAME: link.dev}
    elif link.dev not in {f"eth{number}" for number in range(len(service.attachments))}:
        raise LabRefused(
            f"The interface name {link.dev} of {service.name} needs Docker 28.1: leave interface_name out.",
            "On the kernel the lab comes up as it is: --engine kernel",
        )
    return body
