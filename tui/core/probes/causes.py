"""What may be behind a probe that saw something else than predicted, the likeliest first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tui.core.naming import called
from tui.core.path.hops import Path, Way
from tui.core.path.links_between import Links
from tui.core.path.symptoms import TracedHop
from tui.core.probes.prediction import Prediction, Seen, Sight
from tui.core.probes.results import TraceHop
from tui.core.probes.wording import RATIONED

STALE = "The tables have changed since they were read: read them again (r) and compare."


def causes(links: Links, prediction: Prediction, sights: Sequence[Sight]) -> Iterator[str]:
    """What may be behind a difference, the likeliest first."""
    answered = any(each.seen is Seen.ANSWER for each in sights)
    expected = any(each.seen is Seen.ANSWER for each in prediction.sights)
    yield STALE
    yield from _unread(prediction.path)
    if answered and expected:
        yield "The reply came another way than predicted, or the target starts with another ttl than Linux's 64."
        return
    if answered:
        yield f"Another machine answers for {prediction.path.address}: an address given twice, or proxy ARP."
        return
    yield from _firewalls(links, prediction.path)
    if expected and all(each.seen is Seen.SILENCE for each in sights):
        yield f"{prediction.path.address} answers no echo requests (icmp_echo_ignore_all, or a rule of its own)."
        yield "The host's bridges pass their frames through its filters (net.bridge.bridge-nf-call-iptables is 1)."
    elif any(each.seen is Seen.SILENCE for each in sights):
        yield f"The ICMP error was not sent or did not come back: {RATIONED}."
    else:
        yield "A firewall rule on the way that rejects (REJECT) answers with the same error as a route would."


def _unread(path: Path) -> Iterator[str]:
    """What the prediction took for granted, and where a model decided."""
    ways = [way for trip in path.branches for way in (trip.forward, trip.back) if way is not None]
    yield from dict.fromkeys(each for way in ways for each in way.assumptions)
    if any(way.model for way in ways):
        yield "The filters of the host were not read: a model of what the engine installs decided."


def _firewalls(links: Links, path: Path) -> Iterator[str]:
    """Filters in the nodes themselves, which nobody reads."""
    names = dict.fromkeys(hop.node for way in _ways(path) for hop in way.hops)
    nodes = [called(links.nodes[name]) for name in names if name in links.nodes]
    if nodes:
        who = f"{', '.join(nodes[:-1])} or {nodes[-1]}" if nodes[1:] else nodes[0]
        yield f"A firewall in {who}: what rules there are inside of a node is not read."


def _ways(path: Path) -> Iterator[Way]:
    for trip in path.branches:
        yield trip.forward
        if trip.back is not None:
            yield trip.back


def star_causes(
    links: Links, prediction: Prediction, seen: TraceHop | None, predicted: TracedHop | None
) -> Iterator[str]:
    """The same for the first line of a traceroute that differs."""
    yield STALE
    yield from _unread(prediction.path)
    if seen is not None and not seen.answers:
        who = predicted.node if predicted is not None and predicted.node else "that hop"
        yield f"Too many ICMP errors were asked of {who}: {RATIONED}; or a firewall there drops them."
    yield from _firewalls(links, prediction.path)
