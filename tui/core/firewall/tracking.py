"""Connection tracking on one node: which entry a packet belongs to, in which state, and how its addresses turn back.

The entry is made where the first packet comes in, with its ends as they are then; it is confirmed when that packet
leaves (nf_conntrack_in, __nf_conntrack_confirm). A reply finds it by the ends that a reply has, translation included,
and is translated back without any rule being asked (nf_nat_packet).
"""

from __future__ import annotations

from dataclasses import replace

from tui.core.firewall.flight import ICMP_PROTOCOLS, Connection, Ends, Flight, Here

_LINK = (*range(130, 137), 143)
"""Types of ICMPv6 that are between neighbours, and never tracked (nf_conntrack_icmpv6_error)."""


def track(here: Here, flight: Flight) -> Flight:
    """The packet with its entry and state: one that the node knows, or a new one.

    What no entry is known for and cannot begin a connection is invalid: an answer to an echo request
    (icmp_pkt_to_tuple, valid_new in nf_conntrack_proto_icmp.c), the second packet of TCP, an ICMP error.
    """
    if flight.state == "untracked":
        return flight
    if flight.proto == 58 and flight.icmp is not None and flight.icmp[0] in _LINK:
        return replace(flight, state="untracked")
    own = [each for each in here.known if each.node == here.node]
    if flight.answer == "error":
        about = next((each for each in own if each.original.src == flight.ends.dst or _goes_to(each, flight)), None)
        if about is None:
            return replace(flight, state="invalid")
        return replace(flight, connection=about, state="related", direction="reply")
    for each in own:
        if each.proto == flight.proto and _same(each.reply, flight.ends):
            return replace(flight, connection=each, state="established", direction="reply")
        if each.proto == flight.proto and _same(each.original, flight.ends):
            # The same packet once more, as when a bridge passed it before: no reply was seen, so it is still new.
            return replace(flight, connection=each, state="new", direction="original")
    if flight.answer == "reply" and flight.proto in (6, *ICMP_PROTOCOLS):
        return replace(flight, state="invalid")
    made = Connection(here.node, flight.proto, flight.ends, flight.ends.turned())
    return replace(flight, connection=made, fresh=True, state="new", direction="original")


def _goes_to(connection: Connection, flight: Flight) -> bool:
    return connection.reply.dst == flight.ends.dst


def _same(one: Ends, other: Ends) -> bool:
    """Equal addresses, and ports that may be equal."""
    if (one.src, one.dst) != (other.src, other.dst):
        return False
    pairs = ((one.sport, other.sport), (one.dport, other.dport))
    return all(None in pair or pair[0] == pair[1] for pair in pairs)


def turned_back(flight: Flight, *, source: bool) -> Flight:
    """A packet of an entry that is there with its source or destination as the entry has it (nf_nat_manip_pkt)."""
    entry = flight.connection
    if entry is None or flight.fresh:
        return flight
    to = entry.original.turned() if flight.direction == "reply" else entry.reply.turned()
    ends = flight.ends
    if flight.answer == "error":
        if (source and "dnat" in entry.status) or (not source and "snat" in entry.status):
            return replace(flight, ends=replace(ends, src=to.src) if source else replace(ends, dst=to.dst))
        return flight
    if source:
        return replace(flight, ends=replace(ends, src=to.src, sport=to.sport))
    return replace(flight, ends=replace(ends, dst=to.dst, dport=to.dport))
