"""A route as the words of commands: `ip route`, and the classic `route add`, for people who grew up with it."""

from __future__ import annotations

from tui.core.commands import default_scope
from tui.core.world import NextHop, Route

_OWN_TABLE = ("local", "broadcast", "anycast")
"""The route types that iproute2 puts into table local where no table is named."""


def ip(family: int) -> tuple[str, ...]:
    """How a command begins: IPv6 is named, for `default` and rejects would be taken for IPv4."""
    return ("ip", "-6") if family == 6 else ("ip",)


def ip_route(verb: str, route: Route, full: bool = False) -> tuple[str, ...]:
    """The whole command; what it leaves out, `ip` fills in with just that, or with `full` leaves nothing out.

    A `del` takes the first route that fits what is said, so that it may have to say more than an `add`.
    """
    return (*ip(route.family), "route", verb, *route_words(route, full))


def route_words(route: Route, full: bool = False) -> tuple[str, ...]:
    """The words after `ip route add` that make the route (ip-route(8)), next hops last."""
    words = [] if route.type == "unicast" and not full else [route.type]
    words.append(route.dst.brief if route.is_default else str(route.dst))
    if route.src is not None:
        words += ["from", str(route.src)]
    if route.tos:
        words += ["tos", f"{route.tos:#x}"]
    if route.nhid is not None:
        words += ["nhid", str(route.nhid)]
    elif len(route.nexthops) == 1 and (full or not (route.family == 6 and (route.is_reject or route.type == "throw"))):
        words += _hop_words(route.nexthops[0], route.family)
    for name, value, plain in (
        ("table", route.table, "local" if route.type in _OWN_TABLE else "main"),
        ("proto", route.protocol, "boot"),
        ("scope", route.scope, default_scope(route, route.nexthops)),
        ("src", route.prefsrc, None),
        ("metric", route.metric, 1024 if route.family == 6 else None),
        ("pref", route.pref, "medium"),
    ):
        if value not in (None, "") and (value != plain or full):
            words += [name, str(value)]
    # What is left of a lifetime is not known, and an error code is the kernel's to say.
    words += [word for each in route.attributes if not each.startswith(("expires", "error")) for word in each.split()]
    if len(route.nexthops) > 1 and route.nhid is None:
        for hop in route.nexthops:
            words += ["nexthop", *_hop_words(hop, route.family), "weight", str(hop.weight)]
    return tuple(words)


def _hop_words(hop: NextHop, family: int) -> list[str]:
    words = []
    if hop.gateway is not None:
        words += ["via", *(["inet6"] if hop.gateway.version != family else []), str(hop.gateway)]
    if hop.dev is not None:
        words += ["dev", hop.dev]
    return [*words, *(each for each in hop.flags if each == "onlink")]


def classic(verb: str, route: Route) -> tuple[str, ...] | None:
    """The same as `route add` or `route del` (route(8)); None where that command cannot say it."""
    hop = route.nexthops[0] if route.nexthops else NextHop()
    wordless = (route.src, route.prefsrc, route.nhid, *route.attributes)
    if any(each is not None for each in wordless) or route.tos or len(route.nexthops) > 1 or route.table != "main":
        return None
    if verb not in ("add", "del") or "onlink" in hop.flags or route.protocol != "boot":
        return None
    scope = "host" if route.type == "unreachable" else default_scope(route, route.nexthops)
    if route.type not in ("unicast", "unreachable") or (route.scope != scope and route.family == 4):
        return None
    if hop.gateway is not None and hop.gateway.version != route.family:
        return None
    return _classic4(verb, route, hop) if route.family == 4 else _classic6(verb, route, hop)


def _classic4(verb: str, route: Route, hop: NextHop) -> tuple[str, ...]:
    words = ["route", verb]
    if route.is_default:
        words.append("default")
    elif route.dst.length == 32:
        words += ["-host", str(route.dst.address)]
    else:
        words += ["-net", str(route.dst.address), "netmask", str(route.dst.netmask)]
    words += ["gw", str(hop.gateway)] if hop.gateway is not None else []
    words += ["metric", str(route.metric)] if route.metric else []
    words += ["reject"] if route.type == "unreachable" else ["dev", hop.dev] if hop.dev is not None else []
    return tuple(words)


def _classic6(verb: str, route: Route, hop: NextHop) -> tuple[str, ...] | None:
    """`route -A inet6`, whose metric is 1 where none is named."""
    if route.type != "unicast":
        return None
    words = ["route", "-A", "inet6", verb, route.dst.brief if route.is_default else str(route.dst)]
    words += ["gw", str(hop.gateway)] if hop.gateway is not None else []
    words += ["metric", str(route.metric or 1024), *(["dev", hop.dev] if hop.dev is not None else [])]
    return tuple(words)
