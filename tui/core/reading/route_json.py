"""Routes as `ip -j route` prints them, with or without -p and -d, read and written."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from tui.core.addresses import AddressError, parse_address, parse_prefix
from tui.core.names import PROTOCOLS, SCOPES, TABLES, TYPES, dsfield, integer, named
from tui.core.reading import Reading
from tui.core.reading.json_values import json_objects
from tui.core.reading.route_draft import Draft, destination, drafted, settle, to, with_hop
from tui.core.reading.route_words import IN_MS, device
from tui.core.world import Route

_TYPE_NAMES = {name: name for name in TYPES.values()} | {str(number): name for number, name in TYPES.items()}
_FEATURES = ("ecn", "tcp_usec_ts")
_APART = ("dst", "type", "nexthops")


def read_ip_json(
    text: str, default_table: str = "main", default_dev: str | None = None, family: int | None = None
) -> Reading:
    """Read what `ip -j route show` printed; parameters and result as read_ip_route has them.

    JSON loses the `lock` of a metric (mtu lock 1300), which the text has.
    """
    objects, unread = json_objects(text)
    routes: list[Route] = []
    defaults: dict[int, int | None] = {}
    ways: dict[tuple[Any, ...], tuple[Route, int | None] | None] = {}  # all but the destination repeats
    for each in objects:
        dst = destination(str(each.get("dst", "")))
        try:
            key = tuple((name, tuple(v) if type(v) is list else v) for name, v in each.items() if name != "dst")
            found = ways[key] if key in ways else ways.setdefault(key, _way(each, default_table, default_dev))
        except TypeError:  # a value inside a value, such as next hops
            found = _way(each, default_table, default_dev)
        if dst is None or found is None:
            unread.append(json.dumps(each))
            continue
        if each["dst"] == "default":
            defaults[len(routes)] = found[1]
        routes.append(to(dst, found[0]))
    return Reading(settle(routes, defaults, family), tuple(unread), "ip -j route")


def _way(given: dict[str, Any], table: str, dev: str | None) -> tuple[Route, int | None] | None:
    """The route but for its destination, and the family that it gives away; None where its type is unknown."""
    kind = _TYPE_NAMES.get(str(given.get("type", "unicast")))
    if kind is None:
        return None
    draft = _draft(given, _OF_ROUTE)
    legs = given.get("nexthops") or []
    draft.dev = draft.dev if legs else draft.dev or dev
    route, told = drafted(draft, kind, table), draft.family
    for each in legs if isinstance(legs, list) else [legs]:
        leg = _draft(each if isinstance(each, dict) else {"nexthop": each}, _OF_NEXTHOP)
        route, told = with_hop(route, leg), told or leg.family
    return route, told


def _draft(given: dict[str, Any], readers: Mapping[str, _Reader]) -> Draft:
    """An object's keys as a draft; a key or value that is not understood becomes two words."""
    draft = Draft()
    for key, value in given.items():
        if key in _APART:
            continue
        reader = readers.get(key)
        if reader is None or not reader(draft, value):
            draft.words += [key, value if isinstance(value, str) else json.dumps(value)]
    order = {"mark": 1, "realm": 2, "uid": 3, "cache": 9, "expires": 4, "error": 4, "iif": 6, "encap": 0, "nh_info": 9}
    draft.attributes.sort(key=lambda text: order.get(text.split()[0], 5))
    return draft


_Reader = Callable[[Draft, Any], bool]
"""Puts a value into the draft; False where it cannot read it."""


def _field(name: str, read: Callable[[str], Any]) -> _Reader:
    def reader(draft: Draft, value: Any) -> bool:
        try:
            setattr(draft, name, read(str(value)))
        except AddressError:
            return False
        return getattr(draft, name) is not None

    return reader


def _gateway(draft: Draft, value: Any) -> bool:
    if not _field("gateway", parse_address)(draft, value) or draft.gateway is None:
        return False
    draft.family = draft.gateway.version
    return True


def _via(draft: Draft, value: Any) -> bool:
    """`{"family": "inet6", "host": "fe80::1"}`: a gateway of the other family."""
    host = value.get("host") if isinstance(value, dict) else None
    if not _field("gateway", parse_address)(draft, host) or draft.gateway is None:
        return False
    draft.family = 10 - draft.gateway.version
    return True


def _prefsrc(draft: Draft, value: Any) -> bool:
    if not _field("prefsrc", parse_address)(draft, value) or draft.prefsrc is None:
        return False
    draft.family = draft.family or draft.prefsrc.version
    return True


def _pref(draft: Draft, value: Any) -> bool:
    draft.pref, draft.family = str(value), 6
    return True


def _flags(draft: Draft, value: Any) -> bool:
    draft.flags += [str(each) for each in value] if isinstance(value, list) else [str(value)]
    return True


def _flow(draft: Draft, value: Any) -> bool:
    """`{"to": "5"}` or `{"from": "3", "to": "5"}`: the text has `realm 5` or `realm 3/5`."""
    if not isinstance(value, dict) or "to" not in value:
        return False
    origin = f"{value['from']}/" if "from" in value else ""
    draft.attributes.append(f"realm {origin}{value['to']}")
    return True


def _encap(draft: Draft, value: Any) -> bool:
    """The pairs that json_objects gathered; a list prints as `segs 2 [ a b ]`."""
    if isinstance(value, str):
        draft.attributes.append(f"encap {value.removeprefix('encap ')}")
        return True
    words = []
    for key, each in value if isinstance(value, list) else []:
        shown = f"{len(each)} [ {' '.join(map(str, each))} ]" if isinstance(each, list) else str(each)
        words.append(f"{key} {shown}")
    draft.attributes.append(" ".join(words))
    return bool(words)


def _metrics(draft: Draft, value: Any) -> bool:
    """A list of one object; times are in ms (the text turns to seconds at 1000)."""
    for group in value if isinstance(value, list) else [value]:
        for name, each in group.items() if isinstance(group, dict) else []:
            draft.attributes.append(_metric_text(name, each))
    return True


def _metric_text(name: str, value: Any) -> str:
    if name in _FEATURES:
        return f"features {name}"
    if name in IN_MS and isinstance(value, int):
        return f"{name} {value / 1000:g}s" if value >= 1000 else f"{name} {value}ms"
    return f"{'congctl' if name == 'congestion' else name} {value}"


def _cache(draft: Draft, value: Any) -> bool:
    flags = ",".join(map(str, value)) if isinstance(value, list) else str(value)
    draft.attributes.append(f"cache <{flags}>" if flags else "cache")
    return True


def _mark(draft: Draft, value: Any) -> bool:
    draft.attributes.append(f"mark {value:#x}" if isinstance(value, int) and value > 15 else f"mark {value}")
    return True


def _nexthop_object(draft: Draft, value: Any) -> bool:
    """`nh_info` of -d, as the line that the text prints for it."""
    if not isinstance(value, dict):
        return False
    words = ["nh_info"]
    for key, each in value.items():
        if key == "group" and isinstance(each, list):
            words += ["group", "/".join(_member(member) for member in each)]
        elif key == "flags":
            words += map(str, each)
        else:
            words += [{"gateway": "via", "protocol": "proto"}.get(str(key), str(key)), str(each)]
    draft.attributes.append(" ".join(words))
    return True


def _member(member: Any) -> str:
    weight = member.get("weight", 1) if isinstance(member, dict) else 1
    name = member.get("id") if isinstance(member, dict) else member
    return f"{name},{weight}" if weight != 1 else f"{name}"


def _attribute(name: str, unit: str = "", family: int | None = None) -> _Reader:
    def reader(draft: Draft, value: Any) -> bool:
        draft.attributes.append(f"{name} {value}{unit if isinstance(value, int) else ''}")
        draft.family = draft.family or family
        return True

    return reader


_OF_NEXTHOP: dict[str, _Reader] = {
    "gateway": _gateway,
    "via": _via,
    "dev": _field("dev", device),
    "weight": _field("weight", lambda text: integer(text, 0xFFFFFFFF)),
    "flags": _flags,
    "encap": _encap,
    "flow": _flow,
    "pref": _pref,
}
_OF_ROUTE = {key: read for key, read in _OF_NEXTHOP.items() if key != "weight"} | {
    "prefsrc": _prefsrc,
    "metrics": _metrics,
    "cache": _cache,
    "mark": _mark,
    "nh_info": _nexthop_object,
    "expires": _attribute("expires", "sec", 6),
    "error": _attribute("error", family=6),
    "uid": _attribute("uid"),
    "iif": _attribute("iif"),
    "ttl-propogate": _attribute("ttl-propagate"),
    "from": _field("src", lambda text: parse_prefix(text, 6)),
    "table": _field("table", lambda text: named(TABLES, text)),
    "protocol": _field("protocol", lambda text: named(PROTOCOLS, text)),
    "scope": _field("scope", lambda text: named(SCOPES, text)),
    "metric": _field("metric", lambda text: 0xFFFFFFFF if text == "-1" else integer(text, 0xFFFFFFFF)),
    "tos": _field("tos", dsfield),
    "nhid": _field("nhid", lambda text: integer(text, 0xFFFFFFFF)),
}
