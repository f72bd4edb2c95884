"""What the packet filters of a node do with a packet: its rules where they were read, else a model, else not known.

The order on a node is that of Netfilter: PREROUTING before the route is looked up (destinations are translated there),
INPUT for what the node takes in, FORWARD for what it sends on, OUTPUT for what it makes, POSTROUTING for all that
leaves (sources are translated there). Frames that a bridge only passes on meet them too with bridge-nf-call-iptables.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tui.core.addresses import Address
from tui.core.firewall.flight import REPLY, REQUEST, Ends, Flight, Here
from tui.core.firewall.hooks import FORWARD, INPUT, OUTPUT, POSTROUTING, PREROUTING, Said, at_hook
from tui.core.firewall.values import Ruleset
from tui.core.lookup import lookup
from tui.core.lookup.fib import Fib
from tui.core.lookup.source import select4, select6
from tui.core.naming import called
from tui.core.path import docker_model
from tui.core.path.docker_model import BRIDGE_NF, SINK
from tui.core.path.filtered import PASSES, Passage, Verdict
from tui.core.path.hops import Packet
from tui.core.path.links_between import Links
from tui.core.query import Query
from tui.core.steps import Failure
from tui.core.world import Node

__all__ = ["BRIDGE_NF", "SINK", "Passage", "Verdict", "arriving", "bridged", "forwarded", "leaving", "made", "taken_in"]


def arriving(links: Links, node: Node, iif: str, passage: Passage) -> Verdict:
    """Before the route of what came in by `iif` is looked up."""
    if node.filters is None:
        return docker_model.verdict(links.world, node, iif, None, passage.packet)
    return _Filters(links, node, node.filters, iif).ask((PREROUTING,), passage)


def taken_in(links: Links, node: Node, iif: str, passage: Passage) -> Verdict:
    """What is for the node itself."""
    if node.filters is None:
        return PASSES
    return _Filters(links, node, node.filters, iif).ask((INPUT,), passage)


def forwarded(links: Links, node: Node, iif: str, oif: str, target: Address, passage: Passage) -> Verdict:  # noqa: PLR0917  # where it is, where from, where to
    """What goes on by `oif` to the next hop `target`."""
    if node.filters is None or oif == SINK:
        return docker_model.verdict(links.world, node, iif, oif, passage.packet)
    return _Filters(links, node, node.filters, iif, oif, target).ask((FORWARD, POSTROUTING), passage)


def made(links: Links, node: Node, oif: str, passage: Passage) -> Verdict:
    """What the node itself sends by `oif`, before it leaves: its destination may change, and so its route."""
    if node.filters is None:
        return PASSES
    return _Filters(links, node, node.filters, oif=oif).ask((OUTPUT,), passage)


def leaving(  # noqa: PLR0917  # where it is, where to, and where it is said to come from
    links: Links, node: Node, oif: str, target: Address, passage: Passage, iif: str = ""
) -> Verdict:
    """What the node itself sends, at the very end; `iif` is the device by which it seems to have come in."""
    if node.filters is None:
        return PASSES
    return _Filters(links, node, node.filters, iif, oif, target).ask((POSTROUTING,), passage)


def bridged(links: Links, host: Node, bridge: str, passage: Passage) -> Verdict:
    """A frame that a bridge of the host passes from one port to another."""
    packet = passage.packet
    if host.filters is None:
        said = docker_model.before_the_bridge(links.world, host, bridge, packet)
        return docker_model.verdict(links.world, host, bridge, bridge, packet) if said.passes else said
    hooks = (PREROUTING, FORWARD, POSTROUTING)
    if any(table.family == "bridge" for table in host.filters.tables):
        # Which of its ports is not known: names of devices are left open.
        frames = _Filters(links, host, host.filters, None, None).ask(hooks, replace(passage, flight=None), "bridge")
        if not frames.passes:
            return frames
    switch = BRIDGE_NF if packet.dst.version == 4 else BRIDGE_NF.replace("iptables", "ip6tables")
    value = host.sysctl(switch)
    if value == 0:
        return PASSES
    passage = replace(passage, flight=replace(_flight(packet), bridged=True))
    # What masquerades looks for an address that suits the destination: a bridge has no next hop.
    said = _Filters(links, host, host.filters, bridge, bridge, packet.dst).ask(hooks, passage)
    if value is None:
        # Whether connection tracking saw it is not known either; nothing else hangs on it here.
        why = f"if {switch} is 1, which was not read, {said.reason}"
        return PASSES if said.passes else replace(said, passes=None, reason=why)
    return said if said.passes else replace(said, reason=f"{said.reason}, since {switch} is 1")


class _Filters:
    """The rules of one node for one packet: where it came in, where it goes out ("" where there is no such side)."""

    def __init__(  # noqa: PLR0917  # a node, its rules and the two sides
        self,
        links: Links,
        node: Node,
        rules: Ruleset,
        iif: str | None = "",
        oif: str | None = "",
        target: Address | None = None,
    ) -> None:
        self._node, self._rules, self._iif, self._oif, self._target = node, rules, iif, oif, target
        self._fib = links.fib(node.name)

    def ask(self, hooks: Sequence[str], passage: Passage, family: str = "") -> Verdict:
        """Hook after hook, until one does not let it pass."""
        packet = passage.packet
        flight = replace(passage.flight or _flight(packet), ttl=packet.ttl)
        here = Here(self._node.name, self._kind, self._masquerade, self._redirect, passage.tracked)
        for hook in hooks:
            flight = replace(flight, iif=self._side(hook, self._iif), oif=self._side(hook, self._oif, out=True))
            said = at_hook(self._rules, hook, flight, here, family=family)
            if not said.passes:
                return self._stopped(said)
            flight = said.flight
        if self._rules.unread:
            return Verdict(None, "", f"whether {called(self._node)} lets it pass is not known: {self._rules.unread[0]}")
        return PASSES if family else Verdict(True, after=_after(passage, flight, hooks[-1]))

    @staticmethod
    def _side(hook: str, dev: str | None, *, out: bool = False) -> str | None:
        """A hook knows the device that it came in by (the last one too, where it was forwarded), or goes out by."""
        return "" if hook in ((PREROUTING, INPUT) if out else (OUTPUT,)) else dev

    def _stopped(self, said: Said) -> Verdict:
        who = called(self._node)
        if said.passes is None:
            return Verdict(None, said.rule, f"whether {who} lets it pass depends on what is not known: {said.rule}")
        how = "rejects" if said.answer else "drops"
        return Verdict(False, said.rule, f"{who} {how} it: {said.rule}", answer=said.answer)

    def _kind(self, address: Address) -> str | None:
        return kind_of(self._fib, address)

    def _masquerade(self, flight: Flight) -> Address | None:
        """The address of the device by which it leaves: IPv4's best for the next hop, IPv6's for where it goes
        (nf_nat_masquerade_ipv4, nf_nat_masquerade_ipv6).
        """
        if self._target is None or not self._oif:
            return None
        if flight.version == 6:
            return select6(self._fib, self._oif, flight.ends.dst.value)
        value = select4(self._fib, self._oif, self._target.value, "global")
        return Address(4, value) if value else None

    def _redirect(self, flight: Flight) -> Address | None:
        """The first address of the device by which it came in, link-local where the packet was for such a one; loopback
        for what the node made (nf_nat_redirect).
        """
        if not self._iif:
            return Address(4, 0x7F000001) if flight.version == 4 else Address(6, 1)
        interface = self._fib.links.get(self._iif)
        found = [each.address for each in (interface.addresses if interface is not None else ())]
        near = flight.version == 6 and flight.ends.dst.is_link_local
        return next(
            (each for each in found if each.version == flight.version and (each.is_link_local or not near)), None
        )


def kind_of(fib: Fib, address: Address) -> str | None:
    """What the node's table local calls an address, unicast where it has nothing (inet_addr_type); None: not read.

    IPv6 asks all tables, and knows addresses that cannot be reached (nft_fib6_eval_type).
    """
    if address.is_multicast:
        return "multicast"
    if "addresses" in fib.node.missing:
        return None
    table = fib.tables.get((address.version, "local"))
    found = next(table.matches(address.value), None) if table is not None else None
    if found:
        return found[0].type
    if address in fib.addresses:
        return "local"
    if address.version == 4 or address.is_link_local:
        return "unicast"
    if "routes6" in fib.node.missing:
        return None
    decision = lookup(fib, Query(address), trace=False).decision
    return "unicast" if decision.failure is None else _REFUSING.get(decision.failure, "unreachable")


_REFUSING = {Failure.BLACKHOLE: "blackhole", Failure.PROHIBIT: "prohibit"}


def _flight(packet: Packet) -> Flight:
    """The packet before any filter saw it."""
    assert packet.src is not None
    answer = "error" if packet.error else "reply" if packet.reply else "request"
    icmp = packet.icmp
    if icmp is None and packet.proto in (1, 58) and not packet.error:
        icmp = ((REPLY if packet.reply else REQUEST)[packet.dst.version], 0)
    ends = Ends(packet.src, packet.dst, packet.sport, packet.dport)
    return Flight(ends, packet.proto, packet.ttl, icmp, answer, mark=packet.mark)


def _after(passage: Passage, flight: Flight, last: str) -> Passage:
    """The packet as the filters leave it; behind the last hook its entry of connection tracking stays on the node."""
    ends, tracked = flight.ends, passage.tracked
    if last in (INPUT, POSTROUTING) and flight.fresh and flight.connection is not None:
        tracked = (*tracked, flight.connection)
        flight = replace(flight, fresh=False)
    packet = replace(passage.packet, src=ends.src, dst=ends.dst, sport=ends.sport, dport=ends.dport, mark=flight.mark)
    return Passage(packet, tracked, flight)
