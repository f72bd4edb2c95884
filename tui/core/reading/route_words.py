"""The words after a destination in `ip route` and `ip route get`, read by position into a draft of a route."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tui.core.addresses import Address, AddressError, parse_address, parse_prefix
from tui.core.names import PROTOCOLS, SCOPES, TABLES, dsfield, integer, named
from tui.core.reading.keywords import Reader, read_keywords
from tui.core.reading.route_draft import Draft

FLAGS = (
    "dead",
    "onlink",
    "pervasive",
    "offload",
    "trap",
    "notify",
    "linkdown",
    "unresolved",
    "rt_offload",
    "rt_trap",
    "rt_offload_failed",
    "equalize",
)
"""What iproute2 prints for the flags of a next hop, in its order (print_rt_flags)."""

METRICS = (
    "mtu",
    "window",
    "rtt",
    "rttvar",
    "ssthresh",
    "cwnd",
    "advmss",
    "reordering",
    "hoplimit",
    "initcwnd",
    "features",
    "rto_min",
    "initrwnd",
    "quickack",
    "congctl",
    "fastopen_no_cookie",
)
"""Names of the per-route TCP and MTU settings (print_rta_metrics); each may be followed by `lock`."""

IN_MS = ("rtt", "rttvar", "rto_min")
"""METRICS that are times: the text has 5ms or 1.5s, the JSON a number of ms."""

_AFTER_ENCAP = ("via", "dev", "nhid", "proto", "scope", "metric", "weight", "pref")
_FAMILIES = ("inet", "inet6", "link", "bridge", "mpls")

_Reader = Reader[Draft]


def read_words(words: list[str], of: str = "route") -> Draft:
    """Read the words after a destination, or those of a `nexthop` or a `cache` line, as `of` says.

    A keyword that comes twice, lacks a value, or does not belong to that line is not understood.
    """
    return read_keywords(Draft(), words, _READERS_OF[of], _SAME)


def device(name: str) -> str:
    """A device's own name: what `ip` prints after @ is its lower or peer device."""
    own = name.partition("@")[0]
    return own or name


def _flag(draft: Draft, words: list[str]) -> int:
    draft.flags.append(words[0])
    return 1


def _value(name: str, read: Callable[[str], Any]) -> _Reader:
    """A keyword with one value, which `read` turns into the draft's field `name` (None: it is no such value)."""

    def reader(draft: Draft, words: list[str]) -> int:
        value = read(words[1]) if len(words) > 1 else None
        if value is None:
            return 0
        setattr(draft, name, value)
        return 2

    return reader


def _via(draft: Draft, words: list[str]) -> int:
    taken = 3 if words[1:2] and words[1] in _FAMILIES else 2
    address = _address(words[taken - 1]) if len(words) >= taken else None
    if address is None:
        return 0
    draft.gateway = address
    draft.family = address.version if taken == 2 else 10 - address.version
    return taken


def _source(draft: Draft, words: list[str]) -> int:
    address = _address(words[1]) if len(words) > 1 else None
    if address is None:
        return 0
    draft.prefsrc = address
    draft.family = draft.family or address.version
    return 2


def _from(draft: Draft, words: list[str]) -> int:
    try:
        prefix = parse_prefix(words[1], draft.family or 6) if len(words) > 1 else None
    except AddressError:
        prefix = None
    if prefix is None:
        return 0
    draft.src, draft.family = prefix, prefix.version
    return 2


def _pref(draft: Draft, words: list[str]) -> int:
    """`pref low|medium|high`: a router preference, which only IPv6 has (RFC 4191)."""
    if len(words) < 2:
        return 0
    draft.pref, draft.family = words[1], 6
    return 2


def _attribute(draft: Draft, words: list[str]) -> int:
    """A keyword with a value that does not decide a lookup."""
    taken = 3 if words[1:2] == ["lock"] else 2
    if len(words) < taken:
        return 0
    draft.attributes.append(" ".join(words[:taken]))
    return taken


def _of_ipv6(draft: Draft, words: list[str]) -> int:
    """`expires 60sec` and `error -101` appear in listings of IPv6 routes only."""
    draft.family = draft.family or 6
    return _attribute(draft, words)


def _age(draft: Draft, words: list[str]) -> int:
    """The usage counts that old kernels kept with a cached route: `users 1 age 3sec`."""
    return _attribute(draft, words) if len(words) > 1 and words[1][:1].isdigit() else 0


def _encap(draft: Draft, words: list[str]) -> int:
    """A tunnel's words up to the route's own `via` or `dev`: among them may be `src`, `dst`, `table` and brackets."""
    taken = 1
    while taken < len(words) and words[taken] not in _AFTER_ENCAP:
        own_tos = words[taken] == "tos" and words[taken + 1 : taken + 2] and words[taken + 1].startswith("0x")
        if own_tos:
            break
        taken += 1
    if taken < 2:
        return 0
    draft.attributes.append(" ".join(words[:taken]))
    return taken


def _address(text: str) -> Address | None:
    try:
        return parse_address(text)
    except AddressError:
        return None


def _metric(text: str) -> int | None:
    """An unsigned 32-bit number; BusyBox prints the highest as -1."""
    return 0xFFFFFFFF if text == "-1" else integer(text, 0xFFFFFFFF)


def _number(text: str) -> int | None:
    return integer(text, 0xFFFFFFFF)


_CACHE: dict[str, _Reader] = {
    **dict.fromkeys(FLAGS, _flag),
    **dict.fromkeys((*METRICS, "realm", "uid", "mark", "iif", "oif", "ttl-propagate"), _attribute),
    **dict.fromkeys(("users", "used", "age"), _age),
    **dict.fromkeys(("expires", "error"), _of_ipv6),
}
_NEXTHOP = _CACHE | {
    "via": _via,
    "dev": _value("dev", device),
    "encap": _encap,
    "pref": _pref,
}
_ROUTE = _NEXTHOP | {
    "src": _source,
    "from": _from,
    "table": _value("table", lambda text: named(TABLES, text)),
    "proto": _value("protocol", lambda text: named(PROTOCOLS, text)),
    "scope": _value("scope", lambda text: named(SCOPES, text)),
    "metric": _value("metric", _metric),
    "tos": _value("tos", dsfield),
    "nhid": _value("nhid", _number),
}
_READERS_OF = {"route": _ROUTE, "nexthop": _NEXTHOP | {"weight": _value("weight", _number)}, "cache": _CACHE}
_SAME = {"protocol": "proto", "dsfield": "tos", "realms": "realm", "priority": "metric", "preference": "metric"}

KEYWORDS = ("via", "dev", "proto", *(word for word in (*_ROUTE, *_SAME) if word not in ("via", "dev", "proto")))
"""Every word that may follow a destination, the frequent ones first."""
