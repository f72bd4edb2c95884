"""The links of a World made ready for packets: each node's tables, who is on which network, who answers there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from tui.core.addresses import Address
from tui.core.derived import kernel_routes
from tui.core.lookup import lookup
from tui.core.lookup.fib import Fib
from tui.core.lookup.source import select4
from tui.core.path.filtered import Verdict
from tui.core.query import Query
from tui.core.world import Interface, InterfaceAddress, Network, Node, World, default_rules

STOPPED = ("created", "exited", "dead")
"""The engine's words for a container whose processes, and with them its links, are gone. A paused one still answers."""

FORWARDING = "Whether the host forwards was not read: it is taken to, since Docker Engine turns it on."
STAND_IN = "The host's tables were not read: it is taken to have what the engine gives it, a route to each bridge."


class Links:
    """A World prepared for packets. Make it once and follow many packets; it never changes.

    `fibs` are tables that are already prepared, by the node's name; the others are prepared when first asked for.
    """

    def __init__(self, world: World, fibs: Mapping[str, Fib] | None = None) -> None:
        self.world = world
        self.nodes = {each.name: each for each in world.nodes}
        self.networks = {each.name: each for each in world.networks}
        self.host = next((each.name for each in world.nodes if each.kind == "host"), None)
        self._bridges = {each.bridge: each.name for each in world.networks if each.bridge}
        self._fibs = dict(fibs or ())
        self._assumed: tuple[str, ...] = ()
        if self.host is not None:
            taken, self._assumed = stand_in(self.nodes[self.host], world)
            if self._assumed:
                self._fibs[self.host] = Fib(taken)
        self._members: dict[str, dict[str, list[Interface]]] = {}
        self._owners: dict[Address, set[str]] = {}
        self._irregular: set[str] = set()
        self.asked: dict[tuple[str, str, Address, Address, str, str], Verdict] = {}
        for node in world.nodes:
            if node.shares is None:
                self._take(node)

    def _take(self, node: Node) -> None:
        for _, each in node.addresses():
            self._owners.setdefault(each.address, set()).add(node.name)
        for interface in node.interfaces:
            network = self.network(node, interface)
            if network is not None:
                self._members.setdefault(network, {}).setdefault(node.name, []).append(interface)
        proxies = any(value and name.endswith(".proxy_arp") for name, value in node.sysctls)
        if proxies or any(each.type == "local" and each.protocol != "kernel" for each in node.routes):
            self._irregular.add(node.name)

    def node(self, name: str) -> Node | None:
        """The node of that name, or the one whose network it uses."""
        node = self.nodes.get(name)
        seen = {name}
        while node is not None and node.shares is not None and node.shares not in seen:
            seen.add(node.shares)
            node = self.nodes.get(node.shares)
        return node

    def fib(self, name: str) -> Fib:
        """The prepared tables of a node."""
        found = self._fibs.get(name)
        if found is None:
            found = self._fibs[name] = Fib(self.nodes[name])
        return found

    def ready(self, world: World) -> dict[str, Fib]:
        """The tables that are prepared already and are the same in another World, by the node's name."""
        same = {each.name for each in world.nodes if each is self.nodes.get(each.name)}
        return {name: fib for name, fib in self._fibs.items() if name in same and name != self.host}

    def assumed(self, name: str) -> tuple[str, ...]:
        """What was taken for granted about a node beside what its lookups tell."""
        return self._assumed if name == self.host else ()

    def network(self, node: Node, interface: Interface) -> str | None:
        """The network that an interface is on; a bridge of the host carries its network."""
        if interface.network is not None:
            return interface.network
        return self._bridges.get(interface.name) if node.kind == "host" else None

    def holder(self, address: Address) -> Node | None:
        """The node that has this address, or None; loopback addresses are everyone's and so nobody's."""
        names = () if address.is_loopback else self._owners.get(address, ())
        return next((node for node in self.world.nodes if node.name in names), None)

    def answered_by_anyone(self, address: Address) -> bool:
        """Whether any node has the address, or may answer for others' addresses."""
        return bool(self._owners.get(address) or self._irregular)

    def bridge(self, network: str) -> tuple[Node, Interface] | None:
        """The host's bridge that carries a network, where the World has both."""
        found = self.networks.get(network)
        host = self.nodes.get(self.host or "")
        if found is None or found.bridge is None or host is None:
            return None
        interface = host.interface(found.bridge)
        return None if interface is None else (host, interface)

    def answering(self, asker: Fib, dev: str, target: Address, source: Address | None) -> list[tuple[str, str]]:
        """Who on the link of `dev` answers for `target` (ARP or neighbour discovery): pairs of node and interface.

        `source` is the packet's, where the asking node made the packet itself; a node that forwards asks with an
        address of its own (arp_solicit in net/ipv4/arp.c). Who owns the address comes before who answers in its place.
        """
        interface = asker.links.get(dev)
        network = self.network(asker.node, interface) if interface is not None else None
        if network is None or interface is None or not live(interface) or not self._carried(network):
            return []
        if self._private(network):
            return []
        source = asks_as(asker, dev, target, source)
        members = self._members.get(network, {})
        near = [name for name in members if name != asker.node.name and self.nodes[name].state not in STOPPED]
        owners = self._owners.get(target, set())
        found = [
            (name, each.name)
            for name in near
            if name in owners or name in self._irregular
            for each in members[name]
            if live(each) and self._owns(name, each, target, source)
        ]
        return found or [
            (name, each.name)
            for name in near
            if target.version == 4 and name in self._irregular
            for each in members[name]
            if live(each) and self._proxies(name, each, target, source)
        ]

    def kept_apart(self, node: Node, dev: str, target: Address) -> str | None:
        """Why a device on top of another cannot reach its parent's host, nor be reached from there, or None.

        What a host sends by the parent of a macvlan or ipvlan device goes to the wire and never to the device on top of
        it, and the other way round (macvlan_handle_frame in drivers/net/macvlan.c, and ipvlan's alike). With macvlan's
        mode private those on top do not reach each other either.
        """
        for network in self.world.networks:
            if network.driver not in ("macvlan", "ipvlan"):
                continue
            options = dict(network.options)
            parent, members = options.get("parent", ""), self._members.get(network.name, {})
            names = self._owners.get(target, set())
            if node.kind == "host" and dev == parent and names & set(members):
                return (
                    f"{dev} hands no frame to the {network.driver} devices on top of it, so {network.name} is cut off"
                )
            if node.name in members and self.host in names:
                return f"{network.driver} hands no frame to {parent or 'its parent'} below it, so the host is cut off"
            if options.get("macvlan_mode") == "private" and node.name in members and names & set(members):
                return f"{network.name} has the mode private: its members are kept apart"
        return None

    def unread(self, network: str) -> str | None:
        """A phrase on members of the network whose addresses were not read, or None."""
        for name in self._members.get(network, ()):
            node = self.nodes[name]
            if "addresses" in node.missing and node.state not in STOPPED:
                return f"the addresses of {name} were not read"
        found = self.networks.get(network)
        if found is not None and found.driver == "overlay":
            return "its members on other hosts were not read"
        return None

    def _private(self, network: str) -> bool:
        found = self.networks.get(network)
        return found is not None and ("macvlan_mode", "private") in found.options

    def _carried(self, network: str) -> bool:
        """A bridge that was set down carries no frame from one of its ports to another."""
        found = self.bridge(network)
        return found is None or found[1].up

    def _owns(self, name: str, interface: Interface, target: Address, source: Address | None) -> bool:
        """Whether it answers for an address of its own.

        IPv6 answers for the addresses of that interface only (ndisc_recv_ns). IPv4 for every address of the node,
        unless arp_ignore is set, and only if the input lookup would take the asker's packet (arp_process).
        """
        if target.version == 6:
            return any(each.address == target and _settled(each) for each in interface.addresses)
        fib = self.fib(name)
        if _ignored(fib, interface, target, source):
            return False
        if source is None or "routes4" in fib.node.missing:
            return target in fib.addresses
        asked = Query(target, source, interface.name, ipproto=0)
        return lookup(fib, asked, trace=False).decision.type == "local"

    def _proxies(self, name: str, interface: Interface, target: Address, source: Address | None) -> bool:
        """proxy_arp: it answers for what it would forward out of another interface (arp_fwd_proxy)."""
        fib = self.fib(name)
        if source is None or not fib.either(4, interface.name, "proxy_arp"):
            return False
        decision = lookup(fib, Query(target, source, interface.name, ipproto=0), trace=False).decision
        return decision.type == "unicast" and decision.dev != interface.name


def asks_as(asker: Fib, dev: str, target: Address, source: Address | None) -> Address | None:
    """The address in the question: the packet's own source, else one of the device's; None where there is none.

    In IPv6 the packet's source serves only if the device has it, else the device's link-local one does, also for what
    the node made itself (ndisc_solicit).
    """
    if target.version == 6:
        found = asker.links[dev].addresses if dev in asker.links else ()
        able = [each.address for each in found if each.address.version == 6 and _settled(each)]
        return source if source in able else next((each for each in able if each.is_link_local), None)
    if source is not None:
        return source
    chosen = select4(asker, dev, target.value, "link")
    return Address(4, chosen) if chosen else None


def _settled(each: InterfaceAddress) -> bool:
    """Whether duplicate detection has passed it."""
    return not {"tentative", "dadfailed"} & set(each.flags)


def live(interface: Interface) -> bool:
    """Whether frames pass: it is up and has a carrier."""
    return interface.up and interface.carrier


def _ignored(fib: Fib, interface: Interface, target: Address, source: Address | None) -> bool:
    """arp_ignore (ip-sysctl.rst): 1 answers on the address's own interface, 2 also wants the asker in its subnet."""
    mode = fib.either(4, interface.name, "arp_ignore")
    if mode == 0:
        return False
    own = [each for each in interface.addresses if each.address == target]
    if mode == 2:
        own = [each for each in own if source is not None and each.prefix.covers(source)]
    return mode == 8 or not own


def stand_in(node: Node, world: World) -> tuple[Node, tuple[str, ...]]:
    """A Docker host with what the engine must have set up there where it was not read, and what was assumed so."""
    if node.kind != "host" or not world.engine.startswith("docker://"):
        return node, ()
    assumed = []
    if "routes4" in node.missing and node.interfaces:
        made = tuple(route for each in node.interfaces for route in kernel_routes(each, True))
        node = replace(node, routes=made, rules=(*default_rules(4), *default_rules(6)), missing=())
        assumed.append(STAND_IN)
    if node.sysctl("net.ipv4.ip_forward") is None:
        switches = (*node.sysctls, ("net.ipv4.ip_forward", 1), ("net.ipv6.conf.all.forwarding", 1))
        node = replace(node, sysctls=switches)
        assumed.append(FORWARDING)
    return node, tuple(assumed)


def outside(network: Network | None) -> bool:
    """Whether a network reaches machines that the World does not hold: only a bridge's members are all known."""
    return network is None or network.driver not in ("bridge", "overlay")
