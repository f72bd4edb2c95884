"""Neighbour discovery through packet filters: in IPv6 the question for a next hop and its answer are packets too.

The question (ICMPv6 type 135) goes to a multicast address of the one that is asked, the answer (136) to the one that
asked (RFC 4861 section 7.2). Both pass OUTPUT and POSTROUTING where they are made and PREROUTING and INPUT where they
arrive, as any packet does (ndisc_send_skb); connection tracking leaves them alone. ARP meets none of these.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from tui.core.addresses import Address
from tui.core.lookup.fib import Fib
from tui.core.naming import called
from tui.core.path import filters
from tui.core.path.filtered import PASSES, Passage, Verdict
from tui.core.path.hops import Packet
from tui.core.path.links_between import Links, asks_as
from tui.core.world import Node

KNOWN_BEFORE = (
    "Nobody is taken to know a neighbour from before: one that is in a node's table already (ip -6 neigh) is reached"
    " until it has to be asked for again."
)
"""What is assumed where filters stop the question or its answer."""

_ASKED, _ANSWER = (135, 0), (136, 0)
_SOLICITED = 0xFF02 << 112 | 0x1FF << 24
_STAND_IN = Address(6, 0xFE80 << 112 | 0xFF_FE00_0000)

_Gate = Callable[[Passage], Verdict]


def learns(  # noqa: PLR0917  # who asks by which device, with which packet, and who has the address there
    links: Links, asker: Fib, dev: str, packet: Packet, target: Address, other: str, theirs: str
) -> Verdict:
    """Whether `asker` learns who has `target`, which `other` has on `theirs`, as far as filters have a say."""
    near, far = asker.node, links.nodes[other]
    carrier = links.bridge(links.network(near, asker.links[dev]) or "")
    host = carrier[0] if carrier is not None and carrier[0].name not in (near.name, other) else None
    if target.version == 4 or not any(map(_filters, (near, far, *((host,) if host is not None else ())))):
        return PASSES
    source = asks_as(asker, dev, target, packet.src) or _STAND_IN
    key = (near.name, dev, source, target, other, theirs)
    if key not in links.asked:
        over = partial(filters.bridged, links, host, carrier[1].name) if host is not None and carrier else None
        links.asked[key] = _exchange(links, (near, dev, source), (far, theirs, target), over)
    return links.asked[key]


_End = tuple[Node, str, Address]
"""A node, its device on the link, and its address in this."""


def _exchange(links: Links, asker: _End, other: _End, over: _Gate | None) -> Verdict:
    """The question there, the answer back."""
    group = Address(6, _SOLICITED | other[2].value & 0xFFFFFF)
    asked = Packet(asker[2], group, 58, ttl=255, icmp=_ASKED)
    said = _across(links, asker[:2], other[:2], asked, over)
    what = "the question is lost"
    if said.passes:
        said = _across(links, other[:2], asker[:2], Packet(other[2], asker[2], 58, ttl=255, icmp=_ANSWER), over)
        what = "the answer is lost"
    if said.passes:
        return PASSES
    who = called(asker[0])
    if said.passes is None:
        return replace(said, reason=f"whether {who} learns who has {other[2]} is not known: {said.reason}")
    return replace(said, reason=f"{who} must ask on the link who has {other[2]}, and {what}: {said.reason}")


def _across(
    links: Links, sender: tuple[Node, str], receiver: tuple[Node, str], packet: Packet, over: _Gate | None
) -> Verdict:
    """One packet from node to node on a link, through the filters of both and of the host whose bridge is between."""
    (maker, oif), (taker, iif) = sender, receiver
    there: list[_Gate] = []
    if _filters(maker):
        # Made for one device, it seems to have come in by that at the end (ndisc_alloc_skb, indev in ip6_output).
        last = partial(filters.leaving, links, maker, oif, packet.dst, iif=oif)
        there = [partial(filters.made, links, maker, oif), last]
    here: list[_Gate] = []
    if _filters(taker):
        here = [partial(filters.arriving, links, taker, iif), partial(filters.taken_in, links, taker, iif)]
    for gates in (there, [over] if over is not None else [], here):
        passage = Passage(packet)
        for gate in gates:
            said = gate(passage)
            if not said.passes:
                return said
            passage = said.after or passage
    return PASSES


def _filters(node: Node) -> bool:
    """Whether its filters were read and may meet IPv6 at all."""
    rules = node.filters
    return rules is not None and (bool(rules.unread) or any(each.family not in ("ip", "arp") for each in rules.tables))
