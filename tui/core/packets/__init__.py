"""Captured packets as values: one frame as one interface saw it, with what its headers say."""

from __future__ import annotations

from dataclasses import dataclass

from tui.core.addresses import Address

__all__ = ["ETHERNET", "RAW_IP", "Arp", "Detail", "Echo", "Frame", "Icmp", "IcmpError", "Ports", "asked_for"]

ETHERNET, RAW_IP = 1, 101
"""Link types (tcpdump.org/linktypes.html) of what `Frame.data` begins with: LINKTYPE_ETHERNET, LINKTYPE_RAW."""


@dataclass(frozen=True, slots=True)
class Echo:
    """An echo request or reply. `token` are the first bytes of its data, which nothing on the way changes."""

    request: bool
    id: int
    seq: int
    token: bytes = b""


@dataclass(frozen=True, slots=True)
class IcmpError:
    """An ICMP error: `says` in words ("host unreachable"), and of the packet that it quotes its addresses and echo."""

    says: str
    src: Address | None = None
    dst: Address | None = None
    echo: Echo | None = None


@dataclass(frozen=True, slots=True)
class Icmp:
    """Another ICMP message in words; `wanted` is the address that a neighbour solicitation asks for (RFC 4861)."""

    says: str
    wanted: Address | None = None


@dataclass(frozen=True, slots=True)
class Ports:
    """Ports of TCP or UDP, of TCP with its flags as tcpdump writes them: S, S., ., P., F., R."""

    sport: int
    dport: int
    flags: str = ""
    data: int = 0


@dataclass(frozen=True, slots=True)
class Arp:
    """`who-has TARGET tell SENDER` where it is a `request`, else `SENDER is-at MAC`."""

    request: bool
    sender: Address
    target: Address
    mac: str = ""


Detail = Echo | IcmpError | Icmp | Ports | Arp | None


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame at one place: `time` in nanoseconds since 1970 by that node's kernel.

    `direction` is in, out, other (for somebody else) or "" where it is not known, and so are `dev` and the MACs.
    `protocol` is ICMP, ICMPv6, TCP, UDP, ARP, another IP protocol's name or number, or the EtherType. `ttl` None where
    there is none. `length` is what it had on the wire; `data` its bytes as far as they were kept, which begin as
    `link` says. `index` is the device's number, `version` 4 or 6 for IP.
    """

    time: int
    node: str
    dev: str
    direction: str
    protocol: str
    src: Address | None = None
    dst: Address | None = None
    ttl: int | None = None
    src_mac: str = ""
    dst_mac: str = ""
    length: int = 0
    detail: Detail = None
    data: bytes = b""
    link: int = ETHERNET
    index: int = 0
    version: int | None = None

    @property
    def info(self) -> str:
        """What it is, in a few words: `echo request id 7 seq 1`, `who-has 10.0.0.3 tell 10.0.0.2`."""
        return _words(self.detail, self)


def asked_for(frame: Frame) -> Address | None:
    """The address whose owner a frame asks for, by ARP or neighbour discovery; None where it asks for none."""
    if isinstance(frame.detail, Arp) and frame.detail.request:
        return frame.detail.target
    return frame.detail.wanted if isinstance(frame.detail, Icmp) else None


def _words(detail: Detail, frame: Frame) -> str:
    match detail:
        case Echo():
            return f"echo {'request' if detail.request else 'reply'} id {detail.id} seq {detail.seq}"
        case IcmpError(says, _, dst, echo):
            about = f" to {dst}" if dst is not None else ""
            what = f" (echo request id {echo.id} seq {echo.seq}{about})" if echo is not None else about
            return f"{says}{what}"
        case Icmp(says):
            return says
        case Ports(sport, dport, flags, data):
            shown = f" [{flags}]" if flags else ""
            return f"{sport} → {dport}{shown}{f' {data} bytes' if data else ''}"
        case Arp(True, sender, target):
            return f"who-has {target} tell {sender}"
        case Arp(False, sender, _, mac):
            return f"{sender} is-at {mac}"
    return f"{frame.length} bytes"
