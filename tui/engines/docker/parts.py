"""Tables printed by commands in a container, part by part, as a node: by the readers of the core."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from tui.core.reading.links import read_links
from tui.core.reading.procfs import read_fib_trie, read_proc_route
from tui.core.reading.routes import Reading, read_routes
from tui.core.reading.rules import read_rules
from tui.core.world import TOPICS, Node, Route, Rule
from tui.engines.docker import script as docker_script
from tui.engines.docker.local import capabilities_in
from tui.engines.docker.proc import LIMITS, from_proc, marked


def from_commands(parts: Mapping[str, str]) -> Node:
    """The node that the parts of docker_script show, whichever they are."""
    if "addresses.json" in parts:
        node = replace(_from_ip(parts, "json"), source="ip -j")
    elif "addresses.text" in parts:
        node = _from_ip(parts, "text")
    else:
        node = replace(from_proc(parts), source="/proc/net", problem=f"It has no `ip`. {LIMITS}")
    switches = docker_script.sysctls(parts["sysctls"]) if "sysctls" in parts else None
    missing = set(node.missing) - {"sysctls"} | (set() if switches else {"sysctls"})
    return replace(
        node,
        sysctls=switches or (),
        capabilities=capabilities_in(parts.get("status", "")),
        missing=tuple(topic for topic in TOPICS if topic in missing),
        problem=node.problem or _why(missing),
    )


def _from_ip(parts: Mapping[str, str], form: str) -> Node:
    links = read_links(parts[f"addresses.{form}"])
    routes: dict[int, Reading] = {}
    rules: list[Rule] = []
    unread, missing = [*links.unread], []
    for family in (4, 6):
        if (text := parts.get(f"routes{family}.{form}")) is not None:
            routes[family] = read_routes(text, family=family)
            unread += routes[family].unread
        else:
            missing += [f"routes{family}", f"tables{family}"]
        if (text := parts.get(f"rules{family}.{form}")) is not None:
            listed = read_rules(text, family)
            rules += listed.rules
            unread += listed.unread
        if not any(rule.family == family for rule in rules):
            missing.append(f"rules{family}")
    found = tuple(
        route for family in (4, 6) if family in routes for route in routes[family].routes if route.family == family
    )
    names_protocols = any(route.protocol == "kernel" for route in found)
    node = Node(
        "",
        interfaces=links.interfaces,
        routes=found if names_protocols else marked(found, links.interfaces),
        rules=tuple(rules),
        merged=read_fib_trie(parts.get("fib_trie", "")).merged,
        source="ip" if names_protocols else "BusyBox ip",
        missing=tuple(missing),
        unread=tuple(unread),
    )
    return node if names_protocols else _with_first_hops(node, parts.get("route", ""))


def _with_first_hops(node: Node, proc_route: str) -> Node:
    """BusyBox drops the next hops of multipath routes: /proc/net/route still has the first of each."""
    if not any(map(_lost, node.routes)):
        return node
    first = {(route.dst, route.metric): route.nexthops for route in read_proc_route(proc_route).routes}
    routes = tuple(
        replace(route, nexthops=first.get((route.dst, route.metric), ())) if _lost(route) else route
        for route in node.routes
    )
    return replace(
        node, routes=routes, problem="Its BusyBox `ip` shows at most the first next hop of a multipath route."
    )


def _lost(route: Route) -> bool:
    return route.type == "unicast" and not route.nexthops


def _why(missing: set[str]) -> str | None:
    """A sentence for commands that failed, or a kernel that refuses what they ask."""
    if not missing:
        return None
    return f"Commands in it that show {', '.join(topic for topic in TOPICS if topic in missing)} failed."
