"""Docker's commands for what the engine itself does: networks, containers, and who is plugged in where."""

from __future__ import annotations

from collections.abc import Sequence

from tui.core.addresses import Address
from tui.core.world import Network

_INTERFACE_NAME = "com.docker.network.endpoint.ifname"
"""The endpoint option that names the device in the container (Docker 28 and later)."""


def for_podman(words: tuple[str, ...]) -> tuple[str, ...]:
    """The same for Podman, whose program takes Docker's words."""
    return ("podman", *words[1:]) if words[0] == "docker" else words


def connect(name: str, network: str, addresses: Sequence[Address] = (), dev: str | None = None) -> tuple[str, ...]:
    """docker-network-connect(1); `dev` where the device shall have another name than Docker gives it."""
    words = ["docker", "network", "connect", *_addresses(addresses)]
    if dev is not None:
        words += ["--driver-opt", f"{_INTERFACE_NAME}={dev}"]
    return (*words, network, name)


def _addresses(addresses: Sequence[Address]) -> list[str]:
    return [word for each in addresses for word in ("--ip" if each.version == 4 else "--ip6", str(each))]


def disconnect(name: str, network: str) -> tuple[str, ...]:
    """docker-network-disconnect(1)."""
    return ("docker", "network", "disconnect", network, name)


def create_network(network: Network) -> tuple[str, ...]:
    """docker-network-create(1)."""
    words = ["docker", "network", "create"]
    words += ["--driver", network.driver] if network.driver != "bridge" else []
    words += ["--internal"] if network.internal else []
    words += ["--ipv6"] if any(each.prefix.version == 6 for each in network.subnets) else []
    for subnet in network.subnets:
        words += ["--subnet", str(subnet.prefix)]
        words += ["--gateway", str(subnet.gateway)] if subnet.gateway is not None else []
    words += [word for name, value in network.options for word in ("--opt", f"{name}={value}")]
    return (*words, network.name)


def remove_network(name: str) -> tuple[str, ...]:
    """docker-network-rm(1)."""
    return ("docker", "network", "rm", name)


def start(
    name: str, image: str, links: Sequence[tuple[str, Sequence[Address]]], sysctls: Sequence[tuple[str, int]]
) -> tuple[tuple[str, ...], ...]:
    """docker-container-create(1) on the first network, connected to the others, then started: its devices in order."""
    words = ["docker", "create", "--name", name, "--hostname", name, "--cap-add", "NET_ADMIN"]
    words += ["--network", links[0][0], *_addresses(links[0][1])] if links else ["--network", "none"]
    words += [word for key, value in sysctls for word in ("--sysctl", f"{key}={value}")]
    more = (connect(name, network, addresses) for network, addresses in links[1:])
    return ((*words, image or "busybox"), *more, ("docker", "start", name))


def remove(name: str) -> tuple[str, ...]:
    """docker-rm(1)."""
    return ("docker", "rm", "--force", name)
