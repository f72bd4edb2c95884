"""Where a packet will be seen if it goes as predicted: every interface in and out, and the host's ends of cables."""

from __future__ import annotations

from collections.abc import Iterator

from tui.core.follow import Sighting
from tui.core.path.hops import Hop, Outcome, Way
from tui.core.world import Interface, World


class Cables:
    """The ends of cables on the host, by the container and device at the other end."""

    def __init__(self, world: World) -> None:
        self.nodes = {each.name: each for each in world.nodes}
        self.host = next((each for each in world.nodes if each.kind == "host"), None)
        ends = {each.index: each for each in self.host.interfaces} if self.host is not None else {}
        self._ports: dict[tuple[str, str], Interface] = {}
        for node in world.nodes:
            for each in node.interfaces if node is not self.host else ():
                port = ends.get(each.peer_index or 0)
                if port is not None and port.master is not None and port.peer_index == each.index:
                    self._ports[node.name, each.name] = port

    def port(self, node: str, dev: str | None) -> Interface | None:
        """The host's end of that device's cable, where it is one and was read."""
        return self._ports.get((node, dev or ""))

    def mac(self, node: str | None, dev: str | None) -> str:
        """The MAC of a device, "" where it was not read."""
        found = self.nodes.get(node or "")
        interface = found.interface(dev or "") if found is not None else None
        return interface.mac if interface is not None else ""


def expected(world: World, way: Way, watched: frozenset[str] | None = None) -> tuple[Sighting, ...]:
    """The sightings of a way in order; one that goes round in a loop is followed until its ttl runs out.

    `watched` are the nodes where somebody looks, None for all.
    """
    cables = Cables(world)
    found: list[Sighting] = []

    def add(place: tuple[str, str, str], ttl: int, macs: tuple[str, str], port: bool = False) -> None:
        seeing = watched is None or place[0] in watched
        found.append(Sighting(*place, True, False, None, ttl, *macs, way.src, way.dst, port=port, watched=seeing))

    macs = ("", "")
    for hop, ttl, sent in _stations(way):
        if hop.iif is not None:
            add((hop.node, hop.iif, "in"), ttl, macs)
        if not sent or hop.oif is None:
            continue
        ttl = hop.ttl if hop.iif is None else ttl - 1  # noqa: PLW2901  # forwarding takes one away
        macs = (cables.mac(hop.node, hop.oif), cables.mac(hop.neighbour, hop.neighbour_dev))
        add((hop.node, hop.oif, "out"), ttl, macs)
        if hop.oif == "lo":
            add((hop.node, "lo", "in"), ttl, macs)
        for place in _over(cables, hop):
            add(place, ttl, macs, port=True)
    return tuple(found)


def _stations(way: Way) -> Iterator[tuple[Hop, int, bool]]:
    """Each hop with the ttl that the packet has when it comes, and whether it is sent on; a loop is unrolled."""
    if not way.hops:
        return
    ttl, index = way.hops[0].ttl, 0
    while True:
        hop, last = way.hops[index], index == len(way.hops) - 1
        expires = way.loop is not None and hop.iif is not None and ttl <= 1
        yield hop, ttl, not expires and _sent(way, hop, last)
        if expires or (last and way.loop is None):
            return
        if hop.iif is not None:
            ttl -= 1
        index = way.loop if last and way.loop is not None else index + 1


def _sent(way: Way, hop: Hop, last: bool) -> bool:
    """Whether the packet leaves this node on a link (a node's own address is reached by its lo)."""
    if not last or way.loop is not None:
        return True
    if way.outcome is Outcome.DELIVERED:
        return hop.iif is None
    return way.outcome is Outcome.LEAVES or way.node != hop.node


def _over(cables: Cables, hop: Hop) -> Iterator[tuple[str, str, str]]:
    """The ends of cables on the host that a frame passes between this hop and its neighbour."""
    if cables.host is None:
        return
    near, far = cables.port(hop.node, hop.oif), cables.port(hop.neighbour or "", hop.neighbour_dev)
    if near is not None:
        yield cables.host.name, near.name, "in"
    if far is not None:
        yield cables.host.name, far.name, "out"
