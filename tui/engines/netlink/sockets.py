"""Netlink as bytes: messages and attributes packed and unpacked, dumps and requests over one socket.

The formats are those of netlink(7) and Linux's Documentation/userspace-api/netlink/intro.rst. Nothing here knows
what a message of rtnetlink means; that is `tui.engines.netlink.decode` and `tui.engines.netlink.encode`.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator, Sequence

NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP_INTR, NLM_F_DUMP = 0x001, 0x004, 0x010, 0x300
NLM_F_REPLACE, NLM_F_EXCL, NLM_F_CREATE, NLM_F_APPEND = 0x100, 0x200, 0x400, 0x800
NLMSG_NOOP, NLMSG_ERROR, NLMSG_DONE, NLMSG_OVERRUN = 1, 2, 3, 4
NLA_F_NESTED = 0x8000
NLA_TYPE_MASK = 0x3FFF

_SOL_NETLINK = 270
_NETLINK_ROUTE = 0
_CAP_ACK, _EXT_ACK, _GET_STRICT_CHK = 10, 11, 12
_F_CAPPED, _F_ACK_TLVS = 0x100, 0x200
_ATTR_MSG = 1
_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
_MSG_TRUNC = 0x20
_RECEIVE = 1 << 16  # the kernel fills at most 32 KiB a read; a single larger message (many SR-IOV functions) still fits
_ATTEMPTS = 16


class NetlinkError(OSError):
    """The kernel refused a request: `errno` as usual, `text` its own words (extended ack), "" where it gave none."""

    def __init__(self, number: int, text: str = "") -> None:
        super().__init__(number, text or os.strerror(number))
        self.text = text


def refusal(error: OSError) -> str:
    """What iproute2 prints for a refused request: the kernel's own words, or the error's."""
    if isinstance(error, NetlinkError):
        return f"Error: {error.text.rstrip('.')}." if error.text else f"RTNETLINK answers: {error.strerror}"
    return error.strerror or str(error)


class Interrupted(NetlinkError):
    """A dump was cut short by changes every time that it was tried."""


def attributes(data: bytes, start: int = 0) -> dict[int, bytes]:
    """The attributes from byte `start` on, by number (flag bits taken off); a malformed tail ends them."""
    found = {}
    end = len(data)
    while start + 4 <= end:
        length, kind = _ATTRIBUTE.unpack_from(data, start)
        if length < 4 or start + length > end:
            break
        found[kind & NLA_TYPE_MASK] = data[start + 4 : start + length]
        start += (length + 3) & ~3
    return found


def attribute(kind: int, data: bytes) -> bytes:
    """One attribute, padded to four bytes."""
    return _ATTRIBUTE.pack(len(data) + 4, kind) + data + bytes(-len(data) % 4)


def nested(kind: int, *parts: bytes) -> bytes:
    """An attribute that holds attributes."""
    return attribute(kind | NLA_F_NESTED, b"".join(parts))


def message(kind: int, flags: int, body: bytes, sequence: int = 0) -> bytes:
    """One message with its header, padded to four bytes."""
    return _HEADER.pack(len(body) + 16, kind, flags, sequence, 0) + body + bytes(-len(body) % 4)


def messages(data: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    """Each message in a buffer as (type, flags, sequence, body); a truncated last one raises NetlinkError."""
    start, end = 0, len(data)
    while start + 16 <= end:
        length, kind, flags, sequence, _port = _HEADER.unpack_from(data, start)
        if length < 16 or start + length > end:
            raise NetlinkError(5, "a netlink message was cut short")
        yield kind, flags, sequence, data[start + 16 : start + length]
        start += (length + 3) & ~3


def failure(flags: int, body: bytes) -> NetlinkError | None:
    """What an NLMSG_ERROR (or the NLMSG_DONE of a dump) says: None is success."""
    code = int(struct.unpack_from("=i", body)[0]) if len(body) >= 4 else 0
    if code >= 0:
        return None
    text = ""
    if flags & _F_ACK_TLVS:
        start = 20 if flags & _F_CAPPED else 4 + _HEADER.unpack_from(body, 4)[0]
        text = attributes(body, (start + 3) & ~3).get(_ATTR_MSG, b"").rstrip(b"\0").decode(errors="replace")
    return NetlinkError(-code, text)


def open_socket(groups: Sequence[int] = ()) -> socket.socket:
    """A socket for rtnetlink in the calling thread's network namespace, ready as `adopt` makes it.

    It belongs to that namespace for good, whichever thread or process uses it later, and keeps it alive while open.
    """
    made = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_ROUTE)
    made.bind((0, 0))
    return adopt(made, groups)


def adopt(link: socket.socket, groups: Sequence[int] = ()) -> socket.socket:
    """A bound netlink socket, told to check strictly, to say errors in words and to listen to the RTNLGRP `groups`."""
    for option in (_CAP_ACK, _EXT_ACK, _GET_STRICT_CHK):
        try:
            link.setsockopt(_SOL_NETLINK, option, 1)
        except OSError:  # older than Linux 4.20: dumps are then filtered here, errors come without words
            continue
    for group in groups:
        link.setsockopt(_SOL_NETLINK, 1, group)
    return link


def receive(link: socket.socket) -> bytes:
    """The next datagram, whole; raises NetlinkError when it did not fit."""
    data, _ancillary, flags, _sender = link.recvmsg(_RECEIVE)
    if flags & _MSG_TRUNC:
        raise NetlinkError(5, "a netlink message was cut short")
    return data


def dump(link: socket.socket, kind: int, body: bytes) -> tuple[bytes, ...]:
    """The bodies of everything that a dump lists, in the kernel's order.

    A dump during which the tables changed (NLM_F_DUMP_INTR) is thrown away and taken again; Interrupted after sixteen.
    """
    for sequence in range(1, _ATTEMPTS + 1):
        link.send(message(kind, NLM_F_REQUEST | NLM_F_DUMP, body, sequence))
        found, whole = _collect(link, sequence)
        if whole:
            return tuple(found)
    raise Interrupted(4, "its tables change faster than they can be read")


def _collect(link: socket.socket, sequence: int) -> tuple[list[bytes], bool]:
    """The bodies of one dump, and whether nothing changed while it ran."""
    found: list[bytes] = []
    whole = True
    while True:
        for kind, flags, number, body in messages(receive(link)):
            if number != sequence:  # the rest of a dump that was given up
                continue
            whole = whole and not flags & NLM_F_DUMP_INTR
            if kind in (NLMSG_DONE, NLMSG_ERROR):
                error = failure(flags, body)
                if error is not None:
                    raise error
                return found, whole
            if kind > NLMSG_OVERRUN:
                found.append(body)


def request(link: socket.socket, kind: int, body: bytes, flags: int = 0) -> bytes:
    """Ask for one thing (RTM_GETROUTE, ...) and return the body of the answer; raises NetlinkError on a refusal."""
    link.send(message(kind, NLM_F_REQUEST | flags, body, 0x7FFF))
    while True:
        for answered, ackflags, number, answer in messages(receive(link)):
            if number != 0x7FFF:
                continue
            if answered != NLMSG_ERROR:
                return answer
            error = failure(ackflags, answer)
            if error is not None:
                raise error
            return b""
