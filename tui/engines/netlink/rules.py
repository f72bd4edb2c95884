"""Bodies of RTM_GETRULE messages turned into the core's Rules, in the words of ip-rule(8) (net/core/fib_rules.c)."""

from __future__ import annotations

import struct
from functools import lru_cache

from tui.core.addresses import Prefix
from tui.core.names import PROTOCOLS, TABLES
from tui.core.world import Rule
from tui.engines.netlink.decode import text, u32, unknown
from tui.engines.netlink.numbers import ACTIONS, FAMILIES, name_of
from tui.engines.netlink.sockets import attributes

_RULE = struct.Struct("=BBBBBBBBI")
_RULE_KNOWN = frozenset((1, 2, 3, 4, 6, 10, 11, 14, 15, 16, 17, 18, 20, 21, 22, 23, 24, 25))
_WHOLE_MASKS = frozenset(((28, b"\xff\xff"), (29, b"\xff\xff"), (30, b"\x3f")))


@lru_cache(maxsize=8192)
def rule(body: bytes) -> Rule | None:
    """A message of RTM_GETRULE."""
    if len(body) < 12 or body[0] not in FAMILIES:
        return None
    family, dst_length, src_length, tos, table, _one, _two, action, flags = _RULE.unpack_from(body)
    found = attributes(body, 12)
    version = FAMILIES[family]
    suppressed = u32(found[14]) if 14 in found else 0xFFFFFFFF
    protocol = found[21][0] if 21 in found else 0
    return Rule(
        priority=u32(found[6]) if 6 in found else 0,
        family=version,
        action=name_of(ACTIONS, action),
        table=name_of(TABLES, u32(found[15]) if 15 in found else table) if action == 1 else "main",
        src=Prefix(version, int.from_bytes(found.get(2, b"")), src_length) if src_length or 2 in found else None,
        dst=Prefix(version, int.from_bytes(found.get(1, b"")), dst_length) if dst_length or 1 in found else None,
        iif=text(found[3]) if 3 in found else None,
        oif=text(found[17]) if 17 in found else None,
        mark=u32(found[10]) if 10 in found else 0 if 16 in found else None,  # mark 0 is told by its mask alone
        mask=u32(found[16]) if 16 in found else 0xFFFFFFFF,
        tos=tos or (found[25][0] << 2 if 25 in found else 0),
        ipproto=found[22][0] if 22 in found else None,
        sport=_range(found.get(23), "=HH"),
        dport=_range(found.get(24), "=HH"),
        uidrange=_range(found.get(20), "=II"),
        invert=bool(flags & 0x2),
        suppress_prefixlength=None if suppressed == 0xFFFFFFFF else suppressed,
        target=u32(found[4]) if 4 in found and action == 2 else None,
        unresolved=bool(flags & 0x4),
        iif_detached=bool(flags & 0x8) and 3 in found,
        oif_detached=bool(flags & 0x10) and 17 in found,
        protocol=None if protocol in (0, 2) else name_of(PROTOCOLS, protocol),
        attributes=_rule_realm(found),
        words=_rule_words(found),
    )


def _rule_words(found: dict[int, bytes]) -> tuple[str, ...]:
    """What else the rule asks for; a mask of ports (28, 29) or of the DSCP (30) that covers every bit asks nothing."""
    asks = {kind: data for kind, data in found.items() if (kind, data) not in _WHOLE_MASKS}
    return unknown(asks, _RULE_KNOWN, "fra") + (("dscp 0",) if found.get(25) == b"\0" else ())


def _range(data: bytes | None, form: str) -> tuple[int, int] | None:
    if data is None:
        return None
    low, high = struct.unpack(form, data)
    return low, high


def _rule_realm(found: dict[int, bytes]) -> tuple[str, ...]:
    realm = u32(found[11]) if 11 in found else 0
    source, target = realm >> 16, realm & 0xFFFF
    return (f"realms {source}/{target}" if source else f"realms {target}",) if realm else ()
