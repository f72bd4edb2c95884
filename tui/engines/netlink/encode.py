"""The core's routes and rules, links and addresses, turned into rtnetlink messages that make, change or delete them.

What is not said is filled in as iproute2 does (iproute_modify in ip/iproute.c, iprule_modify in ip/iprule.c), so that
a message does what the `ip` command of the same words does. `tui.engines.netlink.decode` is the way back.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

from tui.core.addresses import WIDTH, Address, Prefix
from tui.core.labs import RouteCommand, RuleCommand
from tui.core.names import PROTOCOLS, SCOPES, TABLES, TYPES
from tui.core.world import InterfaceAddress, NextHop, Route, Rule
from tui.engines.netlink.metrics import metrics_of
from tui.engines.netlink.numbers import (
    ACTIONS,
    AF_OF,
    PREFERENCES,
    RTM_DELLINK,
    RTM_DELROUTE,
    RTM_DELRULE,
    RTM_NEWADDR,
    RTM_NEWLINK,
    RTM_NEWROUTE,
    RTM_NEWRULE,
    number_of,
)
from tui.engines.netlink.sockets import (
    NLM_F_ACK,
    NLM_F_APPEND,
    NLM_F_CREATE,
    NLM_F_EXCL,
    NLM_F_REPLACE,
    NLM_F_REQUEST,
    attribute,
    message,
    nested,
)

Indexes = Mapping[str, int]
"""The devices of a namespace: index by name."""

_ASK = NLM_F_REQUEST | NLM_F_ACK
_VERBS = {
    "add": NLM_F_CREATE | NLM_F_EXCL,
    "append": NLM_F_CREATE | NLM_F_APPEND,
    "prepend": NLM_F_CREATE,
    "replace": NLM_F_CREATE | NLM_F_REPLACE,
    "change": NLM_F_REPLACE,
    "del": 0,
}
_ONLINK = 0x4  # RTNH_F_ONLINK
_NOARP = 0x80  # IFF_NOARP


class CannotEncode(ValueError):
    """A value that no message can be made of; str() is one sentence."""


_NOWHERE = 255  # RT_SCOPE_NOWHERE


def u32(kind: int, value: int) -> bytes:
    """An attribute of four bytes in the machine's order."""
    return attribute(kind, struct.pack("=I", value))


def name(kind: int, value: str) -> bytes:
    """An attribute that holds a name, with the zero that ends it."""
    return attribute(kind, value.encode() + b"\0")


def packed(address: Address | Prefix) -> bytes:
    """An address in network order."""
    return address.value.to_bytes(WIDTH[address.version] // 8)


def route(command: RouteCommand, indexes: Indexes) -> bytes:
    """The message of `ip route VERB ...`. Raises CannotEncode, also for a device that is not in `indexes`."""
    deleting, wanted = command.verb == "del", command.route
    kind, scope, protocol = _meant(wanted)
    head = struct.pack(
        "=8BI",
        AF_OF[wanted.family],
        wanted.dst.length,
        wanted.src.length if wanted.src is not None else 0,
        wanted.tos,
        0,  # the table is named by its attribute, which has room for every number
        protocol,
        scope,
        kind,
        _flags(wanted.nexthops[0]) if len(wanted.nexthops) == 1 else 0,
    )
    body = head + b"".join(_route_attributes(wanted, indexes))
    return message(RTM_DELROUTE if deleting else RTM_NEWROUTE, _ASK | _VERBS[command.verb], body)


def _meant(wanted: Route) -> tuple[int, int, int]:
    """Type, scope and protocol; what a `del` left unsaid (empty) fits everything: 0, nowhere, 0 (iproute_modify)."""
    kind = number_of(TYPES, wanted.type) if wanted.type else 0
    scope = number_of(SCOPES, wanted.scope) if wanted.scope else _NOWHERE
    protocol = number_of(PROTOCOLS, wanted.protocol) if wanted.protocol else 0
    return kind, scope if wanted.family == 4 or not wanted.scope else 0, protocol


def _route_attributes(wanted: Route, indexes: Indexes) -> list[bytes]:
    parts = [u32(15, number_of(TABLES, wanted.table))]
    if wanted.dst.length:
        parts.append(attribute(1, packed(wanted.dst)))
    if wanted.src is not None:
        parts.append(attribute(2, packed(wanted.src)))
    if wanted.metric is not None:
        parts.append(u32(6, wanted.metric))
    if wanted.prefsrc is not None:
        parts.append(attribute(7, packed(wanted.prefsrc)))
    if wanted.pref not in (None, "medium"):
        parts.append(attribute(20, bytes([number_of(PREFERENCES, wanted.pref or "")])))
    if wanted.nhid is not None:
        parts.append(u32(30, wanted.nhid))
    elif len(wanted.nexthops) == 1:
        parts += _hop(wanted.nexthops[0], wanted.family, indexes)
    elif wanted.nexthops:
        parts.append(nested(9, *(_leg(hop, wanted.family, indexes) for hop in wanted.nexthops)))
    return parts + _metrics(wanted)


def _metrics(wanted: Route) -> list[bytes]:
    try:
        values, realm, locked = metrics_of(wanted.attributes)
    except ValueError as error:
        raise CannotEncode(str(error)) from None
    parts = [u32(11, realm)] if realm is not None else []
    if locked:
        values = {1: struct.pack("=I", locked), **values}
    return [*parts, nested(8, *(attribute(kind, data) for kind, data in values.items()))] if values else parts


def _flags(hop: NextHop) -> int:
    return _ONLINK if "onlink" in hop.flags else 0


def _hop(hop: NextHop, family: int, indexes: Indexes) -> list[bytes]:
    parts = []
    if hop.gateway is not None and hop.gateway.version == family:
        parts.append(attribute(5, packed(hop.gateway)))
    elif hop.gateway is not None:
        parts.append(attribute(18, struct.pack("=H", AF_OF[hop.gateway.version]) + packed(hop.gateway)))
    if hop.dev is not None:
        parts.append(u32(4, _index(hop.dev, indexes)))
    return parts


def _leg(hop: NextHop, family: int, indexes: Indexes) -> bytes:
    """A struct rtnexthop; its device stands in the head, not in an attribute."""
    inside = b"".join(_hop(NextHop(None, hop.gateway), family, indexes))
    index = _index(hop.dev, indexes) if hop.dev is not None else 0
    return struct.pack("=HBBi", 8 + len(inside), _flags(hop), hop.weight - 1, index) + inside


def _index(dev: str, indexes: Indexes) -> int:
    if dev not in indexes:
        raise CannotEncode(f'Cannot find device "{dev}"')
    return indexes[dev]


def rule(command: RuleCommand) -> bytes:
    """The message of `ip rule VERB ...`; a priority of -1 leaves the choice to the kernel."""
    wanted, adding = command.rule, command.verb == "add"
    if wanted.words:
        raise CannotEncode(f"A rule with {' '.join(wanted.words)} cannot be written here.")
    table = number_of(TABLES, wanted.table) if wanted.action == "table" else 0
    head = struct.pack(
        "=8BI",
        AF_OF[wanted.family],
        wanted.dst.length if wanted.dst else 0,
        wanted.src.length if wanted.src else 0,
        wanted.tos,
        table if table < 256 else 0,
        0,
        0,
        number_of(ACTIONS, wanted.action),
        0x2 if wanted.invert else 0,
    )
    body = head + b"".join(_rule_attributes(wanted, table))
    flags = NLM_F_CREATE | NLM_F_EXCL if adding else 0
    return message(RTM_NEWRULE if adding else RTM_DELRULE, _ASK | flags, body)


def _rule_attributes(wanted: Rule, table: int) -> list[bytes]:
    parts = [u32(15, table)] if table else []
    for kind, prefix in ((2, wanted.src), (1, wanted.dst)):
        if prefix is not None and prefix.length:
            parts.append(attribute(kind, packed(prefix)))
    for kind, device in ((3, wanted.iif), (17, wanted.oif)):
        if device is not None:
            parts.append(name(kind, device))
    for kind, number in ((6, None if wanted.priority < 0 else wanted.priority), (4, wanted.target)):
        if number is not None:
            parts.append(u32(kind, number))
    if wanted.mark is not None:
        parts += [u32(10, wanted.mark), u32(16, wanted.mask)]
    if wanted.ipproto is not None:
        parts.append(attribute(22, bytes([wanted.ipproto])))
    for kind, form, pair in ((23, "=HH", wanted.sport), (24, "=HH", wanted.dport), (20, "=II", wanted.uidrange)):
        if pair is not None:
            parts.append(attribute(kind, struct.pack(form, *pair)))
    if wanted.suppress_prefixlength is not None:
        parts.append(u32(14, wanted.suppress_prefixlength))
    if wanted.protocol is not None:
        parts.append(attribute(21, bytes([number_of(PROTOCOLS, wanted.protocol)])))
    return parts


def address(each: InterfaceAddress, index: int) -> bytes:
    """The message of `ip address add ... dev INDEX`."""
    family = AF_OF[each.address.version]
    scope = number_of(SCOPES, each.scope) if each.address.version == 4 else 0
    body = struct.pack("=4BI", family, each.length, 0x80, scope, index)
    body += attribute(2, packed(each.address)) + attribute(1, packed(each.peer or each.address))
    if each.broadcast is not None:
        body += attribute(4, packed(each.broadcast))
    flags = sum(bit for bit, word in ((0x02, "nodad"), (0x200, "noprefixroute")) if word in each.flags)
    body += u32(8, 0x80 | flags)
    return message(RTM_NEWADDR, _ASK | NLM_F_CREATE | NLM_F_EXCL, body)


def set_link(index: int, up: bool) -> bytes:
    """The message of `ip link set dev INDEX up` or `down`."""
    return message(RTM_NEWLINK, _ASK, struct.pack("=BxHiII", 0, 0, index, int(up), 1))


def del_link(index: int) -> bytes:
    """The message of `ip link del dev INDEX`; the other end of a veth pair goes with it."""
    return message(RTM_DELLINK, _ASK, struct.pack("=BxHiII", 0, 0, index, 0, 0))


def alias(index: int, text: str) -> bytes:
    """The message of `ip link set dev INDEX alias TEXT`, of which everybody is told who listens for links."""
    return message(RTM_NEWLINK, _ASK, struct.pack("=BxHiII", 0, 0, index, 0, 0) + attribute(20, text.encode()))


def new_bridge(bridge: str, mac: str, mtu: int, *, index: int = 0, up: bool = False, arp: bool = True) -> bytes:
    """The message of `ip link add NAME index N address MAC mtu N [up] [arp off] type bridge`; index 0 is any."""
    flags = int(up) | (0 if arp else _NOARP)
    body = struct.pack("=BxHiII", 0, 0, index, flags, flags) + name(3, bridge) + u32(4, mtu) + attribute(1, _mac(mac))
    return message(RTM_NEWLINK, _ASK | NLM_F_CREATE | NLM_F_EXCL, body + nested(18, name(1, "bridge")))


def new_veth(port: str, bridge: int, mtu: int, peer: bytes, *, index: int = 0) -> bytes:
    """The message of `ip link add PORT index N master BRIDGE up type veth peer ...`; `peer` is from `veth_peer`."""
    body = struct.pack("=BxHiII", 0, 0, index, 1, 1) + name(3, port) + u32(4, mtu) + u32(10, bridge)
    body += nested(18, name(1, "veth"), nested(2, attribute(1, peer)))
    return message(RTM_NEWLINK, _ASK | NLM_F_CREATE | NLM_F_EXCL, body)


def isolate(port: str) -> bytes:
    """The message of `bridge link set dev PORT isolated on`: it exchanges no frames with other isolated ports."""
    option = nested(18, name(4, "bridge"), nested(5, attribute(33, bytes([1]))))
    return message(RTM_NEWLINK, _ASK, bytes(16) + name(3, port) + option)


def veth_peer(dev: str, mac: str, mtu: int, *, index: int, namespace: int) -> bytes:
    """The other end of a veth pair, and the namespace where it appears: a descriptor of the process that sends it."""
    head = struct.pack("=BxHiII", 0, 0, index, 0, 0)
    return head + name(3, dev) + u32(4, mtu) + attribute(1, _mac(mac)) + u32(28, namespace)


def _mac(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))
