"""Routes written as iproute2 prints them: the line of `ip route show`, and the object of `ip -j route show`."""

from __future__ import annotations

from typing import Any

from tui.core.reading.route_words import FLAGS, IN_MS, METRICS
from tui.core.world import NextHop, Route

_OWN_LINE = ("cache", "nh_info")


def ip_route_line(route: Route) -> str:
    """The route as `ip route show` of a current iproute2 prints it, without the trailing space; it reads back equal.

    A multipath route takes one more line, with a leading tab, for each next hop. What equals the kernel's default is
    not printed: type unicast, table main, protocol boot, scope global.
    """
    alone = _alone(route)
    words = [] if route.type == "unicast" else [route.type]
    words.append(route.dst.brief)
    if route.src is not None:
        words += ["from", route.src.brief]
    words += [f" {each}" for each in route.attributes if each.startswith("encap ")]
    if route.tos:
        words += ["tos", f"{route.tos:#04x}"]
    if route.nhid is not None:
        words += ["nhid", str(route.nhid)]
    words += _way(route, alone) if alone else []
    words += _middle(route)
    words += alone.flags if alone else ()
    words += [each for each in route.attributes if each.split()[0] not in ("encap", "nexthop", *_OWN_LINE)]
    words += ["pref", route.pref] if route.pref else []
    lines = [" ".join([*words, *route.words])]
    lines += [f"    {each}" if each.startswith("cache") else f"\t{each}" for each in _own_lines(route)]
    if alone is None:
        lines += [_hop_line(route, number, hop) for number, hop in enumerate(route.nexthops, 1)]
    return "\n".join(lines)


def _middle(route: Route) -> list[str]:
    words = []
    for name, value, unsaid in (
        ("table", route.table, "main"),
        ("proto", route.protocol, "boot"),
        ("scope", route.scope, "global"),
        ("src", route.prefsrc, None),
        ("metric", route.metric, None),
    ):
        if value != unsaid:
            words += [name, str(value)]
    return words


def _way(route: Route, hop: NextHop) -> list[str]:
    words = []
    if hop.gateway is not None:
        other = hop.gateway.version != route.family
        words += ["via", *([f"inet{'6' if hop.gateway.version == 6 else ''}"] if other else []), str(hop.gateway)]
    return words + (["dev", hop.dev] if hop.dev is not None else [])


def _hop_line(route: Route, number: int, hop: NextHop) -> str:
    own = [each.split(" ", 2)[2] for each in route.attributes if each.startswith(f"nexthop {number} ")]
    encap = [f" {each}" for each in own if each.startswith("encap ")]
    rest = [each for each in own if not each.startswith("encap ")]
    words = ["\tnexthop", *encap, *_way(route, hop), "weight", str(hop.weight), *hop.flags, *rest]
    return " ".join(words)


def _alone(route: Route) -> NextHop | None:
    """The next hop of a route that has one and prints it in its own line; None where each takes a line."""
    numbered = any(each.startswith("nexthop ") for each in route.attributes)
    return route.nexthops[0] if len(route.nexthops) == 1 and route.nexthops[0].weight == 1 and not numbered else None


def _own_lines(route: Route) -> list[str]:
    return [each for each in route.attributes if each.split()[0] in _OWN_LINE]


_NUMBER_ATTRIBUTES = ("expires", "error", "uid", "mark")


def ip_route_json(route: Route) -> dict[str, Any]:
    """The route as `ip -j route show` has it: the same keys in the same order, and what equals a default left out.

    `dst` is `default`, a bare address or a prefix; a gateway of the other family is {"family", "host"} under `via`.
    Not in iproute2: `encap` holds all of its words in one string, `attributes` and `words` what has no key there.
    """
    alone = _alone(route)
    found: dict[str, Any] = {} if route.type == "unicast" else {"type": route.type}
    found["dst"] = route.dst.brief
    said = _attributes_json(route)
    for key, value, unsaid in (
        ("from", route.src and route.src.brief, None),
        ("encap", said.pop("encap", None), None),
        ("tos", f"{route.tos:#04x}", "0x00"),
        ("nhid", route.nhid, None),
    ):
        if value != unsaid:
            found[key] = value
    found |= _way_json(route, alone) if alone else {}
    for key, value, unsaid in (
        ("table", route.table, "main"),
        ("protocol", route.protocol, "boot"),
        ("scope", route.scope, "global"),
        ("prefsrc", route.prefsrc and str(route.prefsrc), None),
        ("metric", route.metric, None),
    ):
        if value != unsaid:
            found[key] = value
    found["flags"] = [*(alone.flags if alone else ()), *said.pop("flags", ())]
    found |= said
    if route.pref:
        found["pref"] = route.pref
    if alone is None and route.nexthops:
        found["nexthops"] = [_hop_json(route, hop) for hop in route.nexthops]
    if route.words:
        found["words"] = list(route.words)
    return found


def _hop_json(route: Route, hop: NextHop) -> dict[str, Any]:
    return _way_json(route, hop) | {"weight": hop.weight, "flags": list(hop.flags)}


def _way_json(route: Route, hop: NextHop) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if hop.gateway is not None and hop.gateway.version != route.family:
        found["via"] = {"family": "inet6" if hop.gateway.version == 6 else "inet", "host": str(hop.gateway)}
    elif hop.gateway is not None:
        found["gateway"] = str(hop.gateway)
    return found | ({"dev": hop.dev} if hop.dev is not None else {})


def _attributes_json(route: Route) -> dict[str, Any]:
    """The attributes under the keys of iproute2; those that have none there in a list of their texts."""
    found: dict[str, Any] = {}
    metrics: dict[str, Any] = {}
    for each in route.attributes:
        name, _, value = each.partition(" ")
        if name in FLAGS:
            found.setdefault("flags", []).append(name)
        elif name == "encap":
            found["encap"] = value
        elif name == "realm":
            origin, _, target = value.rpartition("/")
            found["flow"] = ({"from": origin} if origin else {}) | {"to": target}
        elif name in METRICS:
            metrics |= _metric_json(name, value.removeprefix("lock "))
        elif name in _NUMBER_ATTRIBUTES and _integer(value.removesuffix("sec")) is not None:
            found[name] = _integer(value.removesuffix("sec"))
        else:
            found.setdefault("attributes", []).append(each)
    return found | ({"metrics": [metrics]} if metrics else {})


def _metric_json(name: str, value: str) -> dict[str, Any]:
    if name == "features":
        return dict.fromkeys(value.split())
    if name == "congctl":
        return {"congestion": value}
    if value.endswith("ms"):
        return {name: _integer(value[:-2])}
    if name in IN_MS and value.endswith("s"):
        return {name: round(float(value[:-1]) * 1000)}
    return {name: _integer(value) if _integer(value) is not None else value}


def _integer(text: str) -> int | None:
    try:
        return int(text, 0)
    except ValueError:
        return None
