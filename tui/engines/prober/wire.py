"""The bytes of echo requests, and of what comes back for a probe: replies, and errors that quote it (RFC 792, 4443)."""

from __future__ import annotations

import contextlib
import socket
import struct
from typing import NamedTuple

ICMP, ICMP6 = socket.IPPROTO_ICMP, socket.IPPROTO_ICMPV6
_REQUEST = {4: 8, 6: 128}
_REPLY = {4: 0, 6: 129}
_ERRORS = {4: (3, 4, 5, 11, 12), 6: (1, 2, 3, 4)}
_SAYS = {
    4: {(11, None): "time exceeded", (3, 0): "net unreachable", (3, 1): "host unreachable", (3, 3): "port unreachable"}
    | {(3, code): "prohibited" for code in (9, 10, 13)}
    | {(3, 2): "protocol unreachable", (3, 4): "too big", (3, 6): "net unreachable", (3, 7): "host unreachable"},
    6: {(3, None): "time exceeded", (1, 0): "net unreachable", (1, 1): "prohibited", (1, 3): "host unreachable"}
    | {(1, 4): "port unreachable", (1, 5): "prohibited", (1, 6): "net unreachable", (2, None): "too big"},
}


class Answer(NamedTuple):
    """What came back. `says` is "reply", or the words of the error; `ttl` what it arrived with (None: not told).

    `proto` and `quoted` are, of a reply itself and of an error's quoted packet, the protocol and the first bytes after
    the IP header. `target` is where the quoted packet went ("" in a reply).
    """

    source: str
    says: str
    ttl: int | None
    type: int
    code: int
    proto: int
    quoted: bytes
    target: str


def resolved(dst: str, kind: int = socket.SOCK_DGRAM) -> tuple[int, tuple[object, ...]]:
    """The family and the socket address of a numeric address, which may name a zone (fe80::1%eth0)."""
    try:
        found = socket.getaddrinfo(dst, 0, type=kind, flags=socket.AI_NUMERICHOST)[0]
    except socket.gaierror:
        raise ValueError(f"{dst} is no address") from None
    return found[0], found[4]


def version_of(family: int) -> int:
    """4 or 6."""
    return 6 if family == socket.AF_INET6 else 4


def raw_socket(family: int) -> socket.socket:
    """A socket that hears every ICMP message of its family; one that can also send them."""
    heard = socket.socket(family, socket.SOCK_RAW, ICMP6 if family == socket.AF_INET6 else ICMP)
    heard.setblocking(False)
    with contextlib.suppress(OSError):
        heard.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    if family == socket.AF_INET6:
        heard.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
    return heard


def bind_to(sock: socket.socket, family: int, source: str, dev: str) -> None:
    """Send from this address and out of this device, where they are given."""
    if dev:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, dev.encode())
    if source:
        other, address = resolved(source)
        if other != family:
            raise ValueError(f"{source} is of another family than the destination")
        sock.bind(address)


def set_ttl(sock: socket.socket, family: int, ttl: int) -> None:
    """The hop limit of what is sent from now on."""
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, ttl)
    else:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)


def source_for(family: int, address: tuple[object, ...], source: str, dev: str) -> str:
    """The source that the kernel chooses; raises OSError where it has no way. Nothing is sent (connect(2) on UDP)."""
    with socket.socket(family, socket.SOCK_DGRAM) as asked:
        bind_to(asked, family, source, dev)
        asked.connect((address[0], 1025, *address[2:]))
        return str(asked.getsockname()[0])


def echo_request(version: int, ident: int, seq: int, payload: bytes) -> bytes:
    """An echo request; in IPv6 the kernel fills in the checksum (RFC 3542 section 3.1)."""
    head = struct.pack("!BBHHH", _REQUEST[version], 0, 0, ident, seq)
    if version == 6:
        return head + payload
    return struct.pack("!BBHHH", _REQUEST[4], 0, checksum(head + payload), ident, seq) + payload


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def receive(sock: socket.socket, family: int) -> Answer | None:
    """One ICMP message as an answer; None where it is of no use, or there is none."""
    try:
        data, ancillary, _flags, address = sock.recvmsg(65536, 256)
    except BlockingIOError:
        return None
    version = version_of(family)
    ttl: int | None = None
    if version == 4:
        if len(data) < 20:
            return None
        ttl = data[8]
        data = data[(data[0] & 15) * 4 :]
    else:
        for level, kind, value in ancillary:
            if level == socket.IPPROTO_IPV6 and kind == socket.IPV6_HOPLIMIT:
                ttl = struct.unpack("i", value)[0]
    return read(version, data, str(address[0]).partition("%")[0], ttl)


def read(version: int, data: bytes, source: str, ttl: int | None) -> Answer | None:
    """An ICMP message without its IP header."""
    if len(data) < 8:
        return None
    kind, code = data[0], data[1]
    if kind == _REPLY[version]:
        return Answer(source, "reply", ttl, kind, code, ICMP if version == 4 else ICMP6, data, "")
    if kind not in _ERRORS[version]:
        return None
    found = _SAYS[version].get((kind, code)) or _SAYS[version].get((kind, None)) or f"error {kind}/{code}"
    inner = quoted4(data[8:]) if version == 4 else quoted6(data[8:])
    if inner is None:
        return None
    proto, rest, target = inner
    return Answer(source, found, ttl, kind, code, proto, rest, target)


def quoted4(data: bytes) -> tuple[int, bytes, str] | None:
    """Of a quoted IPv4 packet: its protocol, what follows its header, and where it went."""
    if len(data) < 28 or data[0] >> 4 != 4:
        return None
    return data[9], data[(data[0] & 15) * 4 :], socket.inet_ntop(socket.AF_INET, data[16:20])


def quoted6(data: bytes) -> tuple[int, bytes, str] | None:
    """The same of IPv6 (probes carry no extension headers)."""
    if len(data) < 48 or data[0] >> 4 != 6:
        return None
    return data[6], data[40:], socket.inet_ntop(socket.AF_INET6, data[24:40])


def ports(quoted: bytes) -> tuple[int, int]:
    """Source and destination port of a quoted UDP or TCP packet."""
    return int.from_bytes(quoted[:2]), int.from_bytes(quoted[2:4])


def echo_of(quoted: bytes) -> tuple[int, int]:
    """Identifier and sequence number of an echo request or reply."""
    return int.from_bytes(quoted[4:6]), int.from_bytes(quoted[6:8])
