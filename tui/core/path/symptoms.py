"""What the sender sees: the line that ping prints, and the hops that traceroute shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from tui.core.addresses import Address
from tui.core.lookup import lookup
from tui.core.lookup.fib import Fib
from tui.core.path import ending_at, returns, starting
from tui.core.path.hops import Hop, Notice, Outcome, Packet, Path, Service, Trip, Way
from tui.core.path.icmp import ICMP, notice, told
from tui.core.path.links_between import Links
from tui.core.path.ways import ways
from tui.core.query import Query
from tui.core.refusals import ERRNO_TEXT
from tui.core.world import Node, World

PING_WORDS = {
    4: {
        Notice.NET_UNREACHABLE: "Destination Net Unreachable",
        Notice.HOST_UNREACHABLE: "Destination Host Unreachable",
        Notice.PROHIBITED: "Packet filtered",
        Notice.TTL_EXCEEDED: "Time to live exceeded",
        Notice.PORT_UNREACHABLE: "Destination Port Unreachable",
        Notice.PROTOCOL_UNREACHABLE: "Destination Protocol Unreachable",
        Notice.NET_PROHIBITED: "Destination Net Prohibited",
        Notice.HOST_PROHIBITED: "Destination Host Prohibited",
    },
    6: {
        Notice.NET_UNREACHABLE: "Destination unreachable: No route",
        Notice.HOST_UNREACHABLE: "Destination unreachable: Address unreachable",
        Notice.PROHIBITED: "Destination unreachable: Administratively prohibited",
        Notice.TTL_EXCEEDED: "Time exceeded: Hop limit",
        Notice.PORT_UNREACHABLE: "Destination unreachable: Port unreachable",
    },
}
"""The words of iputils' ping for each ICMP error."""

TRACE_MARKS = {Notice.NET_UNREACHABLE: "!N", Notice.HOST_UNREACHABLE: "!H", Notice.PROHIBITED: "!X"}
TRACE_MARKS |= {Notice.NET_PROHIBITED: "!X", Notice.HOST_PROHIBITED: "!X", Notice.PROTOCOL_UNREACHABLE: "!P"}
"""traceroute(8): what stands behind a hop that sent something else than time exceeded."""

_BROADCAST = "ping: Do you want to ping broadcast? Then -b. If not, check your local firewall rules"


@dataclass(frozen=True, slots=True)
class Symptom:
    """What ping shows. `answered` None: nobody can say; `ttl` of the reply; `sender` of an error; `text` its words."""

    answered: bool | None
    text: str
    ttl: int | None = None
    sender: Address | None = None

    def __str__(self) -> str:
        return f"From {self.sender}: {self.text}" if self.sender is not None else self.text


def symptom(path: Path) -> str:
    """What ping prints, in a line; several possibilities are joined by "or"."""
    return " or ".join(dict.fromkeys(str(each) for each in symptoms(path)))


def symptoms(path: Path) -> tuple[Symptom, ...]:
    """What ping shows for each branch, without repetitions."""
    return tuple(dict.fromkeys(_symptom(trip) for trip in path.branches))


def _symptom(trip: Trip) -> Symptom:
    forward, back = trip.forward, trip.back
    if forward.refused_at_home:
        return _at_home(forward)
    if trip.works and back is not None:
        return Symptom(True, f"64 bytes from {back.src}: ttl={back.ttl}", back.ttl)
    error = forward.error
    if trip.works is None or (error is not None and error.arrives is None):
        return Symptom(None, "nobody can say")
    if error is not None and error.arrives:
        return Symptom(False, PING_WORDS[forward.dst.version][error.notice], sender=error.source)
    return Symptom(False, "no reply")


def _at_home(way: Way) -> Symptom:
    """The sender's own kernel refuses: what ping says about the error of connect(2)."""
    found = way.hops[-1].lookup
    errno = found.decision.errno if found is not None else None
    if errno is None:
        return Symptom(None, "nobody can say")
    if errno == "EACCES" and way.dst.version == 4:
        return Symptom(False, _BROADCAST)
    return Symptom(False, f"ping: connect: {ERRNO_TEXT.get(errno, errno)}")


@dataclass(frozen=True, slots=True)
class TracedHop:
    """A line of traceroute: the probe's ttl, and who answers: `address` None is the star of nobody.

    `mark` is !N, !H or !X; `sure` is False where nobody can say whether an answer comes.
    """

    ttl: int
    node: str | None
    address: Address | None
    mark: str = ""
    sure: bool = True

    def __str__(self) -> str:
        if not self.sure:
            return "?"
        return f"{self.address} {self.mark}".rstrip() if self.address is not None else "*"


DATAGRAM = Service(17, 33434)
"""What traceroute(8) sends where nothing else is asked for: to its first port, which the others follow."""


def traceroute(
    world: World | Links,
    src: str | Address,
    dst: str | Address,
    *,
    fibs: Mapping[str, Fib] | None = None,
    service: Service | None = DATAGRAM,
    source: Address | None = None,
) -> tuple[TracedHop, ...]:
    """The lines that traceroute prints, up to the last that tells something; a star after it means stars to the end.

    traceroute connects a UDP socket for each probe, so its packets are looked up with their source already chosen,
    and rules on a source may send them elsewhere than ping's. Its other probes do the same: a `service` is a datagram's
    or a connection's, None is for echo requests. Of several possible ways the first is shown. Empty where the sender's
    own kernel refuses. `source` and what is raised: as path() has it.
    """
    links = world if isinstance(world, Links) else Links(world, fibs)
    node, given = starting(links, src)
    source = source or given
    target = ending_at(links, dst, node, source)
    way = _probes(links, node, source, target, service)
    if way.refused_at_home:
        return ()
    lines = [_expired(links, way, index, node.name) for index in range(1, len(way.hops))]
    last = _last(links, way, node, target, service)
    if last is not None:
        lines = [*lines[: last.ttl - 1], last]
    elif way.loop is None and way.outcome is not Outcome.LEAVES:
        lines.append(TracedHop(len(lines) + 1, None, None, sure=way.outcome is not Outcome.UNKNOWN))
    return tuple(lines)


def _probes(links: Links, node: Node, source: Address | None, target: Address, service: Service | None) -> Way:
    if source is None and target.version == 4:
        source = lookup(links.fib(node.name), Query(target), trace=False).decision.prefsrc
    packet = Packet(source, target, ICMP[target.version])
    if service is not None:
        packet = replace(packet, proto=service.proto, sport=service.sport, dport=service.dport)
    return ways(links, node.name, packet)[0][0]


def _passes_on(hop: Hop) -> bool:
    """Whether the node got as far as sending the packet out: the ttl is looked at before that."""
    return hop.oif not in (None, "lo")


def _expired(links: Links, way: Way, index: int, sender: str) -> TracedHop:
    """The line of the probe whose ttl runs out at that hop."""
    hop = way.hops[index]
    if not _passes_on(hop) or way.src is None:
        return TracedHop(index, None, None, sure=way.outcome is not Outcome.UNKNOWN)
    return _line(links, hop, way, sender, said=Notice.TTL_EXCEEDED, ttl=index)


def _line(
    links: Links, hop: Hop, way: Way, sender: str, *, said: Notice, ttl: int, source: Address | None = None
) -> TracedHop:
    error = told(links, hop, way, sender, said, source=source)
    if error is None or error.arrives is False:
        return TracedHop(ttl, None, None)
    mark = TRACE_MARKS.get(said, "")
    return TracedHop(ttl, hop.node, error.source, mark, error.arrives is not None)


def _last(links: Links, way: Way, sender: Node, target: Address, service: Service | None) -> TracedHop | None:
    """The line of the probe that gets to the end of the way; None where the end is silent."""
    if way.src is None:
        return None
    hop = way.hops[-1]
    ttl = max(len(way.hops) - 1, 1)
    if way.outcome is Outcome.DELIVERED:
        if service is None or service.proto != DATAGRAM.proto:
            # The target itself: an echo reply, or the answer to a connection's first packet.
            arrives = returns(links, way, sender, target, service)
            if arrives is False:
                return TracedHop(ttl, None, None)
            return TracedHop(ttl, way.node, target, sure=arrives is not None)
        return _line(links, hop, way, sender.name, said=Notice.PORT_UNREACHABLE, ttl=ttl, source=way.dst)
    said = notice(way)
    if said is None or way.loop is not None:
        return None
    ttl = ttl + 1 if _passes_on(hop) and hop.iif else ttl
    line = _line(links, hop, way, sender.name, said=said, ttl=ttl)
    return line if line.address is not None else None
