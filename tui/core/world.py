"""The one model: a World of networks and nodes, with each node's interfaces, routes and rules, as frozen values.

A World is what an engine saw, what a lab describes, what a saved file holds and what the simulator runs.
Every value here is compared by value and replaced whole; nothing that an SDK made lives inside one.
What could not be read is recorded (`Node.problem`, `Node.missing`, `Node.unread`), never guessed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from tui.core.addresses import Address, Prefix
from tui.core.firewall.values import Ruleset

REJECTS = ("unreachable", "prohibit", "blackhole")
"""Route types that answer instead of forwarding (ip-route(8), "Route types")."""


@dataclass(frozen=True, slots=True)
class NextHop:
    """One way out of a route. `gateway` is None when the destination is on-link.

    `gateway` may be of the other family (`via inet6`). `flags` are the kernel's words: onlink, dead,
    linkdown, pervasive, offload, trap, ... `weight` counts from 1.
    """

    dev: str | None = None
    gateway: Address | None = None
    weight: int = 1
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Route:
    """One line of a routing table, in the terms of ip-route(8).

    `table` is a name for the known three (local, main, default) and for any that the text named, else decimal digits.
    `metric` None means that none was printed: 0 in IPv4, 1024 in IPv6 unless the kernel made the route.
    `nexthops` is empty for rejects that name no device. `attributes` are words that were understood and do not
    decide a lookup (mtu lock 1300, realm 5, expires 60sec, encap ...); `words` were not understood, and are kept.
    """

    dst: Prefix
    type: str = "unicast"
    nexthops: tuple[NextHop, ...] = ()
    table: str = "main"
    protocol: str = "boot"
    scope: str = "global"
    prefsrc: Address | None = None
    metric: int | None = None
    tos: int = 0
    src: Prefix | None = None
    pref: str | None = None
    nhid: int | None = None
    attributes: tuple[str, ...] = ()
    words: tuple[str, ...] = ()

    @property
    def family(self) -> int:
        """4 or 6."""
        return self.dst.version

    @property
    def dev(self) -> str | None:
        """The device of the first next hop, or None."""
        return self.nexthops[0].dev if self.nexthops else None

    @property
    def gateway(self) -> Address | None:
        """The gateway of the first next hop, or None when on-link."""
        return self.nexthops[0].gateway if self.nexthops else None

    @property
    def unread_gateway(self) -> str | None:
        """A gateway that stood there but is no address (a host's name, a redacted number), or None."""
        return self.words[1] if len(self.words) > 1 and self.words[0] == "via" else None

    @property
    def is_default(self) -> bool:
        """Whether it is 0.0.0.0/0 or ::/0."""
        return self.dst.length == 0

    @property
    def is_reject(self) -> bool:
        """Whether it is unreachable, prohibit or blackhole."""
        return self.type in REJECTS


@dataclass(frozen=True, slots=True)
class Rule:
    """One routing policy rule, in the terms of ip-rule(8). `family` is 4 or 6.

    `action` is `table` (look up `table`), unreachable, prohibit, blackhole, nop or goto. `unresolved` marks a goto
    whose target does not exist, `detached` an iif or oif whose device is gone. Port ranges are inclusive pairs.
    `words` were not understood: such a rule may match on something that routetui cannot see.
    """

    priority: int
    family: int = 4
    action: str = "table"
    table: str = "main"
    src: Prefix | None = None
    dst: Prefix | None = None
    iif: str | None = None
    oif: str | None = None
    mark: int | None = None
    mask: int = 0xFFFFFFFF
    tos: int = 0
    ipproto: int | None = None
    sport: tuple[int, int] | None = None
    dport: tuple[int, int] | None = None
    uidrange: tuple[int, int] | None = None
    invert: bool = False
    suppress_prefixlength: int | None = None
    target: int | None = None
    unresolved: bool = False
    iif_detached: bool = False
    oif_detached: bool = False
    protocol: str | None = None
    attributes: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


def default_rules(family: int) -> tuple[Rule, ...]:
    """The rules of a network namespace in which nobody ever changed one (IPv6 has no table default)."""
    tables = ((0, "local"), (32766, "main"), (32767, "default"))
    return tuple(Rule(priority, family, table=table) for priority, table in tables[: 3 if family == 4 else 2])


@dataclass(frozen=True, slots=True)
class InterfaceAddress:
    """An address on an interface: `address` with the `length` of its subnet.

    `flags` are the kernel's words: secondary, deprecated, tentative, dadfailed, noprefixroute, temporary, ...
    """

    address: Address
    length: int
    scope: str = "global"
    broadcast: Address | None = None
    peer: Prefix | None = None
    flags: tuple[str, ...] = ()

    @property
    def prefix(self) -> Prefix:
        """The subnet that this address makes on-link, host bits cleared."""
        return self.peer.network if self.peer else Prefix(self.address.version, self.address.value, self.length).network


@dataclass(frozen=True, slots=True)
class Interface:
    """A network device of a node. `network` names the World's Network that it is plugged into, if any.

    `name` is "" where no device is known: the place on a network of a container that was not read or does not run.
    `up` is the administrative state, `carrier` whether the link has a signal (LOWER_UP). `peer_index` is the
    interface index of the other end of a veth pair. `kind`: veth, bridge, loopback, macvlan, ... or "".
    """

    name: str
    index: int = 0
    mac: str = ""
    addresses: tuple[InterfaceAddress, ...] = ()
    network: str | None = None
    kind: str = ""
    up: bool = True
    carrier: bool = True
    mtu: int | None = None
    master: str | None = None
    peer_index: int | None = None


TOPICS = ("routes4", "tables4", "rules4", "routes6", "tables6", "rules6", "addresses", "links", "sysctls")
"""What a node's reading consists of: main tables, other tables and rules of each family, addresses, links, sysctls."""


@dataclass(frozen=True, slots=True)
class Node:
    """A network stack with a name: a container, the host, a namespace, or a machine pasted from a terminal.

    `state` is the engine's word (running, exited, paused, restarting, created, dead). `shares` names the node whose
    network this one uses (`container:` and host networking). `rules` holds both families and is meaningful only for
    a family whose topic is not in `missing`. `merged` tells whether IPv4 local and main are still one trie (no rule was
    ever added or deleted): None where only the rules themselves can tell.
    `sysctls` are sorted (name, value) pairs with full names (net.ipv4.conf.eth0.rp_filter; a dot inside a device
    name is written /). `capabilities` is None where unknown. `source` says how the tables were read. `missing` lists
    the TOPICS that could not be read; `unread` the lines that were not understood; `problem` one sentence, or None.
    `filters` are its packet filters, None where they were not read; their counters take no part in comparisons.
    """

    name: str
    kind: str = "container"
    id: str = ""
    state: str = "running"
    image: str = ""
    network_mode: str = ""
    shares: str | None = None
    interfaces: tuple[Interface, ...] = ()
    routes: tuple[Route, ...] = ()
    rules: tuple[Rule, ...] = ()
    merged: bool | None = None
    sysctls: tuple[tuple[str, int], ...] = ()
    capabilities: tuple[str, ...] | None = None
    source: str = ""
    missing: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    problem: str | None = None
    filters: Ruleset | None = None

    def in_network_of(self, owner: Node) -> Node:
        """This node with the network stack of the one whose network it shares, under its own name."""
        return replace(
            self,
            interfaces=owner.interfaces,
            routes=owner.routes,
            rules=owner.rules,
            merged=owner.merged,
            sysctls=owner.sysctls,
            filters=owner.filters,
            source=owner.source,
            missing=owner.missing,
            unread=owner.unread,
            problem=self.problem or owner.problem,
        )

    def interface(self, name: str) -> Interface | None:
        """The interface of that name, or None."""
        return next((each for each in self.interfaces if each.name == name), None)

    def sysctl(self, name: str) -> int | None:
        """The value of a sysctl by its full name, or None where it was not read."""
        return next((value for key, value in self.sysctls if key == name), None)

    def addresses(self) -> Iterator[tuple[Interface, InterfaceAddress]]:
        """Every address of every interface, in listing order."""
        for interface in self.interfaces:
            for address in interface.addresses:
                yield interface, address


@dataclass(frozen=True, slots=True)
class Subnet:
    """An address range of a network and the gateway address that the engine owns in it (None: none)."""

    prefix: Prefix
    gateway: Address | None = None


@dataclass(frozen=True, slots=True)
class Network:
    """A network of the engine. `bridge` is the device on the host that carries it, where known.

    `options` are sorted (name, value) pairs of the engine (com.docker.network.bridge.enable_icc, ...).
    """

    name: str
    id: str = ""
    driver: str = "bridge"
    scope: str = "local"
    subnets: tuple[Subnet, ...] = ()
    internal: bool = False
    bridge: str | None = None
    options: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class World:
    """Everything that an engine saw at one moment. `engine` is a label such as `docker://local 26.1`.

    `networks` and `nodes` are sorted by name, the host (if known) last; names are unique.
    """

    engine: str = ""
    networks: tuple[Network, ...] = ()
    nodes: tuple[Node, ...] = ()

    def node(self, name: str) -> Node | None:
        """The node of that name, or None."""
        return next((each for each in self.nodes if each.name == name), None)

    def network(self, name: str) -> Network | None:
        """The network of that name, or None."""
        return next((each for each in self.networks if each.name == name), None)

    def members(self, network: str) -> Iterator[tuple[Node, Interface]]:
        """The nodes plugged into a network, each with the interface that is."""
        for node in self.nodes:
            for interface in node.interfaces:
                if interface.network == network:
                    yield node, interface

    def owner(self, address: Address) -> tuple[Node, Interface] | None:
        """The node that has this address on an interface (loopback addresses excluded), or None."""
        for node in self.nodes:
            for interface, each in node.addresses():
                if each.address == address and not address.is_loopback and node.shares is None:
                    return node, interface
        return None
