"""The words of an `ip rule` line after its priority, read by position into a Rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tui.core.addresses import AddressError, Prefix, parse_prefix
from tui.core.names import DSFIELDS, IP_PROTOCOLS, PROTOCOLS, TABLES, TYPES, dsfield, integer, named
from tui.core.reading.keywords import Reader, read_keywords
from tui.core.reading.route_words import device
from tui.core.world import Rule

L3MDEV = "[l3mdev-table]"
"""The table of an l3mdev rule, as `ip rule` prints it: that of the packet's VRF device, none without a VRF."""

_ACTIONS = {name: name for name in ("unreachable", "prohibit", "blackhole")} | {
    str(number): name for number, name in TYPES.items() if name in ("unreachable", "prohibit", "blackhole")
}
_U32 = 0xFFFFFFFF


@dataclass(slots=True)
class RuleDraft:
    """A rule in the making: fields of Rule by name, and what of its family (4, 6) the words gave away."""

    fields: dict[str, Any] = field(default_factory=dict)
    attributes: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    family: int | None = None
    seen: set[str] = field(default_factory=set)

    def rule(self, priority: int, family: int) -> Rule:
        """The rule; `family` decides where its words do not."""
        for name in ("src", "dst"):
            if isinstance(self.fields.get(name), int):  # `from 0/8` says no family
                self.fields[name] = Prefix(family, 0, self.fields[name])
        return Rule(priority, family, **self.fields, attributes=tuple(self.attributes), words=tuple(self.words))


_Reader = Reader[RuleDraft]


def read_rule_words(words: list[str]) -> RuleDraft:
    """Read `from all iif eth0 lookup 100 ...`. A keyword that comes twice, or lacks a value, is not understood."""
    return read_keywords(RuleDraft(), words, _READERS, _SAME)


def _value(name: str, read: Callable[[str], Any]) -> _Reader:
    def reader(draft: RuleDraft, words: list[str]) -> int:
        value = read(words[1]) if len(words) > 1 else None
        if value is None:
            return 0
        draft.fields[name] = value
        return 2

    return reader


def _prefix(name: str) -> _Reader:
    def reader(draft: RuleDraft, words: list[str]) -> int:
        text = words[1] if len(words) > 1 else ""
        if text in ("all", "any"):
            return 2
        zeros = integer(text[2:], 128) if text.startswith("0/") else None
        if zeros is not None:
            draft.fields[name] = zeros
            return 2
        try:
            prefix = parse_prefix(text, draft.family or 4)
        except AddressError:
            return 0
        draft.fields[name], draft.family = prefix, prefix.version
        return 2

    return reader


def _interface(name: str) -> _Reader:
    """`iif eth0`, or `iif eth0 [detached]` where no such device exists."""

    def reader(draft: RuleDraft, words: list[str]) -> int:
        if len(words) < 2:
            return 0
        detached = words[2:3] == ["[detached]"]
        draft.fields |= {name: device(words[1])} | ({f"{name}_detached": True} if detached else {})
        return 3 if detached else 2

    return reader


def _mark(draft: RuleDraft, words: list[str]) -> int:
    mark, slash, mask = (words[1] if len(words) > 1 else "").partition("/")
    numbers = integer(mark, _U32), integer(mask, _U32) if slash else _U32
    if None in numbers:
        return 0
    draft.fields |= {"mark": numbers[0], "mask": numbers[1]}
    return 2


def _goto(draft: RuleDraft, words: list[str]) -> int:
    """`goto 300`, `goto 300 [unresolved]` where no rule has that priority, `goto none`."""
    target = integer(words[1], _U32) if len(words) > 1 else None
    if target is None and words[1:2] != ["none"]:
        return 0
    unresolved = words[2:3] == ["[unresolved]"]
    draft.fields |= {"action": "goto", "target": target, "unresolved": unresolved}
    return 3 if unresolved else 2


def _action(draft: RuleDraft, words: list[str]) -> int:
    if "action" in draft.fields or draft.seen & {"lookup"}:
        return 0
    draft.fields["action"] = _ACTIONS.get(words[0], words[0])
    return 1


def _not(draft: RuleDraft, _words: list[str]) -> int:
    draft.fields["invert"] = True
    return 1


def _attribute(draft: RuleDraft, words: list[str]) -> int:
    if len(words) < 2:
        return 0
    draft.attributes.append(f"{words[0]} {words[1]}")
    return 2


def _protocol(draft: RuleDraft, words: list[str]) -> int:
    """Who made the rule; `kernel`, which only -d prints, is what goes without saying."""
    if len(words) < 2:
        return 0
    name = named(PROTOCOLS, words[1])
    draft.fields["protocol"] = None if name == "kernel" else name
    return 2


def _range(text: str, limit: int) -> tuple[int, int] | None:
    low, dash, high = text.partition("-")
    first, last = integer(low, limit), integer(high if dash else low, limit)
    return None if first is None or last is None else (first, last)


def _dscp(text: str) -> int | None:
    """A DSCP by name or number, as the whole DS field that Rule.tos holds."""
    if text in DSFIELDS:
        return DSFIELDS[text]
    number = integer(text, 63)
    return None if number is None else number << 2


def _table(text: str) -> str:
    return named(TABLES, text)


_READERS: dict[str, _Reader] = {
    "not": _not,
    "from": _prefix("src"),
    "to": _prefix("dst"),
    "iif": _interface("iif"),
    "oif": _interface("oif"),
    "fwmark": _mark,
    "tos": _value("tos", dsfield),
    "dscp": _value("tos", _dscp),
    "ipproto": _value("ipproto", lambda text: IP_PROTOCOLS.get(text, integer(text, 255))),
    "sport": _value("sport", lambda text: _range(text, 65535)),
    "dport": _value("dport", lambda text: _range(text, 65535)),
    "uidrange": _value("uidrange", lambda text: _range(text, _U32)),
    "lookup": _value("table", _table),
    "suppress_prefixlength": _value("suppress_prefixlength", lambda text: integer(text, 128)),
    "goto": _goto,
    "proto": _protocol,
    **dict.fromkeys(("realms", "map-to"), _attribute),
    **dict.fromkeys((*_ACTIONS, "nop"), _action),
}
_SAME = {"dev": "iif", "dsfield": "tos", "table": "lookup", "protocol": "proto", "realm": "realms"}
