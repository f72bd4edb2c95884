"""Where a packet ended, and why: the prediction's own reason where it went so far, else what its tables tell there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tui.core import explain
from tui.core.follow import Flight, Sighting
from tui.core.lookup import lookup
from tui.core.lookup.fib import Fib
from tui.core.naming import called
from tui.core.packets import Frame, asked_for
from tui.core.path.hops import Outcome, Way
from tui.core.query import Query
from tui.core.steps import Failure, Lookup
from tui.core.world import Node, World

BRIDGE_NF = {4: "net.bridge.bridge-nf-call-iptables", 6: "net.bridge.bridge-nf-call-ip6tables"}


def ending(world: World, flight: Flight, way: Way, asked: Sequence[Frame] = ()) -> Flight:
    """The same flight with the place and the reason of its end. `asked` are questions for neighbours that were seen."""
    seen = [each for each in flight.sightings if each.seen]
    wanted = [each for each in flight.sightings if each.expected and each.watched and not each.port]
    astray = [each for each in seen if not each.expected and not each.port]
    as_far = not wanted or wanted[-1].seen
    if way.outcome is not Outcome.DELIVERED and as_far and not astray:
        return replace(flight, died_at=way.node, reason=_told(way, asked), outcome=way.outcome)
    last = seen[-1] if seen else None
    if last is None and flight.sightings and not any(each.watched for each in flight.sightings):
        return replace(flight, reason="nobody could watch where it goes, and it was not answered")
    if last is None:
        return _never_left(world, flight, way, asked)
    if last.direction == "in" and not last.port:
        return _inside(world, flight, last)
    return _on_the_link(world, flight, last)


def _told(way: Way, asked: Sequence[Frame]) -> str:
    """The prediction's reason, with the questions that were seen and that nobody answered."""
    if way.outcome is not Outcome.NEXT_HOP_SILENT or not way.hops:
        return way.reason
    hop = way.hops[-1]
    count = sum(asked_for(each) == hop.next_hop and each.direction == "out" for each in asked if each.node == hop.node)
    how = "ARP" if way.dst.version == 4 else "neighbour discovery"
    return f"{way.reason} (asked {count} time{'s' if count != 1 else ''} by {how})" if count else way.reason


def _never_left(world: World, flight: Flight, way: Way, asked: Sequence[Frame]) -> Flight:
    """Not seen anywhere: it ended where it was made, before any interface."""
    home = way.hops[0].node if way.hops else way.node
    node = world.node(home)
    if way.outcome is not Outcome.DELIVERED and way.node == home:
        return replace(flight, died_at=home, reason=_told(way, asked), outcome=way.outcome)
    if node is None or flight.dst is None:
        return replace(flight, died_at=home, reason=f"{home} did not send it")
    found = lookup(Fib(node), Query(flight.dst), trace=False)
    reason = f"{called(node)} did not send it"
    if found.decision.failure is not None:
        return replace(flight, died_at=home, reason=f"{reason}: {_why(found, node, world)}")
    target = found.decision.gateway or flight.dst
    if any(each.node == home and asked_for(each) == target for each in asked):
        return replace(flight, died_at=home, reason=f"{reason}: nobody answered when it asked for {target}")
    suspects = (
        f"the OUTPUT rules of {called(node)}",
        f"a neighbour entry of {target} that failed on {found.decision.dev}",
    )
    return replace(flight, died_at=home, reason=reason, suspects=suspects)


def _inside(world: World, flight: Flight, last: Sighting) -> Flight:
    """It came in and went no further: the tables tell, or else what a packet meets there in that order is named."""
    node = world.node(last.node)
    if node is None or last.src is None or last.dst is None:
        return replace(flight, died_at=last.node, reason=f"it came in by {last.dev} and was not seen again")
    fib = Fib(node)
    dev = _receiving(node, last.dev)
    found = lookup(fib, Query(last.dst, last.src, dev, ipproto=1 if last.dst.version == 4 else 58), trace=False)
    failure = found.decision.failure
    if failure is not None and failure is not Failure.UNKNOWN:
        return replace(flight, died_at=node.name, reason=_why(found, node, world))
    if last.ttl is not None and last.ttl <= 1 and found.decision.type == "unicast":
        return replace(flight, died_at=node.name, reason=f"its ttl ran out on {called(node)}")
    reason = f"{called(node)} took it in by {last.dev}, and it was not seen again"
    return replace(flight, died_at=node.name, reason=reason, suspects=_meets(node, fib, dev, found))


def _receiving(node: Node, dev: str) -> str:
    """The device whose settings and routes count: of a bridge's port that is the bridge."""
    found = node.interface(dev)
    return found.master if found is not None and found.master is not None else dev


def _meets(node: Node, fib: Fib, dev: str, found: Lookup) -> tuple[str, ...]:
    """What may drop a packet that came in by `dev`, in the order in which it is met (netfilter's hooks, ip_rcv)."""
    who, sysctl = called(node), dev.replace(".", "/")
    suspects = [f"a rule of {who} in raw, mangle or nat PREROUTING"]
    strict = max(fib.sysctls.get(f"net.ipv4.conf.{each}.rp_filter", 0) for each in ("all", sysctl))
    if strict:
        suspects.append(f"rp_filter of {dev} is {strict}")
    if found.decision.type == "unicast":
        out = found.decision.dev or ""
        suspects.append(f"a rule of {who} in FORWARD (-i {dev} -o {out})")
        target = found.decision.gateway or found.query.dst
        suspects.append(f"{target} does not answer on {out}")
        suspects.append(f"a rule of {who} in POSTROUTING")
    else:
        suspects.append(f"a rule of {who} in INPUT (-i {dev})")
        if fib.sysctls.get("net.ipv4.icmp_echo_ignore_all"):
            suspects.append("net.ipv4.icmp_echo_ignore_all is 1")
    return tuple(suspects)


def _on_the_link(world: World, flight: Flight, last: Sighting) -> Flight:
    """It left an interface and did not come in anywhere that was watched."""
    after = list(flight.sightings)[flight.sightings.index(last) + 1 :]
    towards = next((each for each in after if each.expected and not each.seen and not each.port), None)
    node, host = world.node(last.node), next((each for each in world.nodes if each.kind == "host"), None)
    interface = node.interface(last.dev) if node is not None else None
    wire = interface.network if interface is not None and interface.network else None
    place = f"between {last.node} and {towards.node}" if towards is not None else f"behind {last.dev} of {last.node}"
    reason = f"it was lost {place}{f' on {wire}' if wire else ''}"
    suspects = []
    if host is not None and last.dst is not None and (last.port or wire is not None):
        name = BRIDGE_NF[last.dst.version]
        value = host.sysctl(name)
        if value:
            suspects.append(f"a rule of the host about what its bridge passes on ({name} is 1)")
        elif value is None:
            suspects.append(f"a rule of the host about what its bridge passes on (if {name} is 1)")
    suspects.append(f"{towards.node} was not listening on {towards.dev}" if towards else "nobody there was watched")
    died = host.name if host is not None and last.port else last.node
    return replace(flight, died_at=died, reason=reason, suspects=tuple(suspects))


def _why(found: Lookup, node: Node, world: World) -> str:
    return explain.decision(found, node, world).rstrip(".")
