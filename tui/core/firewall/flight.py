"""A packet as the filters of one node see it, with what connection tracking there knows of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tui.core.addresses import Address

ICMP_PROTOCOLS = (1, 58)
REQUEST, REPLY = {4: 8, 6: 128}, {4: 0, 6: 129}
"""The types of an echo request and of its reply (RFC 792, RFC 4443)."""

Kinds = Callable[[Address], str | None]
"""What a node's tables call an address: local, unicast, broadcast, multicast, anycast; None: they were not read."""


@dataclass(frozen=True, slots=True)
class Ends:
    """Source and destination with their ports (None: not known, or the protocol has none)."""

    src: Address
    dst: Address
    sport: int | None = None
    dport: int | None = None

    def turned(self) -> Ends:
        """The way back."""
        return Ends(self.dst, self.src, self.dport, self.sport)


@dataclass(frozen=True, slots=True)
class Connection:
    """What a node's connection tracking keeps: the first packet's ends as it came, and those that its reply will have.

    The two are each other's way back until an address is translated (nf_nat_setup_info).
    """

    node: str
    proto: int
    original: Ends
    reply: Ends

    @property
    def status(self) -> frozenset[str]:
        """The words of `--ctstatus` and `--ctstate` for what was translated."""
        back = self.reply.turned()
        changed = {
            "dnat": (back.dst, back.dport) != (self.original.dst, self.original.dport),
            "snat": (back.src, back.sport) != (self.original.src, self.original.sport),
        }
        return frozenset(name for name, found in changed.items() if found)


@dataclass(frozen=True, slots=True)
class Flight:
    """A packet at a hook. `iif` and `oif` are "" where the hook has none, None where they are not known.

    `state` is new, established, related, invalid or untracked; `direction` original or reply. `mark` None: not known.
    `bridged` tells that a bridge passes it from port to port (`physin`, `physout`, None: which ones is not known).
    `connection` is the entry that it belongs to; `fresh` that the entry is being made with this packet, so that its
    addresses may still be translated; `bound` which of them were (dnat, snat), be it to what they were before. `answer`
    is the kind of a packet of TCP or ICMP: request, reply or error.
    """

    ends: Ends
    proto: int
    ttl: int | None = None
    icmp: tuple[int, int] | None = None
    answer: str = "request"
    iif: str | None = ""
    oif: str | None = ""
    mark: int | None = 0
    state: str = "invalid"
    direction: str = "original"
    connection: Connection | None = None
    fresh: bool = False
    bound: frozenset[str] = frozenset()
    bridged: bool = False
    physin: str | None = None
    physout: str | None = None

    @property
    def version(self) -> int:
        """4 or 6."""
        return self.ends.src.version


@dataclass(frozen=True, slots=True)
class Here:
    """The node whose filters a packet meets: its name, and what they need to know of its tables.

    `masquerade` gives the address that the node would use itself where a packet leaves, `redirect` that of the device
    by which it came in (loopback for its own); None: not known. `known` are entries of connection tracking from
    before, of this node and of others.
    """

    node: str
    kinds: Kinds
    masquerade: Callable[[Flight], Address | None] = lambda _: None
    redirect: Callable[[Flight], Address | None] = lambda _: None
    known: tuple[Connection, ...] = ()
