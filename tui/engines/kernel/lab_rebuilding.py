"""A lab that is up gets networks, nodes and links, or loses them, just as `tui.core.changes.apply` says."""

from __future__ import annotations

import contextlib
import struct
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from tui.core.changes import Change, Connect, CreateNetwork, Disconnect, RemoveNetwork, RemoveNode, StartNode
from tui.core.changes.attaching import FORWARDING6
from tui.core.labs import LAB_SYSCTLS, Attachment, RouteCommand, Service
from tui.core.labs.ipam import mac_for
from tui.core.labs.layout import HOST, host_addresses
from tui.core.world import Interface, Network, Node, Route, World
from tui.engines.base import EngineError
from tui.engines.kernel.isolation import Bridge, isolate_again
from tui.engines.kernel.lab_making import Made
from tui.engines.kernel.lab_node import (
    FIRST_PORT,
    Ground,
    disable6,
    foreign_switches,
    make_node,
    mtu,
    new_port,
    open_link,
    set_switches,
)
from tui.engines.netlink import Namespace
from tui.engines.netlink import encode as rtencode
from tui.engines.netlink.numbers import RTM_GETLINK
from tui.engines.netlink.sockets import request

if TYPE_CHECKING:
    from tui.engines.kernel import KernelLab

_SECONDS = 3.0
"""How long links may take to come up or go down before the change counts as made all the same."""


class Rebuilding:
    """One change between two Worlds. What fails is raised (OSError, EngineError), and nothing is left of it."""

    def __init__(self, lab: KernelLab, now: World, after: World) -> None:
        self._lab, self._channel, self._made = lab, lab.channel, lab.made
        self._now, self._after = now, after
        self._host = _node(now, HOST)
        self._back: list[Callable[[], None]] = []

    def make(self, change: Change) -> None:
        """Do it, remember it, and wait until the links have settled."""
        try:
            touched = self._make(change)
        except BaseException:
            for step in reversed(self._back):
                with contextlib.suppress(OSError, EngineError):
                    step()
            raise
        # Everybody who listens to the lab hears of it, also where no link changed.
        self._channel.send(HOST, [rtencode.alias(1, f"routetui {self._lab.revision}")])
        self._settle([HOST, *touched])

    def _make(self, change: Change) -> list[str]:
        """The nodes that are to settle, besides the host."""
        match change:
            case Connect(node, network):
                self._plug(node, network)
                return [node]
            case Disconnect(node, network):
                self._unplug(node, network)
                return [node]
            case CreateNetwork(network):
                self._create(_network(self._after, network.name))
            case RemoveNetwork(name):
                self._remove(_network(self._now, name))
            case StartNode(name):
                self._start(change)
                return [name]
            case RemoveNode(name):
                self._end(name)
        return []

    # --- links ---

    def _ground(self) -> Ground:
        indexes = {each.name: each.index for each in self._host.interfaces}
        bridges = {network: indexes[dev] for dev, network in self._made.carriers.items()}
        return Ground(self._channel, {each.name: each for each in self._now.networks}, bridges)

    def _next_port(self) -> int:
        """The number of a port that no device on the host has yet."""
        return max(FIRST_PORT - 1, *(each.index for each in self._host.interfaces)) + 1 - FIRST_PORT

    def _plug(self, name: str, network: str) -> None:
        interface = _plugged(_node(self._after, name), network)
        link = _attachment(interface)
        port = self._next_port()
        made, *more = self._channel.try_send(HOST, new_port(self._ground(), name, link, interface.index, port))
        if made is None:
            self._back.append(lambda: self._channel.send(HOST, [rtencode.del_link(FIRST_PORT + port)]))
        for error in (made, *more):
            if error is not None:
                raise error
        open_link(self._channel, name, link, interface.index)
        self._set_defaults(name)

    def _unplug(self, name: str, network: str) -> None:
        interface = _plugged(_node(self._now, name), network)
        self._back.append(lambda: self._plug_again(name, interface))
        self._channel.send(HOST, [rtencode.del_link(self._port(interface))])
        self._set_defaults(name)

    def _plug_again(self, name: str, interface: Interface) -> None:
        """The link as it was, with the routes by it."""
        node = _node(self._now, name)
        link = _attachment(interface)
        self._channel.send(HOST, new_port(self._ground(), name, link, interface.index, self._next_port()))
        open_link(self._channel, name, link, interface.index)
        indexes = {each.name: each.index for each in node.interfaces}
        lost = [each for each in node.routes if each.protocol != "kernel"]
        self._channel.try_send(name, [rtencode.route(RouteCommand("append", each), indexes) for each in lost])

    def _port(self, interface: Interface) -> int:
        """The port on the host that is the other end: they name each other by index (IFLA_LINK)."""
        for each in self._host.interfaces:
            if (each.index, each.peer_index) == (interface.peer_index, interface.index) and each.master is not None:
                return each.index
        raise EngineError(f"The other end of {interface.name} is no port of a bridge of this lab.")

    def _set_defaults(self, name: str) -> None:
        """The default routes that go and come, as Docker chooses them anew; those by a lost device have gone."""
        before, after = _node(self._now, name), _node(self._after, name)
        indexes = {each.name: each.index for each in after.interfaces}
        old, new = _defaults(before), _defaults(after)
        gone = [each for each in old if each not in new and each.dev in indexes]
        # One that was bound to a lost address has gone with it.
        self._channel.try_send(name, [rtencode.route(RouteCommand("del", each), indexes) for each in gone])
        fresh = [each for each in new if each not in old]
        self._channel.send(name, [rtencode.route(RouteCommand("add", each), indexes) for each in fresh])

    # --- networks ---

    def _create(self, network: Network) -> None:
        dev = network.bridge or self._spare()
        addresses = host_addresses(network)
        predicted = _node(self._after, HOST).interface(dev)
        index = predicted.index if predicted is not None else FIRST_PORT + self._next_port()
        mac = mac_for((each.address for each in addresses), network.name)
        self._forward6()
        self._channel.send(HOST, [rtencode.new_bridge(dev, mac, mtu(network), index=index)])
        self._back.append(lambda: self._channel.send(HOST, [rtencode.del_link(index)]))
        six = any(each.address.version == 6 for each in addresses)
        set_switches(self._channel, HOST, [(disable6(dev), int(not six))])
        parts = [*(rtencode.address(each, index) for each in addresses), rtencode.set_link(index, True)]
        self._channel.send(HOST, parts)
        carriers = {**self._made.carriers, dev: network.name}
        self._lab.keep(self._remade(isolation=self._keep_apart(), carriers=carriers))

    def _forward6(self) -> None:
        """The host forwards IPv6 from its first network with IPv6 on."""
        old, new = self._host.sysctl(FORWARDING6), _node(self._after, HOST).sysctl(FORWARDING6)
        if old is not None and new is not None and old != new:
            set_switches(self._channel, HOST, [(FORWARDING6, new)])
            self._back.append(lambda: set_switches(self._channel, HOST, [(FORWARDING6, old)]))

    def _spare(self) -> str:
        """A device name for a network that has no bridge under Docker."""
        taken = {each.name for each in self._host.interfaces}
        return next(name for n in range(len(taken) + 1) if (name := f"lan{n}") not in taken)

    def _remove(self, network: Network) -> None:
        dev = next(dev for dev, name in self._made.carriers.items() if name == network.name)
        index = next(each.index for each in self._host.interfaces if each.name == dev)
        carriers = {key: name for key, name in self._made.carriers.items() if key != dev}
        self._keep_first(self._remade(isolation=self._keep_apart(), carriers=carriers))
        self._channel.send(HOST, [rtencode.del_link(index)])

    def _keep_apart(self) -> str:
        """The host's filter for the bridges that there will be."""
        old, new, how = _bridges(self._now), _bridges(self._after), self._made.isolation
        if old == new:
            return how
        becomes = isolate_again(self._channel, HOST, old, new, how)
        self._back.append(lambda: _isolate_back(self._lab, new, old, becomes))
        return becomes

    # --- nodes ---

    def _start(self, change: StartNode) -> None:
        node = _node(self._after, change.name)
        sysctls = tuple(sorted({**LAB_SYSCTLS, **dict(change.sysctls)}.items()))
        service = Service(
            change.name,
            change.name,
            change.image,
            sysctls=sysctls,
            attachments=tuple(_attachment(each) for each in node.interfaces if each.network is not None),
            gateways=tuple(each.nexthops[0] for each in _defaults(node)),
        )
        port = self._next_port()
        self._channel.ask("make", node=change.name)
        self._back.append(lambda: self._unmake(change.name))
        make_node(self._ground(), service, foreign_switches(self._channel, change.name), port)
        self._lab.keep(self._remade())

    def _unmake(self, name: str) -> None:
        """A node that was just made, with the links that it has: their ports go with them."""
        indexes = self._lab.indexes_of(name)
        self._channel.try_send(name, [rtencode.del_link(index) for dev, index in indexes.items() if dev != "lo"])
        self._channel.ask("unmake", node=name)

    def _end(self, name: str) -> None:
        node = _node(self._now, name)
        self._keep_first(self._remade())
        if node.shares is None:
            ports = [self._port(each) for each in node.interfaces if each.network is not None]
            self._channel.send(HOST, [rtencode.del_link(each) for each in ports])
            self._channel.ask("unmake", node=name)

    # --- what is remembered ---

    def _remade(self, isolation: str | None = None, carriers: dict[str, str] | None = None) -> Made:
        """What the lab is now, to be remembered."""
        known = {each.name: each for each in self._made.world.nodes}
        nodes = tuple(known.get(each.name) or Node(each.name, image=each.image) for each in self._after.nodes)
        return replace(
            self._made,
            world=replace(self._made.world, networks=self._after.networks, nodes=nodes),
            isolation=self._made.isolation if isolation is None else isolation,
            carriers=self._made.carriers if carriers is None else carriers,
        )

    def _keep_first(self, made: Made) -> None:
        """Remember it before it is done: nobody looks for what goes."""
        self._lab.keep(made)
        self._back.append(lambda: self._lab.keep(self._made))

    # --- coming to rest ---

    def _settle(self, names: list[str]) -> None:
        """Wait until carriers and IPv6 addresses are as they will be: workers of the kernel see to them."""
        wanted = {name: _links(node) for name in names if (node := self._after.node(name)) is not None}
        give_up = time.monotonic() + _SECONDS
        with contextlib.ExitStack() as stack:
            windows = {name: self._lab.window(name) for name in wanted}
            for window in windows.values():
                stack.callback(window.close)
            while time.monotonic() < give_up:
                _hasten(windows[HOST], self._after)
                if all(_links(windows[name].tables().onto(Node(name))) == wanted[name] for name in wanted):
                    return
                time.sleep(0.002)


def _hasten(window: Namespace, world: World) -> None:
    """Since Linux 6.7 asking for one link has the kernel finish what it knows of its carrier (rtnl_getlink)."""
    for each in _node(world, HOST).interfaces:
        if each.kind == "bridge":
            with contextlib.suppress(OSError):
                request(window.link, RTM_GETLINK, struct.pack("=BxHiII", 0, 0, each.index, 0, 0))


def _links(node: Node) -> tuple[object, ...]:
    """What comes to rest in its own time: carriers and addresses, and the routes by them."""
    links = {each.name: (each.carrier, each.addresses) for each in node.interfaces if each.master is None}
    marks = {(each.dst, each.table, hop.dev, "linkdown" in hop.flags) for each in node.routes for hop in each.nexthops}
    return links, marks


def _isolate_back(lab: KernelLab, new: list[Bridge], old: list[Bridge], how: str) -> None:
    isolate_again(lab.channel, HOST, new, old, how)


def _bridges(world: World) -> list[Bridge]:
    return [
        (each.bridge, tuple(subnet.prefix for subnet in each.subnets))
        for each in world.networks
        if each.bridge is not None
    ]


def _attachment(interface: Interface) -> Attachment:
    """The link that a World's interface stands for; its fe80:: address makes itself."""
    given = tuple(each for each in interface.addresses if not each.address.is_link_local)
    return Attachment(interface.network or "", interface.name, interface.mac, given)


def _defaults(node: Node) -> list[Route]:
    return [each for each in node.routes if each.is_default and each.table == "main"]


def _plugged(node: Node, network: str) -> Interface:
    return next(each for each in node.interfaces if each.network == network)


def _node(world: World, name: str) -> Node:
    node = world.node(name)
    assert node is not None
    return node


def _network(world: World, name: str) -> Network:
    network = world.network(name)
    assert network is not None
    return network
