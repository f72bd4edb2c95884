"""Text without commands cut into blocks of one kind, by what its lines look like: routes, rules, links, sysctls."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from tui.core.names import TYPES
from tui.core.reading.columns import is_columns
from tui.core.reading.links import is_link
from tui.core.reading.procfs import is_fib_trie, is_proc_ipv6_route, is_proc_route
from tui.core.reading.route_words import KEYWORDS
from tui.core.reading.rules import is_rule
from tui.core.reading.sysctl_text import is_sysctl

_PREFIX = r"(?:\d{1,3}(?:\.\d{1,3}){3}|[\da-fA-F]*:[\da-fA-F]*:[\da-fA-F:.]*)(?:/\d{1,3})?"
IP_ROUTE = re.compile(
    rf"^\s*(?:(?:{'|'.join(TYPES.values())}|\d{{1,2}})\s+)?(?:default|{_PREFIX})"
    rf"(?:\s+(?:{'|'.join(map(re.escape, KEYWORDS))})(?:\s|$)|\s*\\|\s*$)|^\s+nexthop\s"
)
"""A line of `ip route`. A bare prefix counts too: the first line of a multipath route may have no more."""

_OPENS = re.compile(r"^\s*(?:\[\s*(?:$|[\[{\]])|\{\s*(?:$|\"))")  # not every line that begins with a bracket
_CONTINUED = re.compile(r"^\s+(?:nexthop|cache|nh_info)\b")
_KINDS = (
    ("rules", is_rule),
    ("links", is_link),
    ("proc route", is_proc_route),
    ("ipv6_route", is_proc_ipv6_route),
    ("fib_trie", is_fib_trie),
    ("columns", is_columns),
    ("sysctls", is_sysctl),
)
_ROUTES = ("proc route", "ipv6_route", "fib_trie", "columns", "ip route")


@dataclass(frozen=True, slots=True)
class Block:
    """A text of one `kind`: routes, rules, links or sysctls; "" where it is none of these."""

    kind: str
    text: str


def blocks_of(lines: Sequence[str]) -> list[Block]:
    """The blocks of a text in order; together they have every line of it that is not blank."""
    blocks: list[Block] = []
    form, held = "", list[str]()

    def end() -> None:
        if any(line.strip() for line in held):
            blocks.append(Block("routes" if form in _ROUTES else form, "\n".join(held)))
        held.clear()

    at = 0
    while at < len(lines):
        line = lines[at]
        if form == "ip route" and IP_ROUTE.match(line):  # nearly every line of a large table
            held.append(line)
            at += 1
            continue
        document = _document(lines[at:]) if _OPENS.match(line) else None
        if document is not None:
            end()
            form = ""
            blocks.append(document)
            at += document.text.count("\n") + 1
            continue
        found = form if _belongs(line, form) else _form(line)
        if found != form or _starts_over(line, held, form):
            end()
            form = found
        held.append(line)
        at += 1
    end()
    return blocks


def _belongs(line: str, form: str) -> bool:
    """Whether a line goes on with a block without having its shape: blank, or indented below a link or a route."""
    if form == "ip route":
        return bool(IP_ROUTE.match(line)) or not line.strip() or bool(_CONTINUED.match(line))
    if form == "links":
        return not line.strip() or (line[0].isspace() and not IP_ROUTE.match(line) and not is_rule(line))
    return not line.strip()


def _form(line: str) -> str:
    if IP_ROUTE.match(line):
        return "ip route"
    return next((kind for kind, recognises in _KINDS if recognises(line)), "")


def _starts_over(line: str, held: Sequence[str], form: str) -> bool:
    """A second list of rules begins with priority 0 again; a second ifconfig or table with its header."""
    if form != "rules" or not held or not is_rule(line):
        return False
    last = next((each for each in reversed(held) if is_rule(each)), None)
    return last is not None and int(line.partition(":")[0]) < int(last.partition(":")[0])


_KEYS = (("priority", "rules"), ("ifname", "links"), ("dst", "routes"), ("action", "rules"))


def _document(lines: Sequence[str]) -> Block | None:
    """The JSON that begins here, as many lines as it takes; None where it is none or holds nothing that is known."""
    text = "\n".join(lines)
    try:
        value, end = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return _old_document(lines)
    last = text.find("\n", end)
    whole = text if last < 0 else text[:last]
    first = value[0] if isinstance(value, list) and value else value
    keys = first if isinstance(first, dict) else {}
    kind = next((kind for key, kind in _KEYS if key in keys), "routes" if value == [] else "")
    return Block(kind, whole)


def _old_document(lines: Sequence[str]) -> Block | None:
    """The JSON of old iproute2, which no reader accepts, is one line: [{"broadcast","dst":...}]."""
    known = re.match(rf'\[\{{\s*"(?:{"|".join(TYPES.values())})"\s*,', lines[0])
    return Block("routes", lines[0]) if known else None
