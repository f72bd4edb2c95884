"""The map's picture: every network is a rail from top to bottom, every node a row that joins the rails it is on."""

from __future__ import annotations

from dataclasses import dataclass

from tui.core.addresses import Address, Prefix
from tui.core.world import Network, Node, World
from tui.panels.cells import Cell, cut, fit
from tui.panels.layout import NOT_NETWORKS

GAP = 2
_WIDEST = 18


@dataclass(frozen=True, slots=True)
class Stop:
    """Where a node is on a rail: its address there in short, and whether it is the network's gateway."""

    rail: int
    address: str
    gateway: bool


@dataclass(frozen=True, slots=True)
class Row:
    """A node with its stops from left to right, and the rails that pass its row."""

    node: Node
    stops: tuple[Stop, ...]
    passing: frozenset[int]


@dataclass(frozen=True, slots=True)
class Rails:
    """The networks from left to right, each with its subnet in words, and the nodes from top to bottom."""

    networks: tuple[Network, ...]
    subnets: tuple[str, ...]
    rows: tuple[Row, ...]

    def width(self, rail: int) -> int:
        """The cells that a rail takes, with the gap after it."""
        return min(max(len(self.networks[rail].name), len(self.subnets[rail]), 9), _WIDEST) + GAP

    def fitting(self, first: int, width: int) -> range:
        """The rails from `first` on that fit into `width` cells, at least one where there is any."""
        last, taken = first, 0
        while last < len(self.networks) and (last == first or taken + self.width(last) <= width):
            taken += self.width(last)
            last += 1
        return range(first, last)


def rails(world: World, family: int) -> Rails:
    """The picture of a World. Nodes with one network come before those that lead from it to the next; the host last."""
    networks = tuple(each for each in world.networks if each.driver not in NOT_NETWORKS)
    places = {each.name: place for place, each in enumerate(networks)}
    bridges = {each.bridge: each.name for each in networks if each.bridge}
    found = [(node, _stops(node, networks, places, bridges, family)) for node in world.nodes if node.shares is None]
    found.sort(key=lambda each: _order(*each))
    last = {stop.rail: number for number, (_, stops) in enumerate(found) for stop in stops}
    rows = tuple(
        Row(node, stops, frozenset(rail for rail, end in last.items() if number < end))
        for number, (node, stops) in enumerate(found)
    )
    subnets = tuple(_subnet(each, family) for each in networks)
    return Rails(networks, subnets, rows)


def _order(node: Node, stops: tuple[Stop, ...]) -> tuple[bool, int, int, str]:
    first, last = (stops[0].rail, stops[-1].rail) if stops else (1 << 16, 1 << 16)
    return node.kind == "host", first, last, node.name


def _stops(
    node: Node, networks: tuple[Network, ...], places: dict[str, int], bridges: dict[str, str], family: int
) -> tuple[Stop, ...]:
    stops: dict[int, Stop] = {}
    for link in node.interfaces:
        name = link.network or bridges.get(link.name)
        if name not in places:
            continue
        rail = places[name]
        here = [each for each in link.addresses if each.address.version == family and not each.address.is_link_local]
        gateways = {each.gateway for each in networks[rail].subnets}
        address = short(here[0].address, here[0].prefix) if here else ""
        stops.setdefault(rail, Stop(rail, address, any(each.address in gateways for each in here)))
    return tuple(stops[rail] for rail in sorted(stops))


def _subnet(network: Network, family: int) -> str:
    return next((str(each.prefix) for each in network.subnets if each.prefix.version == family), "")


def short(address: Address, prefix: Prefix) -> str:
    """The part of an address that its subnet leaves open: .0.2 in a /16, ::2 in an IPv6 subnet."""
    if address.version == 4:
        kept = min(prefix.length // 8, 3)
        return "." + ".".join(str(address).split(".")[kept:])
    return str(Address(6, address.value & ((1 << (128 - prefix.length)) - 1)))


def heading(picture: Rails, shown: range, names: int) -> tuple[list[Cell], list[Cell]]:
    """The two rows above the rails: names, then subnets."""
    first: list[Cell] = [(" " * names, "")]
    second: list[Cell] = [(" " * names, "")]
    for rail in shown:
        width = picture.width(rail)
        first.append((fit(cut(picture.networks[rail].name, width - GAP), width), "title"))
        second.append((fit(cut(picture.subnets[rail], width - GAP), width), "dim"))
    return first, second


def track(picture: Rails, row: Row, shown: range) -> list[Cell]:
    """A node's row across the rails that are shown."""
    stops = {each.rail: each for each in row.stops}
    ends = (row.stops[0].rail, row.stops[-1].rail) if row.stops else (1, 0)
    line = joint(row.node)
    cells: list[Cell] = []
    for rail in shown:
        width = picture.width(rail)
        joined = ends[0] <= rail < ends[1]
        stop = stops.get(rail)
        if stop is not None:
            sign = "○" if stop.gateway else "●"
            cells.append((sign, "accent"))
            cells.append((stop.address, ""))
            taken = 1 + len(stop.address)
        else:
            crossing = ends[0] < rail < ends[1]
            passes = rail in row.passing
            cells.append((("┿" if passes else line) if crossing else "│" if passes else " ", "dim"))
            taken = 1
        cells.append(((line if joined else " ") * max(width - taken, 0), "accent" if joined else ""))
    return cells


def joint(node: Node) -> str:
    """The line between a node's stops: whole where it passes on what is not its own, broken where it does not."""
    return "━" if node.sysctl("net.ipv4.ip_forward") and node.kind != "host" else "┄"
