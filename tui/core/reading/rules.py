"""Policy rules as `ip rule` and `ip -j rule` print them, old and new, of both families, read and written.

A line is `PRIORITY: [not] from SOURCE selectors... action` (iproute2 ip/iprule.c print_rule; ip-rule(8)). The object
of -j holds the same words under other names, so that it is read by way of them.
"""

from __future__ import annotations

import json
import re
from typing import Any

from tui.core.names import IP_PROTOCOLS
from tui.core.reading import RuleReading, lines_of
from tui.core.reading.json_values import json_objects
from tui.core.reading.prompts import is_prompt
from tui.core.reading.rule_words import L3MDEV, RuleDraft, read_rule_words
from tui.core.world import Rule

_LINE = re.compile(r"^\s*(\d{1,10}):\s+((?:not|from)\s.*\S)\s*$")
_U32 = 0xFFFFFFFF


def is_rule(line: str) -> bool:
    """Whether a line is one of `ip rule`."""
    return bool(_LINE.match(line))


def read_rules(text: str, family: int | None = None) -> RuleReading:
    """Read what `ip rule`, `ip -6 rule`, `ip -N|-d|-c rule`, `ip -j rule` or BusyBox `ip rule` printed.

    The family is `family` if given, else what addresses in the rules tell; else a list that looks up main but not
    default is IPv6, and every other one IPv4 (fib_default_rules_init, fib6_rules_net_init).
    """
    drafts, unread = _objects(text) if text.lstrip()[:1] in ("[", "{") else _lines(text)
    tables = [draft.fields.get("table") for _, draft in drafts]
    told = next((draft.family for _, draft in drafts if draft.family), None)
    guess = 6 if "main" in tables and "local" in tables and "default" not in tables else 4
    version = family or told or guess
    sure = bool(family or told or "default" in tables)
    rules = tuple(draft.rule(priority, draft.family or version) for priority, draft in drafts)
    return RuleReading(rules, tuple(unread), version, sure)


def _lines(text: str) -> tuple[list[tuple[int, RuleDraft]], list[str]]:
    drafts: list[tuple[int, RuleDraft]] = []
    unread: list[str] = []
    for line in lines_of(text):
        match = _LINE.match(line)
        if match and int(match[1]) <= _U32:
            drafts.append((int(match[1]), read_rule_words(match[2].split())))
        elif line.strip() and not is_prompt(line):
            unread.append(line)
    return drafts, unread


def _objects(text: str) -> tuple[list[tuple[int, RuleDraft]], list[str]]:
    objects, unread = json_objects(text)
    drafts: list[tuple[int, RuleDraft]] = []
    for each in objects:
        priority = each.get("priority")
        if isinstance(priority, int) and 0 <= priority <= _U32:
            drafts.append((priority, read_rule_words(_words(each))))
        else:
            unread.append(json.dumps(each))
    return drafts, unread


_KEYS = {
    "table": "lookup",
    "tos": "tos",
    "dscp": "dscp",
    "ipproto": "ipproto",
    "sport": "sport",
    "dport": "dport",
    "suppress_prefixlen": "suppress_prefixlength",
    "nat_gateway": "map-to",
    "protocol": "proto",
}
"""Keys of the JSON whose value follows the word of the text as it is."""

_PARTS = ("priority", "srclen", "dstlen", "fwmask", "iif_detached", "oif_detached", "unresolved")
_STARTS = {"uid_start": ("uidrange", "uid_end"), "sport_start": ("sport", "sport_end")}
_STARTS["dport_start"] = ("dport", "dport_end")


def _words(given: dict[str, Any]) -> list[str]:
    """The words that the text has for the same rule; a key without one gives two words that nobody knows."""
    words: list[str] = []
    for key, value in given.items():
        if key in _PARTS or key in ("uid_end", "sport_end", "dport_end", "flow_from"):
            continue
        if key in ("src", "dst"):
            length = given.get(f"{key}len")
            words += ["from" if key == "src" else "to", str(value) if length is None else f"{value}/{length}"]
        elif key == "fwmark":
            words += ["fwmark", f"{value}/{given['fwmask']}" if "fwmask" in given else str(value)]
        elif key in ("iif", "oif"):
            words += [key, str(value), *(["[detached]"] if f"{key}_detached" in given else [])]
        elif key == "goto":
            words += ["goto", str(value), *(["[unresolved]"] if "unresolved" in given else [])]
        elif key in _STARTS:
            word, end = _STARTS[key]
            words += [word, f"{value}-{given.get(end, value)}"]
        elif key == "flow_to":
            words += ["realms", f"{given['flow_from']}/{value}" if "flow_from" in given else str(value)]
        elif key == "l3mdev":
            words += ["lookup", L3MDEV]
        elif key == "action" and value != "to_tbl":
            words += [str(value)]
        elif key in ("not", "nop"):
            words += [key]
        else:
            words += [_KEYS.get(key, key), value if isinstance(value, str) else json.dumps(value)]
    return words


def ip_rule_line(rule: Rule) -> str:
    """The rule as `ip rule` of a current iproute2 prints it, a tab after the colon; it reads back equal."""
    words = ["not"] if rule.invert else []
    words += ["from", _brief(rule.src.brief) if rule.src is not None else "all"]
    words += ["to", _brief(rule.dst.brief)] if rule.dst is not None else []
    words += ["tos", f"{rule.tos:#04x}"] if rule.tos else []
    words += ["fwmark", _mark(rule)] if rule.mark is not None else []
    for name, dev, detached in (("iif", rule.iif, rule.iif_detached), ("oif", rule.oif, rule.oif_detached)):
        words += [name, dev, *(["[detached]"] if detached else [])] if dev is not None else []
    words += ["uidrange", "{}-{}".format(*rule.uidrange)] if rule.uidrange is not None else []
    words += ["ipproto", _ip_protocol(rule.ipproto)] if rule.ipproto is not None else []
    words += ["sport", _range(rule.sport)] if rule.sport is not None else []
    words += ["dport", _range(rule.dport)] if rule.dport is not None else []
    words += _action(rule)
    words += rule.attributes
    words += ["proto", rule.protocol] if rule.protocol is not None else []
    return f"{rule.priority}:\t{' '.join([*words, *rule.words])}"


def _action(rule: Rule) -> list[str]:
    words = {"table": ["lookup", rule.table], "goto": ["goto", "none" if rule.target is None else str(rule.target)]}
    suppress = rule.suppress_prefixlength
    return [
        *words.get(rule.action, [rule.action]),
        *(["[unresolved]"] if rule.unresolved else []),
        *(["suppress_prefixlength", str(suppress)] if suppress is not None else []),
    ]


def _brief(text: str) -> str:
    return "0/0" if text == "default" else text


def _mark(rule: Rule) -> str:
    mark = f"{rule.mark:#x}" if rule.mark else "0"
    return mark if rule.mask == _U32 else f"{mark}/{rule.mask:#x}"


def _ip_protocol(number: int) -> str:
    return next((name for name, each in IP_PROTOCOLS.items() if each == number), str(number))


def _range(ports: tuple[int, int]) -> str:
    return f"{ports[0]}" if ports[0] == ports[1] else f"{ports[0]}-{ports[1]}"


def ip_rule_json(rule: Rule) -> dict[str, Any]:
    """The rule as `ip -j rule` has it; `attributes` and `words` hold what has no key there."""
    found: dict[str, Any] = {"priority": rule.priority} | ({"not": None} if rule.invert else {})
    for key, prefix in (("src", rule.src), ("dst", rule.dst)):
        if prefix is None:
            found |= {"src": "all"} if key == "src" else {}
        else:
            whole = prefix.length == (32 if prefix.version == 4 else 128)
            found |= {key: str(prefix.address)} | ({} if whole else {f"{key}len": prefix.length})
    found |= {"tos": f"{rule.tos:#04x}"} if rule.tos else {}
    if rule.mark is not None:
        found |= {"fwmark": f"{rule.mark:#x}" if rule.mark else "0"}
        found |= {"fwmask": f"{rule.mask:#x}"} if rule.mask != _U32 else {}
    for name, dev, detached in (("iif", rule.iif, rule.iif_detached), ("oif", rule.oif, rule.oif_detached)):
        found |= ({name: dev} if dev is not None else {}) | ({f"{name}_detached": None} if detached else {})
    found |= {"uid_start": rule.uidrange[0], "uid_end": rule.uidrange[1]} if rule.uidrange else {}
    found |= {"ipproto": _ip_protocol(rule.ipproto)} if rule.ipproto is not None else {}
    for name, ports in (("sport", rule.sport), ("dport", rule.dport)):
        if ports is not None:
            one = ports[0] == ports[1]
            found |= {name: ports[0]} if one else {f"{name}_start": ports[0], f"{name}_end": ports[1]}
    found |= _action_json(rule)
    found |= {"protocol": rule.protocol} if rule.protocol is not None else {}
    found |= {"attributes": list(rule.attributes)} if rule.attributes else {}
    return found | ({"words": list(rule.words)} if rule.words else {})


def _action_json(rule: Rule) -> dict[str, Any]:
    suppress = {} if rule.suppress_prefixlength is None else {"suppress_prefixlen": rule.suppress_prefixlength}
    if rule.action == "table":
        return ({"l3mdev": None} if rule.table == L3MDEV else {"table": rule.table}) | suppress
    if rule.action == "goto":
        return {"goto": rule.target} | ({"unresolved": None} if rule.unresolved else {})
    return {"nop": None} if rule.action == "nop" else {"action": rule.action}
