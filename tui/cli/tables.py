"""A node's routing tables, as text with what each route says, or as the JSON of `ip -j route`."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from dataclasses import replace

from tui.cli.arguments import UsageError
from tui.cli.output import faint, note, print_columns, print_json, strong
from tui.core import says
from tui.core.reading.route_line import ip_route_json
from tui.core.world import NextHop, Node, Route, World

_KNOWN = {"255": "local", "254": "main", "253": "default"}


def print_routes(node: Node, world: World, options: argparse.Namespace) -> bool:
    """Print the tables that were asked for; False where none of them could be read (the reason goes to standard error).

    Raises UsageError for a table that the node does not have.
    """
    families = (options.family,) if options.family else (4, 6)
    table = _KNOWN.get(options.table, options.table)
    topics = {f"{kind}{family}" for kind in _kinds(table) for family in families}
    routes = [each for each in node.routes if each.family in families and table in ("all", each.table)]
    if not routes and topics <= set(node.missing):
        note(node.problem or f"{', '.join(says.missing(node))} could not be read.")
        return False
    if not routes:
        _check_table(table, node)
    if options.json:
        print_json([ip_route_json(each) for each in routes])
    else:
        _print_text(routes, node, world, table)
    _remarks(node, topics)
    return True


def _kinds(table: str) -> tuple[str, ...]:
    """What must have been read to show that table, in the words of world.TOPICS."""
    return ("routes",) if table == "main" else ("routes", "tables") if table == "all" else ("tables",)


def _check_table(table: str, node: Node) -> None:
    """A known or numbered table may well be empty; a word that names none is a mistake."""
    names = sorted({each.table for each in node.routes})
    if table not in (*_KNOWN.values(), "all", *names) and not table.isdecimal():
        raise UsageError(f"{node.name} has no table named {table!r}: it has {', '.join(names) or 'no routes at all'}.")


def _print_text(routes: list[Route], node: Node, world: World, table: str) -> None:
    if not routes:
        print(f"{node.name} has no routes" + ("" if table == "all" else f" in table {table}") + ".")
        return
    blocks = dict.fromkeys((each.family, each.table) for each in routes)
    for number, (family, name) in enumerate(blocks):
        if number:
            print()
        if len(blocks) > 1:
            print(strong(f"IPv{family}, table {name}"))
        _print_block([each for each in routes if (each.family, each.table) == (family, name)], node, world)


def _print_block(routes: list[Route], node: Node, world: World) -> None:
    header = ("DESTINATION", "NEXT HOP", "DEV", "METRIC", "SRC", "SAYS")
    print_columns(header, [row for each in routes for row in _rows(each, node, world)])


def _rows(route: Route, node: Node, world: World) -> Iterable[tuple[str, ...]]:
    """A line for the route, and one more for each further next hop."""
    hops = route.nexthops or (NextHop(),)
    dst = route.dst.brief if route.type == "unicast" else f"{route.type} {route.dst.brief}"
    metric = "-" if route.metric is None else str(route.metric)
    yield dst, *_way(hops[0], route), metric, str(route.prefsrc or "-"), says.route(route, node, world)
    for hop in hops[1:]:
        yield "", *_way(hop, route), "", "", ""


def _way(hop: NextHop, route: Route) -> tuple[str, str]:
    weight = f" weight {hop.weight}" if len(route.nexthops) > 1 else ""
    flags = "".join(f" {each}" for each in hop.flags)
    gateway = route.unread_gateway or ("-" if route.is_reject or not hop.dev else "on-link")
    gateway = str(hop.gateway) if hop.gateway else gateway
    return gateway + weight, (hop.dev or "-") + flags


def _remarks(node: Node, topics: set[str]) -> None:
    """What the answer does not hold though it was asked for, on standard error."""
    absent = says.missing(replace(node, missing=tuple(each for each in node.missing if each in topics)))
    if absent:
        note(f"not read: {', '.join(absent)}.")
    if node.unread:
        lines = "line was" if len(node.unread) == 1 else "lines were"
        note(f"{len(node.unread)} {lines} not understood, such as: {faint(node.unread[0][:120])}")
    if node.problem:
        note(node.problem)
