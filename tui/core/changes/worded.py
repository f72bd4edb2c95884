"""A route in the words of a command line: PREFIX via GW dev IF metric N table T, names for addresses allowed."""

from __future__ import annotations

from collections.abc import Sequence

from tui.core.addresses import AddressError, parse_address
from tui.core.changes import Change, DeleteRoute
from tui.core.changes.written import WORDS, Complaint, Written, change, destination
from tui.core.names import TABLES
from tui.core.world import Node, Route, World

_FIELDS = ("via", "dev", "metric", "table")


def fields(words: Sequence[str]) -> Written:
    """The words as the fields of a form. Raises Complaint."""
    to, found, rest = "", dict[str, str](), list(words)
    while rest:
        word = rest.pop(0)
        if word in WORDS and "via" not in found:
            found["via"] = word
        elif word == "onlink" and found.get("via"):
            found["via"] += " onlink"
        elif word in _FIELDS:
            if word in found:
                raise Complaint(word, f"{word!r} stands there twice.")
            if not rest:
                raise Complaint(word, f"{word!r} needs a value after it.")
            found[word] = rest.pop(0)
        elif not to:
            to = word
        else:
            raise Complaint("to", f"{word!r} is no word of a route here: write PREFIX via GW dev IF metric N table T.")
    if not to:
        raise Complaint("to", "Write where to: a network, a container, a prefix such as 172.20.0.0/16, or default.")
    return Written(to, found.get("via", ""), found.get("dev", ""), found.get("metric", ""), found.get("table", "main"))


def family(written: Written) -> int:
    """4 or 6: by what is written as an address."""
    return 6 if ":" in written.to or (":" in written.via and "/" not in written.to) else 4


def addition(words: Sequence[str], world: World, node: str) -> Change:
    """The change that `route add` with these words is. Raises Complaint."""
    written = fields(words)
    return change(written, world, node, family(written))


def deletion(words: Sequence[str], world: World, node: Node) -> tuple[DeleteRoute, int]:
    """The change that `route del` with these words is, and how many routes fit: it is the first, as the kernel has it.

    What is not said fits any. Raises Complaint where none fits.
    """
    written = fields(words)
    prefix = destination(written.to, world, node.name, family(written)).network
    table = TABLES_BY_NUMBER.get(written.table, written.table)
    there = [each for each in node.routes if each.dst == prefix and each.table == table]
    fitting = [each for each in there if _fits(each, written, world)]
    if not fitting:
        told = " or ".join(_way(each) for each in there[:4])
        known = f"to {prefix.brief} it has {told}" if there else f"it has none to {prefix.brief}"
        raise Complaint("to", f"{node.name} has no such route in table {table}: {known}.")
    return DeleteRoute(node.name, fitting[0]), len(fitting)


TABLES_BY_NUMBER = {str(number): name for number, name in TABLES.items()}


def _fits(route: Route, written: Written, world: World) -> bool:
    kind, _, _ = written.via.partition(" ")
    if kind in WORDS:
        return route.type == kind
    gateways = {hop.gateway for hop in route.nexthops}
    devices = {hop.dev for hop in route.nexthops}
    metric = str(route.metric or 0)
    return (
        (not kind or bool(gateways & _addresses(kind, world)))
        and written.dev in ("", *devices)
        and written.metric in ("", metric)
    )


def _addresses(text: str, world: World) -> set[object]:
    """The address that is written, or all those of the node of that name."""
    node = world.node(text)
    if node is not None:
        return {each.address for _, each in node.addresses()}
    try:
        return {parse_address(text)}
    except AddressError as error:
        raise Complaint("via", str(error)) from None


def _way(route: Route) -> str:
    if route.type in WORDS:
        return route.type
    hops = [f"via {each.gateway}" if each.gateway else f"dev {each.dev}" for each in route.nexthops]
    return " and ".join(hops) + (f" metric {route.metric}" if route.metric else "")
