"""Bodies of rtnetlink messages turned into the core's values: links, addresses, routes, neighbours.

Words are those that iproute2 prints. A body of another family, or one too short to be what it claims, gives None.
An attribute that nobody here knows is kept in the `words` of a route, never dropped.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from tui.core.addresses import Address, Prefix
from tui.core.names import PROTOCOLS, SCOPES, TABLES, TYPES
from tui.core.text import clean
from tui.core.world import Interface, InterfaceAddress, NextHop, Route
from tui.engines.netlink.metrics import encapsulation, metrics
from tui.engines.netlink.numbers import (
    ADDRESS_FLAGS,
    AF_INET,
    AF_INET6,
    DEVICE_SYSCTLS,
    FAMILIES,
    NEIGHBOUR_STATES,
    NEXTHOP_FLAGS,
    PREFERENCES,
    name_of,
)
from tui.engines.netlink.sockets import attributes

Names = Mapping[int, str]
"""The devices of a namespace by interface index."""

_LINK = struct.Struct("=BxHiII")
_ADDRESS = struct.Struct("=BBBBI")
_ROUTE = struct.Struct("=BBBBBBBBI")
_HOP = struct.Struct("=HBBi")
_NEIGHBOUR = struct.Struct("=BxxxiHBB")
_GROUP = struct.Struct("=IBBH")
_CACHEINFO = struct.Struct("=IIiI")
_LOOPBACK = 772  # ARPHRD_LOOPBACK
_CLONED = 0x200  # RTM_F_CLONED: an exception (redirect, path MTU), not a route of the table
_ROUTE_KNOWN = frozenset((1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 15, 18, 20, 21, 22, 23, 24, 25, 30))


@dataclass(frozen=True, slots=True)
class Link:
    """A device as the kernel lists it. `master` is the index of its bridge, `sysctls` are (full name, value) pairs."""

    interface: Interface
    master: int | None
    sysctls: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Neighbour:
    """An entry of the ARP or ND table: who answers for an address on a device, and how sure the kernel is."""

    address: Address
    dev: str
    mac: str
    state: str


@dataclass(frozen=True, slots=True)
class NextHopObject:
    """A next-hop object (ip-nexthop(8)): one `hop`, or a group of (id, weight) members."""

    id: int
    hop: NextHop | None
    members: tuple[tuple[int, int], ...] = ()
    blackhole: bool = False


def u32(data: bytes) -> int:
    """Four bytes in the machine's order, without a sign."""
    return int(_U32.unpack(data)[0])


_U16 = struct.Struct("=H")
_U32 = struct.Struct("=I")
_I32 = struct.Struct("=i")


def text(data: bytes) -> str:
    """A name, without the zero that ends it, made safe for a terminal: a device may be called almost anything."""
    name = data.split(b"\0", 1)[0].decode(errors="replace")
    return name if name.isprintable() else clean(name)


def address(data: bytes) -> Address:
    """Four or sixteen bytes in network order."""
    return Address(4 if len(data) == 4 else 6, int.from_bytes(data))


@lru_cache(maxsize=8192)
def link(body: bytes) -> Link | None:
    """A message of RTM_GETLINK; the addresses and the master's name are filled in by the reader."""
    if len(body) < 16:
        return None
    _family, hardware, index, flags, _change = _LINK.unpack_from(body)
    found = attributes(body, 16)
    about = attributes(found.get(18, b""))
    kind = "loopback" if hardware == _LOOPBACK else text(about.get(1, b""))
    interface = Interface(
        name=text(found.get(3, b"")),
        index=index,
        mac=":".join(f"{byte:02x}" for byte in found.get(1, b"")) if len(found.get(1, b"")) == 6 else "",
        kind=kind,
        up=bool(flags & 0x1),
        carrier=bool(flags & 0x10000),
        mtu=u32(found[4]) if 4 in found else None,
        peer_index=u32(found[5]) if kind == "veth" and 5 in found else None,
    )
    master = u32(found[10]) if 10 in found else None
    return Link(interface, master, tuple(_switches(interface.name, attributes(found.get(26, b"")))))


def _switches(device: str, families: dict[int, bytes]) -> list[tuple[str, int]]:
    """The devconf arrays inside IFLA_AF_SPEC: IFLA_INET_CONF (1) and IFLA_INET6_CONF (2)."""
    found = []
    device = device.replace(".", "/")
    for family, kind, number in ((4, AF_INET, 1), (6, AF_INET6, 2)):
        values = attributes(families.get(kind, b"")).get(number, b"")
        for position, name in DEVICE_SYSCTLS[family].items():
            if len(values) >= position * 4:
                value = int(_I32.unpack_from(values, position * 4 - 4)[0])
                found.append((f"net.ipv{family}.conf.{device}.{name}", value))
    return found


@lru_cache(maxsize=8192)
def interface_address(body: bytes) -> tuple[int, InterfaceAddress] | None:
    """A message of RTM_GETADDR as (interface index, address)."""
    if len(body) < 8 or body[0] not in FAMILIES:
        return None
    family, length, low, scope, index = _ADDRESS.unpack_from(body)
    found = attributes(body, 8)
    flags = u32(found[8]) if 8 in found else low
    other = found.get(1)
    local = found.get(2, other)
    if local is None:
        return None
    own = address(local)
    peer = address(other) if other is not None and other != local else None
    return index, InterfaceAddress(
        address=own,
        length=length,
        scope=name_of(SCOPES, scope),
        broadcast=address(found[4]) if 4 in found else None,
        peer=Prefix(peer.version, peer.value, length) if peer else None,
        flags=tuple(_address_words(flags, family)),
    )


def _address_words(flags: int, family: int) -> list[str]:
    """IFA_F_* in the order in which `ip address` prints them (print_ifa_flags in ip/ipaddress.c)."""
    words = []
    if flags & 0x01:
        words.append("secondary" if family == AF_INET else "temporary")
    words += [word for bit, word in ADDRESS_FLAGS if flags & bit]
    if not flags & 0x80:
        words.append("dynamic")
    return words


def route(body: bytes, names: Names, objects: Mapping[int, NextHopObject] | None = None) -> Route | None:
    """A message of RTM_GETROUTE. `objects` stand in where the kernel was told not to expand next-hop objects."""
    if len(body) < 12 or body[0] not in FAMILIES:
        return None
    family, length, src_length, tos, table, protocol, scope, kind, flags = _ROUTE.unpack_from(body)
    if flags & _CLONED:
        return None
    found = attributes(body, 12)
    version = FAMILIES[family]
    nhid = u32(found[30]) if 30 in found else None
    hops = _hops(found, flags, names)
    if not hops and nhid is not None and objects:
        hops = _expand(nhid, objects)
    return Route(
        dst=Prefix(version, int.from_bytes(found.get(1, b"")), length),
        type=name_of(TYPES, kind),
        nexthops=hops,
        table=name_of(TABLES, u32(found[15]) if 15 in found else table),
        protocol=name_of(PROTOCOLS, protocol),
        scope=name_of(SCOPES, scope),
        prefsrc=address(found[7]) if 7 in found else None,
        metric=u32(found[6]) if 6 in found else None,
        tos=tos,
        src=Prefix(version, int.from_bytes(found.get(2, b"")), src_length) if src_length else None,
        pref=name_of(PREFERENCES, found[20][0]) if 20 in found else None,
        nhid=nhid,
        attributes=tuple(_route_words(found, family)),
        words=unknown(found, _ROUTE_KNOWN, "rta"),
    )


def needs_objects(body: bytes) -> bool:
    """Whether a route names a next-hop object (RTA_NH_ID) and not the hops themselves."""
    if b"\x1e\0" not in body and b"\0\x1e" not in body:
        return False
    found = attributes(body, 12)
    return 30 in found and not found.keys() & {4, 5, 9, 18} and body[7] == 1


def _hops(found: dict[int, bytes], flags: int, names: Names) -> tuple[NextHop, ...]:
    if 9 in found:
        return tuple(_multipath(found[9], names))
    if 4 not in found and 5 not in found and 18 not in found:
        return ()
    return (_hop(found, flags, 1, u32(found[4]) if 4 in found else 0, names),)


def _hop(found: dict[int, bytes], flags: int, weight: int, index: int, names: Names) -> NextHop:
    gateway = found[5] if 5 in found else found[18][2:] if 18 in found else None
    return NextHop(
        dev=_device(index, names),
        gateway=address(gateway) if gateway else None,
        weight=weight,
        flags=tuple(word for bit, word in NEXTHOP_FLAGS if flags & bit) if flags & 0x2000C07F else (),
    )


def _device(index: int, names: Names) -> str | None:
    """A device that went away between two dumps is named as iproute2 names it: if7."""
    return names.get(index, f"if{index}") if index else None


def _multipath(data: bytes, names: Names) -> list[NextHop]:
    """RTA_MULTIPATH: a struct rtnexthop with attributes for each leg."""
    hops, start = [], 0
    while start + 8 <= len(data):
        length, flags, weight, index = _HOP.unpack_from(data, start)
        if length < 8:
            break
        found = attributes(data[start + 8 : start + length])
        hops.append(_hop(found, flags, weight + 1, index, names))
        start += (length + 3) & ~3
    return hops


def _route_words(found: dict[int, bytes], family: int) -> list[str]:
    """What a route carries besides where it leads, each as `ip route` writes it; seconds that tick are left out."""
    words = []
    if 22 in found:
        words.append(encapsulation(int(_U16.unpack_from(found[21])[0]) if 21 in found else 0, found[22]))
    if 8 in found:
        words += metrics(attributes(found[8]))
    if 11 in found:
        realm = u32(found[11])
        words.append(f"realms {realm >> 16}/{realm & 0xFFFF}" if realm >> 16 else f"realm {realm & 0xFFFF}")
    if family == AF_INET6 and len(found.get(12, b"")) >= 16:
        _references, _used, expires, error = _CACHEINFO.unpack_from(found[12])
        code = error - (1 << 32) if error >> 31 else error
        words += (["expires"] if expires else []) + ([f"error {code}"] if code else [])
    return words


def unknown(found: dict[int, bytes], known: frozenset[int], name: str) -> tuple[str, ...]:
    """Attributes that nobody here understands, as `rta NUMBER HEX` (RTA_*) or `fra NUMBER HEX` (FRA_*)."""
    if found.keys() <= known:
        return ()
    return tuple(f"{name} {kind} {data.hex()}" for kind, data in sorted(found.items()) if kind not in known)


def nexthop(body: bytes, names: Names) -> NextHopObject | None:
    """A message of RTM_GETNEXTHOP."""
    if len(body) < 8:
        return None
    flags = u32(body[4:8])
    found = attributes(body, 8)
    if 1 not in found:
        return None
    members = []
    for start in range(0, len(found.get(2, b"")) - 7, 8):
        member, low, high, _reserved = _GROUP.unpack_from(found[2], start)
        members.append((member, (high << 8) + low + 1))
    as_route = {kind: found[number] for kind, number in ((4, 5), (5, 6)) if number in found}
    hop = None if members else _hop(as_route, flags, 1, u32(found[5]) if 5 in found else 0, names)
    return NextHopObject(u32(found[1]), hop, tuple(members), 4 in found)


def _expand(number: int, objects: Mapping[int, NextHopObject]) -> tuple[NextHop, ...]:
    whole = objects.get(number)
    if whole is None:
        return ()
    if whole.hop is not None:
        return (whole.hop,)
    hops = ((objects[member].hop, weight) for member, weight in whole.members if member in objects)
    return tuple(NextHop(hop.dev, hop.gateway, weight, hop.flags) for hop, weight in hops if hop is not None)


def neighbour(body: bytes, names: Names) -> Neighbour | None:
    """A message of RTM_GETNEIGH; multicast and broadcast entries (NOARP) are included as the kernel has them."""
    if len(body) < 12 or body[0] not in FAMILIES:
        return None
    _family, index, state, _flags, _kind = _NEIGHBOUR.unpack_from(body)
    found = attributes(body, 12)
    if 1 not in found:
        return None
    mac = ":".join(f"{byte:02x}" for byte in found.get(2, b""))
    return Neighbour(address(found[1]), _device(index, names) or "", mac, NEIGHBOUR_STATES.get(state, "NONE"))
