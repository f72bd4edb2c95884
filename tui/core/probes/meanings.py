"""What the words of a probe's tool mean: one closed list for the words of every tool, in IPv4 and IPv6."""

from __future__ import annotations

import re
from enum import StrEnum

from tui.core.probes.results import Fault


class Meaning(StrEnum):
    """What an error says. Those that begin with HERE come from the sending machine itself: nothing was sent."""

    HERE_NO_ROUTE = "no route here"  # ENETUNREACH
    HERE_UNREACHABLE = "refused here: unreachable"  # EHOSTUNREACH: an unreachable route
    HERE_BLACKHOLE = "refused here: blackhole"  # EINVAL: a blackhole route
    HERE_PROHIBITED = "refused here: prohibited"  # EACCES: a prohibit route or rule, or a broadcast address
    HERE_FILTERED = "dropped by a firewall here"  # EPERM from the output hook
    HERE_NO_SOURCE = "no such source address here"  # EADDRNOTAVAIL
    HERE_NO_DEVICE = "no such device here"  # ENODEV
    HERE_TOO_BIG = "longer than the link here takes"  # EMSGSIZE
    HERE_NOT_ALLOWED = "not allowed to probe"  # EPERM for a raw socket
    HERE_NO_TOOL = "no such program here"
    NET_UNREACHABLE = "net unreachable"
    HOST_UNREACHABLE = "host unreachable"
    PROHIBITED = "prohibited"
    PORT_UNREACHABLE = "port unreachable"
    TTL_EXCEEDED = "time exceeded"
    TOO_BIG = "too big"
    REDIRECT = "redirect"
    OTHER = "other"

    @property
    def is_here(self) -> bool:
        """Whether the sending machine itself says so."""
        return self.name.startswith("HERE_")


_HERE = (
    (r"There is no \S+ (?:in|on) ", Meaning.HERE_NO_TOOL),
    (r"socket|cap_net_raw|are you root", Meaning.HERE_NOT_ALLOWED),
    (r"Network is unreachable", Meaning.HERE_NO_ROUTE),
    (r"No route to host", Meaning.HERE_UNREACHABLE),
    (r"Invalid argument", Meaning.HERE_BLACKHOLE),
    (r"Permission denied|ping broadcast", Meaning.HERE_PROHIBITED),
    (r"Operation not permitted", Meaning.HERE_FILTERED),
    (r"Cannot assign requested address", Meaning.HERE_NO_SOURCE),
    (r"No such device|unknown iface|SO_BINDTODEVICE|can't set multicast", Meaning.HERE_NO_DEVICE),
    (r"[Mm]essage too long", Meaning.HERE_TOO_BIG),
)
"""strerror(3) and the words around it, as the sending machine's ping, traceroute and netcat print them."""

_FROM = (
    (r"(?i)net(?:work)? unreachable|no route", Meaning.NET_UNREACHABLE),
    (r"(?i)(?:host|address) unreachable", Meaning.HOST_UNREACHABLE),
    (r"(?i)port unreachable|bad port", Meaning.PORT_UNREACHABLE),
    (r"(?i)filtered|prohibited|source address failed", Meaning.PROHIBITED),
    (r"(?i)time to live exceeded|hop limit|time exceeded", Meaning.TTL_EXCEEDED),
    (r"(?i)frag needed|too big", Meaning.TOO_BIG),
    (r"Redirect", Meaning.REDIRECT),
)
"""ICMP errors, as the three pings name them."""

MARKS = {
    "!N": Meaning.NET_UNREACHABLE,
    "!H": Meaning.HOST_UNREACHABLE,
    "!X": Meaning.PROHIBITED,
    "!A": Meaning.PROHIBITED,  # BusyBox: administratively prohibited
    "!S": Meaning.PROHIBITED,  # BusyBox in IPv6; elsewhere "source route failed", which Linux never sends
    "!P": Meaning.PORT_UNREACHABLE,
}
"""The marks of traceroute(8), and of BusyBox's (networking/traceroute.c). !P is protocol unreachable by the book."""


def meaning(fault: Fault) -> Meaning:
    """What an error means."""
    for pattern, found in _FROM if fault.sender is not None else _HERE:
        if re.search(pattern, fault.text):
            return found
    return Meaning.OTHER


def marked(mark: str) -> Meaning:
    """What a mark of traceroute means; !F-1500 and !F are about the size."""
    if mark.startswith("!F"):
        return Meaning.TOO_BIG
    return MARKS.get(mark, Meaning.OTHER)
