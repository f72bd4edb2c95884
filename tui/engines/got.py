"""What `ip route get` prints for a decision, as text and as JSON (iproute2 ip/iproute.c, print_route)."""

from __future__ import annotations

from typing import Any

from tui.core.query import Query
from tui.core.steps import Decision

_CACHE = {"local": ["local"], "broadcast": ["local", "brd"], "multicast": ["mc"]}
_WORDS = {"gateway": "via", "protocol": "proto", "prefsrc": "src"}
_ORDER = {
    4: ("from", "gateway", "via", "dev", "table", "prefsrc", "mark", "uid"),
    6: ("from", "gateway", "via", "dev", "table", "protocol", "prefsrc", "metric", "iif", "pref"),
}


def got_json(query: Query, found: Decision, merged: bool) -> dict[str, Any]:
    """The object that `ip -j route get` prints. `merged`: IPv4 tables local and main are one, then neither is named.

    Of several next hops the first is taken, where the kernel has a hash of the flow choose.
    """
    answer: dict[str, Any] = {} if found.type == "unicast" else {"type": found.type}
    answer["dst"] = str(query.dst)
    if query.src is not None or query.dst.version == 6:
        answer["from"] = str(query.src or "::")
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
    return tail | ({"iif": query.iif} if query.iif else {})


def _tail6(query: Query, found: Decision) -> dict[str, Any]:
    route, tail = found.route, dict[str, Any]()
    if route is not None and route.protocol != "boot":
        tail["protocol"] = route.protocol
    if found.prefsrc is not None:
        tail["prefsrc"] = str(found.prefsrc)
    tail["metric"] = 1024 if route is None or route.metric is None else route.metric
    tail["flags"] = []
    if query.iif:
        tail["iif"] = query.iif
    return tail | {"pref": (route.pref if route else None) or "medium"}


def got_lines(query: Query, found: Decision, merged: bool) -> list[str]:
    """The lines that `ip route get` prints: the route, and for IPv4 its cache entry, with iproute2's trailing blanks."""
    answer = got_json(query, found, merged)
    words = [answer["type"]] if "type" in answer else []
    words.append(answer["dst"])
    for key in _ORDER[query.dst.version]:
        if key in answer:
            words += [_WORDS.get(key, key), *_value(key, answer[key])]
    if query.dst.version == 6:
        return [" ".join(words)]
    kinds = f"<{','.join(answer['cache'])}> " if answer["cache"] else ""
    came = f"iif {query.iif} " if query.iif else ""
    return [f"{' '.join(words)} ", f"    cache {kinds}{came}"]


def _value(key: str, value: Any) -> list[str]:
    if key == "via":
        return [value["family"], value["host"]]
    if key == "mark":
        return [str(value) if value < 16 else f"{value:#x}"]
    return [str(value)]
