"""The keys and values of nf_tables' JSON in the words of tui.core.firewall.values."""

from __future__ import annotations

from typing import Any

from tui.core.firewall.iptables_words import ICMP6_TYPES, ICMP_TYPES, protocol
from tui.core.firewall.values import Match

BY_TYPE = {
    "ipv4_addr": "src", "ipv6_addr": "src", "inet_service": "dport", "inet_proto": "proto", "ifname": "iif",
    "iface_index": "iif", "mark": "mark", "ct_state": "ctstate", "ct_status": "ctstatus", "icmp_type": "icmp-type",
    "icmpv6_type": "icmp6-type", "icmp_code": "icmp-code", "icmpv6_code": "icmp6-code",
    "fib_addrtype": "dsttype", "pkt_type": "pkttype",
}  # fmt: skip
"""The key whose values the elements of a set of that type are written like."""

_META = {
    "iifname": "iif", "oifname": "oif", "iif": "iif", "oif": "oif", "l4proto": "proto", "nfproto": "version",
    "protocol": "version", "mark": "mark", "pkttype": "pkttype",
}  # fmt: skip
_PAYLOAD = {
    ("ip", "saddr"): "src", ("ip", "daddr"): "dst", ("ip", "protocol"): "proto", ("ip", "ttl"): "ttl",
    ("ip6", "saddr"): "src", ("ip6", "daddr"): "dst", ("ip6", "nexthdr"): "proto", ("ip6", "hoplimit"): "ttl",
    ("icmp", "type"): "icmp-type", ("icmp", "code"): "icmp-code",
    ("icmpv6", "type"): "icmp6-type", ("icmpv6", "code"): "icmp6-code",
}  # fmt: skip
_CT = {
    "state": "ctstate", "status": "ctstatus", "direction": "ctdir", "ip saddr": "ctsrc", "ip daddr": "ctdst",
    "ip6 saddr": "ctsrc", "ip6 daddr": "ctdst",
}  # fmt: skip
_NEEDS = {"ip": ("version", "4"), "ip6": ("version", "6"), "icmp": ("proto", "1"), "icmpv6": ("proto", "58")}
_NEEDS |= {name: ("proto", number) for name, number in (("tcp", "6"), ("udp", "17"), ("sctp", "132"))}
_VERSIONS = {"ipv4": "4", "ipv6": "6", "ip": "4", "ip6": "6"}
_ICMP_CODES = {
    "net-unreachable": "0", "host-unreachable": "1", "prot-unreachable": "2", "port-unreachable": "3",
    "net-prohibited": "9", "host-prohibited": "10", "admin-prohibited": "13", "frag-needed": "4",
}  # fmt: skip
_ICMP6_CODES = {
    "no-route": "0", "admin-prohibited": "1", "addr-unreachable": "3", "port-unreachable": "4", "policy-fail": "5",
    "reject-route": "6",
}  # fmt: skip
_ICMP_MORE = {"timestamp-request": "13", "timestamp-reply": "14", "info-request": "15", "info-reply": "16",
              "address-mask-request": "17", "address-mask-reply": "18"}  # fmt: skip
_ICMP6_MORE = {
    "mld-listener-query": "130", "mld-listener-report": "131", "mld-listener-done": "132",
    "mld-listener-reduction": "132", "nd-router-solicit": "133", "nd-router-advert": "134",
    "nd-neighbor-solicit": "135", "nd-neighbor-advert": "136", "nd-redirect": "137", "router-renumbering": "138",
    "ind-neighbor-solicit": "141", "ind-neighbor-advert": "142", "mld2-listener-report": "143",
}  # fmt: skip


def key_of(left: Any) -> tuple[str, tuple[Match, ...]] | None:
    """The key of what is looked at, and the matches that it implies (a port of TCP: that it is TCP); None: not known.

    Linux ends a rule where a field is not there, so `tcp dport != 80` is no match for UDP.
    """
    if not isinstance(left, dict) or len(left) != 1:
        return None
    (kind, body), *_ = left.items()
    if kind == "concat":
        parts = [key_of(each) for each in body]
        if any(part is None for part in parts):
            return None
        known = [part for part in parts if part is not None]
        return " . ".join(part[0] for part in known), tuple(match for part in known for match in part[1])
    if kind == "meta":
        return _named(_META.get(body["key"]))
    if kind == "payload":
        return _payload(body.get("protocol", ""), body.get("field", ""))
    if kind == "ct" and body.get("dir", "original") == "original":
        return _named(_CT.get(body["key"]))
    if kind == "fib" and body.get("result") == "type" and len(body.get("flags", ())) == 1:
        return _named({"daddr": "dsttype", "saddr": "srctype"}.get(body["flags"][0]))
    return None


def _named(key: str | None) -> tuple[str, tuple[Match, ...]] | None:
    return (key, ()) if key else None


def _payload(protocol_name: str, field: str) -> tuple[str, tuple[Match, ...]] | None:
    key = _PAYLOAD.get((protocol_name, field))
    if key is None and field in ("sport", "dport") and protocol_name in ("tcp", "udp", "sctp", "th"):
        key = field
    if key is None:
        return None
    needed = _NEEDS.get(protocol_name)
    return key, (Match(needed[0], (needed[1],)),) if needed else ()


def values_of(key: str, right: Any) -> tuple[str, ...]:
    """The right side of a match as values: one, or those of a list or an anonymous set."""
    if isinstance(right, dict) and "set" in right:
        right = right["set"]
    several = right if isinstance(right, list) else [right]
    return tuple(element(key, each) for each in several)


def element(key: str, value: Any) -> str:
    """One value or element as text."""
    if isinstance(value, dict):
        (kind, body), *_ = value.items()
        if kind == "elem":
            return element(key, body["val"])
        if kind == "concat":
            keys = key.split(" . ")
            keys += [""] * (len(body) - len(keys))
            return " . ".join(element(one, each) for one, each in zip(keys, body, strict=False))
        if kind == "prefix":
            return f"{body['addr']}/{body['len']}"
        if kind == "range":
            return f"{element(key, body[0])}-{element(key, body[1])}"
        return f"?{kind}"
    return _word(key, str(value).lower() if isinstance(value, bool) else str(value))


def _word(key: str, text: str) -> str:
    if text.startswith("@"):
        return text
    match key:
        case "proto":
            return protocol(text)
        case "version":
            return _VERSIONS.get(text, text)
        case "icmp-type":
            return ICMP_TYPES.get(text) or _ICMP_MORE.get(text, text)
        case "icmp6-type":
            return ICMP6_TYPES.get(text) or _ICMP6_MORE.get(text, text)
        case "icmp-code":
            return _ICMP_CODES.get(text, text)
        case "icmp6-code":
            return _ICMP6_CODES.get(text, text)
    return text
