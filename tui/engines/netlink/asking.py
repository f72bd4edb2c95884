"""The kernel's own answer to a lookup, asked by netlink: what `ip route get` asks, without the program."""

from __future__ import annotations

import errno
import struct
from dataclasses import dataclass

from tui.core.addresses import WIDTH, Address
from tui.core.names import TABLES, TYPES
from tui.core.query import Query
from tui.core.world import Route
from tui.engines.netlink import Namespace
from tui.engines.netlink import decode as rtdecode
from tui.engines.netlink.numbers import AF_OF, RTM_GETROUTE, name_of
from tui.engines.netlink.sockets import NetlinkError, attribute, attributes, request

_LOOKUP_TABLE, _FIB_MATCH = 0x1000, 0x2000  # RTM_F_LOOKUP_TABLE, RTM_F_FIB_MATCH


@dataclass(frozen=True, slots=True)
class Answer:
    """What the kernel would do with a packet, in the terms of tui.core.steps.Decision.

    `route` is the entry of the table that it chose: None where it cannot say (older than Linux 4.13), or where no
    route decided, and then `table` is None too. A refusal has `errno` (ENETUNREACH, EHOSTUNREACH, EACCES, EINVAL, ...)
    and the kernel's `message`.
    """

    type: str | None = None
    dev: str | None = None
    gateway: Address | None = None
    prefsrc: Address | None = None
    table: str | None = None
    route: Route | None = None
    errno: str | None = None
    message: str = ""


def ask(namespace: Namespace, query: Query, names: rtdecode.Names | None = None) -> Answer:
    """Ask the namespace's kernel; a refusal is an Answer, OSError means that it could not be asked.

    `names` are its devices by index, for those who ask many times: they are read where none are given.

    As for `ip route get`, a packet without `ipproto` is UDP in IPv4 (inet_rtm_getroute in net/ipv4/route.c).
    """
    if names is None:
        names = {each.interface.index: each.interface.name for each in namespace.links()}
    indexes = {name: index for index, name in names.items()}
    for device in (query.iif, query.oif):
        if device is not None and device not in indexes:
            return Answer(errno="ENODEV", message=f"Cannot find device {device!r}")
    try:
        body = request(namespace.link, RTM_GETROUTE, _question(query, indexes, _LOOKUP_TABLE))
    except NetlinkError as error:
        return Answer(errno=errno.errorcode.get(error.errno or 0, "?"), message=error.strerror or "")
    try:
        matched = rtdecode.route(
            request(namespace.link, RTM_GETROUTE, _question(query, indexes, _LOOKUP_TABLE | _FIB_MATCH)), names
        )
    except NetlinkError:  # not an entry of a table, such as an on-link guess for a given oif
        matched = None
    return _answer(body, names, matched)


def _question(query: Query, indexes: dict[str, int], flags: int) -> bytes:
    width = WIDTH[query.dst.version]
    source = width if query.src is not None else 0
    if query.dst.version == 6:
        flags &= _FIB_MATCH  # IPv6 always names the table, and refuses to be asked for it
    parts = [struct.pack("=8BI", AF_OF[query.dst.version], width, source, query.tos, 0, 0, 0, 0, flags)]
    for kind, address in ((1, query.dst), (2, query.src)):
        if address is not None:
            parts.append(attribute(kind, address.value.to_bytes(width // 8)))
    for kind, device in ((3, query.iif), (4, query.oif)):
        if device is not None:
            parts.append(attribute(kind, struct.pack("=I", indexes[device])))
    if query.mark:
        parts.append(attribute(16, struct.pack("=I", query.mark)))
    if query.ipproto is not None:
        parts.append(attribute(27, struct.pack("=B", query.ipproto)))
    for kind, port in ((28, query.sport), (29, query.dport)):
        if port is not None:
            parts.append(attribute(kind, struct.pack(">H", port)))
    return b"".join(parts)


def _answer(body: bytes, names: rtdecode.Names, matched: Route | None) -> Answer:
    found = attributes(body, 12)
    gateway = found[5] if 5 in found else found[18][2:] if 18 in found else None
    table = rtdecode.u32(found[15]) if 15 in found else body[4]
    return Answer(
        type=name_of(TYPES, body[7]),
        dev=names.get(rtdecode.u32(found[4])) if 4 in found else None,
        gateway=rtdecode.address(gateway) if gateway else None,
        prefsrc=rtdecode.address(found[7]) if 7 in found else None,
        table=name_of(TABLES, table) if table else None,
        route=matched,
    )
