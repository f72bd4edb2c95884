"""Routes as `ip route` prints them: iproute2 old and new with any of its options, and BusyBox.

A line is `[type] destination words...` (iproute2 ip/iproute.c print_route; ip-route(8)). The words are read by
position, so that a device may be called `proto`. Lines that begin with `nexthop`, `cache` or `nh_info` belong to the
route before.
"""

from __future__ import annotations

import re
from dataclasses import replace

from tui.core.names import TYPES
from tui.core.reading import Reading, lines_of
from tui.core.reading.prompts import is_prompt
from tui.core.reading.route_draft import destination, drafted, settle, to, with_hop
from tui.core.reading.route_words import read_words
from tui.core.world import Route

_TYPE_NAMES = {name: name for name in TYPES.values()} | {str(number): name for number, name in TYPES.items()}
_ONE_LINE = re.compile(r"\s*\\\s*(?=(?:nexthop|cache|nh_info)\b)")
_CONTINUES = ("nexthop", "cache", "nh_info")
_TAILS = 65536  # distinct tails remembered: enough for any table, bounded for a hostile one


def read_ip_route(
    text: str, default_table: str = "main", default_dev: str | None = None, family: int | None = None
) -> Reading:
    """Read what `ip route`, `ip -6 route`, `ip -d|-s|-N|-o|-c|-br route` or BusyBox `ip route` printed.

    `default_table` and `default_dev` are what a filtered listing omits (`show table 100`, `show dev eth0`).
    `family` decides for a `default` that nothing else in its line gives away; without it its neighbours decide.
    """
    listing = _Listing(default_table, default_dev)
    for line in lines_of(_ONE_LINE.sub("\n", text) if "\\" in text else text):
        listing.add(line)
    return Reading(settle(listing.routes, listing.defaults, family), tuple(listing.unread), "ip route")


class _Listing:
    """A listing in the making. The words after a destination repeat in large tables: each kind is read only once."""

    def __init__(self, table: str, dev: str | None) -> None:
        self.table, self.dev = table, dev
        self.routes: list[Route] = []
        self.unread: list[str] = []
        self.defaults: dict[int, int | None] = {}  # index of each `default` -> the family that its words tell
        self.bare = False  # whether the last route named no way out: next hops follow
        self.tails: dict[tuple[str, str], tuple[Route, int | None, bool] | None] = {}

    def add(self, line: str) -> None:
        parts = line.split(None, 1)
        if not parts:
            return
        first = parts[0]
        if first in _CONTINUES:
            known = bool(self.routes) and self._continue(first, parts[1:])
        else:
            known = self._route(first, parts[1] if len(parts) > 1 else "")
        if not known and not is_prompt(line):
            self.unread.append(line)

    def _route(self, first: str, rest: str) -> bool:
        kind = "unicast"
        if first in _TYPE_NAMES and rest:
            kind = _TYPE_NAMES[first]
            first, _, rest = rest.partition(" ")
        dst = destination(first)
        if dst is None:
            return False
        try:
            tail = self.tails[kind, rest]
        except KeyError:
            if len(self.tails) >= _TAILS:
                self.tails.clear()
            tail = self.tails[kind, rest] = self._tail(kind, rest)
        if tail is None:
            return False
        route, family, self.bare = tail
        if first == "default":
            self.defaults[len(self.routes)] = family
        self.routes.append(to(dst, route))
        return True

    def _tail(self, kind: str, rest: str) -> tuple[Route, int | None, bool] | None:
        """The words after a destination as a route to nowhere in particular; None where not one was understood."""
        words = rest.split()
        draft = read_words(words)
        if words and not draft.seen:
            return None
        bare = draft.dev is None and draft.gateway is None
        draft.dev = draft.dev or self.dev
        return drafted(draft, kind, self.table), draft.family, bare

    def _continue(self, first: str, rest: list[str]) -> bool:
        route = self.routes[-1]
        words = " ".join(rest).split()
        if first != "nexthop":
            self.routes[-1] = _with_line(route, first, words)
            return True
        draft = read_words(words, "nexthop")
        if not draft.seen:
            return False
        hops = () if self.bare else route.nexthops
        self.bare = False
        index = len(self.routes) - 1
        if self.defaults.get(index, 0) is None:
            self.defaults[index] = draft.family
        self.routes[-1] = with_hop(replace(route, nexthops=hops), draft)
        return True


def _with_line(route: Route, first: str, words: list[str]) -> Route:
    """The route with its `nh_info` or `cache` line. What `get` prints after `cache <local>` is said of the route."""
    if first == "nh_info":
        return replace(route, attributes=(*route.attributes, " ".join([first, *words])))
    flags = words[:1] if words[:1] and words[0].startswith("<") else []
    draft = read_words(words[len(flags) :], "cache")
    said = (*draft.flags, *draft.attributes, " ".join([first, *flags]))
    return replace(route, attributes=(*route.attributes, *said), words=(*route.words, *draft.words))
