"""The classic columns: `route -n`, `netstat -rn` and `route -A inet6` of net-tools and BusyBox, read and written.

They show the main table alone in IPv4 and every table mixed in IPv6; no type of service, no source address, of a
multipath route the first next hop. Without -n they print names, which only the machine that printed them can resolve.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache

from tui.core.addresses import WIDTH, Address, AddressError, Prefix, mask_length, parse_address, parse_prefix
from tui.core.reading import Reading, lines_of
from tui.core.reading.prompts import is_prompt
from tui.core.reading.route_draft import classic4, classic6, destination, kind6, to, with_legs
from tui.core.reading.route_words import device
from tui.core.world import Route

ROUTE_N_HEADER = (
    "Kernel IP routing table",
    "Destination     Gateway         Genmask         Flags Metric Ref    Use Iface",
)
"""The two lines above `route -n`."""

ROUTE_6_HEADER = (
    "Kernel IPv6 routing table",
    "Destination                    Next Hop                   Flag Met Ref  Use If",
)
"""The two lines above `route -A inet6 -n`."""

_HEADER = re.compile(r"^\s*(?:Kernel IP|Destination\s+(?:Gateway|Next Hop)|Routing Table)", re.IGNORECASE)
_FLAGS = re.compile(r"^[U!][A-Za-z!]*$")
_NOTHING = ("*", "-", "0.0.0.0", "::", "[::]")
_NETWORKS = {"default": Prefix(4, 0, 0), "loopback": Prefix(4, 127 << 24, 8), "link-local": Prefix(4, 0xA9FE0000, 16)}
"""Names of networks that every system has (/etc/networks)."""


def is_columns(line: str) -> bool:
    """Whether a line is a header of `route` or `netstat -r`, or a row of it, also one whose destination is a name."""
    if _HEADER.match(line):
        return True
    words = line.split()
    named = len(words) == 8 and bool(_FLAGS.match(words[3])) and _length(words[2]) is not None
    return named or _row(words, 4) is not None


def read_columns(text: str) -> Reading:
    """Read what `route [-n]`, `netstat -r[n]` or `route -A inet6` printed, the last with `Next Hop` in its header.

    A gateway that is a name goes into Route.words as `via NAME`; a line whose destination is a name cannot be a Route
    and is unread.
    """
    routes: list[Route] = []
    unread: list[str] = []
    metric = 4  # the column after the flags is the metric, unless the header says MSS
    for line in lines_of(text):
        if _HEADER.match(line):
            names = line.split()
            metric = 4 if "MSS" not in names or "Metric" in names[: names.index("MSS")] else 0
            continue
        words = line.split()
        route = _row(words, metric)
        if route is not None and route.family == 6:
            with_legs(routes, route)
        elif route is not None:
            routes.append(route)
        elif words and not is_prompt(line):
            unread.append(line)
    notes = ("Of a multipath route these columns show the first next hop alone.",) if routes else ()
    return Reading(tuple(routes), tuple(unread), "route -n", notes=notes)


def _row(words: list[str], metric: int) -> Route | None:
    if not words:
        return None
    if len(words) >= 7 and _FLAGS.match(words[2]) and ("/" in words[0] or ":" in words[0]):
        return _row6(words)
    if len(words) < 8 or not _FLAGS.match(words[3]):
        return None
    dst = _destination(words[0], words[2])
    way = _way4(words[1], words[3], words[metric] if metric else "0", words[7])
    return to(dst, way) if dst is not None and way is not None else None


@lru_cache(maxsize=65536)
def _way4(hop: str, flags: str, metric: str, dev: str) -> Route | None:
    """All but the destination: the same few in a table of any size."""
    number = 0 if metric == "-" else _number(metric)
    if number is None:
        return None
    gateway, named = _gateway(hop)
    route = classic4(
        Prefix(4, 0, 0),
        None if dev in ("*", "-") else device(dev),
        gateway,
        number,
        has_gateway="G" in flags,
        reject="!" in flags,
    )
    return replace(route, words=("via", named)) if named else route


def _row6(words: list[str]) -> Route | None:
    destination, hop, flags, metric = words[:4]
    try:
        dst = parse_prefix(destination.replace("[::]", "::").replace("default", "::/0"), 6)
    except AddressError:
        return None
    gateway, named = _gateway(hop)
    number = 0xFFFFFFFF if metric == "-1" else _number(metric)
    if number is None or dst.version != 6:
        return None
    way = classic6(kind6(dst), device(words[6]), gateway, number, reject="!" in flags, own="n" in flags)
    route = to(dst, way)
    return replace(route, words=("via", named)) if named else route


@lru_cache(maxsize=256)
def _length(mask: str) -> int | None:
    return 0 if mask == "*" else mask_length(mask)


def _destination(text: str, mask: str) -> Prefix | None:
    length = _length(mask)
    if length is None:
        return None
    if text in _NETWORKS:
        return Prefix(4, _NETWORKS[text].value, length)
    prefix = destination("0.0.0.0" if text == "*" else text)
    whole = prefix is not None and prefix.version == 4 and prefix.length == 32
    return Prefix(4, prefix.value, length) if prefix is not None and whole else None


def _gateway(text: str) -> tuple[Address | None, str | None]:
    """The gateway, None where there is none; and its name where it is one."""
    if text in _NOTHING:
        return None, None
    try:
        return parse_address(text), None
    except AddressError:
        return None, text


def _number(text: str) -> int | None:
    if text == "-1":
        return 0xFFFFFFFF
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 10 else None


def route_flags(route: Route) -> str:
    """U up, G through a gateway, H a single host, ! refused: as net-tools makes them of /proc/net/route.

    The kernel marks unreachable and prohibit as refused, but blackhole and throw not (fib_flag_trans in
    net/ipv4/fib_trie.c). In IPv6 it marks every reject, and with n what has no next hop: rejects and its own
    addresses (ipv6_route_seq_show).
    """
    if route.family == 6:
        refused = route.is_reject or route.type == "throw"
        own = refused or (route.type in ("local", "anycast") and route.protocol == "kernel")
        return ("!" if refused else "U") + ("G" if route.gateway else "") + ("n" if own else "")
    start = "!" if route.type in ("unreachable", "prohibit") else "U"
    host = "H" if route.dst.length == WIDTH[4] else ""
    return start + ("G" if route.gateway and start == "U" else "") + host


def route_n_columns(route: Route) -> tuple[str, ...]:
    """Destination, Gateway, Genmask, Flags, Metric, Ref, Use, Iface of `route -n` (net-tools).

    An IPv6 route has Destination, Next Hop, Flag, Met, Ref, Use, If, as `route -A inet6 -n`. Counters are 0.
    """
    flags, metric = route_flags(route), route.metric or 0
    gateway = str(route.gateway) if route.gateway is not None and route.gateway.version == route.family else ""
    if route.family == 6:
        shown = "-1" if metric == 0xFFFFFFFF else str(metric if route.metric is not None else 1024)
        return (str(route.dst), gateway or "::", flags, shown, "0", "0", route.dev or "lo")
    network, mask = str(route.dst.network.address), str(route.dst.netmask)
    if flags.startswith("!"):
        return (network, "-", mask, flags, str(metric), "-", "0", "-")
    return (network, gateway or "0.0.0.0", mask, flags, str(metric), "0", "0", route.dev or "*")


def route_n_row(route: Route) -> str:
    """The route as `route -n` prints it; an IPv6 route as `route -A inet6 -n` does."""
    if route.family == 6:
        return "{:<30} {:<26} {:<4} {:<4} {:<3} {:>4} {}".format(*route_n_columns(route))
    return "{:<15} {:<15} {:<15} {:<5} {:<6} {:<2} {:>7} {}".format(*route_n_columns(route))
