"""One node of a lab made on the kernel, and plugged into bridges of the lab's host by veth pairs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from tui.core.addresses import Prefix
from tui.core.labs import Attachment, RouteCommand, Service
from tui.core.labs.layout import HOST
from tui.core.sysctls import ALL_NAMES, DEVICE_DEFAULTS
from tui.core.world import Network, NextHop, Route
from tui.engines.base import EngineError
from tui.engines.kernel.lab_channel import Channel
from tui.engines.netlink import encode as rtencode

NO_DAD = {"net.ipv6.conf.all.accept_dad": 0, "net.ipv6.conf.default.accept_dad": 0}
"""Addresses in a lab are known to be unique: nobody need wait for a second until IPv6 has made sure (RFC 4862, 5.4)."""
FIRST_PORT = 1000
"""The interface index of the first bridge port, so that bridges have those that the host of a lab is told to have."""
_MTU = "com.docker.network.driver.mtu"
_ICC = "com.docker.network.bridge.enable_icc"


@dataclass(frozen=True, slots=True)
class Ground:
    """What nodes stand on: the lab's holder, its networks by name, and the indexes of their bridges on the host."""

    channel: Channel
    networks: Mapping[str, Network]
    bridges: Mapping[str, int]


def make_node(ground: Ground, service: Service, inherited: Mapping[str, int], port: int) -> None:
    """A new namespace with what the service says, hooks not included.

    `inherited` is what `foreign_switches` found, `port` the number of its first port. Raises OSError, EngineError.
    """
    channel, name = ground.channel, service.name
    channel.ask("make", node=name)
    set_switches(channel, name, {**inherited, **NO_DAD}.items())
    set_switches(channel, name, service.sysctls, f" (line {service.line})" if service.line else "")
    channel.send(name, [rtencode.set_link(1, True)])
    links = list(enumerate(service.attachments))
    channel.send(HOST, [part for n, link in links for part in new_port(ground, name, link, n + 2, port + n)])
    for n, link in links:
        open_link(channel, name, link, n + 2)
    indexes = {link.dev: n + 2 for n, link in links}
    channel.send(name, [rtencode.route(RouteCommand("add", default(hop)), indexes) for hop in service.gateways])


def new_port(ground: Ground, node: str, link: Attachment, index: int, number: int) -> list[bytes]:
    """The messages for a veth pair: a port of the network's bridge, and the node's device, which is down."""
    namespace = ground.channel.ask("make", node=node)[0]["descriptor"]
    network, port = ground.networks[link.network], f"veth{number}"
    peer = rtencode.veth_peer(link.dev, link.mac, mtu(network), index=index, namespace=namespace)
    parts = [rtencode.new_veth(port, ground.bridges[network.name], mtu(network), peer, index=FIRST_PORT + number)]
    if dict(network.options).get(_ICC) == "false":
        parts.append(rtencode.isolate(port))
    return parts


def open_link(channel: Channel, node: str, link: Attachment, index: int) -> None:
    """Give the node's device its switches and addresses, and set it up."""
    six = any(each.address.version == 6 for each in link.addresses)
    set_switches(channel, node, [*(() if six else ((disable6(link.dev), 1),)), *link.sysctls])
    channel.send(node, [*(rtencode.address(each, index) for each in link.addresses), rtencode.set_link(index, True)])


def default(hop: NextHop) -> Route:
    """The default route through a gateway."""
    return Route(Prefix(hop.gateway.version if hop.gateway else 4, 0, 0), nexthops=(hop,))


# --- switches ---


def foreign_switches(channel: Channel, node: str) -> dict[str, int]:
    """What a new namespace takes over from the machine (net.core.devconf_inherit_init_net), set right."""
    window = channel.window(node)
    try:
        return {name: value for name, value in _defaults() if window.switches.read(name) not in (None, value)}
    finally:
        window.close()


def _defaults() -> Iterator[tuple[str, int]]:
    """The kernel's own values for conf.all, conf.default and lo."""
    for family, values in DEVICE_DEFAULTS.items():
        for name, value in values.items():
            for scope in ("default", "lo", *(("all",) if name in ALL_NAMES[family] else ())):
                yield f"net.ipv{family}.conf.{scope}.{name}", value


def set_switches(channel: Channel, node: str, values: Iterable[tuple[str, int]], where: str = "") -> None:
    """Set them all; EngineError for the first that cannot be set."""
    for name, error in channel.write(node, dict(values)):
        raise EngineError(f"The sysctl {name} of {node} cannot be set{where}: {error.strerror}.")


def disable6(dev: str) -> str:
    """The switch that keeps IPv6 off a device."""
    return f"net.ipv6.conf.{dev.replace('.', '/')}.disable_ipv6"


def mtu(network: Network) -> int:
    """What the network's option says, else 1500."""
    value = dict(network.options).get(_MTU, "")
    return int(value) if value.isdecimal() else 1500
