"""Routes as text, JSON or /proc files have them: the one entry that tells the forms apart, and the way to every form.

Each form has its own module: route_text and route_json (`ip route`), columns (`route -n`), procfs (/proc/net);
route_line writes. What was not understood is kept and reported, never dropped (see `Reading`).
"""

from __future__ import annotations

from collections.abc import Callable

from tui.core.reading import Reading
from tui.core.reading.columns import (
    ROUTE_6_HEADER,
    ROUTE_N_HEADER,
    is_columns,
    read_columns,
    route_flags,
    route_n_columns,
    route_n_row,
)
from tui.core.reading.procfs import (
    is_fib_trie,
    is_proc_ipv6_route,
    is_proc_route,
    read_fib_trie,
    read_proc_ipv6_route,
    read_proc_route,
)
from tui.core.reading.prompts import is_prompt
from tui.core.reading.route_json import read_ip_json
from tui.core.reading.route_line import ip_route_json, ip_route_line
from tui.core.reading.route_text import read_ip_route

__all__ = [
    "ROUTE_6_HEADER",
    "ROUTE_N_HEADER",
    "Reading",
    "ip_route_json",
    "ip_route_line",
    "read_columns",
    "read_fib_trie",
    "read_ip_json",
    "read_ip_route",
    "read_proc_ipv6_route",
    "read_proc_route",
    "read_routes",
    "route_flags",
    "route_n_columns",
    "route_n_row",
]

_FORMS: tuple[tuple[Callable[[str], bool], Callable[[str], Reading]], ...] = (
    (is_proc_route, read_proc_route),
    (is_proc_ipv6_route, read_proc_ipv6_route),
    (is_fib_trie, read_fib_trie),
    (is_columns, read_columns),
)


def read_routes(
    text: str, default_table: str = "main", default_dev: str | None = None, family: int | None = None
) -> Reading:
    """Read routes in whichever form they are: `ip route` text or JSON, `route -n`, `netstat -rn`, or a /proc/net file.

    The first line that is neither blank nor a prompt decides. `default_table` and `default_dev` are what a filtered
    `ip route` listing omits; `family` (4 or 6) decides for a `default` that does not give itself away.
    """
    start = text.lstrip()[:1]
    if start in ("[", "{"):
        return read_ip_json(text, default_table, default_dev, family)
    first = _first_line(text)
    for recognises, read in _FORMS:
        if recognises(first):
            return read(text)
    return read_ip_route(text, default_table, default_dev, family)


def _first_line(text: str) -> str:
    at = 0
    while at < len(text):
        end = text.find("\n", at)
        line = text[at : end if end >= 0 else len(text)]
        if line.strip() and not is_prompt(line):
            return line.rstrip()
        at += len(line) + 1
    return ""
