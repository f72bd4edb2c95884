"""Podman's own API, where Docker's form of it would do something else than what was asked for."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from tui.core.world import Network

if TYPE_CHECKING:
    import docker

    from tui.core.changes import Connect  # every start loads this file, to know a Podman

OWN = "/v4.0.0/libpod"
"""Where Podman's own API begins; every Podman since 4.0 answers there."""


def network(wanted: Network, labels: Mapping[str, str]) -> dict[str, Any]:
    """The body of POST /libpod/networks/create. By Docker's form every bridge would be isolated from the others."""
    from tui.core.labs.compose_networks import BRIDGE_NAME

    options = dict(wanted.options)
    bridge = options.pop(BRIDGE_NAME, "")
    return {
        "name": wanted.name,
        "driver": wanted.driver,
        "internal": wanted.internal,
        "ipv6_enabled": any(each.prefix.version == 6 for each in wanted.subnets),
        "dns_enabled": not wanted.internal,
        "subnets": [
            {"subnet": str(each.prefix), **({"gateway": str(each.gateway)} if each.gateway is not None else {})}
            for each in wanted.subnets
        ],
        "options": options,
        "labels": dict(labels),
        **({"network_interface": bridge} if bridge else {}),
    }


def connection(link: Connect, container: str) -> dict[str, Any]:
    """The body of POST /libpod/networks/NAME/connect, which takes a name for the device and a MAC address too."""
    return {
        "container": container,
        "static_ips": [str(each) for each in link.addresses],
        **({"static_mac": link.mac} if link.mac else {}),
        **({"interface_name": link.dev} if link.dev else {}),
    }


@contextlib.contextmanager
def joined_or_not(api: docker.APIClient, container: str, name: str) -> Iterator[None]:
    """What fails while the block runs leaves the container off the network, unless it was there before.

    Podman 4.3 keeps a join that failed, and then lists no container at all. Taking it back is refused too, and works.
    """
    from docker.errors import APIError

    found: dict[str, Any] = api.inspect_container(container)
    there = name in (found["NetworkSettings"].get("Networks") or {})
    try:
        yield
    except BaseException:
        with contextlib.suppress(APIError):
            if not there:
                api.disconnect_container_from_network(container, name, force=True)
        raise


def ulimits(shown: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A container's limits as they are asked for: Podman shows them by the kernel's names, which it does not take."""
    return [{**each, "Name": str(each.get("Name")).removeprefix("RLIMIT_").lower()} for each in shown]
