"""What `ip route get` prints for a decision, as text and as JSON (iproute2 ip/iproute.c, print_route)."""

from __future__ import annotations

from typing import Any

from tui.core.query import Query
from tui.core.steps import Decision

_CACHE = {"local": ["local"], "broadcast": ["local", "brd"], "multicast": ["mc"]}
_METRICS = ("mtu", "window", "rtt", "advmss", "hoplimit", "initcwnd", "initrwnd", "quickack", "rto_min", "congctl")
_WORDS = {"gateway": "via", "protocol": "proto", "prefsrc": "src"}
_ORDER = {
    4: ("from", "tos", "gateway", "via", "dev", "table", "prefsrc", "mark", "uid"),
    6: ("from", "gateway", "via", "dev", "table", "protocol", "prefsrc", "metric", "iif", "pref"),
}


def got_json(query: Query, found: Decision, merged: bool) -> dict[str, Any]:
    """The object that `ip -j route get` prints. `merged`: IPv4 tables local and main are one, then neither is named.

    Of several next hops the first is taken, where the kernel has a hash of the flow choose.
    """
    answer: dict[str, Any] = {} if found.type == "unicast" else {"type": found.type}
    answer["dst"] = str(query.dst)
    if query.dst.version == 6 or (query.src is not None and query.src.value):
        answer["from"] = str(query.src or "::")
    if query.dst.version == 4 and found.route is not None and found.route.tos:
        answer["tos"] = f"{found.route.tos:#04x}"
    if found.gateway is not None:
        if found.gateway.version == query.dst.version:
            answer["gateway"] = str(found.gateway)
        else:
            answer["via"] = {"family": "inet6" if found.gateway.version == 6 else "inet", "host": str(found.gateway)}
    if found.dev is not None:
        answer["dev"] = found.dev
    if found.table not in (None, "main") and not (merged and query.dst.version == 4 and found.table == "local"):
        answer["table"] = found.table
    return answer | (_tail4(query, found) if query.dst.version == 4 else _tail6(query, found))


def _tail4(query: Query, found: Decision) -> dict[str, Any]:
    tail: dict[str, Any] = {"prefsrc": str(found.prefsrc)} if found.prefsrc and query.iif is None else {}
    tail["flags"] = []
    if query.mark:
        tail["mark"] = query.mark
    if query.iif is None:
        tail["uid"] = 0
    tail["cache"] = _CACHE.get(found.type or "", [])
    if query.iif is None:
        return tail | _metrics(found)
    metrics = {} if found.type in ("local", "broadcast") else _metrics(found)  # delivered here: no route is kept
    return tail | metrics | {"iif": query.iif}


def _tail6(query: Query, found: Decision) -> dict[str, Any]:
    route, tail = found.route, dict[str, Any]()
    if route is not None and route.protocol != "boot":
        tail["protocol"] = route.protocol
    if found.prefsrc is not None:
        tail["prefsrc"] = str(found.prefsrc)
    tail["metric"] = 1024 if route is None or route.metric is None else route.metric
    tail["flags"] = []
    tail |= _metrics(found)
    if query.iif:
        tail["iif"] = query.iif
    return tail | {"pref": (route.pref if route else None) or "medium"}


def _metrics(found: Decision) -> dict[str, Any]:
    """The route's own mtu, advmss and the like, which its answers carry; JSON loses a `lock`, as iproute2's does."""
    words = [each.split() for each in (found.route.attributes if found.route else ())]
    known = {each[0]: int(each[-1]) for each in words if each[0] in _METRICS and each[-1].isdecimal()}
    return {"metrics": [known]} if known else {}


def _said(found: Decision, names: tuple[str, ...]) -> list[str]:
    """Those attributes of the route that begin with one of the names, as words."""
    attributes = found.route.attributes if found.route else ()
    return [word for each in attributes if each.split()[0] in names for word in each.split()]


def got_lines(query: Query, found: Decision, merged: bool) -> list[str]:
    """The lines of `ip route get`: the route, and for IPv4 its cache entry, with iproute2's trailing blanks."""
    answer = got_json(query, found, merged)
    words = [answer["type"]] if "type" in answer else []
    words.append(answer["dst"])
    metrics = _said(found, _METRICS) if "metrics" in answer else []
    realm = _said(found, ("realm", "realms"))
    for key in _ORDER[query.dst.version]:
        if key in answer:
            words += [_WORDS.get(key, key), *_value(key, answer[key])]
        words += realm if key == "mark" else metrics if key == "metric" else []
    if query.dst.version == 6:
        return [" ".join(words)]
    cache = [f"<{','.join(answer['cache'])}>"] if answer["cache"] else []
    came = ["iif", query.iif] if query.iif else []
    return [f"{' '.join(words)} ", " ".join(["    cache", *cache, *metrics, *came, ""])]


def _value(key: str, value: Any) -> list[str]:
    if key == "via":
        return [value["family"], value["host"]]
    if key == "mark":
        return [str(value) if value < 16 else f"{value:#x}"]
    return [str(value)]
