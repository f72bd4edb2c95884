"""ICMP redirects on a way: routers that tell a sender of a nearer next hop, which changes the way of later packets."""

from __future__ import annotations

from dataclasses import dataclass

from tui.core.addresses import Address
from tui.core.lookup.fib import Fib
from tui.core.path.hops import Hop, Way
from tui.core.path.links_between import Links


@dataclass(frozen=True, slots=True)
class Redirect:
    """`router` tells `sender` to send packets to `dst` straight to `gateway`; `heeded` tells whether it then will."""

    router: str
    sender: str
    dst: Address
    gateway: Address
    heeded: bool

    def __str__(self) -> str:
        does = "from then on it does" if self.heeded else "which it does not heed"
        return f"{self.router} tells {self.sender} to send to {self.dst} by {self.gateway} (an ICMP redirect); {does}"


def redirects(links: Links, way: Way) -> tuple[Redirect, ...]:
    """The redirects that the packets of a way bring about.

    A router sends one where the packet leaves by the device that it came in by, its sender is on that link, and
    send_redirects allows it (__mkroute_input in net/ipv4/route.c; ip6_forward in net/ipv6/ip6_output.c, which asks no
    switch). Only the first router can: for the others the sender is elsewhere.
    """
    if len(way.hops) < 2 or way.src is None:
        return ()
    first, router = way.hops[0], way.hops[1]
    if router.iif is None or router.iif != router.oif or router.next_hop is None or first.oif in (None, "lo"):
        return ()
    fib, sender = links.fib(router.node), links.fib(first.node)
    if not _near(fib, router, way.src) or router.next_hop == first.next_hop:
        return ()
    if way.dst.version == 4 and not fib.either(4, router.iif, "send_redirects"):
        return ()
    if way.dst.version == 6 and router.next_hop != way.dst and not router.next_hop.is_link_local:
        return ()  # ndisc_send_redirect names a router by its link-local address only (RFC 4861, section 8.1)
    heeded = _heeds(sender, first.oif or "", way.dst.version)
    return (Redirect(router.node, first.node, way.dst, router.next_hop, heeded),)


def _near(fib: Fib, router: Hop, sender: Address) -> bool:
    """Whether the sender is in a subnet of the device that its packet came in by."""
    link = fib.links.get(router.iif or "")
    return link is not None and any(each.prefix.covers(sender) for each in link.addresses)


def _heeds(fib: Fib, dev: str, version: int) -> bool:
    """A host takes one where either switch says so, a router where both do (IN_DEV_RX_REDIRECTS in inetdevice.h)."""
    values = [fib.conf(version, scope, "accept_redirects") for scope in ("all", dev)]
    if version == 6:
        return bool(values[1]) and not fib.conf(6, dev, "forwarding")
    forwards = fib.conf(4, dev, "forwarding")
    return all(values) if forwards else any(values)
