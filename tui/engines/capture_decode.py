"""Bytes of captured frames made into values: dpkt takes the headers apart, what it cannot read keeps its bytes."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any

from dpkt import arp, dpkt, ethernet, icmp, icmp6, ip, ip6, sll, sll2, tcp, udp

from tui.core.addresses import Address
from tui.core.packets import ETHERNET, RAW_IP, Arp, Detail, Echo, Frame, Icmp, IcmpError, Ports

LINUX_SLL, LINUX_SLL2 = 113, 276
"""The link types of captures on all interfaces (tcpdump.org/linktypes.html)."""
TOKEN = 8
DIRECTIONS = {0: "in", 1: "in", 2: "in", 3: "other", 4: "out"}

_BAD = (dpkt.Error, ValueError, IndexError, KeyError, AttributeError, TypeError)
_ETHER_TYPES = {0x0806: "ARP", 0x8100: "VLAN", 0x86DD: "IPv6", 0x0800: "IPv4", 0x88CC: "LLDP"}
_PROTOCOLS = {1: "ICMP", 2: "IGMP", 6: "TCP", 17: "UDP", 47: "GRE", 50: "ESP", 58: "ICMPv6", 89: "OSPF", 132: "SCTP"}
_UNREACHABLE = {
    0: "net unreachable",
    1: "host unreachable",
    2: "protocol unreachable",
    3: "port unreachable",
    4: "fragmentation needed",
    9: "prohibited",
    10: "prohibited",
    13: "prohibited",
}
_UNREACHABLE6 = {0: "net unreachable", 1: "prohibited", 3: "host unreachable", 4: "port unreachable", 5: "prohibited"}
_MESSAGES6 = {133: "router solicitation", 134: "router advertisement", 143: "multicast listener report"}


@dataclass(frozen=True, slots=True)
class Sighted:
    """Where and when bytes were seen: the fields of a Frame that no header tells."""

    time: int
    node: str
    dev: str = ""
    direction: str = ""
    length: int = 0
    index: int = 0


@dataclass(slots=True)
class _Read:
    """What the headers tell, as far as they were read."""

    protocol: str = ""
    src: Address | None = None
    dst: Address | None = None
    ttl: int | None = None
    detail: Detail = None
    version: int | None = None


def decode(data: bytes, link: int, seen: Sighted) -> Frame:
    """One frame. Nothing is raised: bytes that are no such frame are a Frame with what could be read."""
    macs, kind, body, seen = _link(data, link, seen)
    found = _Read(_ETHER_TYPES.get(kind, f"ether {kind:#06x}"))
    with contextlib.suppress(*_BAD):
        if kind in (ethernet.ETH_TYPE_IP, ethernet.ETH_TYPE_IP6):
            _network(body, found)
        elif kind == ethernet.ETH_TYPE_ARP:
            _arp(body, found)
    return Frame(
        seen.time,
        seen.node,
        seen.dev,
        seen.direction,
        found.protocol,
        found.src,
        found.dst,
        found.ttl,
        *macs,
        seen.length or len(data),
        found.detail,
        data,
        link,
        seen.index,
        found.version,
    )


def _link(data: bytes, link: int, seen: Sighted) -> tuple[tuple[str, str], int, bytes, Sighted]:
    """The MACs (source, destination), the EtherType, what follows, and where it was seen if the header says so."""
    if link == ETHERNET and len(data) >= 14:
        kind, at = int.from_bytes(data[12:14]), 14
        while kind in (0x8100, 0x88A8) and len(data) >= at + 4:
            kind, at = int.from_bytes(data[at + 2 : at + 4]), at + 4
        return (_mac(data[6:12]), _mac(data[:6])), kind, data[at:], seen
    if link == RAW_IP and data:
        return ("", ""), 0x86DD if data[0] >> 4 == 6 else 0x0800, data, seen
    with contextlib.suppress(*_BAD):
        if link == LINUX_SLL2:
            cooked = sll2.SLL2(data)
            place = Sighted(
                seen.time, seen.node, seen.dev, DIRECTIONS.get(cooked.type, ""), seen.length, cooked.intindex
            )
            return (_mac(cooked.hdr[: cooked.hlen]), ""), cooked.ethtype, data[20:], place
        if link == LINUX_SLL:
            cooked = sll.SLL(data)
            place = Sighted(seen.time, seen.node, seen.dev, DIRECTIONS.get(cooked.type, ""), seen.length)
            return (_mac(cooked.hdr[: cooked.hlen]), ""), cooked.ethtype, data[16:], place
    return ("", ""), 0, b"", seen


def _mac(data: bytes) -> str:
    return ":".join(f"{each:02x}" for each in data) if len(data) == 6 else ""


def _address(data: bytes) -> Address:
    return Address(4 if len(data) == 4 else 6, int.from_bytes(data))


def _arp(body: bytes, found: _Read) -> None:
    said = arp.ARP(body)
    found.src, found.dst = _address(said.spa), _address(said.tpa)
    found.detail = Arp(said.op == arp.ARP_OP_REQUEST, found.src, found.dst, _mac(said.sha))


def _network(body: bytes, found: _Read) -> None:
    """An IP packet of either family."""
    _packet(ip6.IP6(body) if body[:1] and body[0] >> 4 == 6 else ip.IP(body), found)


def _packet(packet: Any, found: _Read) -> None:
    six = isinstance(packet, ip6.IP6)
    found.version, found.src, found.dst = (6 if six else 4), _address(packet.src), _address(packet.dst)
    found.ttl = packet.hlim if six else packet.ttl
    found.protocol = _PROTOCOLS.get(packet.p, f"protocol {packet.p}")
    if not six and packet.offset:
        found.detail = Icmp(f"fragment at byte {packet.offset * 8}")
    else:
        found.detail = _transport(packet.data)


def _transport(data: Any) -> Detail:
    match data:
        case tcp.TCP():
            return Ports(data.sport, data.dport, _flags(data.flags), len(data.data))
        case udp.UDP():
            return Ports(data.sport, data.dport, "", max(data.ulen - 8, 0))
        case icmp.ICMP():
            return _icmp(data)
        case icmp6.ICMP6():
            return _icmp6(data)
    return None


_FLAGS = ((tcp.TH_SYN, "S"), (tcp.TH_FIN, "F"), (tcp.TH_RST, "R"), (tcp.TH_PUSH, "P"), (tcp.TH_URG, "U"))


def _flags(bits: int) -> str:
    """As tcpdump(1) writes them: a dot for ACK."""
    return "".join(sign for bit, sign in _FLAGS if bits & bit) + ("." if bits & tcp.TH_ACK else "") or "none"


def _icmp(said: Any) -> Detail:
    body = said.data
    match said.type:
        case icmp.ICMP_ECHO | icmp.ICMP_ECHOREPLY if isinstance(body, icmp.ICMP.Echo):
            return Echo(said.type == icmp.ICMP_ECHO, body.id, body.seq, bytes(body.data[:TOKEN]))
        case icmp.ICMP_UNREACH:
            return _error(_UNREACHABLE.get(said.code, f"unreachable {said.code}"), body)
        case icmp.ICMP_TIMEXCEED:
            return _error("time exceeded", body)
        case icmp.ICMP_REDIRECT if isinstance(body, icmp.ICMP.Redirect):
            return _error(f"redirect to {Address(4, body.gw)}", body)
    return Icmp(f"type {said.type} code {said.code}")


def _icmp6(said: Any) -> Detail:
    body = said.data
    match said.type:
        case icmp6.ICMP6_ECHO_REQUEST | icmp6.ICMP6_ECHO_REPLY if isinstance(body, icmp6.ICMP6.Echo):
            return Echo(said.type == icmp6.ICMP6_ECHO_REQUEST, body.id, body.seq, bytes(body.data[:TOKEN]))
        case icmp6.ICMP6_DST_UNREACH:
            return _error(_UNREACHABLE6.get(said.code, f"unreachable {said.code}"), body)
        case icmp6.ICMP6_TIME_EXCEEDED:
            return _error("time exceeded", body)
        case icmp6.ICMP6_PACKET_TOO_BIG if isinstance(body, icmp6.ICMP6.TooBig):
            return _error(f"too big, mtu {body.mtu}", body)
        case 135 | 136 if len(body) >= 20:
            target = _address(body[4:20])
            if said.type == 135:
                return Icmp(f"who-has {target} (neighbour solicitation)", target)
            return Icmp(f"{target} is here (neighbour advertisement)")
    return Icmp(_MESSAGES6.get(said.type, f"type {said.type} code {said.code}"))


def _error(says: str, quote: Any) -> IcmpError:
    """An error with the packet that it quotes, which may be cut off after 8 bytes of its data (RFC 792)."""
    inner = _Read()
    with contextlib.suppress(*_BAD):
        _packet(quote.data, inner)
    return IcmpError(says, inner.src, inner.dst, inner.detail if isinstance(inner.detail, Echo) else None)
