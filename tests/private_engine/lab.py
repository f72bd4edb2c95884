"""Networks and containers on a private engine, and the walk-through's two bridges."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Mapping
from typing import Any

import docker
from docker.types import IPAMConfig, IPAMPool

from private_engine import images

TWO_BRIDGES = ("centos-net1", "centos-net2", "centos-router")


class Lab:
    """Makes networks and containers on the engine at `url`, and removes those that it made."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.api = docker.APIClient(base_url=url, timeout=60)
        self._containers: list[str] = []
        self._networks: list[str] = []

    def network(self, name: str, *subnets: str, **options: Any) -> str:
        """Create a bridge network with these subnets (IPv6 ones switch IPv6 on); its id."""
        ipv6 = any(":" in subnet for subnet in subnets)
        pools = IPAMConfig(pool_configs=[IPAMPool(subnet=subnet) for subnet in subnets]) if subnets else None
        made: str = self.api.create_network(name, driver="bridge", ipam=pools, enable_ipv6=ipv6, **options)["Id"]
        self._networks.append(made)
        return made

    def made(self, network: str) -> None:
        """A network of that name or id was made in another way, and goes with the others."""
        self._networks.append(network)

    def container(
        self,
        name: str,
        networks: Mapping[str, str | None] | str = "none",
        image: str = images.FULL,
        *,
        start: bool = True,
        command: list[str] | None = None,
        labels: dict[str, str] | None = None,
        **host: Any,
    ) -> str:
        """Create a container on `networks` (name: IPv4 address or None) or in a network mode, and start it; its id.

        `host` are options of the host configuration (cap_add, sysctls, ...).
        """
        chosen = list(networks) if not isinstance(networks, str) else [networks]
        config = self.api.create_host_config(network_mode=chosen[0], **{"cap_add": ["NET_ADMIN"]} | host)
        endpoints = None
        if not isinstance(networks, str):
            endpoint = self.api.create_endpoint_config(ipv4_address=networks[chosen[0]])
            endpoints = self.api.create_networking_config({chosen[0]: endpoint})
        made: str = self.api.create_container(
            image, name=name, command=command, host_config=config, networking_config=endpoints, labels=labels
        )["Id"]
        self._containers.append(made)
        for other in chosen[1:]:
            self.api.connect_container_to_network(made, other, ipv4_address=networks[other])  # type: ignore[index]
        if start:
            self.api.start(made)
        return made

    def execute(self, container: str, *argv: str, **options: Any) -> tuple[int, str]:
        """Run a command in a container as another client of the engine would; its exit code and what it printed."""
        made = self.api.exec_create(container, list(argv), **options)
        printed = self.api.exec_start(made)
        return self.api.exec_inspect(made)["ExitCode"], printed.decode()

    def enter(self, container: str, *argv: str) -> str:
        """Run a command of this machine in a container's network, unseen by the engine; what it printed."""
        pid = self.api.inspect_container(container)["State"]["Pid"]
        done = subprocess.run(
            ["nsenter", "-t", str(pid), "-n", "--", *argv], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{argv}: {done.stderr}"
        return done.stdout

    def remove(self, container: str) -> None:
        """Remove a container that this lab made, now."""
        self.api.remove_container(container, force=True)

    def close(self) -> None:
        """Remove what was made."""
        for made in reversed(self._containers):
            _remove(self.api.remove_container, made, force=True)
        for made in reversed(self._networks):
            _remove(self.api.remove_network, made)
        self.api.close()


def _remove(method: Any, *arguments: Any, **options: Any) -> None:
    with contextlib.suppress(docker.errors.NotFound):
        method(*arguments, **options)


def two_bridges(lab: Lab) -> None:
    """The walk-through: net1 and net2, a container on each, and a router on both that forwards."""
    lab.network("net1", "172.19.0.0/16")
    lab.network("net2", "172.20.0.0/16")
    lab.container("centos-net1", {"net1": "172.19.0.2"})
    lab.container("centos-net2", {"net2": "172.20.0.2"})
    lab.container("centos-router", {"net1": "172.19.0.3", "net2": "172.20.0.3"}, sysctls={"net.ipv4.ip_forward": "1"})
