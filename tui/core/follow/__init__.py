"""One packet followed over every interface: where it was expected, where it was seen, and where and why it ended."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tui.core.addresses import Address
from tui.core.path.hops import Outcome, Path

__all__ = ["Asked", "Flight", "Follow", "Kind", "Sighting"]


class Kind(StrEnum):
    """What a packet is to the probe."""

    REQUEST = "request"
    REPLY = "reply"
    ERROR = "error"  # of ICMP, about the request


@dataclass(frozen=True, slots=True)
class Sighting:
    """A packet at one interface of a node, going `in` or `out`.

    `seen` with its `time` (nanoseconds since 1970, None in the simulator), ttl, MACs and addresses as they were; what
    was only expected has them as predicted. `changed` names what differs from the sighting before: src_mac, dst_mac,
    ttl, src, dst. `port` marks an end of a cable on the host, which hands the frame on and decides nothing. `watched`
    is False where nobody could look.
    """

    node: str
    dev: str
    direction: str
    expected: bool
    seen: bool
    time: int | None = None
    ttl: int | None = None
    src_mac: str = ""
    dst_mac: str = ""
    src: Address | None = None
    dst: Address | None = None
    changed: tuple[str, ...] = ()
    port: bool = False
    watched: bool = True

    @property
    def place(self) -> tuple[str, str, str]:
        """Node, device and direction."""
        return self.node, self.dev, self.direction


@dataclass(frozen=True, slots=True)
class Flight:
    """One packet of the probe with its sightings in order.

    `arrived` tells that it was seen where it was to go. Else `died_at` is the node where it ended ("" where nobody can
    say) and `reason` a sentence without its full stop. `outcome` is the prediction's word for that, None where the
    prediction said otherwise: then `suspects` are what may have dropped it there, in the order in which a packet meets
    them.
    """

    seq: int
    kind: Kind
    src: Address | None = None
    dst: Address | None = None
    sightings: tuple[Sighting, ...] = ()
    arrived: bool = False
    died_at: str = ""
    reason: str = ""
    outcome: Outcome | None = None
    suspects: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """How the packets of a probe are known: the identifier of the echo requests, the token in their data, how many.

    `id` None: that of the first request seen. `token` empty: only the identifier tells.
    """

    count: int = 1
    id: int | None = None
    token: bytes = b""


@dataclass(frozen=True, slots=True)
class Follow:
    """A probe from `src` to `dst` with everything that was seen of it.

    `reached`: a reply came back to the sender. `agrees`: it went as `path` predicted, None where that was not known.
    `one_clock`: all times are of one kernel; else the order of sightings on different nodes is a guess. `simulated`:
    nothing was sent, the prediction is shown. `sender_says` are the words of the sending kernel where it refused.
    `notes` are sentences, on nodes that could not be watched among others.
    """

    src: str
    dst: str
    path: Path
    packets: tuple[Flight, ...]
    reached: bool
    agrees: bool | None
    verdict: str
    one_clock: bool = True
    simulated: bool = False
    sender_says: str = ""
    notes: tuple[str, ...] = ()

    @property
    def lost(self) -> Flight | None:
        """The packet that did not get where it was to go: the first request, else the first reply; None: all did."""
        return next((each for each in self.packets if not each.arrived and each.kind is not Kind.ERROR), None)
