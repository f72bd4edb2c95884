"""What a route carries besides next hops: metrics (RTA_METRICS) and encapsulations (RTA_ENCAP), in iproute2's words."""

from __future__ import annotations

import struct
from ipaddress import IPv4Address, IPv6Address

from tui.engines.netlink.numbers import METRICS
from tui.engines.netlink.sockets import attributes

_FEATURES = ((1, "ecn"), (16, "tcp_usec_ts"))
_TIMES = {4: 8, 5: 4, 13: 1}  # rtt is kept in eighths of a millisecond, rttvar in quarters
_ENCAPSULATIONS = {
    1: "mpls",
    2: "ip",
    3: "ila",
    4: "ip6",
    5: "seg6",
    6: "bpf",
    7: "seg6local",
    8: "rpl",
    9: "ioam6",
    10: "xfrm",
}
_SEG6_MODES = {0: "inline", 1: "encap", 2: "l2encap", 3: "encap.red", 4: "l2encap.red"}


def metrics(found: dict[int, bytes]) -> list[str]:
    """Each metric as `mtu lock 1300`, `rto_min 5ms`, `features ecn` (print_rta_metrics in ip/iproute.c)."""
    locked = int(struct.unpack("=I", found[1])[0]) if 1 in found else 0
    words = []
    for kind, data in sorted(found.items()):
        if kind == 1:
            continue
        name = METRICS.get(kind, f"metric {kind}")
        lock = " lock" if locked & 1 << kind else ""
        words.append(f"{name}{lock} {_value(kind, data)}")
    return words


def _value(kind: int, data: bytes) -> str:
    if kind == 16:
        return data.rstrip(b"\0").decode(errors="replace")
    (value,) = struct.unpack("=I", data)
    if kind == 12:
        names = [name for bit, name in _FEATURES if value & bit]
        rest = value & ~sum(bit for bit, _name in _FEATURES)
        return " ".join([*names, *([f"{rest:#x}"] if rest else [])])
    if kind in (10, 11):
        return str(value - (1 << 32) if value >> 31 else value)
    return f"{value // _TIMES[kind]}ms" if kind in _TIMES else str(value)


def metrics_of(words: tuple[str, ...]) -> tuple[dict[int, bytes], int | None, int]:
    """The way back: RTA_METRICS by number, the realm and the bits of what is locked. Raises ValueError, a sentence."""
    numbers = {name: kind for kind, name in METRICS.items()}
    values: dict[int, bytes] = {}
    realm, locked = None, 0
    for word in words:
        name, _, value = word.partition(" ")
        if name in ("realm", "realms"):
            source, _, target = value.rpartition("/")
            realm = int(source or 0) << 16 | int(target)
        elif name in numbers:
            kind = numbers[name]
            locked |= 1 << kind if value.startswith("lock ") else 0
            values[kind] = _packed(kind, value.removeprefix("lock "))
        elif name != "expires":
            raise ValueError(f"A route with {word!r} cannot be written here.")
    return dict(sorted(values.items())), realm, locked


def _packed(kind: int, value: str) -> bytes:
    if kind == 16:
        return value.encode() + b"\0"
    if kind == 12:
        bits = {name: bit for bit, name in _FEATURES}
        return struct.pack("=I", sum(bits.get(each) or int(each, 0) for each in value.split()))
    number = int(value.removesuffix("ms"), 0)
    return struct.pack("=I", number * _TIMES.get(kind, 1) & 0xFFFFFFFF)


def encapsulation(kind: int, data: bytes) -> str:
    """`encap ip id 42 ...`, `encap seg6 mode encap segs 1 [ 2001:db8::1 ]`, `encap mpls 100/200`; others as hex."""
    name = _ENCAPSULATIONS.get(kind, str(kind))
    found = attributes(data)
    try:
        if kind == 1:
            return f"encap mpls {_labels(found)}"
        if kind in (2, 4):
            return f"encap {name} {_tunnel(found, kind)}"
        if kind == 5:
            return f"encap seg6 {_segments(found[1])}"
    except (KeyError, struct.error, ValueError, IndexError):
        pass  # not as this reader knows it: the bytes are shown instead
    return f"encap {name} {data.hex()}"


def _labels(found: dict[int, bytes]) -> str:
    """MPLS label stack entries (RFC 3032): 20 bits of label, the bottom-of-stack bit, an 8-bit TTL."""
    entries = struct.unpack(f">{len(found[1]) // 4}I", found[1])
    labels = "/".join(str(entry >> 12) for entry in entries)
    return f"{labels} ttl {found[2][0]}" if 2 in found else labels


def _tunnel(found: dict[int, bytes], kind: int) -> str:
    """LWTUNNEL_IP_* and LWTUNNEL_IP6_*: id, dst, src, ttl (hoplimit), tos (tc), flags."""
    read = IPv4Address if kind == 2 else IPv6Address
    words = [f"id {int.from_bytes(found[1])}"]
    words += [f"{word} {read(found[number])}" for number, word in ((3, "src"), (2, "dst")) if number in found]
    words += [f"{word} {found[number][0]}" for number, word in ((4, "ttl"), (5, "tos")) if number in found]
    return " ".join(words)


def _segments(data: bytes) -> str:
    """SEG6_IPTUNNEL_SRH: the mode, then a segment routing header (RFC 8754) whose list is in reverse."""
    mode, header = struct.unpack_from("=i", data)[0], data[4:]
    count = header[4] + 1
    segments = [str(IPv6Address(header[8 + 16 * n : 24 + 16 * n])) for n in reversed(range(count))]
    if mode == 0:  # inline: the last place is the packet's own destination, filled in later
        segments, count = segments[:-1], count - 1
    return f"mode {_SEG6_MODES[mode]} segs {count} [ {' '.join(segments)} ]"
