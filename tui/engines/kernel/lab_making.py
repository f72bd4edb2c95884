"""A Lab brought up on the kernel: namespaces, bridges, links, addresses and routes, in the order that Docker has."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tui.core.labs import (
    Attachment,
    Command,
    Lab,
    Meaning,
    Service,
    SysctlCommand,
)
from tui.core.labs.ipam import mac_for
from tui.core.labs.layout import HOST, host_addresses
from tui.core.world import Interface, Network, Node, World
from tui.engines.base import EngineError
from tui.engines.kernel.isolation import NFT, RULES, isolate
from tui.engines.kernel.lab_channel import Channel
from tui.engines.kernel.lab_node import NO_DAD, Ground, disable6, foreign_switches, make_node, mtu, set_switches
from tui.engines.kernel.lab_runs import start_run
from tui.engines.netlink import encode as rtencode
from tui.engines.netlink.doing import not_set, written
from tui.engines.netlink.sockets import refusal

_SETTLE_SECONDS = 3.0
_COMMAND_SECONDS = 30.0
"""How long a hook's own program may take."""


@dataclass
class Made:
    """What came of it: the nodes without their tables, how the bridges are kept apart, and sentences worth knowing.

    `carriers` are the host's bridges, and the network of each.
    """

    world: World
    isolation: str
    notes: list[str] = field(default_factory=list)
    carriers: dict[str, str] = field(default_factory=dict)


def bridge_name(network: Network, position: int) -> str:
    """The device that carries a network; one that has no bridge under Docker (macvlan, ipvlan) gets one of its own."""
    return network.bridge or f"lan{position}"


class LabMaking:
    """One lab while it comes up. Whatever goes wrong is raised as EngineError; the caller then closes the channel."""

    def __init__(self, channel: Channel, lab: Lab, isolation: tuple[str, ...] = (NFT, RULES)) -> None:
        self._channel = channel
        self._lab = lab
        self._allowed = isolation
        self._notes: list[str] = []
        self._bridges = {network.name: index for index, network in enumerate(self._carried(), 2)}
        self._inherited: dict[str, int] = {}
        self._ports = 0

    def _carried(self) -> list[Network]:
        """The networks in the order of their bridges: the host's own first, as it lists them."""
        return sorted(self._lab.networks, key=lambda network: network.bridge is None)

    def make(self) -> Made:
        """Bring it up, hooks included."""
        try:
            self._inherited = foreign_switches(self._channel, HOST)
            self._make_host()
            for service in self._lab.services:
                if service.shares is None:
                    self._make_node(service)
            how = self._keep_apart()
            for service in self._lab.services:
                for command in service.hooks:
                    self._run_hook(service, command)
            self._settle()
        except OSError as error:
            raise EngineError(f"The lab {self._lab.name} cannot be made: {refusal(error)}") from error
        carriers = {bridge_name(network, place): network.name for place, network in enumerate(self._carried())}
        return Made(skeleton(self._lab), how, self._notes, carriers)

    # --- the host ---

    def _make_host(self) -> None:
        six = any(subnet.prefix.version == 6 for network in self._lab.networks for subnet in network.subnets)
        set_switches(
            self._channel,
            HOST,
            {**self._inherited, **NO_DAD, "net.ipv4.ip_forward": 1, **(_FORWARD6 if six else {})}.items(),
        )
        self._channel.send(HOST, [rtencode.set_link(1, True), *self._new_bridges()])
        parts, closed = [], {}
        for position, network in enumerate(self._carried()):
            addresses = host_addresses(network)
            if not any(each.address.version == 6 for each in addresses):
                closed[disable6(bridge_name(network, position))] = 1
            parts += [rtencode.address(each, self._bridges[network.name]) for each in addresses]
            parts.append(rtencode.set_link(self._bridges[network.name], True))
        # The ports that come later have no addresses of their own, as a bridge's ports need none.
        set_switches(self._channel, HOST, {**closed, "net.ipv6.conf.default.disable_ipv6": 1}.items())
        self._channel.send(HOST, parts)

    def _new_bridges(self) -> list[bytes]:
        return [
            rtencode.new_bridge(
                bridge_name(network, position),
                mac_for((each.address for each in host_addresses(network)), network.name),
                mtu(network),
                index=self._bridges[network.name],
            )
            for position, network in enumerate(self._carried())
        ]

    def _keep_apart(self) -> str:
        bridges = [
            (network.bridge, tuple(subnet.prefix for subnet in network.subnets))
            for network in self._lab.networks
            if network.bridge is not None
        ]
        try:
            return isolate(self._channel, HOST, bridges, self._allowed)
        except OSError as error:
            raise EngineError(f"The bridges cannot be kept apart: {refusal(error)}") from error

    # --- the nodes ---

    def _make_node(self, service: Service) -> None:
        networks = {network.name: network for network in self._lab.networks}
        make_node(Ground(self._channel, networks, self._bridges), service, self._inherited, self._ports)
        self._ports += len(service.attachments)

    # --- hooks ---

    def _run_hook(self, service: Service, command: Command) -> None:
        node = _owner(self._lab, service)
        said = self._do(node, command)
        if said is None or command.may_fail:
            return
        line = f"line {command.line}: " if command.line else ""
        raise EngineError(f"{line}{' '.join(command.argv)!r} on {node} is refused: {said.rstrip('.')}.")

    def _do(self, node: str, command: Command) -> str | None:
        """Run it; None where it worked, else why not."""
        if command.meaning is not None:
            window = self._channel.window(node)
            try:
                indexes = {each.interface.name: each.interface.index for each in window.links()}
            finally:
                window.close()
            return apply(self._channel, node, command.meaning, indexes)
        code, lines = start_run(self._channel, node, command.argv).wait(_COMMAND_SECONDS)
        if code == 127:
            self._notes.append(
                f"{' '.join(command.argv)!r} was not run on {node}: this machine has no {command.argv[0]}."
            )
            return None
        return None if code == 0 else (lines[-1] if lines else f"it ended with code {code}")

    def _settle(self) -> None:
        """Wait until the addresses of IPv6 are no longer tentative, which a worker of the kernel decides."""
        names = [each.name for each in self._lab.services if each.shares is None and _has_six(each.attachments)]
        windows = [self._channel.window(name) for name in (*names, *([HOST] if names else []))]
        give_up = time.monotonic() + _SETTLE_SECONDS
        try:
            for window in windows:
                while _tentative(window.tables().interfaces) and time.monotonic() < give_up:
                    time.sleep(0.005)
        finally:
            for window in windows:
                window.close()


_FORWARD6 = {"net.ipv6.conf.all.forwarding": 1}


def apply(channel: Channel, node: str, meaning: Meaning, indexes: Mapping[str, int]) -> str | None:
    """What a command means, done to a node by netlink; None, or what iproute2 or sysctl would say."""
    try:
        if isinstance(meaning, SysctlCommand):
            return next(
                (not_set(name, error) for name, error in channel.write(node, {meaning.name: meaning.value})), None
            )
        message = written(meaning, indexes)
        channel.send(node, [message] if message is not None else [])
    except rtencode.CannotEncode as error:
        return str(error)
    except OSError as error:
        return refusal(error)
    return None


def skeleton(lab: Lab) -> World:
    """The lab's networks and nodes, without what only the kernel can tell."""
    nodes = [
        Node(each.name, image=each.image, network_mode=each.network_mode, shares=each.shares)
        for each in sorted(lab.services, key=lambda each: each.name)
    ]
    return World(f"kernel: {lab.name}", lab.networks, (*nodes, Node(HOST, kind="host")))


def _has_six(links: Iterable[Attachment]) -> bool:
    return any(each.address.version == 6 for link in links for each in link.addresses)


def _tentative(interfaces: Iterable[Interface]) -> bool:
    return any("tentative" in each.flags for one in interfaces for each in one.addresses)


def _owner(lab: Lab, service: Service) -> str:
    """The node whose network a service really uses."""
    by_name = {each.name: each for each in lab.services}
    while service.shares is not None and service.shares in by_name:
        service = by_name[service.shares]
    return service.shares or service.name
