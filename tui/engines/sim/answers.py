"""What `ip`, `route`, `sysctl` and `cat` print about a Node: the simulator's answers, shaped as the real ones."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace

from tui.core.lookup import lookup
from tui.core.lookup.fib import Fib
from tui.core.query import QueryError, parse_query
from tui.core.reading.columns import ROUTE_N_HEADER, route_n_row
from tui.core.reading.route_line import ip_route_json, ip_route_line
from tui.core.reading.rules import ip_rule_json, ip_rule_line
from tui.core.refusals import ERRNO_TEXT
from tui.core.world import Node
from tui.engines.sim.got import got_json, got_lines
from tui.engines.sim.listed import address_lines, addresses_json

KNOWN = "ip route [show|get], ip rule, ip addr, route -n, sysctl NAME, cat /proc/sys/NAME, ping, traceroute and nc -z"
"""The commands that the simulator knows, for a sentence."""

Answer = tuple[tuple[str, ...], int]


def answer(node: Node, argv: Sequence[str]) -> Answer | None:
    """The lines and the exit code of a command in that node, or None for a command that needs a real system."""
    match list(argv):
        case ["ip", *words]:
            return _ip(node, words)
        case ["route", "-n"] | ["netstat", "-rn"]:
            rows = [route_n_row(each) for each in node.routes if each.family == 4 and each.table == "main"]
            return (*ROUTE_N_HEADER, *rows), 0
        case ["sysctl", *names] if names and not any(name.startswith("-") or "=" in name for name in names):
            return _each(names, lambda name: _sysctl(node, name))
        case ["cat", *paths] if paths and all(path.startswith("/proc/sys/") for path in paths):
            return _each(paths, lambda path: _proc(node, path))
    return None


def _each(names: Sequence[str], one: Callable[[str], tuple[str, int]]) -> Answer:
    results = [one(name) for name in names]
    return tuple(line for line, _ in results), max(code for _, code in results)


def _sysctl(node: Node, name: str) -> tuple[str, int]:
    dotted = _dotted(name)
    value = node.sysctl(dotted)
    if value is None:
        return f"sysctl: cannot stat /proc/sys/{_slashed(dotted)}: No such file or directory", 1
    return f"{dotted} = {value}", 0


def _proc(node: Node, path: str) -> tuple[str, int]:
    value = node.sysctl(_dotted(path.removeprefix("/proc/sys/")))
    return (f"cat: {path}: No such file or directory", 1) if value is None else (str(value), 0)


def _dotted(name: str) -> str:
    """A sysctl's name with dots, whichever of / and . separates its parts: the first of them tells (sysctl(8))."""
    slash, dot = name.find("/"), name.find(".")
    return name.translate(_SWAP) if slash >= 0 and (dot < 0 or slash < dot) else name


def _slashed(name: str) -> str:
    return name.translate(_SWAP)


_SWAP = str.maketrans("./", "/.")
_FLAGS = {"-4": "4", "-6": "6", "-j": "j", "-json": "j", "-d": "d", "-details": "d", "-o": "o", "-oneline": "o"}
_OBJECTS = ("address", "route", "rule")
_SHOW = ("show", "list")


def _ip(node: Node, words: list[str]) -> Answer | None:
    """ip [-4|-6|-j|-d] OBJECT [show|get ...]; abbreviations as iproute2 reads them."""
    flags = set()
    while words and words[0] in _FLAGS:
        flags.add(_FLAGS[words[0]])
        words = words[1:]
    if not words or words[0].startswith("-"):
        return None
    kind = next((each for each in _OBJECTS if each.startswith(words[0])), None)
    verb = next((each for each in (*_SHOW, "ls", "get") if words[1:] and each.startswith(words[1])), "show")
    rest = words[2:]
    if words[1:] and not any(each.startswith(words[1]) for each in (*_SHOW, "ls", "get")):
        return None
    family = 6 if "6" in flags else 4
    if kind == "route" and verb == "get":
        return _get(node, rest, "j" in flags)
    if verb == "get" or kind is None:
        return None
    if kind == "route":
        return _routes(node, rest, family, "j" in flags)
    if kind == "rule" and not rest:
        rules = [each for each in node.rules if each.family == family]
        return _printed([ip_rule_line(each) for each in rules], [ip_rule_json(each) for each in rules], "j" in flags)
    if kind == "address" and (not rest or (len(rest) == 2 and rest[0] == "dev") or len(rest) == 1):
        families = {int(each) for each in flags & {"4", "6"}} or {4, 6}
        return _addresses(node, rest[-1] if rest else None, families, "j" in flags)
    return None


def _printed(lines: Sequence[str], objects: Sequence[object], as_json: bool) -> Answer:
    if as_json:
        return (json.dumps(list(objects), separators=(",", ":")),), 0
    return tuple(part for line in lines for part in line.split("\n")), 0


def _routes(node: Node, rest: list[str], family: int, as_json: bool) -> Answer | None:
    if rest and (len(rest) != 2 or rest[0] != "table"):
        return None
    table = {"255": "local", "254": "main", "253": "default"}.get(rest[1], rest[1]) if rest else "main"
    routes = [each for each in node.routes if each.family == family and table in ("all", each.table)]
    # A listing of one table leaves its name out, whichever table it is.
    shown = routes if table == "all" else [replace(each, table="main") for each in routes]
    return _printed([ip_route_line(each) for each in shown], [ip_route_json(each) for each in shown], as_json)


def _addresses(node: Node, dev: str | None, families: set[int], as_json: bool) -> Answer:
    interfaces = [each for each in node.interfaces if dev in (None, each.name)]
    if dev is not None and not interfaces:
        return (f'Device "{dev}" does not exist.',), 1
    lines = [line for each in interfaces for line in address_lines(each, families)]
    return _printed(lines, [addresses_json(each, families) for each in interfaces], as_json)


def _get(node: Node, words: list[str], as_json: bool) -> Answer:
    """ip route get; the errors are those of iproute2 and of the kernel, with iproute2's exit codes."""
    try:
        query = parse_query(" ".join(words))
    except QueryError as error:
        return (f"Error: {error}",), 1
    for dev in (query.iif, query.oif):
        if dev is not None and node.interface(dev) is None:
            return (f'Cannot find device "{dev}"',), 1
    fib = Fib(node)
    found = lookup(fib, query, trace=False).decision
    if found.failure is not None:
        text = ERRNO_TEXT.get(found.errno or "")
        return (f"RTNETLINK answers: {text}" if text else f"The simulator cannot tell: {found.reason}",), 2
    return _printed(got_lines(query, found, fib.merged), [got_json(query, found, fib.merged)], as_json)
