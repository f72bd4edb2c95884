"""A packet's way as values: each hop with its decision, how the way ended and why, and the round trip of both ways."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tui.core.addresses import Address
from tui.core.firewall.flight import Connection
from tui.core.steps import Lookup
from tui.core.world import Route, Rule


class Outcome(StrEnum):
    """How a way ends: the closed list. UNKNOWN is an answer too: what would decide was not read."""

    DELIVERED = "DELIVERED"
    NO_ROUTE = "NO_ROUTE"
    REFUSED_BY_ROUTE = "REFUSED_BY_ROUTE"  # unreachable, prohibit, blackhole: they answer differently
    NEXT_HOP_SILENT = "NEXT_HOP_SILENT"  # nobody on the link answers for the next hop
    NOT_FORWARDING = "NOT_FORWARDING"
    FILTERED = "FILTERED"  # by a firewall's rule, or by a switch that keeps a node from answering
    REVERSE_PATH = "REVERSE_PATH"  # source validation: rp_filter, and sources that cannot come from outside
    TTL_EXCEEDED = "TTL_EXCEEDED"  # a loop
    LEAVES = "LEAVES"  # out of the modelled world
    UNKNOWN = "UNKNOWN"


class Notice(StrEnum):
    """What an ICMP error says (RFC 792, RFC 1812 section 5.2.7, RFC 4443)."""

    NET_UNREACHABLE = "net unreachable"
    HOST_UNREACHABLE = "host unreachable"
    PROHIBITED = "prohibited"
    NET_PROHIBITED = "net prohibited"
    HOST_PROHIBITED = "host prohibited"
    PROTOCOL_UNREACHABLE = "protocol unreachable"
    TTL_EXCEEDED = "time exceeded"
    PORT_UNREACHABLE = "port unreachable"
    RESET = "connection refused"  # no ICMP error: a TCP segment in the target's name (nf_send_reset)


@dataclass(frozen=True, slots=True)
class Packet:
    """What travels. `src` None: the sending node has yet to choose. `reply` marks the answer to an earlier packet,
    `error` an ICMP error about one. Ports are None where the protocol has none, or they are not known; `icmp` is the
    type and code where they are not those of an echo. `mark` is the mark that it has on the node where it is, None
    where that is not known.
    """

    src: Address | None
    dst: Address
    proto: int = 1
    ttl: int = 64
    reply: bool = False
    error: bool = False
    sport: int | None = None
    dport: int | None = None
    icmp: tuple[int, int] | None = None
    mark: int | None = 0


@dataclass(frozen=True, slots=True)
class Service:
    """What is asked for instead of an echo: a datagram (17) or a connection's first packet (6) to a port."""

    proto: int
    dport: int
    sport: int | None = None


@dataclass(frozen=True, slots=True)
class Hop:
    """One node on the way.

    `iif` is None on the node that makes the packet; `oif` is None where it goes no further, and "lo" where it is
    delivered. `ttl` is what the packet leaves with, or arrives with where it ends here. `lookup` holds the decision
    without its steps (ask tui.core.lookup again with its query for those), None where the packet got no lookup.
    `next_hop` is the address asked for on the link: the gateway, or the destination itself. `network` is the link,
    `neighbour` and `neighbour_dev` who answers there. `src` and `dst` are what the packet carries when it leaves the
    node, or ends there: other than before where the node's filters translated them.
    """

    node: str
    iif: str | None
    oif: str | None
    ttl: int
    lookup: Lookup | None = None
    next_hop: Address | None = None
    network: str | None = None
    neighbour: str | None = None
    neighbour_dev: str | None = None
    src: Address | None = None
    dst: Address | None = None

    @property
    def gateway(self) -> Address | None:
        """The gateway that the route names and the kernel uses, None where the next hop is the destination itself."""
        if self.lookup is None or self.next_hop is None or self.next_hop == self.lookup.query.dst:
            return None
        return self.next_hop


@dataclass(frozen=True, slots=True)
class IcmpError:
    """What the node that stops a packet tells its sender: from `node` with source `source`.

    `arrives` says whether it gets back to the sender: None where nobody can say.
    """

    node: str
    source: Address
    notice: Notice
    arrives: bool | None


@dataclass(frozen=True, slots=True)
class Way:
    """One way from a node to an address, hop by hop.

    It ended with `outcome` on `node`, for the `reason` (one sentence). `cause` is what decided: a route, a rule, or
    the text of a sysctl or a filter. `loop` is the index of the hop at which a loop begins. `assumptions` are
    sentences on what was not read and was taken to be as usual. `error` is what the sender is told, if anything.
    `model` tells that a model of a firewall decided, not its rules; `notice` is what a rule that rejects answers.
    `src` and `dst` are what the packet carries at the end, `ports` its source and destination port, and `tracked` the
    entries of connection tracking that it leaves behind, by which an answer is known.
    """

    src: Address | None
    dst: Address
    hops: tuple[Hop, ...]
    outcome: Outcome
    node: str
    reason: str
    cause: Route | Rule | str | None = None
    error: IcmpError | None = None
    loop: int | None = None
    assumptions: tuple[str, ...] = ()
    model: bool = False
    notice: Notice | None = None
    tracked: tuple[Connection, ...] = ()
    ports: tuple[int | None, int | None] = (None, None)

    @property
    def ttl(self) -> int:
        """What the packet arrives with, where it is delivered."""
        return self.hops[-1].ttl if self.hops else 0

    @property
    def refused_at_home(self) -> bool:
        """Whether the sender's own kernel refuses: a program there sees an error and no packet is made."""
        last = self.hops[-1] if self.hops else None
        return (
            len(self.hops) == 1
            and last is not None
            and last.iif is None
            and last.lookup is not None
            and last.lookup.decision.failure is not None
        )


@dataclass(frozen=True, slots=True)
class Trip:
    """A request's way and, where it is delivered, the reply's; `works` is None where nobody can say."""

    forward: Way
    back: Way | None
    works: bool | None

    @property
    def astray(self) -> bool:
        """Whether a reply that is delivered is not the answer that was awaited, or not to whom."""
        return self.back is not None and self.back.outcome is Outcome.DELIVERED and self.works is False


@dataclass(frozen=True, slots=True)
class Path:
    """Everything that may become of a packet from `src` to `dst` (names of nodes, or addresses) and of its reply.

    Several `branches` exist where a route has several next hops and a hash of the flow chooses, or where two nodes
    answer for one address. `works`: True where every branch does, False where none does, None where it depends or
    nobody can say. `cut` tells that there are more branches than were followed.
    `redirects` are sentences on routers that tell a sender of a nearer next hop: later packets go another way.
    """

    src: str
    dst: str
    address: Address
    branches: tuple[Trip, ...]
    works: bool | None
    verdict: str
    cut: bool = False
    redirects: tuple[str, ...] = ()

    @property
    def forward(self) -> Way:
        """The request's way, of the first branch."""
        return self.branches[0].forward

    @property
    def back(self) -> Way | None:
        """The reply's way, of the first branch."""
        return self.branches[0].back

    @property
    def trouble(self) -> Way | None:
        """The way that fails first: of the request, else of the reply; None where none does."""
        for trip in self.branches:
            for way in (trip.forward, trip.back):
                if way is not None and way.outcome is not Outcome.DELIVERED:
                    return way
        return next((trip.back or trip.forward for trip in self.branches if not trip.works), None)
