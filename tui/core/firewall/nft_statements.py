"""The expressions of one rule of nf_tables, as its JSON has them, as matches and acts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tui.core.firewall.nft_text import expression_text, verdict_text
from tui.core.firewall.nft_words import element, key_of, values_of
from tui.core.firewall.values import UNKNOWN, Act, Match

_CONDITIONS = ("limit", "quota", "ct count", "socket", "osf", "meter")
"""Statements that end the rule where they do not hold; whether they do is not to be known."""
_HARMLESS = ("log", "set", "map", "flow", "ct helper", "ct timeout", "ct expectation", "dup", "last", "counter",
             "secmark")  # fmt: skip
_BOUNDS = {"<": (0, -1), "<=": (0, 0), ">": (1, None), ">=": (0, None)}
_LARGEST = {"sport": 65535, "dport": 65535} | dict.fromkeys(
    ("ttl", "proto", "icmp-type", "icmp-code", "icmp6-type", "icmp6-code"), 255
)
_VERSIONS = {"ip": "4", "ip6": "6"}
_REJECTS = {
    "tcp reset": [Match("proto", ("6",))],
    "icmp": [Match("version", ("4",))],
    "icmpv6": [Match("version", ("6",))],
}
_ALL_FLAGS = "fin,syn,rst,psh,ack,urg,ecn,cwr"


def match_of(kind: str, body: Any) -> list[Match]:
    """The matches that an expression stands for; none where it is a statement."""
    if kind == "match":
        return _match(body)
    if kind == "vmap":
        found = key_of(body["key"])
        return list(found[1]) if found else []
    if kind in _CONDITIONS or (kind == "xt" and body.get("type") == "match"):
        return [Match(UNKNOWN, (expression_text({kind: body}),))]
    return _implied(kind, body) if isinstance(body, dict) else []


def _implied(kind: str, body: dict[str, Any]) -> list[Match]:
    """What a statement needs of a packet: nft makes it a condition, and leaves it out of what it prints."""
    if kind == "reject":
        return _REJECTS.get(body.get("type", ""), [])
    family = body.get("family") if kind in ("dnat", "snat") else None
    return [Match("version", (_VERSIONS[family],))] if family in _VERSIONS else []


def _match(body: dict[str, Any]) -> list[Match]:
    left, right, op = body["left"], body["right"], body.get("op", "==")
    negated = op in ("!=", "!")
    flags = _tcp_flags(left, right)
    if flags is not None and op in ("==", "!="):
        return [Match("proto", ("6",)), Match("tcpflags", (flags,), negated)]
    mask = None
    if isinstance(left, dict) and "&" in left and isinstance(left["&"][1], int):
        left, mask = left["&"]
    found = key_of(left)
    if found is None or (mask is not None and found[0] != "mark"):
        return [Match(UNKNOWN, (expression_text({"match": body}),))]
    key, needed = found
    if op in _BOUNDS:
        return [*needed, _bounded(key, op, right) or Match(UNKNOWN, (expression_text({"match": body}),))]
    values = values_of(key, right)
    if mask is not None:
        values = tuple(f"{value}/{mask}" for value in values)
    return [*needed, Match(key, values, negated)]


def _tcp_flags(left: Any, right: Any) -> str | None:
    """MASK SET where flags of TCP are looked at."""
    mask: Any = _ALL_FLAGS
    if isinstance(left, dict) and "&" in left:
        left, mask = left["&"]
    if not isinstance(left, dict) or left.get("payload") != {"protocol": "tcp", "field": "flags"}:
        return None
    names = [",".join(each) if isinstance(each, list) else str(each) for each in (mask, right)]
    return " ".join("none" if each == "0" else each for each in names)


def _bounded(key: str, op: str, right: Any) -> Match | None:
    text = element(key, right)
    if key not in _LARGEST or not text.isdecimal():
        return None
    if op in ("<", "<="):
        return Match(key, (f"0-{int(text) - (op == '<')}",))
    return Match(key, (f"{int(text) + (op == '>')}-{_LARGEST[key]}",))


def acts_of(kind: str, body: Any) -> list[Act]:
    """What an expression does; nothing where it is a condition."""
    if kind in ("match", *_CONDITIONS) or (kind == "xt" and body.get("type") == "match"):
        return []
    if kind in ("accept", "drop", "return", "continue", "notrack"):
        return [Act(kind)]
    if kind in ("jump", "goto"):
        return [Act(kind, (body["target"],))]
    if kind in _HARMLESS:
        return [Act("note", (kind,))]
    if kind == "vmap":
        return [_vmap(body)]
    if kind == "reject":
        return [Act("reject", (_answer(body or {}),))]
    if kind == "mangle":
        return [_mangle(body)]
    translated = _translation(kind, body or {})
    return [translated or Act(UNKNOWN, (expression_text({kind: body}),))]


def _vmap(body: dict[str, Any]) -> Act:
    found = key_of(body["key"])
    if found is None:
        return Act(UNKNOWN, (expression_text({"vmap": body}),))
    key, data = found[0], body["data"]
    if isinstance(data, str):
        return Act("vmap", (key, data))
    pairs: Sequence[Any] = data["set"]
    return Act("vmap", (key, *(f"{element(key, each[0])} : {verdict_text(each[1])}" for each in pairs)))


def _answer(body: dict[str, Any]) -> str:
    """The answer of a reject, as iptables names it: icmp-port-unreachable where nothing is said (nft(8))."""
    if body.get("type") == "tcp reset":
        return "tcp-reset"
    return f"icmp-{body.get('expr', 'port-unreachable')}"


def _mangle(body: dict[str, Any]) -> Act:
    key, value = body["key"], body["value"]
    if key == {"meta": {"key": "mark"}}:
        return Act("mark", (str(value), "0xffffffff")) if isinstance(value, int) else _marked(value)
    fields = key.get("payload", {}).get("field") if isinstance(key, dict) else None
    if fields in ("saddr", "daddr", "sport", "dport", "ttl", "hoplimit", "protocol"):
        return Act(UNKNOWN, (expression_text({"mangle": body}),))
    return Act("note", ("mangle",))


def _marked(value: Any) -> Act:
    """`meta mark set meta mark | 16`: the bits of the mask are set to the value."""
    if isinstance(value, dict) and "|" in value:
        left, right = value["|"]
        if left == {"meta": {"key": "mark"}} and isinstance(right, int):
            return Act("mark", (str(right), str(right)))
    return Act("remark")


def _translation(kind: str, body: dict[str, Any]) -> Act | None:
    if kind == "masquerade":
        return Act("masquerade")
    port = body.get("port", "")
    if kind not in ("dnat", "snat", "redirect") or isinstance(port, dict):
        return None
    if kind == "redirect":
        return Act("redirect", (str(port),))
    address = body.get("addr", "")
    return Act(kind, (address, str(port))) if isinstance(address, str) else None
