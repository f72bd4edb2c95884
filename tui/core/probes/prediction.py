"""What a probe is predicted to see, from the World alone: the same few sights that observations are turned into."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tui.core.addresses import Address
from tui.core.path import Path, path
from tui.core.path.hops import Hop, Notice, Service, Trip, Way
from tui.core.path.icmp import told
from tui.core.path.links_between import Links
from tui.core.path.symptoms import TracedHop, traceroute
from tui.core.path.ways import expires_at
from tui.core.probes import Probe, TcpConnect, Traceroute
from tui.core.probes.meanings import Meaning
from tui.core.world import World


class Seen(StrEnum):
    """What becomes of a request, as its sender sees it."""

    ANSWER = "answer"
    ERROR = "error"
    SILENCE = "silence"
    UNKNOWN = "unknown"  # the tables do not say


@dataclass(frozen=True, slots=True)
class Sight:
    """What is seen: an answer (with the ttl that it arrives with), an error (what it means, and who sends it; nobody
    for the sending machine itself), silence, or that nobody can say.
    """

    seen: Seen
    ttl: int | None = None
    meaning: Meaning | None = None
    sender: Address | None = None

    def __str__(self) -> str:
        match self.seen:
            case Seen.ANSWER:
                return "an answer" if self.ttl is None else f"an answer with ttl {self.ttl}"
            case Seen.ERROR if self.sender is None:
                return f'"{self.meaning}"'
            case Seen.ERROR:
                return f'"{self.meaning}" from {self.sender}'
        return "silence" if self.seen is Seen.SILENCE else "nothing that the tables could tell"


SILENT, NOT_KNOWN = Sight(Seen.SILENCE), Sight(Seen.UNKNOWN)

NOTICES = {
    Notice.NET_UNREACHABLE: Meaning.NET_UNREACHABLE,
    Notice.HOST_UNREACHABLE: Meaning.HOST_UNREACHABLE,
    Notice.PROHIBITED: Meaning.PROHIBITED,
    Notice.NET_PROHIBITED: Meaning.PROHIBITED,
    Notice.HOST_PROHIBITED: Meaning.PROHIBITED,
    Notice.TTL_EXCEEDED: Meaning.TTL_EXCEEDED,
    Notice.PORT_UNREACHABLE: Meaning.PORT_UNREACHABLE,
}

_ERRNO = {
    "ENETUNREACH": Meaning.HERE_NO_ROUTE,
    "EHOSTUNREACH": Meaning.HERE_UNREACHABLE,
    "EINVAL": Meaning.HERE_BLACKHOLE,
    "EACCES": Meaning.HERE_PROHIBITED,
}


@dataclass(frozen=True, slots=True)
class Prediction:
    """The path that was followed for a probe, and what its sender may see: a sight for each way, each once.

    `bound` is the device that the probe is bound to where the path, which is followed without, leaves by another.
    """

    path: Path
    sights: tuple[Sight, ...]
    bound: str | None = None

    @property
    def unknown(self) -> str:
        """Why nobody can say, where a sight is UNKNOWN: a phrase."""
        if self.bound is not None:
            return f"a packet that is bound to {self.bound} is looked up otherwise"
        return self.path.verdict.removeprefix("not known: ").rstrip(".")

    def __str__(self) -> str:
        return " or ".join(str(each) for each in self.sights)


def predict(links: Links, src: str, probe: Probe) -> Prediction:
    """Follow a probe's requests and their answers. Raises QueryError where `src` is not known here."""
    node = links.node(src)
    own = node is None or probe.source is None or any(each.address == probe.source for _, each in node.addresses())
    found = path(links, src, probe.target, service=service_of(probe), source=probe.source if own else None)
    if not own:  # bind(2) refuses it
        return Prediction(found, (Sight(Seen.ERROR, meaning=Meaning.HERE_NO_SOURCE),))
    out = {hop.oif for trip in found.branches for hop in trip.forward.hops[:1]}
    if probe.dev is not None and out != {probe.dev}:
        return Prediction(found, (NOT_KNOWN,), probe.dev)
    ttl = getattr(probe, "ttl", 64)
    return Prediction(found, tuple(dict.fromkeys(_sight(links, src, each, ttl) for each in found.branches)))


EPHEMERAL = 45_000
"""A port such as a kernel gives to who asks for none: from 32768 to 60999 (ip(7), ip_local_port_range)."""


def service_of(probe: Probe) -> Service | None:
    """What a probe sends to a port: datagrams or a connection; None for echo requests."""
    match probe:
        case Traceroute(proto="udp"):
            return Service(17, probe.first_port, EPHEMERAL)
        case Traceroute(proto="tcp"):
            return Service(6, probe.first_port, EPHEMERAL)
        case TcpConnect():
            return Service(6, probe.port, EPHEMERAL)
    return None


def hops_of(links: Links, src: str, probe: Traceroute, prediction: Prediction) -> tuple[TracedHop, ...]:
    """The lines that a traceroute should show; none where its own machine refuses to send."""
    if any(each.meaning is not None and each.meaning.is_here for each in prediction.sights):
        return ()
    return traceroute(links, src, probe.target, service=service_of(probe), source=probe.source)


def _sight(links: Links, src: str, trip: Trip, ttl: int) -> Sight:
    forward, back = trip.forward, trip.back
    if forward.refused_at_home:
        lookup = forward.hops[-1].lookup
        means = _ERRNO.get(lookup.decision.errno or "") if lookup is not None else None
        return Sight(Seen.ERROR, meaning=means) if means is not None else NOT_KNOWN
    dies = _dies(forward, ttl)
    if dies is not None:
        error = told(links, dies, forward, _sender(links, src), Notice.TTL_EXCEEDED)
        return _error(error.arrives, Notice.TTL_EXCEEDED, error.source) if error is not None else SILENT
    if trip.works and back is not None:
        return Sight(Seen.ANSWER, back.ttl)
    if trip.works is None:
        return NOT_KNOWN
    if forward.error is None:
        return SILENT
    return _error(forward.error.arrives, forward.error.notice, forward.error.source)


def _sender(links: Links, src: str) -> str:
    node = links.node(src)
    return node.name if node is not None else src


def _error(arrives: bool | None, said: Notice, sender: Address) -> Sight:
    if arrives is None:
        return NOT_KNOWN
    if arrives and said is Notice.RESET:
        return Sight(Seen.ANSWER)
    return Sight(Seen.ERROR, meaning=NOTICES.get(said), sender=sender) if arrives else SILENT


def _dies(way: Way, ttl: int) -> Hop | None:
    """The hop at which a ttl below the usual runs out: one that would have passed the packet on."""
    if way.loop is not None:
        return way.hops[expires_at(way.loop, len(way.hops), ttl)]
    if ttl >= len(way.hops):
        return None
    hop = way.hops[ttl]
    return hop if hop.oif not in (None, "lo") else None


def links_of(world: World | Links) -> Links:
    """The World prepared for packets, unless it is already."""
    return world if isinstance(world, Links) else Links(world)
