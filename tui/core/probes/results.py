"""What probes found: replies, errors, hops and connections as values, the same whichever tool sent the packets."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tui.core.addresses import Address

KEPT = 1000
"""The most replies, errors and unread lines that a result holds: the latest. Its counts are of all of them."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer to an echo request. `rtt` in milliseconds, None where the data is too short to hold the time.

    `ttl` is what it arrived with, None where the tool does not say. `trouble` is what else its line says.
    """

    seq: int
    rtt: float | None
    ttl: int | None
    sender: Address
    duplicate: bool = False
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """An error instead of an answer. `sender` None: the sending machine itself says so, no packet was made or sent.

    `text` are the words of the tool ("Destination Host Unreachable", "Network is unreachable"); `seq` of the request,
    None where the tool does not say.
    """

    text: str
    sender: Address | None = None
    seq: int | None = None

    @property
    def is_redirect(self) -> bool:
        """A router's word that a better gateway is on the same link (RFC 792): the packet went on all the same."""
        return self.text.startswith("Redirect")


@dataclass(frozen=True, slots=True)
class Silence:
    """No answer to that request so far; one may still come."""

    seq: int


@dataclass(frozen=True, slots=True)
class Unread:
    """A line of the tool that nobody understood, kept as it is."""

    line: str


@dataclass(frozen=True, slots=True)
class Roundtrips:
    """Round-trip times in milliseconds: the median of the latest KEPT, the others of all.

    `jitter` is the mean difference between one round trip and the next, 0 for a single one.
    """

    minimum: float
    average: float
    median: float
    maximum: float
    jitter: float


@dataclass(frozen=True, slots=True)
class PingResult:
    """What a ping has found so far. `ended` tells that the tool printed its statistics: `sent` is then what it says.

    `received` counts requests that were answered, without duplicates; `faulty` errors. `replies`, `faults` and
    `unread` are the latest (KEPT); `lost_lines` counts what nobody understood. `deaf`: the tool tells of no ICMP
    errors, so that silence may be one.
    """

    sent: int = 0
    received: int = 0
    duplicates: int = 0
    faulty: int = 0
    replies: tuple[Reply, ...] = ()
    faults: tuple[Fault, ...] = ()
    times: Roundtrips | None = None
    unread: tuple[str, ...] = ()
    lost_lines: int = 0
    ended: bool = False
    deaf: bool = False

    @property
    def loss(self) -> float:
        """The part of the requests that was not answered, 0 to 1; 0 where none was sent."""
        return 1 - min(self.received, self.sent) / self.sent if self.sent else 0.0

    @property
    def reached(self) -> bool:
        """Whether any request was answered."""
        return self.received > 0


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer to a traceroute probe. `rtt` in milliseconds, None where the tool does not say.

    `mark` is !N, !H, !P, !X, !S, !F-1500, !<13> and so on (traceroute(8)), "" for time exceeded or the target itself.
    """

    address: Address
    rtt: float | None = None
    mark: str = ""


@dataclass(frozen=True, slots=True)
class TraceHop:
    """The probes of one ttl: who answered, in the order of the answers, and how many probes nobody answered."""

    ttl: int
    answers: tuple[Answer, ...] = ()
    silent: int = 0

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Who answered, each once."""
        return tuple(dict.fromkeys(each.address for each in self.answers))

    @property
    def marks(self) -> tuple[str, ...]:
        """The marks of the answers, each once."""
        return tuple(dict.fromkeys(each.mark for each in self.answers if each.mark))


@dataclass(frozen=True, slots=True)
class TraceResult:
    """What a traceroute has found so far: hops by ttl. `target` is what the tool says it traces, None before it does.

    `faults` are errors of the sending machine; `reached` whether the target itself answered.
    """

    target: Address | None = None
    hops: tuple[TraceHop, ...] = ()
    faults: tuple[Fault, ...] = ()
    unread: tuple[str, ...] = ()
    lost_lines: int = 0
    reached: bool = False
    ended: bool = False


class Connection(StrEnum):
    """How a TCP connect ended."""

    CONNECTED = "connected"
    REFUSED = "refused"  # the target's kernel answered with a reset: it is reached, and nothing listens
    TIMED_OUT = "timed out"
    UNREACHABLE = "unreachable"  # told so: by this machine's tables, or by an ICMP error from elsewhere
    PROHIBITED = "prohibited"  # EACCES, EPERM: a prohibit route or a firewall on the sending machine
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ConnectResult:
    """How a TCP connect ended. `rtt`: milliseconds to be connected or refused, None where the tool does not say.

    `text` are the words of the tool.
    """

    state: Connection = Connection.UNKNOWN
    rtt: float | None = None
    text: str = ""
    unread: tuple[str, ...] = ()
    lost_lines: int = 0
    ended: bool = False

    @property
    def reached(self) -> bool:
        """Whether a connection came about."""
        return self.state is Connection.CONNECTED


Event = Reply | Fault | Silence | Unread | TraceHop | ConnectResult
"""What a line, or a prober, tells as it happens."""

Result = PingResult | TraceResult | ConnectResult
"""What a probe has found, at any time while it runs or when it has ended."""
