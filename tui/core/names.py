"""The numbers of the routing netlink messages and the names that iproute2 prints for them."""

from __future__ import annotations

TYPES = {
    1: "unicast",
    2: "local",
    3: "broadcast",
    4: "anycast",
    5: "multicast",
    6: "blackhole",
    7: "unreachable",
    8: "prohibit",
    9: "throw",
    10: "nat",
    11: "xresolve",
}
"""Route types (linux/rtnetlink.h, RTN_*)."""

TABLES = {0: "unspec", 253: "default", 254: "main", 255: "local"}
"""Routing tables that every system names (/etc/iproute2/rt_tables)."""

SCOPES = {0: "global", 200: "site", 253: "link", 254: "host", 255: "nowhere"}
"""Route and address scopes (/etc/iproute2/rt_scopes)."""

PROTOCOLS = {
    0: "unspec",
    1: "redirect",
    2: "kernel",
    3: "boot",
    4: "static",
    8: "gated",
    9: "ra",
    10: "mrt",
    11: "zebra",
    12: "bird",
    13: "dnrouted",
    14: "xorp",
    15: "ntk",
    16: "dhcp",
    18: "keepalived",
    42: "babel",
    99: "openr",
    186: "bgp",
    187: "isis",
    188: "ospf",
    189: "rip",
    192: "eigrp",
}
"""Who made a route or a rule (/etc/iproute2/rt_protos)."""

DSFIELDS = {"default": 0, "lowdelay": 0x10, "throughput": 0x08, "reliability": 0x04, "mincost": 0x02, "EF": 0xB8}
DSFIELDS |= {f"CS{number}": number << 5 for number in range(1, 8)}
DSFIELDS |= {f"AF{group}{drop}": group << 5 | drop << 3 for group in range(1, 5) for drop in range(1, 4)}
"""Names that may stand for a type of service (/etc/iproute2/rt_dsfield; RFC 2474, 2597, 3246)."""

IP_PROTOCOLS = {
    "icmp": 1,
    "igmp": 2,
    "ipencap": 4,
    "tcp": 6,
    "udp": 17,
    "ipv6": 41,
    "gre": 47,
    "esp": 50,
    "ah": 51,
    "ipv6-icmp": 58,
    "icmpv6": 58,
    "ospf": 89,
    "vrrp": 112,
    "sctp": 132,
    "udplite": 136,
}
"""IP protocols by the names that `ip rule ... ipproto` prints (IANA protocol numbers)."""


def named(names: dict[int, str], text: str) -> str:
    """The name that stands for `text` where it is a number that has one, else `text` itself (`-N`, old iproute2)."""
    return names.get(int(text), text) if text.isascii() and text.isdigit() else text


def dsfield(text: str) -> int | None:
    """A type of service as printed: 0x10, 16 or a name; None where it is none of these."""
    return DSFIELDS[text] if text in DSFIELDS else integer(text, 255)


def integer(text: str, limit: int) -> int | None:
    """A number in decimal or with 0x, from 0 to `limit`; None where `text` is none."""
    if not (text.isascii() and text.isalnum()):
        return None
    try:
        value = int(text, 16 if text[:2] == "0x" else 10)
    except ValueError:
        return None
    return value if value <= limit else None


ADDRESS_FLAGS = {
    0x01: "secondary",
    0x02: "nodad",
    0x04: "optimistic",
    0x08: "dadfailed",
    0x10: "home",
    0x20: "deprecated",
    0x40: "tentative",
    0x100: "mngtmpaddr",
    0x200: "noprefixroute",
    0x400: "autojoin",
    0x800: "stable-privacy",
}
"""IFA_F_* of an address in the words of `ip address` (linux/if_addr.h); 0x01 of an IPv6 address is `temporary`."""


def address_flags(bits: int) -> tuple[str, ...]:
    """The words for the flags of an IPv6 address."""
    return tuple("temporary" if bit == 1 else word for bit, word in ADDRESS_FLAGS.items() if bits & bit)
