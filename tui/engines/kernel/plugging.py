"""Which network an interface is plugged into: the one whose bridge on the host has the other end of it as a port."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from tui.core.labs.layout import HOST
from tui.core.world import Interface, Node


def plug_in(nodes: Mapping[str, Node], carriers: Mapping[str, str]) -> dict[str, Node]:
    """The nodes with each interface's network; `carriers` are the networks by the host's bridge that carries them.

    A port and the interface behind it name each other by index (IFLA_LINK), so that an interface whose peer lies
    elsewhere is not taken for one of the host's.
    """
    ports = {
        (port.index, port.peer_index): carriers[port.master]
        for port in nodes[HOST].interfaces
        if port.kind == "veth" and port.master is not None and port.master in carriers
    }

    def network(node: Node, interface: Interface) -> str | None:
        if node.name == HOST:
            return carriers.get(interface.name)
        return ports.get((interface.peer_index or 0, interface.index))

    return {
        name: replace(node, interfaces=tuple(replace(each, network=network(node, each)) for each in node.interfaces))
        for name, node in nodes.items()
    }
