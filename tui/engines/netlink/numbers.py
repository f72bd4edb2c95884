"""The numbers of rtnetlink's messages, flags and attributes, with the words that iproute2 prints for them.

From linux/rtnetlink.h, linux/fib_rules.h, linux/if_addr.h; `tui.core.names` has those that appear in listings.
"""

from __future__ import annotations

AF_INET, AF_INET6 = 2, 10
FAMILIES = {AF_INET: 4, AF_INET6: 6}
AF_OF = {4: AF_INET, 6: AF_INET6}

RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK, RTM_SETLINK = 16, 17, 18, 19
RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR = 20, 21, 22
RTM_NEWROUTE, RTM_DELROUTE, RTM_GETROUTE = 24, 25, 26
RTM_NEWNEIGH, RTM_DELNEIGH, RTM_GETNEIGH = 28, 29, 30
RTM_NEWRULE, RTM_DELRULE, RTM_GETRULE = 32, 33, 34
RTM_GETNETCONF = 82
RTM_NEWNEXTHOP, RTM_GETNEXTHOP = 104, 106

PREFERENCES = {0: "medium", 1: "high", 3: "low"}
ACTIONS = {1: "table", 2: "goto", 3: "nop", 6: "blackhole", 7: "unreachable", 8: "prohibit"}

NEXTHOP_FLAGS = (
    (0x1, "dead"),
    (0x4, "onlink"),
    (0x2, "pervasive"),
    (0x8, "offload"),
    (0x40, "trap"),
    (0x10, "linkdown"),
    (0x20, "unresolved"),
    (0x4000, "rt_offload"),
    (0x8000, "rt_trap"),
    (0x20000000, "rt_offload_failed"),
)
"""RTNH_F_* and RTM_F_* in the order in which `ip route` prints them (print_rt_flags in ip/iproute.c)."""

ADDRESS_FLAGS = (
    (0x02, "nodad"),
    (0x04, "optimistic"),
    (0x08, "dadfailed"),
    (0x10, "home"),
    (0x20, "deprecated"),
    (0x40, "tentative"),
    (0x100, "mngtmpaddr"),
    (0x200, "noprefixroute"),
    (0x400, "autojoin"),
    (0x800, "stable-privacy"),
)
"""IFA_F_* in the words of `ip address`; 0x01 is secondary in IPv4 and temporary in IPv6, a missing 0x80 dynamic."""

METRICS = {
    2: "mtu",
    3: "window",
    4: "rtt",
    5: "rttvar",
    6: "ssthresh",
    7: "cwnd",
    8: "advmss",
    9: "reordering",
    10: "hoplimit",
    11: "initcwnd",
    12: "features",
    13: "rto_min",
    14: "initrwnd",
    15: "quickack",
    16: "congctl",
    17: "fastopen_no_cookie",
}
"""RTAX_* by number."""

NEIGHBOUR_STATES = {
    0x01: "INCOMPLETE",
    0x02: "REACHABLE",
    0x04: "STALE",
    0x08: "DELAY",
    0x10: "PROBE",
    0x20: "FAILED",
    0x40: "NOARP",
    0x80: "PERMANENT",
}

DEVICE_SYSCTLS = {
    4: {
        1: "forwarding",
        3: "proxy_arp",
        4: "accept_redirects",
        5: "secure_redirects",
        6: "send_redirects",
        7: "shared_media",
        8: "rp_filter",
        19: "arp_ignore",
        23: "accept_local",
        24: "src_valid_mark",
        26: "route_localnet",
        29: "ignore_routes_with_linkdown",
    },
    6: {
        1: "forwarding",
        4: "accept_ra",
        5: "accept_redirects",
        27: "disable_ipv6",
        40: "ignore_routes_with_linkdown",
    },
}
"""The switches of a device that decide where packets go, by position from 1 in the link's own listing
(IPV4_DEVCONF_* in linux/ip.h, DEVCONF_* in linux/ipv6.h, which counts from 0); the names of tui.core.sysctls."""


def name_of(names: dict[int, str], number: int) -> str:
    """The word for a number, or the number in digits, as iproute2 does."""
    return names.get(number) or str(number)


def number_of(names: dict[int, str], word: str) -> int:
    """The number that a word stands for; digits stand for themselves. Raises ValueError for any other word."""
    for number, name in names.items():
        if name == word:
            return number
    return int(word, 0)
