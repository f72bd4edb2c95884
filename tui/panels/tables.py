"""A routing table as rows of columns, in two hands: as `ip route` says it, and as `route -n` prints it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

from tui.core import says
from tui.core.world import Node, Route, World

SAMPLE = 300
"""How many routes decide how wide the columns are; a longer text further down is cut with a sign."""

CLASSIC4 = ("Destination", "Gateway", "Genmask", "Flags", "Metric", "Ref", "Use", "Iface")
CLASSIC6 = ("Destination", "Next Hop", "Flags", "Metric", "Ref", "Use", "Iface")
MODERN = ("Destination", "Next hop", "Dev", "Metric")


def tables(node: Node, family: int) -> tuple[str, ...]:
    """The tables of a family that the node has, main first, then local, default and the others in order."""
    found = {each.table for each in node.routes if each.family == family}
    first = [each for each in ("main", "local", "default") if each in found or each == "main"]
    return (*first, *sorted(found.difference(first), key=lambda name: (not name.isdigit(), name.zfill(12))))


@dataclass(frozen=True, slots=True)
class Table:
    """One table of a node, as it is shown.

    `classic` chooses the hand of `route -n`; `metrics` whether any route has a metric.
    """

    node: Node
    world: World | None
    family: int
    name: str
    classic: bool
    routes: tuple[Route, ...]
    metrics: bool

    @classmethod
    def of(cls, node: Node, world: World | None, family: int, name: str, classic: bool) -> Table:
        """The routes of that table of the node, in the order in which the kernel lists them.

        `local+main` is both in one, longest prefix first, as the kernel searches them while they are one.
        """
        names = name.split("+")
        routes = tuple(each for each in node.routes if each.table in names and each.family == family)
        if len(names) > 1:
            routes = tuple(sorted(routes, key=lambda each: (-each.dst.length, each.metric or 0)))
        metrics = any(each.metric is not None for each in routes)
        return cls(node, world, family, name, classic, routes, metrics)

    @property
    def header(self) -> tuple[str, ...]:
        """The names of the columns (without Says)."""
        if not self.classic:
            return MODERN if self.metrics else MODERN[:-1]
        return CLASSIC4 if self.family == 4 else CLASSIC6

    def columns(self, row: int) -> tuple[str, ...]:
        """What stands in each column of a row."""
        route = self.routes[row]
        if not self.classic:
            metric = "" if route.metric is None else str(route.metric)
            return (route.dst.brief, next_hop(route), devices(route), metric)[: len(self.header)]
        from tui.core.reading.columns import (
            route_n_columns,  # the first screen is up sooner without the readers of tables
        )

        return route_n_columns(route)

    def widths(self) -> tuple[int, ...]:
        """How wide each column is, by its name and the first rows."""
        rows = [self.header, *(self.columns(row) for row in islice(range(len(self.routes)), SAMPLE))]
        return tuple(max(map(len, column)) for column in zip(*rows, strict=True))

    def says(self, row: int) -> str:
        """What the route says, in plain words."""
        return says.route(self.routes[row], self.node, self.world)


def next_hop(route: Route) -> str:
    """The gateway; on-link; how many next hops; or the word of a route that answers instead of forwarding."""
    if route.type != "unicast":
        return route.type
    if len(route.nexthops) > 1:
        return f"{len(route.nexthops)} next hops"
    return route.unread_gateway or ("on-link" if route.gateway is None else str(route.gateway))


def devices(route: Route) -> str:
    """The devices of all next hops, each once."""
    return ",".join(dict.fromkeys(each.dev for each in route.nexthops if each.dev))
